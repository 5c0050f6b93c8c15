//! What an accepted assertion says about the person, as far as the connection lets it speak.

use super::super::connections::SamlSettings;
use super::judge::Accepted;
use crate::signin::{Names, Provided, ProviderSession};

/// Contexts that stand for more than one factor: SAML 2.0 (saml-authn-context-2.0-os §3.4), the REFEDS MFA
/// profile, and Entra ID's.
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

/// Whether the assertion says that more than one factor was shown.
pub(super) fn says_mfa(accepted: &Accepted) -> bool {
    MFA_CONTEXTS.contains(&accepted.authn_context.as_str())
        || values(accepted, ENTRA_METHODS).iter().any(|method| method == ENTRA_MFA)
}

/// What the sign-in may take over. `groups`: those of [`super::groups::of`].
pub(super) fn provided(
    settings: &SamlSettings,
    accepted: &Accepted,
    groups: Option<Vec<String>>,
) -> Provided {
    let mapped = |own: &Option<String>, usual: &[&str]| match own {
        Some(name) => first(accepted, &[name]),
        None => first(accepted, usual),
    };
    let session = accepted.name_id.as_ref().map(|name_id| ProviderSession {
        subject: name_id.value.clone(),
        session: accepted.session_index.clone(),
        detail: serde_json::json!(name_id).to_string(),
    });
    Provided {
        create: settings.people.jit.admits(|key| values(accepted, key).to_vec()),
        names: Names {
            given_name: mapped(&settings.people.given_name_attribute, &GIVEN_NAMES),
            family_name: mapped(&settings.people.family_name_attribute, &FAMILY_NAMES),
            display_name: mapped(&settings.people.display_name_attribute, &DISPLAY_NAMES),
        },
        update_names: !settings.people.keep_names,
        groups,
        session,
    }
}

pub(super) fn values<'a>(accepted: &'a Accepted, name: &str) -> &'a [String] {
    accepted.attributes.get(name).map(Vec::as_slice).unwrap_or_default()
}

/// The first value there is.
fn first(accepted: &Accepted, names: &[&str]) -> Option<String> {
    let found = names.iter().find_map(|name| values(accepted, name).first());
    Names::line(found?)
}
