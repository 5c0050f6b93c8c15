//! An index from the directory's names of users to our user ids. It stores 32 bytes for each name, a hash
//! and an id, so that 100,000 users need a few megabytes.

use std::collections::HashMap;
use std::sync::Arc;

use aws_lc_rs::digest;
use uuid::Uuid;

use crate::idp::connections::{Jit, UserQuery};
use crate::idp::ldap::model::{LdapEntry, LdapUser};
use crate::kernel::UserId;
use crate::signin::ProfileNames;

/// A user of the directory who may be a member of groups.
pub(super) struct SyncCandidate {
    /// The hashes of the names that member lists use: the DN and the `uid`.
    name_keys: Vec<u128>,
    pub(super) subject: Option<String>,
    pub(super) email: String,
    pub(super) names: ProfileNames,
    /// Whether the connection creates a user for them.
    pub(super) jit_allowed: bool,
}

impl SyncCandidate {
    pub(super) fn from_entry(entry: LdapEntry, query: &Arc<UserQuery>, jit: &Jit) -> Option<Self> {
        let person = LdapUser { entry, query: query.clone() };
        let email = person.email()?.to_owned();
        let names = person.names();
        let subject = person.entry.stable_id();
        let called = [Some(person.entry.dn.as_str()), person.entry.first("uid")];
        let name_keys = called.into_iter().flatten().map(name_key).collect();
        let jit_allowed = jit.allows(|key| person.entry.all(key).to_vec());
        Some(Self { name_keys, subject, email, names, jit_allowed })
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

/// The hash of a DN or `uid`. Case is ignored, and so are the spaces that some servers write after commas.
pub(super) fn name_key(dn: &str) -> u128 {
    let folded = dn.to_lowercase().replace(", ", ",");
    let hash = digest::digest(&digest::SHA256, folded.as_bytes());
    let mut first = [0; 16];
    first.copy_from_slice(&hash.as_ref()[..16]);
    u128::from_be_bytes(first)
}
