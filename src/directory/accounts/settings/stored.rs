//! Settings as they stand in `accounts.settings`.
//!
//! A member that is missing has its default and an unknown one is left alone: an older and a newer version of this
//! program can share a database. A value that cannot be read is refused. If it became a default, an account whose
//! settings a newer version wrote would let everybody in without a second factor.

use serde_json::error::Category;
use serde_json::{Value, json};

use super::change::merge_patch;
use super::declaration::{AuthenticationSettings, SETTINGS};

/// Stored settings that cannot be read. Neither text nor cause have anything of the contents.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("stored settings of account {account_id} cannot be read: {cause}")]
pub struct UnreadableSettings {
    /// The account.
    pub account_id: String,
    /// Which setting, or what is wrong with all of them.
    pub cause: String,
}

/// Reading a row has failed: queries of every room pass it on with the other ways in which that can happen.
impl From<UnreadableSettings> for sqlx::Error {
    fn from(error: UnreadableSettings) -> Self {
        Self::Decode(Box::new(error))
    }
}

impl UnreadableSettings {
    /// Itself, where a query has failed with it.
    #[must_use]
    pub fn in_query(error: &sqlx::Error) -> Option<&Self> {
        match error {
            sqlx::Error::Decode(cause) => cause.downcast_ref(),
            _ => None,
        }
    }
}

impl AuthenticationSettings {
    /// Reads what is stored for an account.
    pub(crate) fn from_stored(account_id: &str, text: &str) -> Result<Self, UnreadableSettings> {
        serde_json::from_str(text).map_err(|error| {
            let cause = cause_of(&error, text);
            tracing::error!(account = account_id, cause, "stored settings cannot be read");
            UnreadableSettings { account_id: account_id.to_owned(), cause }
        })
    }

    /// As they are stored for a new account.
    pub(crate) fn to_stored(&self) -> String {
        json!(self).to_string()
    }

    /// As they are stored in the place of `before`, whose unknown members stay: a newer version wrote them.
    pub(crate) fn to_stored_over(&self, before: &str) -> String {
        let mut stored = serde_json::from_str(before).unwrap_or_else(|_| json!({}));
        merge_patch(&mut stored, &json!(self));
        stored.to_string()
    }
}

/// What is wrong with `text`: the names of the settings whose values this version does not know.
fn cause_of(error: &serde_json::Error, text: &str) -> String {
    let at = format!("line {} column {}", error.line(), error.column());
    let Ok(settings) = serde_json::from_str::<Value>(text) else {
        return match error.classify() {
            Category::Eof => format!("the text ends too early, at {at}"),
            _ => format!("the text is not JSON at {at}"),
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
        return format!("the members are not what they should be at {at}");
    }
    format!("this version does not know the value of {}", names.join(", "))
}
