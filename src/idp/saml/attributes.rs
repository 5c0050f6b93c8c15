//! What an accepted assertion says about the user, within what the connection's settings permit.

use vestibule_saml::ValidatedAssertion;

use crate::directory::Email;
use crate::idp::connections::SamlSettings;
use crate::signin::{ProfileNames, ProviderClaims, ProviderSession};

/// Authentication contexts that stand for more than one factor: those of SAML 2.0
/// (saml-authn-context-2.0-os §3.4), the REFEDS MFA profile, and Entra ID's.
const MFA_CONTEXTS: [&str; 6] = [
    "urn:oasis:names:tc:SAML:2.0:ac:classes:MobileTwoFactorContract",
    "urn:oasis:names:tc:SAML:2.0:ac:classes:MobileTwoFactorUnregistered",
    "urn:oasis:names:tc:SAML:2.0:ac:classes:TimeSyncToken",
    "urn:oasis:names:tc:SAML:2.0:ac:classes:SmartcardPKI",
    "https://refeds.org/profile/mfa",
    ENTRA_MFA,
];
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

/// The email address in the form used for comparison; `None` if the text is not an address.
pub(super) fn read_email(text: &str) -> Option<String> {
    Email::parse(text).ok().map(|email| email.folded())
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
