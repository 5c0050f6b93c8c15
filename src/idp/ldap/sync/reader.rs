//! Reading a directory ahead: the next batches are read while the previous ones are written to the
//! database.
//!
//! It serves the benchmark *LDAP group sync* of `docs/benchmarks.md`.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use uuid::Uuid;

use super::entry_state::{EntryState, QueryAnswer, StateBatch, reason_to_leave};
use super::member_index::{MemberIndex, SyncCandidate, name_key};
use crate::directory::groups::GroupLink;
use crate::idp::ldap::error::Error;
use crate::idp::ldap::model::{AttributeNames, ID_ATTRIBUTES, LdapEntry, UserSearch};
use crate::idp::ldap::pool::{LdapPool, PooledLdapConn};
use crate::idp::ldap::search::{LdapSearchRequest, PagedSearch, search_up_to};
use crate::kernel::{Kernel, Timestamp};

/// The number of batches that are read ahead.
const PREFETCHED_BATCHES: usize = 2;
/// The number of users in a batch.
const USERS_PER_BATCH: usize = 1000;
/// A batch of groups is complete after this many groups, or after as many members as the next constant
/// says.
const GROUPS_PER_BATCH: usize = 50;
const MEMBERS_PER_BATCH: usize = 1000;
/// The limit on levels of nested groups.
const MAX_DEPTH: usize = 20;
/// The attributes in which directories list members.
const MEMBER_ATTRIBUTES: [&str; 3] = ["member", "uniqueMember", "memberUid"];

/// The attributes that say whether an entry's user may come in.
const STATE_ATTRIBUTES: [&str; 4] =
    ["userAccountControl", "nsAccountLock", "pwdAccountLockedTime", "shadowExpire"];

/// A group in the directory, without its members.
#[derive(Clone)]
pub(super) struct RemoteGroup {
    pub(super) dn: String,
    pub(super) change_marker: Option<String>,
}

/// A linked group and the directory group that it follows.
pub(super) struct GroupMapping {
    pub(super) link: GroupLink,
    pub(super) remote: RemoteGroup,
}

/// A linked group with the members of its directory group.
pub(super) struct RemoteMembership {
    pub(super) mapping: GroupMapping,
    /// The members who have a user here.
    pub(super) users: Vec<Uuid>,
    /// The number of members who have none.
    pub(super) unknown: u64,
}

/// Batches that a separate task reads. If it is dropped, the task stops at its next batch.
pub(super) struct Prefetch<T> {
    batches: mpsc::Receiver<T>,
    reading: JoinHandle<Result<Reader, Error>>,
}

impl<T: Send + 'static> Prefetch<T> {
    fn begin<F>(read: impl FnOnce(mpsc::Sender<T>) -> F) -> Self
    where
        F: Future<Output = Result<Reader, Error>> + Send + 'static,
    {
        let (sender, batches) = mpsc::channel(PREFETCHED_BATCHES);
        Self { batches, reading: tokio::spawn(read(sender)) }
    }

    /// The next batch; `None` at the end or after an error, which [`Prefetch::end`] returns.
    pub(super) async fn next(&mut self) -> Option<T> {
        self.batches.recv().await
    }

    /// Returns the reader after the last batch, or the error that ended the reading.
    pub(super) async fn end(self) -> Result<Reader, Error> {
        self.reading
            .await
            .map_err(|error| Error::ConnectionLost(format!("reading the directory was aborted: {error}")))?
    }
}

/// Reads one directory on one connection.
pub(super) struct Reader {
    kernel: Kernel,
    pool: Arc<LdapPool>,
    conn: PooledLdapConn,
    /// The positions of the user queries whose answer the directory has ended early in this run.
    cut_queries: Vec<usize>,
    /// Whether the user queries find all users of the directory, as far as is known.
    pub(super) has_all_users: bool,
}

impl Reader {
    pub(super) async fn open(kernel: &Kernel, pool: &Arc<LdapPool>) -> Result<Self, Error> {
        let conn = pool.acquire_for_search(kernel).await?;
        let (kernel, pool) = (kernel.clone(), pool.clone());
        Ok(Self { kernel, pool, conn, cut_queries: Vec::new(), has_all_users: true })
    }

