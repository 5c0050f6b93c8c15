//! An index from the directory's names of users to our user ids. It stores 32 bytes for each name, a hash
//! and an id, so that 100,000 users need a few megabytes.

use std::collections::HashMap;
use std::sync::Arc;

use aws_lc_rs::digest;
use uuid::Uuid;

use super::entry_state::reason_to_leave;
use crate::idp::connections::{Jit, UserQuery};
use crate::idp::ldap::model::{LdapEntry, LdapUser};
use crate::kernel::{Timestamp, UserId};
use crate::signin::ProfileNames;

/// A user of the directory who may be a member of groups.
pub(super) struct SyncCandidate {
    /// The hashes of the names that member lists use: the DN and the `uid`.
    name_keys: Vec<u128>,
    pub(super) subject: Option<String>,
    pub(super) email: String,
    pub(super) names: ProfileNames,
    /// Whether their account is closed, so that it is neither linked nor given a user.
    pub(super) is_closed: bool,
    /// Whether the connection creates a user for them.
    pub(super) jit_allowed: bool,
}

impl SyncCandidate {
    pub(super) fn from_entry(
        entry: LdapEntry,
        query: &Arc<UserQuery>,
        jit: &Jit,
        now: Timestamp,
    ) -> Option<Self> {
        let is_closed = reason_to_leave(&entry, now).is_some();
        let person = LdapUser { entry, query: query.clone() };
        let email = person.email()?.to_owned();
        let names = person.names();
        let subject = person.entry.stable_id();
        let called = [Some(person.entry.dn.as_str()), person.entry.first("uid")];
        let name_keys = called.into_iter().flatten().map(name_key).collect();
        let jit_allowed = jit.allows(|key| person.entry.all(key).to_vec());
        Some(Self { name_keys, subject, email, names, is_closed, jit_allowed })
    }
}

/// The users of a directory who have a user here, by DN and by `uid`.
#[derive(Default)]
pub(super) struct MemberIndex(HashMap<u128, Uuid>);

impl MemberIndex {
    /// The user with this DN or `uid`.
    pub(super) fn user_id_of(&self, member: &str) -> Option<Uuid> {
        self.0.get(&name_key(member)).copied()
    }

    pub(super) fn add_all(&mut self, all: &[(&SyncCandidate, UserId)]) {
        for (found, user_id) in all {
            self.add(found, user_id);
        }
    }

    pub(super) fn add(&mut self, found: &SyncCandidate, user_id: &UserId) {
        let Ok(id) = user_id.parse() else { return };
        self.0.extend(found.name_keys.iter().map(|key| (*key, id)));
    }
}

/// The key of a user query: a hash of its base DN and filter.
pub(super) fn query_key(query: &UserQuery) -> String {
    format!("{:032x}", name_key(&format!("{}\n{}", query.base_dn.trim(), query.filter.trim())))
}

/// The hash of a DN or `uid`. Case is ignored, and so are the spaces that some servers write after commas.
pub(super) fn name_key(dn: &str) -> u128 {
    let folded = dn.to_lowercase().replace(", ", ",");
    let hash = digest::digest(&digest::SHA256, folded.as_bytes());
    let mut first = [0; 16];
    first.copy_from_slice(&hash.as_ref()[..16]);
    u128::from_be_bytes(first)
}
