//! The attribute mapping on the pages of SAML and OpenID Connect connections.

use serde::Deserialize;

use crate::admin::connections::ConnectionFields;
use crate::idp::connections::Jit;

/// The submitted attribute mapping.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct AttributeMappingForm {
    email_attribute: String,
    given_name_attribute: String,
    family_name_attribute: String,
    display_name_attribute: String,
    update_names: Option<String>,
    jit: Option<String>,
    jit_key: String,
    jit_value: String,
    group_attribute: String,
    group_sync: Option<String>,
    trust_mfa: Option<String>,
}

/// The trimmed text, or `None` if it is empty.
pub(super) fn optional(text: String) -> Option<String> {
    Some(text.trim().to_owned()).filter(|text| !text.is_empty())
}

impl AttributeMappingForm {
    /// The change that sets these fields and leaves all others.
    pub(super) fn fields(self) -> ConnectionFields {
        ConnectionFields {
            email_attribute: Some(self.email_attribute),
            given_name_attribute: Some(self.given_name_attribute),
            family_name_attribute: Some(self.family_name_attribute),
            display_name_attribute: Some(self.display_name_attribute),
            update_names: Some(self.update_names.is_some()),
            jit: Some(Jit {
                enabled: self.jit.is_some(),
                key: optional(self.jit_key),
                value: optional(self.jit_value),
            }),
            group_attribute: Some(self.group_attribute),
            group_sync: Some(self.group_sync.is_some()),
            trust_mfa: Some(self.trust_mfa.is_some()),
            ..ConnectionFields::default()
        }
    }
}
