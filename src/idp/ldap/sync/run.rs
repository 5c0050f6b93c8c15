//! A sync run, from the lease to the report.

use std::time::Duration;

use serde_json::json;
use uuid::Uuid;

use super::model::SyncReport;
use super::reader::{GroupMapping, Reader, RemoteMembership};
use super::worker::{LeasedRun, SyncError, SyncWorker};
use super::{leavers, plan, store, user_matching};
use crate::audit::{self, Action, Context, Event};
use crate::directory::Error;
use crate::directory::groups::{self, Group, GroupLink};
use crate::idp::Idp;
use crate::idp::connections::{self, TypedConnection};
use crate::kernel::{Kernel, Tx};

/// The first run of a connection that an upgrade has put on a schedule is at least this late, so that an administrator
/// can see in a preview who would be deactivated.
const FIRST_RUN_DELAY: Duration = Duration::from_hours(24);

/// Does the run that has been due the longest. Returns false if none is due.
pub async fn run_due(idp: &Idp) -> Result<bool, Error> {
    let kernel = &idp.signin.kernel;
    if !store::is_due(&mut *kernel.db.read().await?, kernel.clock.now()).await? {
        return Ok(false);
    }
    let run = match begin_run(kernel).await? {
        RunStart::Begun(run) => run,
        RunStart::Postponed => return Ok(true),
        RunStart::NoneDue => return Ok(false),
    };
    let context = Context {
        account_id: run.connection.account_id.clone(),
        actor: run.connection.actor(),
        address: String::new(),
        request_id: run.id.clone(),
    };
    let pool = idp.ldap.pool_for(&run.connection);
    let opened = Reader::open(kernel, &pool).await;
    let mut work = SyncWorker::new(idp, pool, &run, context.clone());
    let outcome = match opened {
        Ok(reader) => work.run(reader).await,
        Err(error) => Err(error.into()),
    };
    let report = match outcome {
        Ok(()) => work.report,
        // The node that acquires the lease next marks this run as failed and starts its own.
        Err(SyncError::LeaseLost) => return Ok(true),
        Err(failure) => SyncReport { error: Some(failure.to_string()), ..work.report },
    };
    finish_run(kernel, &run, &context, &report).await?;
    Ok(true)
}

enum RunStart {
    Begun(Box<LeasedRun>),
    /// The run is due again later: this version cannot read the connection or the options, or an upgrade has just put
    /// the connection on a schedule.
    Postponed,
    NoneDue,
}

/// Acquires the lease of a run that is due and records its start.
async fn begin_run(kernel: &Kernel) -> Result<RunStart, Error> {
    let mut tx = kernel.db.begin().await?;
    let Some(lease) = store::acquire_lease(&mut tx).await? else { return Ok(RunStart::NoneDue) };
    let connection = connections::by_id(&mut tx, &lease.account_id, &lease.connection_id).await?;
    let typed = connection.and_then(|connection| connection.typed().ok());
    let (Some(connection), Ok(options)) = (typed.and_then(TypedConnection::into_ldap), lease.options())
    else {
        tracing::error!(
            connection = %lease.connection_id,
            "a directory sync was postponed: this version cannot read its connection or options"
        );
        store::postpone_run(&mut tx, &lease).await?;
        tx.commit().await?;
        return Ok(RunStart::Postponed);
    };
    if lease.is_unplanned {
        let next = plan::next_run(&connection, tx.now().plus(FIRST_RUN_DELAY)).ok().flatten();
        store::release_lease(&mut tx, &lease, next).await?;
        tx.commit().await?;
        return Ok(RunStart::Postponed);
    }
    let report = SyncReport { preview: options.preview, ..SyncReport::default() };
    let id = store::insert_run(&mut tx, &lease, &report).await?;
    tx.commit().await?;
    Ok(RunStart::Begun(Box::new(LeasedRun { id, lease, connection, options })))
}

