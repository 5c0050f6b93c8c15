//! The password policy, as a pure function from settings, password and person to the rules that are not
//! met. Every way to set a password uses it.

use super::common_passwords::is_common;
use super::plaintext::{MAX_CHARACTERS, Password};
use crate::directory::accounts::PasswordSettings;
use crate::directory::users::{Profile, User};
use crate::directory::{Error, fold_case};

/// The number of characters that must remain of a password without the person's own names.
const OWN_BEYOND_NAMES: usize = 8;

/// The names of the person whose password it will be, of which it must not consist.
#[derive(Debug, Clone, Default)]
pub struct PersonalTerms {
    names: Vec<String>,
}

impl PersonalTerms {
    /// Takes the terms from anything that names the person: user name, address, given and family name.
    #[must_use]
    pub fn new(names: &[&str]) -> Self {
        let mut parts: Vec<String> = names
            .iter()
            // Only the part of an address before the @ is personal.
            .map(|name| name.rsplit_once('@').map_or(*name, |(local, _)| local))
            .flat_map(|name| {
                let split = name.split(|c: char| !c.is_alphanumeric()).map(fold_case).collect::<Vec<_>>();
                split.into_iter().chain([fold_case(name)])
            })
            .filter(|part| part.chars().count() >= 3)
            .collect();
        // Longest first, so that a whole name is removed before its parts.
        parts.sort_by(|a, b| b.len().cmp(&a.len()).then(a.cmp(b)));
        parts.dedup();
        Self { names: parts }
    }

    /// The names in the form in which a password is searched for them.
    #[must_use]
    pub fn names(&self) -> Vec<&str> {
        self.names.iter().map(String::as_str).collect()
    }
}

impl From<&User> for PersonalTerms {
    fn from(user: &User) -> Self {
        Self::from(&user.profile())
    }
}

impl From<&Profile> for PersonalTerms {
    fn from(profile: &Profile) -> Self {
        let text = |name: &Option<String>| name.clone().unwrap_or_default();
        Self::new(&[
            &profile.user_name,
            &text(&profile.email),
            &text(&profile.given_name),
            &text(&profile.family_name),
            &text(&profile.display_name),
        ])
    }
}

/// A rule of the password policy.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PolicyRule {
    /// The minimum number of characters.
    MinLength(u32),
    /// At most [`MAX_CHARACTERS`] characters.
    MaxLength,
    /// An upper-case letter.
    Upper,
    /// A lower-case letter.
    Lower,
    /// A digit.
    Digit,
    /// A character that is neither a letter nor a digit.
    Special,
    /// Not one of the most common passwords.
    Common,
    /// Not made of the person's own name or address.
    Personal,
    /// Not one of the user's last passwords; how many of them count.
    Used(u32),
}

impl PolicyRule {
    /// The rule's name in the API and on pages.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::MinLength(_) => "min_length",
            Self::MaxLength => "max_length",
            Self::Upper => "require_upper",
            Self::Lower => "require_lower",
            Self::Digit => "require_digit",
            Self::Special => "require_special",
            Self::Common => "common",
            Self::Personal => "personal",
            Self::Used(_) => "history",
        }
    }

    /// The rule as the end of "The password must …".
    #[must_use]
    pub fn text(self) -> String {
        match self {
            Self::MinLength(least) => format!("have at least {least} characters"),
            Self::MaxLength => format!("have at most {MAX_CHARACTERS} characters"),
            Self::Upper => "contain an uppercase letter".to_owned(),
            Self::Lower => "contain a lowercase letter".to_owned(),
            Self::Digit => "contain a digit".to_owned(),
            Self::Special => "contain a symbol".to_owned(),
            Self::Common => "not be a commonly used password".to_owned(),
            Self::Personal => "not be based on your own name or email address".to_owned(),
            Self::Used(1) => "not be your current password".to_owned(),
            Self::Used(n) => format!("not be one of your last {n} passwords"),
        }
    }
}

/// Every rule of `settings` that `password` does not meet, for `person`. The history is not checked here,
/// because it needs the stored hashes.
#[must_use]
pub fn unmet_rules(
    settings: &PasswordSettings,
    password: &Password,
    person: &PersonalTerms,
) -> Vec<PolicyRule> {
    let text = password.as_str();
    let length = password.characters();
    let mut unmet = Vec::new();
    let mut demand = |met: bool, rule: PolicyRule| {
        if !met {
            unmet.push(rule);
        }
    };
    demand(length >= settings.min_length as usize, PolicyRule::MinLength(settings.min_length));
    demand(length <= MAX_CHARACTERS, PolicyRule::MaxLength);
    demand(!settings.require_upper || text.chars().any(char::is_uppercase), PolicyRule::Upper);
    demand(!settings.require_lower || text.chars().any(char::is_lowercase), PolicyRule::Lower);
    demand(!settings.require_digit || text.chars().any(char::is_numeric), PolicyRule::Digit);
    demand(!settings.require_special || text.chars().any(|c| !c.is_alphanumeric()), PolicyRule::Special);
    if settings.refuse_common && length <= MAX_CHARACTERS {
        demand(!is_common(text), PolicyRule::Common);
        demand(!is_personal(text, person), PolicyRule::Personal);
    }
    unmet
}

/// Whether little remains of the password without the person's names.
fn is_personal(password: &str, person: &PersonalTerms) -> bool {
    let mut rest = fold_case(password);
    let whole = rest.len();
    for name in &person.names {
        rest = rest.replace(name.as_str(), "");
    }
    rest.len() < whole && rest.chars().count() < OWN_BEYOND_NAMES
}

/// Checks the same rules; the error lists those that are not met.
pub fn check(settings: &PasswordSettings, password: &Password, person: &PersonalTerms) -> Result<(), Error> {
    refuse(&unmet_rules(settings, password, person))
}

/// Turns unmet rules into an error that lists them.
pub(super) fn refuse(unmet: &[PolicyRule]) -> Result<(), Error> {
    if unmet.is_empty() {
        return Ok(());
    }
    let all: Vec<String> = unmet.iter().map(|rule| rule.text()).collect();
    let reason = format!("must {}", all.join(", and "));
    Err(Error::Invalid { field: "password", reason })
}

/// The rules that are shown before typing.
#[must_use]
pub fn rules(settings: &PasswordSettings) -> Vec<PolicyRule> {
    let mut rules = vec![PolicyRule::MinLength(settings.min_length)];
    for (on, rule) in [
        (settings.require_upper, PolicyRule::Upper),
        (settings.require_lower, PolicyRule::Lower),
        (settings.require_digit, PolicyRule::Digit),
        (settings.require_special, PolicyRule::Special),
        (settings.refuse_common, PolicyRule::Common),
        (settings.refuse_common, PolicyRule::Personal),
        (settings.history > 0, PolicyRule::Used(settings.history)),
    ] {
        if on {
            rules.push(rule);
        }
    }
    rules
}

#[cfg(test)]
#[path = "policy_tests.rs"]
mod tests;
