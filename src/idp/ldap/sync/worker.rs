//! The state of a sync run in progress, and its heartbeat.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::model::{SyncOptions, SyncReport};
use super::store::{self, SyncLease};
use crate::audit::Context;
use crate::directory::Error;
use crate::idp::Idp;
use crate::idp::connections::LdapConnection;
use crate::idp::ldap::error::Error as LdapError;
use crate::idp::ldap::pool::LdapPool;

/// A run that this node has started.
pub(super) struct LeasedRun {
    pub(super) id: String,
    pub(super) lease: SyncLease,
    pub(super) connection: LdapConnection,
    pub(super) options: SyncOptions,
}

/// How often a run stores its progress and renews its lease.
const HEARTBEAT_INTERVAL: Duration = Duration::from_secs(2);

/// Why a run ended early.
#[derive(Debug, thiserror::Error)]
pub(super) enum SyncError {
    #[error(transparent)]
    Directory(#[from] LdapError),
    #[error(transparent)]
    Local(#[from] Error),
    /// The lease is lost: another node acquired it, or the schedule was deleted.
    #[error("another node has taken over the sync run")]
    LeaseLost,
}

impl From<sqlx::Error> for SyncError {
    fn from(error: sqlx::Error) -> Self {
        Self::Local(error.into())
    }
}

/// A run in progress.
pub(super) struct SyncWorker<'a> {
    pub(super) idp: &'a Idp,
    pub(super) pool: Arc<LdapPool>,
    pub(super) context: Context,
    pub(super) report: SyncReport,
    pub(super) options: SyncOptions,
    /// Whether every user query is answered completely. Otherwise no members are removed from groups.
    pub(super) has_all_users: bool,
    lease: &'a SyncLease,
    run_id: String,
    last_heartbeat: Instant,
    /// The number of users linked in this run, and the number at which table statistics are updated next.
    pub(super) linked_users: usize,
    pub(super) next_analyze_at: usize,
    /// Whether the connection may speak for the domains of addresses that were found, by domain.
    pub(super) domains: HashMap<String, bool>,
}

impl<'a> SyncWorker<'a> {
    pub(super) fn new(idp: &'a Idp, pool: Arc<LdapPool>, run: &'a LeasedRun, context: Context) -> Self {
        Self {
            idp,
            pool,
            context,
            report: SyncReport { preview: run.options.preview, ..SyncReport::default() },
            options: run.options.clone(),
            has_all_users: true,
            lease: &run.lease,
            run_id: run.id.clone(),
            last_heartbeat: Instant::now(),
            linked_users: 0,
            next_analyze_at: 1000,
            domains: HashMap::new(),
        }
    }

    /// Stores the progress and renews the lease, at most once per interval.
    pub(super) async fn heartbeat(&mut self) -> Result<(), SyncError> {
        if self.last_heartbeat.elapsed() < HEARTBEAT_INTERVAL {
            return Ok(());
        }
        self.last_heartbeat = Instant::now();
        let mut tx = self.idp.signin.kernel.db.begin().await?;
        if !store::renew_lease(&mut tx, self.lease).await? {
            return Err(SyncError::LeaseLost);
        }
        store::update_run(&mut tx, &self.run_id, "running", &self.report).await?;
        Ok(tx.commit().await?)
    }
}