/// Stores the report, plans the next run and releases the lease.
async fn finish_run(
    kernel: &Kernel,
    run: &LeasedRun,
    context: &Context,
    report: &SyncReport,
) -> Result<(), Error> {
    let connection = &run.connection;
    if let Some(error) = &report.error {
        tracing::warn!(connection = %connection.id, error, "a directory sync failed");
        metrics::counter!("vestibule_ldap_sync_failures_total").increment(1);
    }
    let next = plan::next_run(connection, kernel.clock.now()).ok().flatten();
    let status = if report.error.is_some() { "failed" } else { "done" };
    let mut tx = kernel.db.begin().await?;
    store::update_run(&mut tx, &run.id, status, report).await?;
    store::release_lease(&mut tx, &run.lease, next).await?;
    store::delete_old(&mut tx, &connection.id).await?;
    if !report.preview && report.has_effect() {
        let event = Event::new(Action::ConnectionSync, "connection", &connection.id, &connection.name);
        let event = if report.error.is_some() { event.refused("ldap_failed") } else { event };
        let detail = json!({"run": run.id, "created": report.created, "added": report.added,
            "removed": report.removed, "held": report.held.len(), "deactivated": report.deactivated,
            "reactivated": report.reactivated, "links_ended": report.links_ended,
            "held_searches": report.held_searches.len(), "error": report.error});
        audit::record(&mut tx, context, event.detail(detail)).await?;
    }
    Ok(tx.commit().await?)
}

/// The outcome for one group.
enum GroupSyncOutcome {
    /// The numbers of members that were added and removed.
    Changed(Group, usize, usize),
    /// The group was held, for this reason.
    AwaitingApproval(Group, String),
}

