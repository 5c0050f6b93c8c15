//! Settings as they stand in `accounts.settings`.

use serde_json::json;

use super::declaration::AuthenticationSettings;

impl AuthenticationSettings {
    pub(crate) fn parse(text: &str) -> Self {
        serde_json::from_str(text).unwrap_or_default()
    }

    pub(crate) fn to_json(&self) -> String {
        json!(self).to_string()
    }
}
