//! Changes of settings: the request body, the checks, and the differences between two versions.

use serde_json::{Map, Value, json};

use super::changed_value::ChangedValue;
use super::declaration::{AuthenticationSettings, SETTINGS, SettingsChange, SsoInvitations};
use super::sign_in_rules::SignInRule;
use crate::directory::Error;

impl ChangedValue for SsoInvitations {}
impl ChangedValue for Vec<SignInRule> {}

impl SettingsChange {
    /// Applies this change as a merge patch (RFC 7396). The result is not checked yet.
    pub fn apply_to(&self, settings: &AuthenticationSettings) -> Result<AuthenticationSettings, Error> {
        let mut merged = json!(settings);
        merge_patch(&mut merged, &json!(self));
        AuthenticationSettings::from_value(merged)
    }
}

/// Applies a merge patch (RFC 7396 §2), except that `null` is kept as the value of its member, because
/// empty settings are stored that way.
pub(super) fn merge_patch(target: &mut Value, patch: &Value) {
    match (target, patch) {
        (Value::Object(target), Value::Object(patch)) => {
            for (name, change) in patch {
                merge_patch(target.entry(name).or_insert(Value::Null), change);
            }
        }
        (target, patch) => *target = patch.clone(),
    }
}

/// A setting that differs between two versions.
#[derive(Debug, Clone, PartialEq)]
pub struct SettingDifference {
    /// The dotted name of the setting.
    pub name: String,
    /// The value before.
    pub before: Value,
    /// The value afterwards.
    pub after: Value,
}

impl AuthenticationSettings {
    /// The members that differ between two versions, in the order of their names.
    #[must_use]
    pub fn differences(&self, after: &Self) -> Vec<SettingDifference> {
        let (before, after) = (flatten_members(&json!(self)), flatten_members(&json!(after)));
        let changed = after.into_iter().filter_map(|(name, after)| {
            let before = before.get(&name).cloned().unwrap_or(Value::Null);
            (before != after).then_some(SettingDifference { name, before, after })
        });
        changed.collect()
    }

    /// Normalizes all members and refuses values that are out of range.
    pub fn checked(self) -> Result<Self, Error> {
        let mut value = json!(self);
        for setting in SETTINGS {
            let member = setting.value_in_mut(&mut value);
            *member = setting.checked(member.take())?;
        }
        let checked = Self::from_value(value)?;
        let password = &checked.password;
        if password.expires_after_days > 0 && password.warn_before_days >= password.expires_after_days {
            let reason = "must be less than the number of days until a password expires".to_owned();
            return Err(Error::Invalid { field: "password.warn_before_days", reason });
        }
        Ok(checked)
    }

    /// Deserializes JSON that was serialized from settings.
    pub(super) fn from_value(value: Value) -> Result<Self, Error> {
        serde_json::from_value(value).map_err(|error| Error::Internal(format!("settings: {error}")))
    }
}

/// Flattens `{"a": {"b": 1}}` to `{"a.b": 1}`.
fn flatten_members(value: &Value) -> Map<String, Value> {
    let mut out = Map::new();
    for (name, member) in value.as_object().into_iter().flatten() {
        match member.as_object() {
            Some(inner) => out.extend(inner.iter().map(|(key, v)| (format!("{name}.{key}"), v.clone()))),
            None => drop(out.insert(name.clone(), member.clone())),
        }
    }
    out
}