impl SyncWorker<'_> {
    async fn run(&mut self, reader: Reader) -> Result<(), SyncError> {
        let mut reader = leavers::sync_leavers(self, reader).await?;
        if self.pool.connection.settings.group_sync {
            reader = self.sync_groups(reader).await?;
        }
        reader.close();
        Ok(())
    }

    async fn sync_groups(&mut self, mut reader: Reader) -> Result<Reader, SyncError> {
        let connection_id = self.pool.connection.id.clone();
        let mut c = self.idp.signin.kernel.db.read().await?;
        let links = groups::all_links(&mut c, &connection_id).await?;
        let change_markers = store::change_markers(&mut c, &connection_id).await?;
        drop(c);
        self.report.linked = links.len() as u64;
        let remote_groups = reader.read_groups().await?;
        let mut changed = Vec::new();
        for link in links {
            // Several linked groups may follow the same directory group.
            match remote_groups.get(&link.name.to_lowercase()).cloned() {
                None => self.handle_missing_group(&link).await?,
                // With nested groups, the marker of the outer group does not show changes of inner members.
                Some(group)
                    if !self.pool.connection.settings.nested
                        && group.change_marker.is_some()
                        && change_markers.get(&link.group_id) == group.change_marker.as_ref() =>
                {
                    self.report.unchanged += 1;
                    self.report.looked_at += 1;
                }
                Some(remote) => changed.push(GroupMapping { link, remote }),
            }
        }
        if !changed.is_empty() {
            let member_index;
            self.has_all_users = reader.has_all_users;
            (member_index, reader) = user_matching::match_users(self, reader).await?;
            let mut ahead = reader.read_members(changed, member_index);
            while let Some(read) = ahead.next().await {
                self.apply_batch(&read).await?;
                self.report.looked_at += read.len() as u64;
                self.heartbeat().await?;
            }
            reader = ahead.end().await?;
        }
        Ok(reader)
    }

    /// Handles a linked group that the directory no longer has: it may have been renamed, or a query was
    /// changed.
    async fn handle_missing_group(&mut self, link: &GroupLink) -> Result<(), SyncError> {
        self.report.looked_at += 1;
        let mut tx = self.idp.signin.kernel.db.begin().await?;
        let Some(group) = groups::by_id(&mut tx, &self.context.account_id, &link.group_id).await? else {
            return Ok(());
        };
        let outcome = if self.options.allow_empty {
            self.set_members(&mut tx, group, &[]).await?
        } else {
            GroupSyncOutcome::AwaitingApproval(
                group,
                format!("The directory has no group {}. The synced members are kept.", link.name),
            )
        };
        self.commit_outcomes(tx, vec![outcome]).await
    }

    /// Applies some groups in one transaction. Its commit is not awaited on disk; the commit that completes
    /// the run is, and covers it.
    async fn apply_batch(&mut self, read: &[RemoteMembership]) -> Result<(), SyncError> {
        let mut tx = self.idp.signin.kernel.db.begin_relaxed().await?;
        let mut outcomes = Vec::with_capacity(read.len());
        for membership in read {
            outcomes.extend(self.apply_membership(&mut tx, membership).await?);
        }
        self.commit_outcomes(tx, outcomes).await?;
        self.report.unknown += read.iter().map(|membership| membership.unknown).sum::<u64>();
        Ok(())
    }

    /// Takes over the members of a group. A group that would lose all its members is held, unless that was
    /// allowed.
    async fn apply_membership(
        &self,
        tx: &mut Tx,
        membership: &RemoteMembership,
    ) -> Result<Option<GroupSyncOutcome>, SyncError> {
        let RemoteMembership { mapping: GroupMapping { link, remote }, users, .. } = membership;
        let Some(group) = groups::by_id(tx, &self.context.account_id, &link.group_id).await? else {
            return Ok(None);
        };
        if users.is_empty() && !self.options.allow_empty {
            let present = groups::count_members_from(tx, &group.id, &link.connection_id).await?;
            if present > 0 {
                let reason = format!(
                    "No matching members were found in the directory. Synced members kept: {present}."
                );
                return Ok(Some(GroupSyncOutcome::AwaitingApproval(group, reason)));
            }
        }
        if !self.has_all_users {
            return self.add_members(tx, group, users).await.map(Some);
        }
        if let Some(change_marker) = &remote.change_marker {
            store::set_change_marker(tx, &link.connection_id, &group.id, change_marker).await?;
        }
        Ok(Some(self.set_members(tx, group, users).await?))
    }

    /// Adds members without removing any, because members who are missing may be users that the held searches would
    /// find. The group is read again by the next run.
    async fn add_members(
        &self,
        tx: &mut Tx,
        group: Group,
        users: &[Uuid],
    ) -> Result<GroupSyncOutcome, SyncError> {
        let users = users.iter().map(Uuid::to_string).collect();
        let connection_id = &self.pool.connection.id;
        let applied = groups::add_connection_members(tx, &self.context, connection_id, &group, users).await?;
        Ok(GroupSyncOutcome::Changed(group, applied.added.len(), 0))
    }

    async fn set_members(
        &self,
        tx: &mut Tx,
        group: Group,
        users: &[Uuid],
    ) -> Result<GroupSyncOutcome, SyncError> {
        let users = users.iter().map(Uuid::to_string).collect();
        let connection_id = &self.pool.connection.id;
        let applied =
            groups::replace_connection_members(tx, &self.context, connection_id, &group, users).await?;
        Ok(GroupSyncOutcome::Changed(group, applied.added.len(), applied.removed.len()))
    }

    /// Commits the transaction and then reports the outcomes. A preview is rolled back.
    async fn commit_outcomes(&mut self, tx: Tx, outcomes: Vec<GroupSyncOutcome>) -> Result<(), SyncError> {
        if self.report.preview {
            drop(tx);
        } else {
            tx.commit().await?;
        }
        for outcome in outcomes {
            match outcome {
                GroupSyncOutcome::Changed(group, added, removed) => {
                    self.report.change(&group.id, &group.name, added, removed);
                }
                GroupSyncOutcome::AwaitingApproval(group, reason) => {
                    self.report.add_held(&group.id, &group.name, &reason);
                }
            }
        }
        Ok(())
    }
}
