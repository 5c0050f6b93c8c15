//! One synchronisation.

use std::sync::Arc;
use std::time::{Duration, Instant};

use serde_json::json;
use uuid::Uuid;

use super::super::super::Idp;
use super::super::super::connections;
use super::super::error::Error as LdapError;
use super::super::pool::Pool;
use super::model::{Report, Wanted};
use super::people;
use super::reader::{Membership, Pair, Reader};
use super::schedule::Schedule;
use super::store::{self, Leased};
use crate::audit::{self, Action, Context, Event};
use crate::directory::Error;
use crate::directory::groups::{self, Group, Link};
use crate::kernel::Tx;

/// How often a run says how far it is, and that it goes on.
const SAY_EVERY: Duration = Duration::from_secs(2);

/// Why a run ended before its end.
#[derive(Debug, thiserror::Error)]
pub(super) enum Failure {
    #[error(transparent)]
    Directory(#[from] LdapError),
    #[error(transparent)]
    Here(#[from] Error),
    /// Another node goes on with it: this one was away for too long.
    #[error("another node has taken it over")]
    Taken,
}

impl From<sqlx::Error> for Failure {
    fn from(error: sqlx::Error) -> Self {
        Self::Here(error.into())
    }
}

/// A run under way.
pub(super) struct Work<'a> {
    pub(super) idp: &'a Idp,
    pub(super) pool: Arc<Pool>,
    pub(super) context: Context,
    pub(super) report: Report,
    wanted: Wanted,
    leased: &'a Leased,
    run_id: String,
    said: Instant,
    /// People who were linked in this run, and at how many the database is told that its tables have grown.
    pub(super) linked: usize,
    pub(super) next_look: usize,
}

impl Work<'_> {
    /// Says how far it is, now and then.
    pub(super) async fn say(&mut self) -> Result<(), Failure> {
        if self.said.elapsed() < SAY_EVERY {
            return Ok(());
        }
        self.said = Instant::now();
        let mut tx = self.idp.signin.kernel.db.begin().await?;
        if !store::hold_on(&mut tx, self.leased).await? {
            return Err(Failure::Taken);
        }
        store::note(&mut tx, &self.run_id, ("running", &self.report)).await?;
        Ok(tx.commit().await?)
    }
}

/// Does the run that has been due for longest; false when none is.
///
/// # Errors
/// The database's. What goes wrong with a directory is in the run's report.
pub async fn run_due(idp: &Idp) -> Result<bool, Error> {
    let kernel = &idp.signin.kernel;
    let mut c = kernel.db.read().await?;
    if !store::is_due(&mut c, kernel.clock.now()).await? {
        return Ok(false);
    }
    drop(c);
    let mut tx = kernel.db.begin().await?;
    let Some(leased) = store::take(&mut tx).await? else { return Ok(false) };
    let connection = connections::by_id(&mut tx, &leased.account_id, &leased.connection_id).await?;
    let settings = connection.as_ref().and_then(connections::Connection::ldap);
    let Some((connection, settings)) = connection.zip(settings) else { return Ok(false) };
    let report = Report { preview: leased.wanted.preview, ..Report::default() };
    let run_id = store::begin(&mut tx, &leased, &report).await?;
    tx.commit().await?;

    let pool = idp.ldap.of(&connection, &settings);
    let context = Context {
        account_id: connection.account_id.clone(),
        actor: connection.actor(),
        address: String::new(),
        request_id: run_id.clone(),
    };
    let (status, report) = match Reader::open(kernel, &pool).await {
        Ok(reader) => {
            let context = context.clone();
            let wanted = leased.wanted.clone();
            let (leased, run_id) = (&leased, run_id.clone());
            let mut work = Work {
                idp,
                pool,
                context,
                report,
                wanted,
                leased,
                run_id,
                said: Instant::now(),
                linked: 0,
                next_look: 1000,
            };
            match work.run(reader).await {
                Ok(()) => ("done", work.report),
                Err(Failure::Taken) => return Ok(true),
                Err(failure) => ("failed", Report { error: Some(failure.to_string()), ..work.report }),
            }
        }
        Err(error) => ("failed", Report { error: Some(error.to_string()), ..report }),
    };
    if let Some(error) = &report.error {
        tracing::warn!(connection = connection.id, error, "a directory's groups were not brought up to date");
        metrics::counter!("vestibule_ldap_sync_failures_total").increment(1);
    }
    let next =
        Schedule::parse(&settings.schedule).ok().and_then(|schedule| schedule.next(kernel.clock.now()));
    let mut tx = kernel.db.begin().await?;
    store::note(&mut tx, &run_id, (status, &report)).await?;
    store::give_back(&mut tx, &leased, next).await?;
    store::delete_old(&mut tx, &connection.id).await?;
    if !report.preview && report.says_something() {
        let event = Event::new(Action::ConnectionSync, "connection", &connection.id, &connection.name);
        let event = if report.error.is_some() { event.refused("ldap_failed") } else { event };
        audit::record(&mut tx, &context, event.detail(json!({"run": run_id, "created": report.created,
            "added": report.added, "removed": report.removed, "held": report.held.len(), "error": report.error}))).await?;
    }
    tx.commit().await?;
    Ok(true)
}

