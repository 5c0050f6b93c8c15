//! The form of the settings page: the inputs as they were typed, and their conversion from and to settings.
//!
//! An input that a browser did not send, other than a check box that is off, keeps its stored value. So
//! neither a page that lacks an input nor the page that reviews a change can clear a setting.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::{Value, json};

use super::declaration::{AuthenticationSettings, SETTINGS};
use super::group_names::group_id_by_name;
use super::kind::{Setting, SettingKind, strings};
use super::sign_in_rules_form;
use crate::directory::{Error, groups};
use crate::kernel::AccountId;
use crate::kernel::database::DbConn;

/// The inputs of the form by name. Check boxes that are off are absent.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(transparent)]
pub struct SettingsForm(BTreeMap<String, String>);

/// The units that the page offers, with their minutes.
const UNITS: [(&str, u32); 3] = [("minutes", 1), ("hours", 60), ("days", 24 * 60)];

fn unit_input(setting: &Setting) -> String {
    format!("{}_unit", setting.input)
}

impl SettingsForm {
    /// The form that shows `settings`.
    pub async fn show(
        c: &mut DbConn,
        account_id: &AccountId,
        settings: &AuthenticationSettings,
    ) -> Result<Self, sqlx::Error> {
        let settings = json!(settings);
        let mut form = Self::default();
        for setting in SETTINGS {
            form.show_setting(c, account_id, setting, setting.value_in(&settings)).await?;
        }
        Ok(form)
    }

    async fn show_setting(
        &mut self,
        c: &mut DbConn,
        account_id: &AccountId,
        setting: &Setting,
        value: &Value,
    ) -> Result<(), sqlx::Error> {
        let text = match setting.kind {
            SettingKind::Switch { .. } if value == &Value::Bool(true) => "on".to_owned(),
            SettingKind::Switch { .. } => return Ok(()),
            SettingKind::Number { .. } => value.to_string(),
            SettingKind::Minutes { .. } => {
                let minutes = value.as_u64().unwrap_or(0);
                let fits = |(_, each): &&(&str, u32)| minutes.is_multiple_of(u64::from(*each));
                let (unit, each) = UNITS.iter().rev().find(fits).copied().unwrap_or(UNITS[0]);
                self.0.insert(unit_input(setting), unit.to_owned());
                (minutes / u64::from(each)).to_string()
            }
            SettingKind::Text { .. } | SettingKind::Choice { .. } => {
                value.as_str().unwrap_or_default().to_owned()
            }
            SettingKind::Domains { .. } => strings(value).collect::<Vec<_>>().join("\n"),
            SettingKind::Group { .. } => match value.as_str() {
                Some(id) => {
                    groups::by_id(c, account_id, id).await?.map_or_else(String::new, |group| group.name)
                }
                None => String::new(),
            },
            SettingKind::Groups { .. } => {
                let mut names = Vec::new();
                for id in strings(value) {
                    names.extend(groups::by_id(c, account_id, id).await?.map(|group| group.name));
                }
                names.join("\n")
            }
            SettingKind::SignInRules { .. } => sign_in_rules_form::show(c, account_id, value).await?,
        };
        self.0.insert(setting.input.to_owned(), text);
        Ok(())
    }

    /// Adds the inputs that the browser did not send, with the values of the form as it was shown. Check
    /// boxes are left out, because an absent one is off.
    pub fn complete_from(&mut self, shown: &Self) {
        for setting in SETTINGS.iter().filter(|setting| !matches!(setting.kind, SettingKind::Switch { .. })) {
            for input in setting_inputs(setting) {
                if let Some(text) = shown.0.get(&input) {
                    self.0.entry(input).or_insert_with(|| text.clone());
                }
            }
        }
    }

    /// The text of an input; empty if the input is absent.
    #[must_use]
    pub fn text(&self, input: &str) -> &str {
        self.0.get(input).map_or("", String::as_str)
    }

