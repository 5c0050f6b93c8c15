//! What is agreed with a directory that provisions.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::directory::{Error, fold_case};

/// How a directory connection works.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct ScimSettings {
    /// Whether changes are only tried, and wait for an administrator.
    pub dry_run: bool,
    /// Whether the log of requests keeps the values that changed, beside the names of the attributes.
    pub log_values: bool,
    /// For how many days the log is kept, 1 to 90.
    pub log_days: u32,
    /// How many in a hundred of the users may lose access within an hour before the connection is paused; 0 for
    /// any number.
    pub removal_limit: u32,
    /// Requests a second that are answered, 25 to 100,000.
    pub requests_per_second: u32,
    /// Attributes of users beside the standard ones, at most 50.
    pub extra_attributes: Vec<ExtraAttribute>,
}

/// An attribute that the account has defined.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ExtraAttribute {
    /// Its name: a letter, then letters, digits, `-` and `_`.
    pub name: String,
    /// What its values are.
    #[serde(rename = "type", default)]
    pub kind: ExtraKind,
    /// Whether it is a list.
    #[serde(default)]
    pub multi_valued: bool,
    /// What it is for.
    #[serde(default)]
    pub description: String,
}

/// The types of RFC 7643 §2.3 that such an attribute may have.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[expect(missing_docs, reason = "the names are the RFC's")]
pub enum ExtraKind {
    #[default]
    String,
    Boolean,
    Integer,
    Decimal,
    DateTime,
}

impl ExtraKind {
    const ALL: [Self; 5] = [Self::String, Self::Boolean, Self::Integer, Self::Decimal, Self::DateTime];

    /// The name in schemas.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::String => "string",
            Self::Boolean => "boolean",
            Self::Integer => "integer",
            Self::Decimal => "decimal",
            Self::DateTime => "dateTime",
        }
    }

    /// What its values must be, for people.
    #[must_use]
    pub const fn value_description(self) -> &'static str {
        match self {
            Self::String => "text",
            Self::Boolean => "true or false",
            Self::Integer => "a whole number",
            Self::Decimal => "a number",
            Self::DateTime => "a time such as 2026-01-31T00:00:00Z",
        }
    }
}

impl ExtraAttribute {
    /// Reads a line of a form: name, type (`[]` behind it for a list), description.
    pub fn parse(line: &str) -> Result<Self, Error> {
        let (name, rest) = line.trim().split_once(char::is_whitespace).unwrap_or((line.trim(), ""));
        let rest = rest.trim_start();
        let (kind, description) = rest.split_once(char::is_whitespace).unwrap_or((rest, ""));
        let (kind, multi_valued) = kind.strip_suffix("[]").map_or((kind, false), |kind| (kind, true));
        let kind = match kind {
            "" => Some(ExtraKind::String),
            kind => ExtraKind::ALL.into_iter().find(|known| known.as_str().eq_ignore_ascii_case(kind)),
        };
        let kind = kind.ok_or_else(|| Error::Invalid {
            field: "extra_attributes",
            reason: format!(
                "{name} must be string, boolean, integer, decimal or dateTime, with [] behind it for a list"
            ),
        })?;
        Ok(Self { name: name.to_owned(), kind, multi_valued, description: description.trim().to_owned() })
    }

    /// The same line.
    #[must_use]
    pub fn to_line(&self) -> String {
        let list = if self.multi_valued { "[]" } else { "" };
        format!("{} {}{list} {}", self.name, self.kind.as_str(), self.description).trim_end().to_owned()
    }

    fn is_valid(&self) -> bool {
        self.name.len() <= 64
            && self.description.len() <= 256
            && self.name.starts_with(|c: char| c.is_ascii_alphabetic())
            && self.name.chars().all(|c| c.is_ascii_alphanumeric() || "-_".contains(c))
    }
}

impl Default for ScimSettings {
    fn default() -> Self {
        Self {
            dry_run: false,
            log_values: false,
            log_days: 14,
            removal_limit: 25,
            requests_per_second: 50_000,
            extra_attributes: Vec::new(),
        }
    }
}

impl ScimSettings {
    /// Refuses what is out of bounds.
    pub(super) fn checked(self) -> Result<Self, Error> {
        let bounds = [
            ("log_days", self.log_days, 1, 90),
            ("removal_limit", self.removal_limit, 0, 100),
            // Entra ID expects 25 a second to be answered.
            ("requests_per_second", self.requests_per_second, 25, 100_000),
        ];
        for (field, value, least, most) in bounds {
            if !(least..=most).contains(&value) {
                return Err(Error::Invalid { field, reason: format!("must be {least} to {most}") });
            }
        }
        let mut names: Vec<String> = self.extra_attributes.iter().map(|one| fold_case(&one.name)).collect();
        names.sort_unstable();
        names.dedup();
        let all = self.extra_attributes.len();
        if all > 50 || names.len() < all || !self.extra_attributes.iter().all(ExtraAttribute::is_valid) {
            let reason = "must be at most 50 with different names of letters, digits, - and _".to_owned();
            return Err(Error::Invalid { field: "extra_attributes", reason });
        }
        Ok(self)
    }
}
