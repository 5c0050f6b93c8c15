//! Which sign-in methods the users of an account may use: rules for everyone, for email domains and for
//! groups.

use std::collections::HashSet;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use utoipa::ToSchema;

use super::domain_syntax::is_domain;
use crate::directory::{Error, fold_case};

/// The name of the setting in the API.
pub(super) const NAME: &str = "sign_in_rules";
/// The limit on connections in one rule.
const MAX_CONNECTIONS: usize = 50;

/// A rule about sign-in methods. A rule with neither `domain` nor `group` applies to everyone. For a user, the
/// rules of their groups come before the rule of their email domain, and that one before the rule for
/// everyone. A user in several groups with rules may use only what all of these rules allow.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SignInRule {
    /// The email domain whose users the rule applies to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub domain: Option<String>,
    /// The ID of the group whose members the rule applies to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub group: Option<String>,
    /// Whether they may sign in with a password that is stored here.
    pub password: bool,
    /// Whether they may sign in with a passkey alone.
    pub passkey: bool,
    /// The IDs of the connections that they may sign in with; `null` for all.
    #[serde(default)]
    pub connections: Option<Vec<String>>,
}

/// Normalizes the rules, or refuses them. Whether groups and connections exist is left to the caller.
pub(super) fn checked(value: Value, max: usize) -> Result<Value, Error> {
    let invalid = |reason: String| Error::Invalid { field: NAME, reason };
    let mut rules: Vec<SignInRule> = serde_json::from_value(value)
        .map_err(|error| invalid(format!("must be a list of rules: {error}")))?;
    if rules.len() > max {
        return Err(invalid(format!("must have at most {max} rules")));
    }
    let mut known = HashSet::new();
    for rule in &mut rules {
        if let Some(domain) = &mut rule.domain {
            *domain = fold_case(domain.trim_start_matches('@'));
            if !is_domain(domain) || rule.group.is_some() {
                let reason = "must name a domain such as example.com, or a group, or neither in each rule";
                return Err(invalid(reason.to_owned()));
            }
        }
        if !known.insert((rule.domain.clone(), rule.group.clone())) {
            return Err(invalid("must have at most one rule for each domain and group".to_owned()));
        }
        if let Some(ids) = &mut rule.connections {
            ids.sort();
            ids.dedup();
            if ids.len() > MAX_CONNECTIONS {
                return Err(invalid(format!("must have at most {MAX_CONNECTIONS} connections in a rule")));
            }
        }
    }
    Ok(json!(rules))
}

#[cfg(test)]
#[path = "sign_in_rules_tests.rs"]
mod tests;
