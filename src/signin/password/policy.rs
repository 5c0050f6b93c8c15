//! What a password must be, as a pure function: settings, password and person in, unmet rules out.
//! Sign-up, reset, change and an administrator's choice all ask here.

use super::common_passwords::is_common;
use super::plaintext::{MAX_CHARACTERS, Password};
use crate::directory::accounts::PasswordSettings;
use crate::directory::users::{Profile, User};
use crate::directory::{Error, fold_case};

/// What remains of a password without the person's own names must have this many characters.
const OWN_BEYOND_NAMES: usize = 8;

/// Whose password it is going to be: names that it must not be made of.
#[derive(Debug, Clone, Default)]
pub struct PersonalTerms {
    names: Vec<String>,
}

impl PersonalTerms {
    /// From anything that names the person: user name, address, given and family name.
    #[must_use]
    pub fn new(names: &[&str]) -> Self {
        let mut parts: Vec<String> = names
            .iter()
            // Of an address the part before the @ is the person's own.
            .map(|name| name.rsplit_once('@').map_or(*name, |(local, _)| local))
            .flat_map(|name| {
                let split = name.split(|c: char| !c.is_alphanumeric()).map(fold_case).collect::<Vec<_>>();
                split.into_iter().chain([fold_case(name)])
            })
            .filter(|part| part.chars().count() >= 3)
            .collect();
        // The longest first, so that a whole name goes before its parts.
        parts.sort_by(|a, b| b.len().cmp(&a.len()).then(a.cmp(b)));
        parts.dedup();
        Self { names: parts }
    }

    /// The names in the form they are looked for.
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

/// A rule that a password does not meet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PolicyRule {
    /// Too short; the least number of characters.
    MinLength(u32),
    /// Longer than any password may be.
    MaxLength,
    /// No upper-case letter.
    Upper,
    /// No lower-case letter.
    Lower,
    /// No digit.
    Digit,
    /// Nothing that is neither letter nor digit.
    Special,
    /// Among the most used passwords.
    Common,
    /// Made of the person's own name or address.
    Personal,
    /// Used before; how many are remembered.
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

    /// What to do about it, as the end of "The password must …".
    #[must_use]
    pub fn text(self) -> String {
        match self {
            Self::MinLength(least) => format!("have at least {least} characters"),
            Self::MaxLength => format!("have at most {MAX_CHARACTERS} characters"),
            Self::Upper => "have an upper-case letter".to_owned(),
            Self::Lower => "have a lower-case letter".to_owned(),
            Self::Digit => "have a digit".to_owned(),
            Self::Special => "have a character that is neither letter nor digit".to_owned(),
            Self::Common => "not be one of the passwords that many people use".to_owned(),
            Self::Personal => "not be made of your own name or address".to_owned(),
            Self::Used(1) => "not be your present one".to_owned(),
            Self::Used(n) => format!("not be one of your last {n}"),
        }
    }
}

/// Every rule of `settings` that `password` does not meet, for `person`. The history is not here: it
/// needs the stored hashes.
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

/// The same as a refusal in words.
pub fn check(settings: &PasswordSettings, password: &Password, person: &PersonalTerms) -> Result<(), Error> {
    refuse(&unmet_rules(settings, password, person))
}

/// Turns unmet rules into words; none is fine.
pub(super) fn refuse(unmet: &[PolicyRule]) -> Result<(), Error> {
    if unmet.is_empty() {
        return Ok(());
    }
    let all: Vec<String> = unmet.iter().map(|rule| rule.text()).collect();
    let reason = format!("must {}", all.join(", and "));
    Err(Error::Invalid { field: "password", reason })
}

/// The rules as a person reads them before typing.
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
