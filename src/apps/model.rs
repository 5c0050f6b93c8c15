//! The data of a registered application.

use crate::directory::Error;
use crate::kernel::text_enum::text_enum;
use crate::kernel::urls::Urls;
use crate::kernel::{AccountId, Timestamp};

text_enum! {
    /// How an application learns which user sent a request.
    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    pub enum ApplicationKind {
        /// The reverse proxy before it asks for each request.
        ForwardAuth = "forward_auth",
    }
}

/// A registered application of an account.
#[derive(Debug, Clone)]
pub struct Application {
    /// Its id.
    pub id: String,
    /// The account whose users have access. Users of other accounts never have.
    pub account_id: AccountId,
    /// Its kind.
    pub kind: ApplicationKind,
    /// Its name.
    pub name: String,
    /// The hosts that it answers for, each with its port if that is not the default.
    pub hosts: Vec<String>,
    /// Hosts that it was registered with and that are in a domain that another account has verified since.
    pub ineffective_hosts: Vec<String>,
    /// The ids of the groups whose members have access; all users of the account if absent.
    pub groups: Option<Vec<String>>,
    /// Whether tokens that were made for it count.
    pub allow_tokens: bool,
    /// When it was registered.
    pub created_at: Timestamp,
    /// When it was last changed.
    pub updated_at: Timestamp,
}

impl Application {
    /// The first of the hosts that it answers for.
    #[must_use]
    pub fn first_host(&self) -> &str {
        self.hosts.first().map_or("", String::as_str)
    }

    /// All hosts that it is registered with.
    #[must_use]
    pub fn registered_hosts(&self) -> Vec<String> {
        let mut all: Vec<String> = self.hosts.iter().chain(&self.ineffective_hosts).cloned().collect();
        all.sort_unstable();
        all
    }

    /// The URL that its reverse proxy requests.
    #[must_use]
    pub fn forward_auth_url(&self, urls: &Urls) -> String {
        urls.absolute(&format!("/forward-auth/{}", self.id))
    }
}

/// The parameters of a new application.
#[derive(Debug, Clone)]
pub struct NewApplication {
    /// Its kind.
    pub kind: ApplicationKind,
    /// Its name.
    pub name: String,
    /// Its hosts, as they were typed.
    pub hosts: Vec<String>,
    /// The ids of the groups whose members have access; all users of the account if absent.
    pub groups: Option<Vec<String>>,
    /// Whether tokens that are made for it count.
    pub allow_tokens: bool,
}

/// What changes in an application. Absent members stay as they are.
#[derive(Debug, Clone, Default)]
pub struct ApplicationUpdate {
    /// The new name.
    pub name: Option<String>,
    /// All of its hosts from now on.
    pub hosts: Option<Vec<String>>,
    /// The groups from now on; `Some(None)` gives access to all users of the account.
    pub groups: Option<Option<Vec<String>>>,
    /// Whether tokens count from now on.
    pub allow_tokens: Option<bool>,
}

/// The largest number of hosts of an application.
const MAX_HOSTS: usize = 50;
/// The largest number of groups of an application.
const MAX_GROUPS: usize = 200;

pub(super) fn check_counts(hosts: &[String], groups: Option<&[String]>) -> Result<(), Error> {
    let invalid = |field, reason: &str| Err(Error::Invalid { field, reason: reason.to_owned() });
    if hosts.is_empty() {
        return invalid("hosts", "must name at least one host, such as app.example.com");
    }
    if hosts.len() > MAX_HOSTS {
        return invalid("hosts", "must name at most 50 hosts");
    }
    match groups {
        // An empty list could mean all users or none, so it is refused.
        Some([]) => invalid(
            "groups",
            "must name at least one group; leave it out if all users of the account have access",
        ),
        Some(groups) if groups.len() > MAX_GROUPS => invalid("groups", "must name at most 200 groups"),
        _ => Ok(()),
    }
}