    /// Returns the connection to the pool.
    pub(super) fn close(self) {
        self.conn.return_to_pool();
    }

    /// All groups of the group queries, by lower-case DN and by lower-case name.
    pub(super) async fn read_groups(&mut self) -> Result<HashMap<String, RemoteGroup>, Error> {
        let pool = self.pool.clone();
        let mut all = HashMap::new();
        for query in &pool.connection.settings.group_queries {
            let stamps = ["entryCSN", "uSNChanged", "modifyTimestamp"].map(str::to_owned);
            let wanted: AttributeNames = stamps.into_iter().chain([query.name_attribute.clone()]).collect();
            let request = LdapSearchRequest::below(&query.base_dn, &query.filter, &wanted);
            let mut walk = PagedSearch::begin(&pool, &mut self.conn, request).await?;
            while let Some(entry) = walk.next(&self.kernel, &pool).await? {
                let change_marker = change_marker(&entry, &pool, self.kernel.clock.now());
                let remote = RemoteGroup { dn: entry.dn.clone(), change_marker };
                if let Some(name) = entry.first(&query.name_attribute) {
                    all.entry(name.to_lowercase()).or_insert_with(|| remote.clone());
                }
                all.insert(entry.dn.to_lowercase(), remote);
            }
        }
        Ok(all)
    }

    /// All users of the user queries.
    pub(super) fn read_users(mut self) -> Prefetch<Vec<SyncCandidate>> {
        Prefetch::begin(async move |batches| {
            let (pool, now) = (self.pool.clone(), self.kernel.clock.now());
            for (n, UserSearch { query, attributes }) in pool.user_searches.iter().enumerate() {
                let request = LdapSearchRequest::below(&query.base_dn, &query.filter, attributes);
                let mut walk = PagedSearch::begin(&pool, &mut self.conn, request).await?;
                let mut batch = Vec::with_capacity(USERS_PER_BATCH);
                loop {
                    let next = match walk.next(&self.kernel, &pool).await {
                        // The report names this query already, and members are only added.
                        Err(error) if error.ends_answer() && self.cut_queries.contains(&n) => None,
                        next => next?,
                    };
                    let is_last = next.is_none();
                    batch.extend(next.and_then(|entry| {
                        SyncCandidate::from_entry(entry, query, &pool.connection.settings.jit, now)
                    }));
                    if (batch.len() >= USERS_PER_BATCH || (is_last && !batch.is_empty()))
                        && batches
                            .send(std::mem::replace(&mut batch, Vec::with_capacity(USERS_PER_BATCH)))
                            .await
                            .is_err()
                    {
                        return Ok(self);
                    }
                    if is_last {
                        break;
                    }
                }
            }
            Ok(self)
        })
    }

    /// The state of every entry that the user queries find, with few attributes for each. A query that the directory
    /// refuses to answer, or to answer in full, does not end the others.
    pub(super) fn read_states(mut self) -> Prefetch<StateBatch> {
        Prefetch::begin(async move |batches| {
            let attributes: AttributeNames =
                ID_ATTRIBUTES.iter().chain(&STATE_ATTRIBUTES).map(|name| (*name).to_owned()).collect();
            for n in 0..self.pool.user_searches.len() {
                let answer = self.read_states_of(n, &attributes, &batches).await?;
                if answer.refusal.is_some() {
                    self.cut_queries.push(n);
                }
                if batches.send(StateBatch::Answered(answer)).await.is_err() {
                    break;
                }
            }
            Ok(self)
        })
    }

