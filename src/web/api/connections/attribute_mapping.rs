//! The attribute mapping of SAML and OpenID Connect connections.

use serde::Serialize;
use utoipa::ToSchema;

use crate::idp::connections::{AttributeMapping, Jit};

/// What is taken over of people.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct PeopleBody {
    email_attribute: Option<String>,
    given_name_attribute: Option<String>,
    family_name_attribute: Option<String>,
    display_name_attribute: Option<String>,
    update_names: bool,
    group_attribute: Option<String>,
    group_sync: bool,
    jit: Jit,
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
