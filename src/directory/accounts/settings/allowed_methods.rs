//! The sign-in methods that the rules allow for a user.

use std::collections::HashSet;

use super::declaration::AuthenticationSettings;
use super::sign_in_rules::SignInRule;

/// The sign-in methods that a user may use.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AllowedMethods {
    /// A password that is stored here.
    pub password: bool,
    /// A passkey alone.
    pub passkey: bool,
    /// The ids of connections; `None` for all.
    connections: Option<HashSet<String>>,
}

impl AllowedMethods {
    /// Whether the user may sign in with this connection.
    #[must_use]
    pub fn permits_connection(&self, id: &str) -> bool {
        self.connections.as_ref().is_none_or(|allowed| allowed.contains(id))
    }

    /// What both allow.
    fn and(self, other: Self) -> Self {
        let connections = match (self.connections, other.connections) {
            (Some(one), Some(other)) => Some(one.intersection(&other).cloned().collect()),
            (one, other) => one.or(other),
        };
        Self {
            password: self.password && other.password,
            passkey: self.passkey && other.passkey,
            connections,
        }
    }
}

impl SignInRule {
    fn methods(&self) -> AllowedMethods {
        let connections = self.connections.as_ref().map(|ids| ids.iter().cloned().collect());
        AllowedMethods { password: self.password, passkey: self.passkey, connections }
    }

    fn is_for_everyone(&self) -> bool {
        self.domain.is_none() && self.group.is_none()
    }
}

impl AuthenticationSettings {
    /// Whether any rule is about a group.
    #[must_use]
    pub fn has_group_rules(&self) -> bool {
        self.sign_in_rules.iter().any(|rule| rule.group.is_some())
    }

    /// The methods for a user with an address in `domain` (folded) who is in these groups.
    #[must_use]
    pub fn allowed_methods(&self, domain: &str, groups: &[String]) -> AllowedMethods {
        let rules = || self.sign_in_rules.iter();
        let is_member = |rule: &&SignInRule| rule.group.as_ref().is_some_and(|id| groups.contains(id));
        let of_groups = rules().filter(is_member).map(SignInRule::methods).reduce(AllowedMethods::and);
        let of_domain = || rules().find(|rule| rule.domain.as_deref() == Some(domain));
        let of_everyone = || rules().find(|rule| rule.is_for_everyone());
        of_groups
            .or_else(|| of_domain().or_else(of_everyone).map(SignInRule::methods))
            .unwrap_or(AllowedMethods { password: true, passkey: true, connections: None })
    }

    /// Whether anyone with an address in `domain` (folded) may sign in with this connection. The groups of a user come
    /// before the domain, so a connection that any group may use counts as well. No user is looked up: the answer
    /// is the same whether one with this address exists or not.
    #[must_use]
    pub fn may_permit_connection(&self, domain: &str, id: &str) -> bool {
        let by_group = self.sign_in_rules.iter().filter(|rule| rule.group.is_some()).map(SignInRule::methods);
        by_group.chain([self.allowed_methods(domain, &[])]).any(|allowed| allowed.permits_connection(id))
    }
}

#[cfg(test)]
#[path = "allowed_methods_tests.rs"]
mod tests;
