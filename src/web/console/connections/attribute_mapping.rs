//! The part of SAML's and OIDC's pages about people.

use serde::Deserialize;

use crate::admin::connections::ConnectionFields;
use crate::idp::connections::Jit;

/// What is taken over of people.
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

/// A text that was typed, if one was.
pub(super) fn optional(text: String) -> Option<String> {
    Some(text.trim().to_owned()).filter(|text| !text.is_empty())
}

impl AttributeMappingForm {
    /// As fields of a change, the others not given.
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
