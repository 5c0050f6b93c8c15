//! The attribute mapping of SAML and OpenID Connect connections.

use serde::Serialize;
use utoipa::ToSchema;

use crate::idp::connections::{AttributeMapping, Jit};

/// How users and groups are read from SAML assertions or ID tokens.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct PeopleBody {
    /// The attribute or claim with the email address; `null` for the standard names.
    email_attribute: Option<String>,
    /// The attribute or claim with the given name; `null` for the standard names.
    given_name_attribute: Option<String>,
    /// The attribute or claim with the family name; `null` for the standard names.
    family_name_attribute: Option<String>,
    /// The attribute or claim with the display name; `null` for the standard names.
    display_name_attribute: Option<String>,
    /// Whether names are updated from the identity provider at each sign-in.
    update_names: bool,
    /// The attribute or claim with the user's groups; `null` for the preset's, if it has one.
    group_attribute: Option<String>,
    /// Whether linked groups are synced at each sign-in.
    group_sync: bool,
    /// Just-in-time (JIT) provisioning: whether users are created at their first sign-in.
    jit: Jit,
    /// Whether MFA performed by the identity provider counts as two-factor authentication.
    trust_mfa: bool,
}

impl From<AttributeMapping> for PeopleBody {
    fn from(rules: AttributeMapping) -> Self {
        Self {
            email_attribute: rules.email_attribute,
            given_name_attribute: rules.given_name_attribute,
            family_name_attribute: rules.family_name_attribute,
            display_name_attribute: rules.display_name_attribute,
            update_names: !rules.keep_names,
            group_attribute: rules.group_attribute,
            group_sync: rules.group_sync,
            jit: rules.jit,
            trust_mfa: rules.trust_mfa,
        }
    }
}