/// What became of a group.
enum Outcome {
    /// So many came, and so many went.
    Changed(Group, usize, usize),
    /// It was left as it is, and why.
    Held(Group, String),
}

impl Work<'_> {
    async fn run(&mut self, mut reader: Reader) -> Result<(), Failure> {
        let connection_id = self.pool.connection.id.clone();
        let mut c = self.idp.signin.kernel.db.read().await?;
        let links = groups::all_links(&mut c, &connection_id).await?;
        let stamps = store::stamps(&mut c, &connection_id).await?;
        drop(c);
        self.report.linked = links.len() as u64;
        let there = reader.groups().await?;
        let mut changed = Vec::new();
        for link in links {
            // Several groups here may follow one there.
            match there.get(&link.name.to_lowercase()).cloned() {
                None => self.gone(&link).await?,
                // Members of inner groups come and go without a trace at the outer one.
                Some(group)
                    if !self.pool.settings.nested
                        && group.stamp.is_some()
                        && stamps.get(&link.group_id) == group.stamp.as_ref() =>
                {
                    self.report.unchanged += 1;
                    self.report.looked_at += 1;
                }
                Some(there) => changed.push(Pair { link, there }),
            }
        }
        if !changed.is_empty() {
            let people;
            (people, reader) = people::read(self, reader).await?;
            let mut ahead = reader.members(changed, people);
            while let Some(read) = ahead.next().await {
                self.bring_up_to_date(&read).await?;
                self.report.looked_at += read.len() as u64;
                self.say().await?;
            }
            reader = ahead.end().await?;
        }
        reader.close();
        Ok(())
    }

    /// The directory has no such group any more: it may have been renamed, or a query was changed.
    async fn gone(&mut self, link: &Link) -> Result<(), Failure> {
        self.report.looked_at += 1;
        let mut tx = self.idp.signin.kernel.db.begin().await?;
        let Some(group) = groups::by_id(&mut tx, &self.context.account_id, &link.group_id).await? else {
            return Ok(());
        };
        let outcome = if self.wanted.allow_empty {
            self.follow(&mut tx, group, &[]).await?
        } else {
            Outcome::Held(
                group,
                format!("The directory has no group {}. Its members here are kept.", link.name),
            )
        };
        self.keep(tx, vec![outcome]).await
    }

    /// One unit of work for some groups. On disk it is when the run says that it is done, at the latest.
    async fn bring_up_to_date(&mut self, read: &[Membership]) -> Result<(), Failure> {
        let mut tx = self.idp.signin.kernel.db.begin_step().await?;
        let mut outcomes = Vec::with_capacity(read.len());
        for membership in read {
            outcomes.extend(self.take_over(&mut tx, membership).await?);
        }
        self.keep(tx, outcomes).await?;
        self.report.unknown += read.iter().map(|membership| membership.unknown).sum::<u64>();
        Ok(())
    }

    /// Takes over who is in a group, unless nobody is in it any more and that is not meant.
    async fn take_over(&self, tx: &mut Tx, membership: &Membership) -> Result<Option<Outcome>, Failure> {
        let Membership { pair: Pair { link, there }, users, .. } = membership;
        let Some(group) = groups::by_id(tx, &self.context.account_id, &link.group_id).await? else {
            return Ok(None);
        };
        if users.is_empty() && !self.wanted.allow_empty {
            let present = groups::count_from(tx, &group.id, &link.connection_id).await?;
            if present > 0 {
                let reason =
                    format!("It is empty in the directory, and has {present} members here, who are kept.");
                return Ok(Some(Outcome::Held(group, reason)));
            }
        }
        if let Some(stamp) = &there.stamp {
            store::set_stamp(tx, (&link.connection_id, &group.id), stamp).await?;
        }
        Ok(Some(self.follow(tx, group, users).await?))
    }

    async fn follow(&self, tx: &mut Tx, group: Group, users: &[Uuid]) -> Result<Outcome, Failure> {
        let users = users.iter().map(Uuid::to_string).collect();
        let connection_id = &self.pool.connection.id;
        let applied = groups::follow_exactly(tx, &self.context, connection_id, &group, users).await?;
        Ok(Outcome::Changed(group, applied.added.len(), applied.removed.len()))
    }

    /// Keeps what was done, and only then says so. A preview was only tried.
    async fn keep(&mut self, tx: Tx, outcomes: Vec<Outcome>) -> Result<(), Failure> {
        if self.report.preview {
            drop(tx);
        } else {
            tx.commit().await?;
        }
        for outcome in outcomes {
            match outcome {
                Outcome::Changed(group, added, removed) => {
                    self.report.change(&group.id, &group.name, (added, removed));
                }
                Outcome::Held(group, reason) => self.report.hold(&group.id, &group.name, &reason),
            }
        }
        Ok(())
    }
}
