//! One synchronisation.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::{Duration, Instant};

use ldap3::Scope;
use serde_json::json;

use super::super::super::Idp;
use super::super::super::connections;
use super::super::error::Error as LdapError;
use super::super::pool::{Lent, Pool};
use super::super::search::{Entry, Question, Walk, some};
use super::model::{Report, Wanted};
use super::people::{self, People, key};
use super::schedule::Schedule;
use super::store::{self, Leased};
use crate::audit::{self, Action, Context, Event};
use crate::directory::Error;
use crate::directory::groups::{self, Group, Link};
use crate::kernel::Timestamp;

/// How often a run says how far it is, and that it goes on.
const SAY_EVERY: Duration = Duration::from_secs(2);
/// Groups in groups that are followed down.
const MAX_DEPTH: usize = 20;
/// The attributes in which directories list members.
const MEMBERS: [&str; 3] = ["member", "uniqueMember", "memberUid"];

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
    pub(super) link: Lent,
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
    let (status, report) = match pool.search(kernel).await {
        Ok(link) => {
            let context = context.clone();
            let wanted = leased.wanted.clone();
            let (leased, run_id) = (&leased, run_id.clone());
            let mut work = Work {
                idp,
                pool,
                link,
                context,
                report,
                wanted,
                leased,
                run_id,
                said: Instant::now(),
                linked: 0,
                next_look: 1000,
            };
            match work.run().await {
                Ok(()) => {
                    work.link.give_back();
                    ("done", work.report)
                }
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

/// A group as the directory has it, without its members.
#[derive(Clone)]
struct There {
    dn: String,
    stamp: Option<String>,
}

/// A group here that follows one there.
struct Pair {
    link: Link,
    there: There,
}

impl Work<'_> {
    async fn run(&mut self) -> Result<(), Failure> {
        let connection_id = self.pool.connection.id.clone();
        let kernel = self.idp.signin.kernel.clone();
        let mut c = kernel.db.read().await?;
        let links = groups::all_links(&mut c, &connection_id).await?;
        let stamps = store::stamps(&mut c, &connection_id).await?;
        drop(c);
        self.report.linked = links.len() as u64;
        let there = self.groups().await?;
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
        if changed.is_empty() {
            return Ok(());
        }
        let people = people::read(self).await?;
        for pair in changed {
            self.bring_up_to_date(&people, &pair).await?;
            self.report.looked_at += 1;
            self.say().await?;
        }
        Ok(())
    }

    /// All groups of the group queries, by DN and by name, folded.
    async fn groups(&mut self) -> Result<HashMap<String, There>, Failure> {
        let pool = self.pool.clone();
        let mut all = HashMap::new();
        for query in &pool.settings.group_queries {
            let stamps = ["entryCSN", "uSNChanged", "modifyTimestamp"].map(str::to_owned);
            let wanted: Vec<String> = stamps.into_iter().chain([query.name_attribute.clone()]).collect();
            let question = Question::below(&query.base_dn, &query.filter, &wanted);
            let mut walk = Walk::begin(&pool, &mut self.link, question).await?;
            while let Some(entry) = walk.next(&self.idp.signin.kernel, &pool).await? {
                let there = || There {
                    dn: entry.dn.clone(),
                    stamp: stamp(&entry, &pool, self.idp.signin.kernel.clock.now()),
                };
                if let Some(name) = entry.first(&query.name_attribute) {
                    all.entry(name.to_lowercase()).or_insert_with(there);
                }
                all.insert(entry.dn.to_lowercase(), there());
            }
        }
        Ok(all)
    }

    async fn group(&self, link: &Link) -> Result<Option<Group>, Failure> {
        let mut c = self.idp.signin.kernel.db.read().await?;
        Ok(groups::by_id(&mut c, &self.context.account_id, &link.group_id).await?)
    }

    /// The directory has no such group any more: it may have been renamed, or a query was changed.
    async fn gone(&mut self, link: &Link) -> Result<(), Failure> {
        self.report.looked_at += 1;
        let Some(group) = self.group(link).await? else { return Ok(()) };
        if self.wanted.allow_empty {
            return self.apply(&group, (Vec::new(), None)).await;
        }
        let reason = format!("The directory has no group {}. Its members here are kept.", link.name);
        self.report.hold(&group.id, &group.name, &reason);
        Ok(())
    }

    async fn bring_up_to_date(&mut self, people: &People, pair: &Pair) -> Result<(), Failure> {
        let Some(group) = self.group(&pair.link).await? else { return Ok(()) };
        let members = self.members(&pair.there.dn).await?;
        let mut users = Vec::with_capacity(members.len());
        for member in &members {
            match people.user(member) {
                Some(user) => users.push(user),
                None => self.report.unknown += 1,
            }
        }
        if users.is_empty() && !self.wanted.allow_empty {
            let mut c = self.idp.signin.kernel.db.read().await?;
            let present = groups::count_from(&mut c, &group.id, &self.pool.connection.id).await?;
            drop(c);
            if present > 0 {
                let reason =
                    format!("It is empty in the directory, and has {present} members here, who are kept.");
                self.report.hold(&group.id, &group.name, &reason);
                return Ok(());
            }
        }
        self.apply(&group, (users, pair.there.stamp.as_deref())).await
    }

    /// The members of a group, through groups in it where that is asked for.
    async fn members(&mut self, dn: &str) -> Result<HashSet<String>, Failure> {
        let pool = self.pool.clone();
        let wanted = MEMBERS.map(str::to_owned);
        let (mut members, mut seen) = (HashSet::new(), HashSet::from([key(dn)]));
        let mut level = vec![dn.to_owned()];
        for _ in 0..MAX_DEPTH {
            let mut inner = Vec::new();
            for dn in std::mem::take(&mut level) {
                let question = Question {
                    base: &dn,
                    scope: Scope::Base,
                    filter: "(objectClass=*)",
                    attributes: &wanted,
                };
                let found = some(&self.idp.signin.kernel, &pool, &mut self.link, (question, 1)).await;
                let entry = match found {
                    Ok(found) => found.into_iter().next(),
                    Err(LdapError::Refused { code: 32, .. }) => None,
                    Err(error) => return Err(error.into()),
                };
                let Some(entry) = entry else { continue };
                for name in &MEMBERS {
                    for member in entry.ranged(&mut self.link, &pool, name).await? {
                        if pool.settings.nested && member.contains('=') && seen.insert(key(&member)) {
                            inner.push(member.clone());
                        }
                        members.insert(member);
                    }
                }
            }
            if inner.is_empty() {
                break;
            }
            level = inner;
        }
        Ok(members)
    }

    /// One unit of work for one group.
    async fn apply(
        &mut self,
        group: &Group,
        (users, stamp): (Vec<String>, Option<&str>),
    ) -> Result<(), Failure> {
        let connection_id = self.pool.connection.id.clone();
        let mut tx = self.idp.signin.kernel.db.begin().await?;
        let applied = groups::follow_exactly(&mut tx, &self.context, &connection_id, group, users).await?;
        self.report.change(&group.id, &group.name, (applied.added.len(), applied.removed.len()));
        if self.report.preview {
            // Not committed: it was only tried.
            drop(tx);
            return Ok(());
        }
        if let Some(stamp) = stamp {
            store::set_stamp(&mut tx, (&connection_id, &group.id), stamp).await?;
        }
        Ok(tx.commit().await?)
    }
}

/// What changes whenever a group does: the change number of its server, or its time. A time of whole seconds may not
/// show a change within that second, so it counts only when it has passed for good.
fn stamp(entry: &Entry, pool: &Pool, now: Timestamp) -> Option<String> {
    if let Some(number) = entry.first("entryCSN") {
        return Some(number.to_owned());
    }
    if let Some(number) = entry.first("uSNChanged") {
        // Each domain controller counts for itself.
        return Some(format!("{number} at {}", pool.server()));
    }
    let time = entry.first("modifyTimestamp")?;
    let read = jiff::civil::DateTime::strptime("%Y%m%d%H%M%SZ", time).ok()?;
    let at = read.to_zoned(jiff::tz::TimeZone::UTC).ok()?.timestamp();
    let settled = Timestamp(at.as_millisecond()).plus(Duration::from_secs(10)) < now;
    settled.then(|| time.to_owned())
}
