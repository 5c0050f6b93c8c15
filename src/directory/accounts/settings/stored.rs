//! The settings as stored in `accounts.settings`.
//!
//! A missing member has its default and an unknown member is preserved, so that an older and a newer
//! version of this program can share a database. A value that cannot be read is refused. Replacing it by
//! its default could disable the second factor of an account whose settings a newer version wrote.

use serde_json::error::Category;
use serde_json::{Value, json};

use super::change::merge_patch;
use super::declaration::{AuthenticationSettings, SETTINGS};
use super::unreadable::UnreadableSettings;
use crate::kernel::AccountId;

impl AuthenticationSettings {
    /// Reads the stored settings of an account.
    pub(crate) fn from_stored(account_id: &AccountId, text: &str) -> Result<Self, UnreadableSettings> {
        serde_json::from_str(text).map_err(|error| {
            let cause = cause_of(&error, text);
            tracing::error!(account = %account_id, cause, "the stored settings of an account cannot be read");
            UnreadableSettings { account_id: account_id.to_owned(), cause }
        })
    }

    /// The text to store for a new account.
    pub(crate) fn to_stored(&self) -> String {
        json!(self).to_string()
    }

    /// The text to store in place of `before`. Unknown members of `before` are preserved, because a newer
    /// version wrote them.
    pub(crate) fn to_stored_over(&self, before: &str) -> String {
        let mut stored = serde_json::from_str(before).unwrap_or_else(|_| json!({}));
        merge_patch(&mut stored, &json!(self));
        stored.to_string()
    }
}

/// Describes what is wrong with `text`: the names of the settings with values that this version does not
/// know.
fn cause_of(error: &serde_json::Error, text: &str) -> String {
    let at = format!("line {} column {}", error.line(), error.column());
    let Ok(settings) = serde_json::from_str::<Value>(text) else {
        return match error.classify() {
            Category::Eof => format!("the JSON ends unexpectedly at {at}"),
            _ => format!("the JSON is not valid at {at}"),
        };
    };
    let is_unreadable = |setting: &&super::Setting| {
        let Some(value) = setting.present_in(&settings) else { return false };
        let mut alone = json!({});
        *setting.value_in_mut(&mut alone) = value.clone();
        serde_json::from_value::<AuthenticationSettings>(alone).is_err()
    };
    let names: Vec<&str> = SETTINGS.iter().filter(is_unreadable).map(|setting| setting.name).collect();
    if names.is_empty() {
        return format!("the JSON does not describe settings at {at}");
    }
    format!("this version does not support the value of {}", names.join(", "))
}
