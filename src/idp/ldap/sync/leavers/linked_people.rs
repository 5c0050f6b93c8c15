//! The users who are linked to a directory, each with all their subjects there.

use std::collections::HashMap;

use super::store::{DirectorySubjectRow, NotedLeaver};
use crate::idp::ldap::sync::entry_state::{EntryState, LeaverReason};
use crate::idp::ldap::sync::member_index::name_key;
use crate::kernel::UserId;

/// A user with the subjects of the directory that are linked to them.
pub(super) struct LinkedPerson {
    pub(super) user_id: UserId,
    pub(super) active: bool,
    pub(super) has_role: bool,
    /// Whether another directory or a SCIM connection manages the user.
    pub(super) is_managed_elsewhere: bool,
    /// What a sync has noted about the user before.
    pub(super) noted: Option<NotedLeaver>,
    pub(super) subjects: Vec<DirectorySubject>,
}

/// A user who has left.
pub(super) struct Leaver<'a> {
    pub(super) person: &'a LinkedPerson,
    pub(super) reason: LeaverReason,
}

/// A subject of the directory.
pub(super) struct DirectorySubject {
    /// The [`name_key`] of the subject.
    pub(super) key: u128,
    pub(super) subject: String,
    /// The user query that found it last, if that is known.
    pub(super) query_key: Option<String>,
    /// Whether the link has ended.
    pub(super) ended: bool,
}

impl LinkedPerson {
    /// Why the user leaves; `None` as long as one of their entries is there and open.
    pub(super) fn reason_to_leave(&self, states: &HashMap<u128, EntryState>) -> Option<LeaverReason> {
        let mut closed = None;
        for subject in &self.subjects {
            match states.get(&subject.key).map(|state| state.reason) {
                Some(None) => return None,
                Some(Some(reason)) => closed = Some(reason),
                None => {}
            }
        }
        Some(closed.unwrap_or(LeaverReason::Missing))
    }

    /// Whether an earlier sync has done all there is to do: the links have ended and the user is managed elsewhere.
    pub(super) fn has_ended_links(&self) -> bool {
        !self.has_role && self.is_managed_elsewhere && self.subjects.iter().all(|subject| subject.ended)
    }
}

/// The rows come in the order of users.
pub(super) fn group_by_user(rows: Vec<DirectorySubjectRow>) -> Vec<LinkedPerson> {
    let mut people: Vec<LinkedPerson> = Vec::new();
    for row in rows {
        let noted = row.noted();
        let subject = DirectorySubject {
            key: name_key(&row.subject),
            subject: row.subject,
            query_key: row.query_key,
            ended: row.ended_at.is_some(),
        };
        match people.last_mut() {
            Some(last) if last.user_id == row.user_id => last.subjects.push(subject),
            _ => people.push(LinkedPerson {
                user_id: row.user_id,
                active: row.active != 0,
                has_role: row.roles > 0,
                is_managed_elsewhere: row.manager_id.is_some() || row.other_directories > 0,
                noted,
                subjects: vec![subject],
            }),
        }
    }
    people
}
