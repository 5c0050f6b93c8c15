//! What a connection takes over from its provider about users.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::directory::Error;

/// The attributes of a SAML assertion or claims of an OpenID token that hold a user's profile and groups,
/// and what the connection does with them.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct AttributeMapping {
    /// The attribute with the email address. Without it, the usual names are tried; the same holds for the
    /// three that follow.
    pub email_attribute: Option<String>,
    /// The attribute with the given name.
    pub given_name_attribute: Option<String>,
    /// The attribute with the family name.
    pub family_name_attribute: Option<String>,
    /// The attribute with the display name.
    pub display_name_attribute: Option<String>,
    /// Whether a sign-in leaves the names of an existing user unchanged.
    pub keep_names: bool,
    /// The attribute with the groups.
    pub group_attribute: Option<String>,
    /// Whether a sign-in updates the user's membership in linked groups.
    pub group_sync: bool,
    /// Whether unknown users are created at their first sign-in.
    pub jit: Jit,
    /// Whether the provider's statement that a second factor was used replaces ours.
    pub trust_mfa: bool,
}

impl AttributeMapping {
    /// Trims the attribute names and turns empty ones into `None`.
    pub(super) fn normalize(&mut self) -> Result<(), Error> {
        self.jit.check()?;
        normalize_line("email_attribute", &mut self.email_attribute)?;
        normalize_line("given_name_attribute", &mut self.given_name_attribute)?;
        normalize_line("family_name_attribute", &mut self.family_name_attribute)?;
        normalize_line("display_name_attribute", &mut self.display_name_attribute)?;
        normalize_line("group_attribute", &mut self.group_attribute)?;
        Ok(())
    }
}

/// Just-in-time (JIT) provisioning: creating users at their first sign-in.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Jit {
    /// Whether users are created.
    pub enabled: bool,
    /// An attribute or claim that is required for this; without it, any user is created.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
    /// The value that the required attribute or claim must have; without it, any value is accepted.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub value: Option<String>,
}

impl Jit {
    /// Whether a user with these attributes is created; `values` returns the values of an attribute.
    #[must_use]
    pub fn allows(&self, values: impl Fn(&str) -> Vec<String>) -> bool {
        let fits = match (&self.key, &self.value) {
            (Some(key), Some(value)) => values(key).contains(value),
            (Some(key), None) => !values(key).is_empty(),
            (None, _) => true,
        };
        self.enabled && fits
    }

    /// Refuses a value without the attribute it belongs to.
    pub(super) fn check(&self) -> Result<(), Error> {
        if self.key.is_none() && self.value.is_some() {
            let reason = "has a required value without a required attribute".to_owned();
            return Err(Error::Invalid { field: "jit", reason });
        }
        Ok(())
    }
}

/// Trims a text and turns an empty one into `None`.
pub(super) fn normalize_line(field: &'static str, text: &mut Option<String>) -> Result<(), Error> {
    *text = text.take().map(|text| text.trim().to_owned()).filter(|text| !text.is_empty());
    if text.as_ref().is_some_and(|text| text.chars().count() > 1024 || text.contains(char::is_control)) {
        let reason = "must be a single line of at most 1024 characters".to_owned();
        return Err(Error::Invalid { field, reason });
    }
    Ok(())
}
