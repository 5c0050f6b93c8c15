//! The display of a settings change on the page that reviews it.

use serde_json::Value;

use super::change::SettingDifference;
use super::declaration::SETTINGS;
use super::form::SettingsForm;
use super::kind::{Setting, SettingKind, strings};

/// A changed setting, for display.
#[derive(Debug)]
pub struct ReviewedSetting {
    /// The setting's name on the settings page, such as `Minimum length`.
    pub name: String,
    /// The value before.
    pub before: String,
    /// The value afterwards.
    pub after: String,
}

impl SettingDifference {
    /// The difference for display. The name of a group comes from `form`, because the settings contain only
    /// its id.
    #[must_use]
    pub fn review(&self, form: &SettingsForm) -> ReviewedSetting {
        let setting = SETTINGS.iter().find(|setting| setting.name == self.name);
        let kind = setting.map(|setting| setting.kind);
        let after = match setting {
            Some(Setting { kind: SettingKind::Group { .. }, input, .. }) if self.after.is_string() => {
                form.text(input).to_owned()
            }
            Some(Setting { kind: SettingKind::SignInRules { .. }, input, .. }) if !self.after.is_null() => {
                let lines: Vec<&str> = form.text(input).lines().map(str::trim).collect();
                if lines.is_empty() { "none".to_owned() } else { lines.join("; ") }
            }
            _ => display(kind, &self.after),
        };
        let name = kind.map_or_else(|| self.name.clone(), |kind| kind.label().to_owned());
        ReviewedSetting { name, before: display(kind, &self.before), after }
    }
}

fn display(kind: Option<SettingKind>, value: &Value) -> String {
    match (kind, value) {
        (Some(SettingKind::Groups { .. }), _) => match strings(value).count() {
            0 => "none".into(),
            1 => "1 group".into(),
            n => format!("{n} groups"),
        },
        (Some(SettingKind::SignInRules { .. }), _) => match value.as_array().map_or(0, Vec::len) {
            0 => "none".into(),
            1 => "1 rule".into(),
            n => format!("{n} rules"),
        },
        (Some(SettingKind::Group { .. }), Value::String(_)) => "another group".into(),
        (Some(SettingKind::Minutes { .. }), Value::Number(minutes)) => {
            minutes_text(minutes.as_u64().unwrap_or(0))
        }
        (_, Value::Bool(true)) => "on".into(),
        (_, Value::Bool(false)) => "off".into(),
        (_, Value::Null) => "none".into(),
        (_, Value::Array(all)) if all.is_empty() => "any".into(),
        (_, Value::Array(_)) => strings(value).collect::<Vec<_>>().join(", "),
        (_, Value::String(text)) => text.clone(),
        (_, other) => other.to_string(),
    }
}

/// Minutes in the largest unit that divides them evenly.
fn minutes_text(minutes: u64) -> String {
    let (count, unit) = match minutes {
        n if n > 0 && n.is_multiple_of(24 * 60) => (n / (24 * 60), "day"),
        n if n > 0 && n.is_multiple_of(60) => (n / 60, "hour"),
        n => (n, "minute"),
    };
    format!("{count} {unit}{}", if count == 1 { "" } else { "s" })
}
