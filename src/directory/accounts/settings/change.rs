//! Changing settings: the body of a change, the checks, and what differs afterwards.

use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer};
use serde_json::{Map, Value, json};

use super::declaration::{AuthenticationSettings, SETTINGS, SettingsChange, SsoInvitations};
use crate::directory::Error;

/// The type of a setting, as a change reads it. RFC 7396 takes `null` for "remove it": that empties what can be empty,
/// and leaves everything else as it is.
pub(super) trait ChangedValue: DeserializeOwned {
    /// The value that `null` stands for.
    fn from_null() -> Option<Self> {
        None
    }
}

impl ChangedValue for bool {}
impl ChangedValue for u32 {}
impl ChangedValue for Vec<String> {}
impl ChangedValue for SsoInvitations {}
impl ChangedValue for Option<String> {
    fn from_null() -> Option<Self> {
        Some(None)
    }
}

/// Reads a member of a change.
pub(super) fn change_of<'d, D: Deserializer<'d>, T: ChangedValue>(input: D) -> Result<Option<T>, D::Error> {
    Ok(Option::<T>::deserialize(input)?.or_else(T::from_null))
}

impl SettingsChange {
    /// The settings with this change, as a merge patch (RFC 7396). They are not checked yet.
    pub fn apply_to(&self, settings: &AuthenticationSettings) -> Result<AuthenticationSettings, Error> {
        let mut merged = json!(settings);
        merge_patch(&mut merged, &json!(self));
        AuthenticationSettings::from_value(merged)
    }
}

/// RFC 7396 §2, except that `null` stays as the value of its member: that is how empty settings are written.
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

/// A setting that differs.
#[derive(Debug, Clone, PartialEq)]
pub struct SettingDifference {
    /// Its dotted name.
    pub name: String,
    /// Its value before.
    pub before: Value,
    /// Its value afterwards.
    pub after: Value,
}

impl AuthenticationSettings {
    /// The members that differ between two settings, in the order of their names.
    #[must_use]
    pub fn differences(&self, after: &Self) -> Vec<SettingDifference> {
        let (before, after) = (flatten_members(&json!(self)), flatten_members(&json!(after)));
        let changed = after.into_iter().filter_map(|(name, after)| {
            let before = before.get(&name).cloned().unwrap_or(Value::Null);
            (before != after).then_some(SettingDifference { name, before, after })
        });
        changed.collect()
    }

    /// Puts the members into their normal form and refuses what is out of range.
    pub fn checked(self) -> Result<Self, Error> {
        let mut value = json!(self);
        for setting in SETTINGS {
            let member = setting.value_in_mut(&mut value);
            *member = setting.checked(member.take())?;
        }
        let checked = Self::from_value(value)?;
        let password = &checked.password;
        if password.expires_after_days > 0 && password.warn_before_days >= password.expires_after_days {
            let reason = "must be less than the days a password is valid".to_owned();
            return Err(Error::Invalid { field: "password.warn_before_days", reason });
        }
        Ok(checked)
    }

    /// Settings from JSON that this program made of settings.
    pub(super) fn from_value(value: Value) -> Result<Self, Error> {
        serde_json::from_value(value).map_err(|error| Error::Internal(format!("settings: {error}")))
    }
}

/// `{"a": {"b": 1}}` as `{"a.b": 1}`.
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
