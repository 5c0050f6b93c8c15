//! A sync run and its report.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::kernel::{GroupId, Timestamp};

/// The limit on groups that a report names. Its counters include all groups.
pub(super) const MAX_LISTED: usize = 200;

/// What an administrator asked for.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
#[schema(as = Wanted)]
pub struct SyncOptions {
    /// Only say what would change.
    pub preview: bool,
    /// Groups that are empty or gone there are emptied here as well.
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
            error: Some("This version of the server cannot read what the run came to.".to_owned()),
            ..SyncReport::default()
        })
    }

    /// Whether it is still running.
    #[must_use]
    pub fn is_running(&self) -> bool {
        self.status == "running"
    }
}

/// What a synchronisation has found and done.
#[derive(Debug, Clone, Default, Serialize, Deserialize, ToSchema)]
#[serde(default)]
#[schema(as = Report)]
pub struct SyncReport {
    /// Whether nothing was changed by it.
    pub preview: bool,
    /// Linked groups there are.
    pub linked: u64,
    /// Those that have been looked at so far.
    pub looked_at: u64,
    /// Those that had not changed since they were read last, and were not read.
    pub unchanged: u64,
    /// People that were read.
    pub people: u64,
    /// People who were made here.
    pub created: u64,
    /// Members who are nobody here.
    pub unknown: u64,
    /// People who came into groups.
    pub added: u64,
    /// People who went from groups.
    pub removed: u64,
    /// Groups that changed, at most two hundred.
    pub changes: Vec<GroupChange>,
    /// Groups that were left as they are, at most two hundred, and why.
    pub held: Vec<HeldGroup>,
    /// Why it ended before its end.
    pub error: Option<String>,
}

/// What happened to a group, or would.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct GroupChange {
    /// The group's id.
    #[schema(value_type = String)]
    pub group_id: GroupId,
    /// What it is called here.
    pub name: String,
    /// People who come in.
    pub added: u64,
    /// People who go.
    pub removed: u64,
}

/// A group that was left as it is.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct HeldGroup {
    /// The group's id.
    #[schema(value_type = String)]
    pub group_id: GroupId,
    /// What it is called here.
    pub name: String,
    /// Why.
    pub reason: String,
}

impl SyncReport {
    /// Whether the run changed, held or failed anything, and so belongs in the audit trail.
    pub(super) fn has_effect(&self) -> bool {
        self.created + self.added + self.removed > 0 || !self.held.is_empty() || self.error.is_some()
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
