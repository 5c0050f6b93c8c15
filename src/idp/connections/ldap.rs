//! The settings of an LDAP connection.

use serde::{Deserialize, Serialize};
use url::Url;
use utoipa::ToSchema;

use super::attribute_mapping::{Jit, normalize_line};
use crate::directory::Error;
use crate::idp::ldap::sync::Schedule;

/// How a directory is searched. The password of the bind DN is stored separately, see [`super::secret`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
#[expect(clippy::struct_excessive_bools, reason = "each is a switch of its own")]
pub struct LdapSettings {
    /// The name on the sign-in page, if it differs from the connection's name.
    pub display_name: Option<String>,
    /// Its servers, `ldaps://host:636` or `ldap://host:389`. When one does not answer, the next is tried.
    pub urls: Vec<String>,
    /// Whether `ldap://` connections are upgraded with StartTLS before anything else is sent (RFC 4511
    /// §4.14).
    pub start_tls: bool,
    /// The certificate authorities trusted for the servers, PEM; the system's if not set.
    pub ca_certificate: Option<String>,
    /// Whether referrals to other servers are followed.
    pub referrals: bool,
    /// How many referrals in a row are followed.
    pub max_hops: u32,
    /// The time limit for connecting to a server, in milliseconds.
    pub connect_timeout_ms: u64,
    /// The time limit for each response, in milliseconds.
    pub response_timeout_ms: u64,
    /// The DN that searches are bound as; empty for anonymous searches.
    pub bind_dn: String,
    /// Whether members of nested groups count as members.
    pub nested: bool,
    /// The queries for users.
    pub user_queries: Vec<UserQuery>,
    /// The queries for groups.
    pub group_queries: Vec<GroupQuery>,
    /// Whether a sign-in leaves the names of an existing user unchanged.
    pub keep_names: bool,
    /// Whether unknown users are created at their first sign-in. The key names an attribute of the entry.
    pub jit: Jit,
    /// Whether linked groups follow the directory's groups.
    pub group_sync: bool,
    /// When the directory is synchronised: a Quartz cron expression in UTC.
    pub schedule: String,
}

impl Default for LdapSettings {
    fn default() -> Self {
        Self {
            display_name: None,
            urls: Vec::new(),
            start_tls: false,
            ca_certificate: None,
            referrals: false,
            max_hops: 5,
            connect_timeout_ms: 5_000,
            response_timeout_ms: 10_000,
            bind_dn: String::new(),
            nested: false,
            user_queries: Vec::new(),
            group_queries: Vec::new(),
            keep_names: false,
            jit: Jit::default(),
            group_sync: false,
            schedule: "0 0 * * * ?".to_owned(),
        }
    }
}

/// A search for users in an LDAP directory, and the attributes to read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct UserQuery {
    /// The base DN of the search.
    pub base_dn: String,
    /// The search filter (RFC 4515).
    #[serde(default = "any_person")]
    pub filter: String,
    /// The attribute with the display name.
    #[serde(default = "cn")]
    pub name_attribute: String,
    /// The attribute with the email address.
    #[serde(default = "mail")]
    pub email_attribute: String,
    /// The attribute with the user's groups.
    #[serde(default = "member_of")]
    pub member_of_attribute: String,
}

/// A search for groups in an LDAP directory, and the attributes to read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct GroupQuery {
    /// The base DN of the search.
    pub base_dn: String,
    /// The search filter (RFC 4515).
    #[serde(default = "any_group")]
    pub filter: String,
    /// The attribute with the name.
    #[serde(default = "cn")]
    pub name_attribute: String,
    /// The attribute with the description.
    #[serde(default = "description")]
    pub description_attribute: String,
}

impl UserQuery {
    /// The default query below `base_dn`.
    #[must_use]
    pub fn below(base_dn: String) -> Self {
        Self {
            base_dn,
            filter: any_person(),
            name_attribute: cn(),
            email_attribute: mail(),
            member_of_attribute: member_of(),
        }
    }
}

impl GroupQuery {
    /// The default query below `base_dn`.
    #[must_use]
    pub fn below(base_dn: String) -> Self {
        Self { base_dn, filter: any_group(), name_attribute: cn(), description_attribute: description() }
    }
}

fn any_person() -> String {
    "(objectClass=person)".to_owned()
}

