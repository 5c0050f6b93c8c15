//! Who the people of a directory are here. Kept as hashes and ids, 32 bytes for each name of a person, so that a hundred
//! thousand are a few megabytes.

use std::collections::HashMap;
use std::sync::Arc;

use aws_lc_rs::digest;
use uuid::Uuid;

use crate::idp::connections::{Jit, UserQuery};
use crate::idp::ldap::model::{LdapEntry, LdapUser};
use crate::signin::ProfileNames;

/// Somebody who may be a member of a group.
pub(super) struct SyncCandidate {
    /// The hashes of the names that lists of members have for them: their DN, their `uid`.
    name_keys: Vec<u128>,
    pub(super) subject: Option<String>,
    pub(super) email: String,
    pub(super) names: ProfileNames,
    /// Whether the connection makes a user of them.
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

/// The people of a directory who are somebody here, by their DN and by their `uid`.
#[derive(Default)]
pub(super) struct MemberIndex(HashMap<u128, Uuid>);

impl MemberIndex {
    /// The user who has this DN, or this name in a list of names.
    pub(super) fn user_id_of(&self, member: &str) -> Option<Uuid> {
        self.0.get(&name_key(member)).copied()
    }

    pub(super) fn add_all(&mut self, all: &[(&SyncCandidate, String)]) {
        for (found, user_id) in all {
            self.add(found, user_id);
        }
    }

    pub(super) fn add(&mut self, found: &SyncCandidate, user_id: &str) {
        let Ok(id) = user_id.parse() else { return };
        self.0.extend(found.name_keys.iter().map(|key| (*key, id)));
    }
}

/// DNs are compared without case, and without the spaces that some servers write after commas.
pub(super) fn name_key(dn: &str) -> u128 {
    let folded = dn.to_lowercase().replace(", ", ",");
    let hash = digest::digest(&digest::SHA256, folded.as_bytes());
    let mut first = [0; 16];
    first.copy_from_slice(&hash.as_ref()[..16]);
    u128::from_be_bytes(first)
}
