//! Validation of a connection's name and email domains.

use std::collections::BTreeSet;

use crate::directory::domains::{Domain, DomainName};
use crate::directory::{Error, check_name};

pub(super) fn check_connection_name(name: &str) -> Result<(), Error> {
    check_name("name", name, 64)?;
    if name.chars().all(|c| c.is_alphanumeric() || "_-. ".contains(c)) {
        return Ok(());
    }
    let reason = "can contain only letters, digits, spaces, underscores, hyphens and periods".to_owned();
    Err(Error::Invalid { field: "name", reason })
}

/// Reads a list of domains. `listed` are those that the connection has already: what was accepted by an earlier version
/// does not stand in the way of other changes.
pub(super) fn check_domains(domains: &[String], listed: &[Domain]) -> Result<BTreeSet<DomainName>, Error> {
    const FIELD: &str = "email_domains";
    if domains.len() > 100 {
        let reason = "must contain at most 100 domains".to_owned();
        return Err(Error::Invalid { field: FIELD, reason });
    }
    let read = |text: &String| {
        let kept = listed.iter().find(|known| known.domain == *text).map(Domain::name);
        kept.map_or_else(|| DomainName::parse(FIELD, text), Ok)
    };
    domains.iter().map(read).collect()
}
