//! Finding a user in the directory, and the user's groups.

use std::collections::HashSet;
use std::sync::Arc;

use ldap3::ldap_escape;

use super::error::Error;
use super::model::{LdapUser, UserSearch};
use super::pool::{LdapConn, LdapPool};
use super::search::{LdapSearchRequest, search_up_to};
use crate::kernel::Kernel;

/// The limit on groups that are read for one user.
const MAX_GROUPS: u16 = 5_000;
/// The matching rule for nested groups (MS-ADTS §3.1.1.3.4.4).
const IN_CHAIN: &str = "1.2.840.113556.1.4.1941";
/// The only user with this email address or username; [`Error::Ambiguous`] if there are several.
pub(super) async fn find_user(
    kernel: &Kernel,
    pool: &Arc<LdapPool>,
    conn: &mut LdapConn,
    identifier: &str,
) -> Result<Option<LdapUser>, Error> {
    // Directories ignore control characters in comparisons (RFC 4518 §2.2), so an identifier with them
    // could match another user's name.
    if identifier.contains(char::is_control) {
        return Ok(None);
    }
    let name = ldap_escape(identifier.trim());
    let mut found: Vec<LdapUser> = Vec::new();
    for UserSearch { query, attributes } in &pool.user_searches {
        let email = &query.email_attribute;
        let called = match (identifier.contains('@'), conn.is_active_directory) {
            (true, true) => format!("(|({email}={name})(userPrincipalName={name}))"),
            (true, false) => format!("({email}={name})"),
            (false, true) => format!("(sAMAccountName={name})"),
            (false, false) => format!("(uid={name})"),
        };
        let filter = format!("(&{}{called})", query.filter);
        let request = LdapSearchRequest::below(&query.base_dn, &filter, attributes);
        for entry in search_up_to(kernel, pool, conn, request, 3).await? {
            if found.iter().all(|known| !known.entry.dn.eq_ignore_ascii_case(&entry.dn)) {
                found.push(LdapUser { entry, query: query.clone() });
            }
        }
    }
    if found.len() > 1 {
        return Err(Error::Ambiguous);
    }
    Ok(found.pop())
}

/// The user's groups, each by DN and by name, because a link may use either.
pub(super) async fn find_groups(
    kernel: &Kernel,
    pool: &Arc<LdapPool>,
    conn: &mut LdapConn,
    person: &LdapUser,
) -> Result<Vec<String>, Error> {
    let settings = &pool.connection.settings;
    let dn = ldap_escape(person.entry.dn.as_str()).into_owned();
    let direct = person.entry.fetch_all_values(conn, pool, &person.query.member_of_attribute).await?;
    let mut names: HashSet<String> = HashSet::new();
    if settings.nested && conn.is_active_directory {
        add_matching_groups(kernel, pool, conn, &format!("(member:{IN_CHAIN}:={dn})"), &mut names).await?;
    } else if direct.is_empty() {
        // Without a member-of attribute at the user, membership is found at the groups.
        let uid = person.entry.first("uid").map(|uid| format!("(memberUid={})", ldap_escape(uid)));
        let filter = format!("(|(member={dn})(uniqueMember={dn}){})", uid.unwrap_or_default());
        add_matching_groups(kernel, pool, conn, &filter, &mut names).await?;
    }
    for dn in direct {
        add_group(&mut names, &dn, None);
    }
    if settings.nested && !conn.is_active_directory {
        // Without the matching rule, the groups that contain the groups found so far are searched until
        // there are no new ones.
        let mut walked: HashSet<String> = HashSet::new();
        loop {
            let is_new = |dn: &&String| dn.contains('=') && !walked.contains(*dn);
            let next: Vec<String> = names.iter().filter(is_new).take(50).cloned().collect();
            if next.is_empty() || names.len() > MAX_GROUPS.into() {
                break;
            }
            let inner = |dn: &String| {
                let dn = ldap_escape(dn.as_str());
                format!("(member={dn})(uniqueMember={dn})")
            };
            let filter = format!("(|{})", next.iter().map(inner).collect::<String>());
            walked.extend(next);
            add_matching_groups(kernel, pool, conn, &filter, &mut names).await?;
        }
    }
    Ok(names.into_iter().collect())
}

/// Adds the groups of the group queries that match `filter`.
async fn add_matching_groups(
    kernel: &Kernel,
    pool: &Arc<LdapPool>,
    conn: &mut LdapConn,
    filter: &str,
    names: &mut HashSet<String>,
) -> Result<(), Error> {
    for query in &pool.connection.settings.group_queries {
        let filter = format!("(&{}{filter})", query.filter);
        let wanted = [query.name_attribute.clone()].into();
        let request = LdapSearchRequest::below(&query.base_dn, &filter, &wanted);
        for group in search_up_to(kernel, pool, conn, request, MAX_GROUPS).await? {
            add_group(names, &group.dn, group.first(&query.name_attribute));
        }
    }
    Ok(())
}

fn add_group(names: &mut HashSet<String>, dn: &str, name: Option<&str>) {
    let first = dn.split(',').next().and_then(|part| part.split_once('=')).map(|(_, value)| value.trim());
    names.extend(name.or(first).map(str::to_owned));
    names.insert(dn.to_owned());
}
