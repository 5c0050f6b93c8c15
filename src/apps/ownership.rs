//! Who owns a host name. The account that has verified the nearest domain at or above it decides about it, whichever
//! application was registered first. This is looked up with each use, so that no registration can precede it.

use std::collections::{HashMap, HashSet};

use super::host::{domains_above, hostname_of};
use super::model::Application;
use crate::directory::domains;
use crate::kernel::AccountId;
use crate::kernel::database::DbConn;

/// The accounts that have verified the domains of some hosts.
pub(super) struct DomainOwners(HashMap<String, AccountId>);

impl DomainOwners {
    /// Looks up the domains of these hosts.
    pub(super) async fn load<'h>(
        c: &mut DbConn,
        hosts: impl Iterator<Item = &'h str>,
    ) -> Result<Self, sqlx::Error> {
        let names: HashSet<&str> = hosts.flat_map(|host| domains_above(hostname_of(host))).collect();
        if names.is_empty() {
            return Ok(Self(HashMap::new()));
        }
        let names: Vec<String> = names.into_iter().map(str::to_owned).collect();
        domains::accounts_of(c, &names).await.map(Self)
    }

    /// The account of the nearest domain that is verified.
    pub(super) fn of(&self, host: &str) -> Option<&AccountId> {
        domains_above(hostname_of(host)).find_map(|name| self.0.get(name))
    }
}

/// Takes the hosts that are in a domain of another account from what the applications answer for.
pub(super) async fn withhold_foreign_hosts(
    c: &mut DbConn,
    apps: &mut [Application],
) -> Result<(), sqlx::Error> {
    let hosts = apps.iter().flat_map(|app| &app.hosts).map(String::as_str);
    let owners = DomainOwners::load(c, hosts).await?;
    for app in apps {
        let is_ours = |host: &String| owners.of(host).is_none_or(|owner| *owner == app.account_id);
        let (ours, foreign) = std::mem::take(&mut app.hosts).into_iter().partition(is_ours);
        app.hosts = ours;
        app.ineffective_hosts.extend::<Vec<String>>(foreign);
        app.ineffective_hosts.sort_unstable();
    }
    Ok(())
}
