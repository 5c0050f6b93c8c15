//! A sync run and its report.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::kernel::{GroupId, Timestamp, UserId};

/// The limit on groups that a report names. Its counters include all groups.
pub(super) const MAX_LISTED: usize = 200;

/// The options of a group sync.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
#[schema(as = Wanted)]
pub struct SyncOptions {
    /// Only preview the changes, without applying them.
    pub preview: bool,
    /// Remove all synced members of groups that are empty or missing in the directory, and deactivate the users who have
    /// left, however many there are and even if a user search finds none of them any more. By default, these groups and
    /// searches are held, and no users are deactivated if there are too many at once.
    pub allow_empty: bool,
}

/// A sync run as stored.
#[derive(Debug, Clone, sqlx::FromRow)]
pub struct SyncRun {
    /// Its id.
    pub id: String,
    /// `running`, `done` or `failed`.
    pub status: String,
    report: String,
    /// When it started.
    pub started_at: Timestamp,
    /// When it ended.
    pub ended_at: Option<Timestamp>,
}

impl SyncRun {
    /// The report so far.
    #[must_use]
    pub fn report(&self) -> SyncReport {
        serde_json::from_str(&self.report).unwrap_or_else(|_| SyncReport {
            error: Some("This version of the server cannot read the report of this sync run.".to_owned()),
            ..SyncReport::default()
        })
    }

    /// Whether it is still running.
    #[must_use]
    pub fn is_running(&self) -> bool {
        self.status == "running"
    }
}

/// The results of a group sync.
#[derive(Debug, Clone, Default, Serialize, Deserialize, ToSchema)]
#[serde(default)]
#[schema(as = Report)]
pub struct SyncReport {
    /// Whether it is a preview, which changes nothing.
    pub preview: bool,
    /// The number of linked groups.
    pub linked: u64,
    /// The number of linked groups that have been checked.
    pub looked_at: u64,
    /// The number of groups that had not changed since the last sync and were not read again.
    pub unchanged: u64,
    /// The number of users that were read from the directory.
    pub people: u64,
    /// The number of users that were created.
    pub created: u64,
    /// The number of directory users without a matching user.
    pub unknown: u64,
    /// The number of members that were added to groups.
    pub added: u64,
    /// The number of members that were removed from groups.
    pub removed: u64,
    /// The number of users who were deactivated because they are missing, disabled, locked or expired in the directory.
    pub deactivated: u64,
    /// The number of users who were activated again because they are back.
    pub reactivated: u64,
    /// The number of users who are missing or disabled in the directory and stay active, because another directory or a
    /// SCIM connection manages them. Their link to this directory and its sessions have ended.
    pub links_ended: u64,
    /// The users who have left, at most 200.
    pub leavers: Vec<DirectoryLeaver>,
    /// Why no users were deactivated, although users are missing or disabled in the directory.
    pub leavers_skipped: Option<String>,
    /// The user searches whose answer is not relied on, with the reason. Users that they no longer find stay active.
    pub held_searches: Vec<HeldUserSearch>,
    /// The groups that changed, at most 200.
    pub changes: Vec<GroupChange>,
    /// The groups that were skipped, with the reason, at most 200.
    pub held: Vec<HeldGroup>,
    /// Why the sync failed; `null` if it did not fail.
    pub error: Option<String>,
}

/// A group that changed, or would change in a preview.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct GroupChange {
    /// The group's ID.
    #[schema(value_type = String)]
    pub group_id: GroupId,
    /// The group's name.
    pub name: String,
    /// The number of members that were added.
    pub added: u64,
    /// The number of members that were removed.
    pub removed: u64,
}

/// A user who has left the directory.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct DirectoryLeaver {
    /// The user's ID.
    #[schema(value_type = String)]
    pub user_id: UserId,
    /// The username.
    pub name: String,
    /// What the directory says, such as `disabled in the directory`.
    pub reason: String,
    /// Whether the user is still active, because the user has a role and an administrator has to decide.
    pub held: bool,
    /// Whether the user stays active, because another directory or a SCIM connection manages the user. Only the link to
    /// this directory and its sessions have ended.
    #[serde(default)]
    pub link_ended: bool,
}

/// A user search whose answer is not relied on.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct HeldUserSearch {
    /// The base DN of the search.
    pub base_dn: String,
    /// The filter of the search.
    pub filter: String,
    /// Why the answer is not relied on, and what to do.
    pub reason: String,
    /// The number of users who stay active because of it.
    pub users: u64,
}

/// A group that was skipped.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct HeldGroup {
    /// The group's ID.
    #[schema(value_type = String)]
    pub group_id: GroupId,
    /// The group's name.
    pub name: String,
    /// Why the group was skipped.
    pub reason: String,
}

impl SyncReport {
    /// Whether the run changed, held or failed anything, and so belongs in the audit trail.
    pub(super) fn has_effect(&self) -> bool {
        let changes =
            [self.created, self.added, self.removed, self.deactivated, self.reactivated, self.links_ended];
        changes.iter().sum::<u64>() > 0
            || !self.held.is_empty()
            || !self.held_searches.is_empty()
            || self.leavers_skipped.is_some()
            || self.error.is_some()
    }

    pub(super) fn add_leaver(&mut self, leaver: DirectoryLeaver) {
        self.deactivated += u64::from(!leaver.held && !leaver.link_ended);
        self.links_ended += u64::from(leaver.link_ended);
        if self.leavers.len() < MAX_LISTED {
            self.leavers.push(leaver);
        }
    }

    /// Adds a sentence to the reasons why users were not deactivated.
    pub(super) fn skip_leavers(&mut self, reason: &str) {
        let text = self.leavers_skipped.get_or_insert_default();
        if !text.is_empty() {
            text.push(' ');
        }
        text.push_str(reason);
    }

    pub(super) fn add_held(&mut self, group_id: &GroupId, name: &str, reason: &str) {
        if self.held.len() < MAX_LISTED {
            let (group_id, name, reason) = (group_id.to_owned(), name.to_owned(), reason.to_owned());
            self.held.push(HeldGroup { group_id, name, reason });
        }
    }

    pub(super) fn change(&mut self, group_id: &GroupId, name: &str, added: usize, removed: usize) {
        let (added, removed) = (added as u64, removed as u64);
        self.added += added;
        self.removed += removed;
        if added + removed > 0 && self.changes.len() < MAX_LISTED {
            let (group_id, name) = (group_id.to_owned(), name.to_owned());
            self.changes.push(GroupChange { group_id, name, added, removed });
        }
    }
}