fn any_group() -> String {
    "(|(objectClass=group)(objectClass=groupOfNames)(objectClass=groupOfUniqueNames))".to_owned()
}

fn cn() -> String {
    "cn".to_owned()
}

fn mail() -> String {
    "mail".to_owned()
}

fn member_of() -> String {
    "memberOf".to_owned()
}

fn description() -> String {
    "description".to_owned()
}

/// Whether this is the name of an attribute (RFC 4512 §2.5).
fn is_attribute(text: &str) -> bool {
    !text.is_empty()
        && text.len() <= 128
        && text.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '.' | ';'))
}

impl LdapSettings {
    /// Whether the directory is synchronised. Users who have left are looked for also without group sync, unless
    /// searches are anonymous: what those find is often only a part.
    #[must_use]
    pub fn is_synced(&self) -> bool {
        self.group_sync || !self.bind_dn.is_empty()
    }

    /// Whether a successful test of `other` also holds for these settings.
    #[must_use]
    pub fn has_same_trust_as(&self, other: &Self) -> bool {
        let relevant = |s: &Self| {
            (
                (s.urls.clone(), s.start_tls, s.ca_certificate.clone(), s.referrals, s.bind_dn.clone()),
                (s.user_queries.clone(), s.group_queries.clone()),
            )
        };
        relevant(self) == relevant(other)
    }

    /// Validates and normalizes the settings.
    pub fn checked(mut self) -> Result<Self, Error> {
        let invalid = |field, reason: &str| Err(Error::Invalid { field, reason: reason.to_owned() });
        let fits = |text: &String| {
            Url::parse(text).is_ok_and(|url| {
                matches!(url.scheme(), "ldap" | "ldaps")
                    && url.host_str().is_some_and(|host| !host.is_empty())
                    && url.username().is_empty()
                    && matches!(url.path(), "" | "/")
            })
        };
        if self.urls.is_empty() || self.urls.len() > 10 || !self.urls.iter().all(fits) {
            return invalid("url", "must be 1 to 10 server URLs such as ldaps://dc1.example.com");
        }
        if !(100..=60_000).contains(&self.connect_timeout_ms) {
            return invalid("connect_timeout_ms", "must be between 100 and 60000");
        }
        if !(100..=300_000).contains(&self.response_timeout_ms) {
            return invalid("response_timeout_ms", "must be between 100 and 300000");
        }
        if !(1..=20).contains(&self.max_hops) {
            return invalid("max_hops", "must be between 1 and 20");
        }
        if self.user_queries.is_empty() || self.user_queries.len() > 20 {
            return invalid("user_queries", "must contain 1 to 20 user searches");
        }
        if self.group_queries.len() > 20 {
            return invalid("group_queries", "must contain at most 20 group searches");
        }
        for query in &self.user_queries {
            let names = [&query.name_attribute, &query.email_attribute, &query.member_of_attribute];
            check_query("user_queries", &query.base_dn, &query.filter, names)?;
        }
        for query in &self.group_queries {
            let names = [&query.name_attribute, &query.name_attribute, &query.description_attribute];
            check_query("group_queries", &query.base_dn, &query.filter, names)?;
        }
        if self.group_sync && self.group_queries.is_empty() {
            return invalid("group_queries", "must contain a group search when group sync is enabled");
        }
        self.jit.check()?;
        if self.bind_dn.len() > 1024 {
            return invalid("bind_dn", "must be at most 1024 characters");
        }
        Schedule::parse(&self.schedule)?;
        normalize_line("display_name", &mut self.display_name)?;
        Ok(self)
    }
}

fn check_query(field: &'static str, base_dn: &str, filter: &str, names: [&String; 3]) -> Result<(), Error> {
    let invalid = |reason: String| Err(Error::Invalid { field, reason });
    if base_dn.trim().is_empty() || base_dn.len() > 1024 || !base_dn.contains('=') {
        let reason = "contains an invalid base DN; enter one such as OU=People,DC=example,DC=com";
        return invalid(reason.to_owned());
    }
    if filter.len() > 4096 || ldap3::parse_filter(filter).is_err() {
        return invalid(format!("contains an invalid filter: {filter}"));
    }
    if let Some(name) = names.into_iter().find(|name| !is_attribute(name)) {
        return invalid(format!("contains an invalid attribute name: {name}"));
    }
    Ok(())
}
