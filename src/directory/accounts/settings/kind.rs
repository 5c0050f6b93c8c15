//! The kinds of settings: which values they accept and how these are normalized.
//!
//! `form.rs` and `review.rs` define how the settings page reads, shows and compares the values of each
//! kind.

use std::marker::PhantomData;

use serde_json::{Value, json};

use super::domain_syntax::is_domain;
use super::sign_in_rules::{self, SignInRule};
use crate::directory::{Error, check_name, fold_case};
use crate::kernel::TextEnum;

/// A setting from the declaration.
#[derive(Debug)]
pub struct Setting {
    pub(super) section: Option<&'static str>,
    pub(super) member: &'static str,
    /// The dotted name in the API, in error messages and in the audit trail: `password.min_length`.
    pub name: &'static str,
    /// Which values the setting accepts.
    pub kind: SettingKind,
    /// The name of the input on the settings page.
    pub input: &'static str,
}

/// Which values a setting accepts. `label` is the setting's name on the settings page, in its error messages
/// and on the page that reviews a change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "the limits and labels are explained here once, above")]
pub enum SettingKind {
    /// On or off.
    Switch { label: &'static str },
    /// A number from `min` to `max`.
    Number { label: &'static str, min: u32, max: u32 },
    /// Minutes, which the page shows in minutes, hours or days.
    Minutes { label: &'static str, min: u32, max: u32 },
    /// A line of text, or none.
    Text { label: &'static str, max_characters: usize },
    /// One of the texts of an enumeration.
    Choice { label: &'static str, words: &'static [&'static str] },
    /// Email domains.
    Domains { label: &'static str, max: usize },
    /// The id of a user group, or none; the page shows its name.
    Group { label: &'static str },
    /// The ids of user groups; the page shows their names.
    Groups { label: &'static str, max: usize },
    /// Rules about sign-in methods; the page shows them as text.
    SignInRules { label: &'static str, max: usize },
}

/// A kind for settings of the Rust type `T`, so that the compiler refuses a kind that does not fit.
pub(super) struct KindOf<T>(SettingKind, PhantomData<fn() -> T>);

impl<T> KindOf<T> {
    const fn new(kind: SettingKind) -> Self {
        Self(kind, PhantomData)
    }

    pub(super) const fn kind(&self) -> SettingKind {
        self.0
    }
}

pub(super) const fn switch(label: &'static str) -> KindOf<bool> {
    KindOf::new(SettingKind::Switch { label })
}

pub(super) const fn number(label: &'static str, min: u32, max: u32) -> KindOf<u32> {
    KindOf::new(SettingKind::Number { label, min, max })
}

pub(super) const fn minutes(label: &'static str, min: u32, max: u32) -> KindOf<u32> {
    KindOf::new(SettingKind::Minutes { label, min, max })
}

pub(super) const fn text(label: &'static str, max_characters: usize) -> KindOf<Option<String>> {
    KindOf::new(SettingKind::Text { label, max_characters })
}

pub(super) const fn choice<T: TextEnum>(label: &'static str) -> KindOf<T> {
    KindOf::new(SettingKind::Choice { label, words: T::TEXTS })
}

pub(super) const fn domains(label: &'static str, max: usize) -> KindOf<Vec<String>> {
    KindOf::new(SettingKind::Domains { label, max })
}

pub(super) const fn group(label: &'static str) -> KindOf<Option<String>> {
    KindOf::new(SettingKind::Group { label })
}

pub(super) const fn groups(label: &'static str, max: usize) -> KindOf<Vec<String>> {
    KindOf::new(SettingKind::Groups { label, max })
}

pub(super) const fn sign_in_rules(label: &'static str, max: usize) -> KindOf<Vec<SignInRule>> {
    KindOf::new(SettingKind::SignInRules { label, max })
}

impl SettingKind {
    /// The setting's name on pages.
    #[must_use]
    pub const fn label(self) -> &'static str {
        match self {
            Self::Switch { label }
            | Self::Number { label, .. }
            | Self::Minutes { label, .. }
            | Self::Text { label, .. }
            | Self::Choice { label, .. }
            | Self::Domains { label, .. }
            | Self::Group { label }
            | Self::Groups { label, .. }
            | Self::SignInRules { label, .. } => label,
        }
    }
}

impl Setting {
    /// The setting's value in the JSON of all settings; `null` if it is missing.
    #[must_use]
    pub fn value_in<'v>(&self, settings: &'v Value) -> &'v Value {
        match self.section {
            Some(section) => &settings[section][self.member],
            None => &settings[self.member],
        }
    }

    /// The setting's value in the JSON of all settings, if it is present.
    pub(super) fn present_in<'v>(&self, settings: &'v Value) -> Option<&'v Value> {
        match self.section {
            Some(section) => settings.get(section)?.get(self.member),
            None => settings.get(self.member),
        }
    }

    pub(super) fn value_in_mut<'v>(&self, settings: &'v mut Value) -> &'v mut Value {
        match self.section {
            Some(section) => &mut settings[section][self.member],
            None => &mut settings[self.member],
        }
    }

    /// Normalizes a value, or refuses it. Whether groups exist is left to the caller.
    pub(super) fn checked(&self, value: Value) -> Result<Value, Error> {
        let invalid = |reason: String| Err(Error::Invalid { field: self.name, reason });
        match self.kind {
            SettingKind::Switch { .. } | SettingKind::Choice { .. } => Ok(value),
            SettingKind::Number { min, max, .. } | SettingKind::Minutes { min, max, .. } => {
                if value.as_u64().is_some_and(|n| (u64::from(min)..=u64::from(max)).contains(&n)) {
                    return Ok(value);
                }
                invalid(format!("must be between {min} and {max}"))
            }
            SettingKind::Text { max_characters, .. } => match trimmed(&value) {
                Some(text) => {
                    check_name(self.name, text, max_characters)?;
                    Ok(json!(text))
                }
                None => Ok(Value::Null),
            },
            SettingKind::Group { .. } => Ok(trimmed(&value).map_or(Value::Null, |id| json!(id))),
            SettingKind::Domains { max, .. } => {
                let mut all: Vec<String> =
                    strings(&value).map(|domain| fold_case(domain.trim_start_matches('@'))).collect();
                all.sort();
                all.dedup();
                if all.len() > max || all.iter().any(|domain| !is_domain(domain)) {
                    return invalid(format!("must be a list of at most {max} domains such as example.com"));
                }
                Ok(json!(all))
            }
            SettingKind::SignInRules { max, .. } => sign_in_rules::checked(value, max),
            SettingKind::Groups { max, .. } => {
                let mut all: Vec<&str> = strings(&value).collect();
                all.sort_unstable();
                all.dedup();
                if all.len() > max {
                    return invalid(format!(
                        "must have at most {max} groups; for more, require it for all users"
                    ));
                }
                Ok(json!(all))
            }
        }
    }
}

/// The strings of a JSON list.
pub(super) fn strings(value: &Value) -> impl Iterator<Item = &str> {
    value.as_array().into_iter().flatten().filter_map(Value::as_str)
}

fn trimmed(value: &Value) -> Option<&str> {
    value.as_str().map(str::trim).filter(|text| !text.is_empty())
}