    async fn read_states_of(
        &mut self,
        n: usize,
        attributes: &AttributeNames,
        batches: &mpsc::Sender<StateBatch>,
    ) -> Result<QueryAnswer, Error> {
        let (pool, now) = (self.pool.clone(), self.kernel.clock.now());
        let query = &pool.user_searches[n].query;
        let request = LdapSearchRequest::below(&query.base_dn, &query.filter, attributes);
        let mut walk = PagedSearch::begin(&pool, &mut self.conn, request).await?;
        let (mut answer, mut batch) = (QueryAnswer::default(), Vec::with_capacity(USERS_PER_BATCH));
        loop {
            let entry = match walk.next(&self.kernel, &pool).await {
                Ok(Some(entry)) => entry,
                Ok(None) => break,
                Err(error) if error.ends_answer() => {
                    answer.refusal = Some(error.to_string());
                    break;
                }
                Err(error) => return Err(error),
            };
            let Some(id) = entry.stable_id() else { continue };
            answer.found += 1;
            batch.push(EntryState { key: name_key(&id), reason: reason_to_leave(&entry, now), query: n });
            if batch.len() >= USERS_PER_BATCH
                && batches.send(StateBatch::Entries(std::mem::take(&mut batch))).await.is_err()
            {
                break;
            }
        }
        // If the batches are not wanted any more, the caller notices it when it sends the answer.
        let _ = batches.send(StateBatch::Entries(batch)).await;
        answer.skipped = walk.into_skipped();
        Ok(answer)
    }

    /// The members of these groups; `member_index` tells which of them have a user here.
    pub(super) fn read_members(
        mut self,
        mappings: Vec<GroupMapping>,
        member_index: MemberIndex,
    ) -> Prefetch<Vec<RemoteMembership>> {
        Prefetch::begin(async move |batches| {
            let (mut batch, mut members) = (Vec::new(), 0);
            let last = mappings.len().saturating_sub(1);
            for (n, mapping) in mappings.into_iter().enumerate() {
                let all = self.members_of(&mapping.remote.dn).await?;
                let users: Vec<Uuid> =
                    all.iter().filter_map(|member| member_index.user_id_of(member)).collect();
                let unknown = (all.len() - users.len()) as u64;
                members += users.len();
                batch.push(RemoteMembership { mapping, users, unknown });
                if members >= MEMBERS_PER_BATCH || batch.len() >= GROUPS_PER_BATCH || n == last {
                    members = 0;
                    if batches.send(std::mem::take(&mut batch)).await.is_err() {
                        break;
                    }
                }
            }
            Ok(self)
        })
    }

    /// The members of a group, including those of nested groups if the settings say so.
    async fn members_of(&mut self, dn: &str) -> Result<HashSet<String>, Error> {
        let pool = self.pool.clone();
        let wanted = MEMBER_ATTRIBUTES.map(str::to_owned).into();
        let (mut members, mut seen) = (HashSet::new(), HashSet::from([name_key(dn)]));
        let mut level = vec![dn.to_owned()];
        for _ in 0..MAX_DEPTH {
            let mut inner = Vec::new();
            for dn in std::mem::take(&mut level) {
                let entry = match search_up_to(
                    &self.kernel,
                    &pool,
                    &mut self.conn,
                    LdapSearchRequest::at(&dn, &wanted),
                    1,
                )
                .await
                {
                    Ok(found) => found.into_iter().next(),
                    Err(Error::Refused { code: 32, .. }) => None,
                    Err(error) => return Err(error),
                };
                let Some(entry) = entry else { continue };
                for name in &MEMBER_ATTRIBUTES {
                    for member in entry.fetch_all_values(&mut self.conn, &pool, name).await? {
                        if pool.connection.settings.nested
                            && member.contains('=')
                            && seen.insert(name_key(&member))
                        {
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
}

/// A value that differs whenever the group has changed: the change number of its server, or its
/// modification time. A time has a resolution of one second, so a recent one may hide a later change and
/// does not count.
fn change_marker(entry: &LdapEntry, pool: &LdapPool, now: Timestamp) -> Option<String> {
    if let Some(number) = entry.first("entryCSN") {
        return Some(number.to_owned());
    }
    if let Some(number) = entry.first("uSNChanged") {
        // Each domain controller has its own numbers.
        return Some(format!("{number} at {}", pool.server()));
    }
    let time = entry.first("modifyTimestamp")?;
    let read = jiff::civil::DateTime::strptime("%Y%m%d%H%M%SZ", time).ok()?;
    let at = read.to_zoned(jiff::tz::TimeZone::UTC).ok()?.timestamp();
    let settled = Timestamp(at.as_millisecond()).plus(std::time::Duration::from_secs(10)) < now;
    settled.then(|| time.to_owned())
}
