//! What a connection lets its provider say about people.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::directory::Error;

/// Where a provider of SAML or `OpenID` Connect has what is taken over of people: attributes of an assertion, claims of
/// a token.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct AttributeMapping {
    /// The email address; found under the usual names when not set.
    pub email_attribute: Option<String>,
    /// The given name; likewise.
    pub given_name_attribute: Option<String>,
    /// The family name; likewise.
    pub family_name_attribute: Option<String>,
    /// The name shown; likewise.
    pub display_name_attribute: Option<String>,
    /// Whether names stay as they are here when somebody signs in with others.
    pub keep_names: bool,
    /// The groups of a person.
    pub group_attribute: Option<String>,
    /// Whether people are put into the linked groups that it names.
    pub group_sync: bool,
    /// Whether people unknown here are created.
    pub jit: Jit,
    /// Whether the provider is believed when it says that a second factor was shown there.
    pub trust_mfa: bool,
}

impl AttributeMapping {
    /// Trims the names; an empty one is none.
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

/// Creating people at their first sign-in.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Jit {
    /// Whether it happens.
    pub enabled: bool,
    /// An attribute or claim that must be there for it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
    /// A value that attribute must have.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub value: Option<String>,
}

impl Jit {
    /// Whether somebody is created of whom the provider says this: `values` gives those of an attribute.
    #[must_use]
    pub fn allows(&self, values: impl Fn(&str) -> Vec<String>) -> bool {
        let fits = match (&self.key, &self.value) {
            (Some(key), Some(value)) => values(key).contains(value),
            (Some(key), None) => !values(key).is_empty(),
            (None, _) => true,
        };
        self.enabled && fits
    }

    /// Whether its parts go together.
    pub(super) fn check(&self) -> Result<(), Error> {
        if self.key.is_none() && self.value.is_some() {
            let reason = "has a value without the attribute that must have it".to_owned();
            return Err(Error::Invalid { field: "jit", reason });
        }
        Ok(())
    }
}

/// Trims a text; an empty one is none.
pub(super) fn normalize_line(field: &'static str, text: &mut Option<String>) -> Result<(), Error> {
    *text = text.take().map(|text| text.trim().to_owned()).filter(|text| !text.is_empty());
    if text.as_ref().is_some_and(|text| text.chars().count() > 1024 || text.contains(char::is_control)) {
        let reason = "must be a line of at most 1024 characters".to_owned();
        return Err(Error::Invalid { field, reason });
    }
    Ok(())
}
