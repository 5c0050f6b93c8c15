//! Validation of a connection's name and email domains.

use crate::directory::{Error, check_name, fold_case, is_domain};

pub(super) fn check_connection_name(name: &str) -> Result<(), Error> {
    check_name("name", name, 64)?;
    if name.chars().all(|c| c.is_alphanumeric() || "_-. ".contains(c)) {
        return Ok(());
    }
    let reason = "can contain only letters, digits, spaces, underscores, hyphens and periods".to_owned();
    Err(Error::Invalid { field: "name", reason })
}

pub(super) fn check_domains(domains: &[String]) -> Result<Vec<String>, Error> {
    let mut folded: Vec<String> = domains.iter().map(|d| fold_case(d.trim_start_matches('@'))).collect();
    folded.sort();
    folded.dedup();
    if folded.len() > 100 || folded.iter().any(|d| !is_domain(d)) {
        let reason = "must contain only domains such as example.com, at most 100".to_owned();
        return Err(Error::Invalid { field: "email_domains", reason });
    }
    Ok(folded)
}