    /// Whether a check box is on or a button was pressed.
    #[must_use]
    pub fn is_on(&self, input: &str) -> bool {
        self.0.contains_key(input)
    }

    /// The settings that the form describes. Members without an input keep the values of `before`. The
    /// result is not checked yet.
    pub async fn read(
        &self,
        c: &mut DbConn,
        account_id: &AccountId,
        before: &AuthenticationSettings,
    ) -> Result<AuthenticationSettings, Error> {
        let mut settings = json!(before);
        for setting in SETTINGS {
            *setting.value_in_mut(&mut settings) = self.read_setting(c, account_id, setting).await?;
        }
        AuthenticationSettings::from_value(settings)
    }

    async fn read_setting(
        &self,
        c: &mut DbConn,
        account_id: &AccountId,
        setting: &Setting,
    ) -> Result<Value, Error> {
        let text = self.text(setting.input);
        Ok(match setting.kind {
            SettingKind::Switch { .. } => json!(self.is_on(setting.input)),
            SettingKind::Number { label, .. } => json!(parse_number(label, text)?),
            SettingKind::Minutes { label, .. } => {
                let typed = self.text(&unit_input(setting));
                let (_, each) = UNITS.iter().find(|(unit, _)| *unit == typed).ok_or_else(|| {
                    Error::Invalid { field: label, reason: "must be in minutes, hours or days".to_owned() }
                })?;
                json!(parse_number(label, text)?.saturating_mul(*each))
            }
            SettingKind::Text { .. } => json!(non_empty(text)),
            SettingKind::Choice { label, words } => {
                if !words.contains(&text) {
                    let reason = format!("must be one of {}", words.join(", "));
                    return Err(Error::Invalid { field: label, reason });
                }
                json!(text)
            }
            SettingKind::Domains { .. } => json!(split_list(text)),
            SettingKind::Group { label } => match non_empty(text) {
                Some(name) => json!(group_id_by_name(c, account_id, label, name).await?),
                None => Value::Null,
            },
            SettingKind::Groups { label, .. } => {
                let mut ids = Vec::new();
                for name in text.lines().filter_map(non_empty) {
                    ids.push(group_id_by_name(c, account_id, label, name).await?);
                }
                json!(ids)
            }
            SettingKind::SignInRules { label, .. } => {
                json!(sign_in_rules_form::read(c, account_id, label, text).await?)
            }
        })
    }

    /// All inputs as hidden fields of the page that reviews the change: texts first, then check boxes.
    #[must_use]
    pub fn hidden_inputs(&self) -> Vec<(String, String)> {
        let (switches, texts): (Vec<&Setting>, Vec<&Setting>) =
            SETTINGS.iter().partition(|setting| matches!(setting.kind, SettingKind::Switch { .. }));
        let texts = texts.into_iter().flat_map(setting_inputs).map(|input| {
            let text = self.text(&input).to_owned();
            (input, text)
        });
        let on = switches.into_iter().filter(|setting| self.is_on(setting.input));
        texts.chain(on.map(|setting| (setting.input.to_owned(), "on".to_owned()))).collect()
    }
}

/// The names of a setting's inputs on the page.
fn setting_inputs(setting: &Setting) -> Vec<String> {
    match setting.kind {
        SettingKind::Minutes { .. } => vec![setting.input.to_owned(), unit_input(setting)],
        _ => vec![setting.input.to_owned()],
    }
}

fn parse_number(label: &'static str, text: &str) -> Result<u32, Error> {
    let invalid = |_| Error::Invalid { field: label, reason: "must be a whole number".to_owned() };
    text.trim().parse().map_err(invalid)
}

fn non_empty(text: &str) -> Option<&str> {
    Some(text.trim()).filter(|text| !text.is_empty())
}

/// Splits a list at commas, semicolons and white space.
fn split_list(text: &str) -> Vec<&str> {
    text.split([',', ';', ' ', '\n', '\r', '\t']).filter(|word| !word.is_empty()).collect()
}
