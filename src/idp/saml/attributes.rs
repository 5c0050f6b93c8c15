//! What an accepted assertion says about the user, within what the connection's settings permit.

use vestibule_saml::{EmailSource, MFA_CONTEXTS, NameIdFormat, ValidatedAssertion};

use crate::directory::{Email, fold_case};
use crate::idp::connections::SamlSettings;
use crate::signin::{ExternalSubject, ProfileNames, ProviderClaims, ProviderSession};

/// The value of [`ENTRA_METHODS`] for more than one factor.
const ENTRA_MFA: &str = "http://schemas.microsoft.com/claims/multipleauthn";
/// The attribute in which Entra ID lists the methods that were used.
const ENTRA_METHODS: &str = "http://schemas.microsoft.com/claims/authnmethodsreferences";
const GIVEN_NAMES: [&str; 5] = [
    "givenName",
    "firstName",
    "given_name",
    "urn:oid:2.5.4.42",
    "http://schemas.xmlsoap.org/ws/2005/05/identity/claims/givenname",
];
const FAMILY_NAMES: [&str; 6] = [
    "sn",
    "surname",
    "lastName",
    "family_name",
    "urn:oid:2.5.4.4",
    "http://schemas.xmlsoap.org/ws/2005/05/identity/claims/surname",
];
const DISPLAY_NAMES: [&str; 3] = [
    "displayName",
    "urn:oid:2.16.840.1.113730.3.1.241",
    "http://schemas.microsoft.com/identity/claims/displayname",
];

/// What a connection's email attribute is called if the NameID is the email address, whatever its Format.
const NAME_ID: &str = "NameID";

/// Where the connection's settings say that the email address is.
pub(super) fn email_source(settings: &SamlSettings) -> EmailSource<'_> {
    match settings.people.email_attribute.as_deref() {
        Some(NAME_ID) => EmailSource::NameId,
        Some(name) => EmailSource::Attribute(name),
        None => EmailSource::Standard,
    }
}

/// The email address in the form used for comparison; `None` if the text is not an address.
pub(super) fn read_email(text: &str) -> Option<String> {
    let email = Email::parse(text).ok()?;
    (!email.is_guest_name()).then(|| email.folded())
}

/// The longest subject that is stored. saml-core §8.3.7 allows 256 characters for a persistent identifier.
const MAX_SUBJECT: usize = 512;

/// The subject of the assertion: the NameID within its format. A persistent NameID counts with its qualifiers,
/// which default to the two parties (saml-core §8.3.7). A transient one is a new name at each sign-in and no
/// subject (§8.3.8).
pub(super) fn external_subject(
    assertion: &ValidatedAssertion,
    idp_entity_id: &str,
    sp_entity_id: &str,
) -> Option<ExternalSubject> {
    let name_id = assertion.name_id.as_ref()?;
    let (format, value) = (name_id.format_uri(), name_id.value.trim());
    if format == NameIdFormat::Transient.uri() || value.is_empty() || value.len() > MAX_SUBJECT {
        return None;
    }
    let qualifier = |stated: &Option<String>, own: &str| {
        stated.clone().filter(|text| !text.is_empty() && text != own).unwrap_or_default()
    };
    let idp = qualifier(&name_id.name_qualifier, idp_entity_id);
    let sp = qualifier(&name_id.sp_name_qualifier, sp_entity_id);
    let short = format.rsplit(':').next().unwrap_or(format);
    let is_known = NameIdFormat::ALL.iter().any(|known| known.uri() == format);
    let scope = if is_known { short } else { format };
    // Addresses are compared without case, as everywhere; identifiers exactly (saml-core §8.3.7).
    let is_address = name_id.is_email() || (format == NameIdFormat::Unspecified.uri() && value.contains('@'));
    let value = if is_address { fold_case(value) } else { value.to_owned() };
    let id = if idp.is_empty() && sp.is_empty() {
        format!("{scope}:{value}")
    } else {
        format!("{scope}:{}", serde_json::json!([idp, sp, value]))
    };
    let fits = id.len() <= 2 * MAX_SUBJECT;
    fits.then(|| ExternalSubject {
        issuer: idp_entity_id.to_owned(),
        id,
        // Within its domains, the organization's identity provider is believed.
        address_is_verified: true,
        is_address,
    })
}

/// Whether the assertion says that more than one factor was used.
pub(super) fn asserts_mfa(assertion: &ValidatedAssertion) -> bool {
    MFA_CONTEXTS.contains(&assertion.authn_context.as_str())
        || attribute_values(assertion, ENTRA_METHODS).iter().any(|method| method == ENTRA_MFA)
}

/// The claims that the sign-in takes over. `groups` is the result of [`super::groups::read_groups`].
pub(super) fn provider_claims(
    settings: &SamlSettings,
    assertion: &ValidatedAssertion,
    groups: Option<Vec<String>>,
) -> ProviderClaims {
    let mapped = |own: &Option<String>, usual: &[&str]| match own {
        Some(name) => first_value(assertion, &[name]),
        None => first_value(assertion, usual),
    };
    let session = assertion.name_id.as_ref().map(|name_id| ProviderSession {
        subject: name_id.value.clone(),
        session: assertion.session_index.clone(),
        detail: serde_json::json!(name_id).to_string(),
    });
    ProviderClaims {
        jit_provisioning: settings.people.jit.allows(|key| attribute_values(assertion, key).to_vec()),
        names: ProfileNames {
            given_name: mapped(&settings.people.given_name_attribute, &GIVEN_NAMES),
            family_name: mapped(&settings.people.family_name_attribute, &FAMILY_NAMES),
            display_name: mapped(&settings.people.display_name_attribute, &DISPLAY_NAMES),
        },
        update_names: !settings.people.keep_names,
        groups,
        session,
    }
}

pub(super) fn attribute_values<'a>(assertion: &'a ValidatedAssertion, name: &str) -> &'a [String] {
    assertion.attributes.get(name).map(Vec::as_slice).unwrap_or_default()
}

/// The first value of the first attribute that has one, as a profile name.
fn first_value(assertion: &ValidatedAssertion, names: &[&str]) -> Option<String> {
    let found = names.iter().find_map(|name| attribute_values(assertion, name).first());
    ProfileNames::parse_name(found?)
}
