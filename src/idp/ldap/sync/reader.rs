//! Reading a directory ahead: it answers with more while what it said before is written here.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use uuid::Uuid;

use super::super::error::Error;
use super::super::person::Place;
use super::super::pool::{Lent, Pool};
use super::super::search::{Attributes, Entry, Question, Walk, some};
use super::people::{Found, People, key};
use crate::directory::groups::Link;
use crate::kernel::{Kernel, Timestamp};

/// Batches that are read before they are needed.
const AHEAD: usize = 2;
/// People in one.
const PEOPLE: usize = 1000;
/// Groups in one at most, and members after which it is complete.
const GROUPS: usize = 50;
const ENOUGH_MEMBERS: usize = 1000;
/// Groups in groups that are followed down.
const MAX_DEPTH: usize = 20;
/// The attributes in which directories list members.
const MEMBERS: [&str; 3] = ["member", "uniqueMember", "memberUid"];

/// A group as the directory has it, without its members.
#[derive(Clone)]
pub(super) struct There {
    pub(super) dn: String,
    pub(super) stamp: Option<String>,
}

/// A group here that follows one there.
pub(super) struct Pair {
    pub(super) link: Link,
    pub(super) there: There,
}

/// A pair, and who is in the group there.
pub(super) struct Membership {
    pub(super) pair: Pair,
    /// Those of them who are somebody here.
    pub(super) users: Vec<Uuid>,
    /// How many are not.
    pub(super) unknown: u64,
}

/// Batches that a task of its own reads. When it is dropped, that ends at its next batch.
pub(super) struct Ahead<T> {
    batches: mpsc::Receiver<T>,
    reading: JoinHandle<Result<Reader, Error>>,
}

impl<T: Send + 'static> Ahead<T> {
    fn begin<F>(read: impl FnOnce(mpsc::Sender<T>) -> F) -> Self
    where
        F: Future<Output = Result<Reader, Error>> + Send + 'static,
    {
        let (sender, batches) = mpsc::channel(AHEAD);
        Self { batches, reading: tokio::spawn(read(sender)) }
    }

    /// The next batch; none at the end, or when the directory did not answer.
    pub(super) async fn next(&mut self) -> Option<T> {
        self.batches.recv().await
    }

    /// After the last batch: the reader, for more.
    pub(super) async fn end(self) -> Result<Reader, Error> {
        self.reading.await.map_err(|error| Error::Broken(format!("reading it was broken off: {error}")))?
    }
}

/// Asks one directory on one connection.
pub(super) struct Reader {
    kernel: Kernel,
    pool: Arc<Pool>,
    link: Lent,
}

impl Reader {
    pub(super) async fn open(kernel: &Kernel, pool: &Arc<Pool>) -> Result<Self, Error> {
        let link = pool.search(kernel).await?;
        Ok(Self { kernel: kernel.clone(), pool: pool.clone(), link })
    }

    /// Lets others have the connection.
    pub(super) fn close(self) {
        self.link.give_back();
    }

    /// All groups of the group queries, by DN and by name, folded.
    pub(super) async fn groups(&mut self) -> Result<HashMap<String, There>, Error> {
        let pool = self.pool.clone();
        let mut all = HashMap::new();
        for query in &pool.settings.group_queries {
            let stamps = ["entryCSN", "uSNChanged", "modifyTimestamp"].map(str::to_owned);
            let wanted: Attributes = stamps.into_iter().chain([query.name_attribute.clone()]).collect();
            let question = Question::below(&query.base_dn, &query.filter, &wanted);
            let mut walk = Walk::begin(&pool, &mut self.link, question).await?;
            while let Some(entry) = walk.next(&self.kernel, &pool).await? {
                let stamp = stamp(&entry, &pool, self.kernel.clock.now());
                let there = There { dn: entry.dn.clone(), stamp };
                if let Some(name) = entry.first(&query.name_attribute) {
                    all.entry(name.to_lowercase()).or_insert_with(|| there.clone());
                }
                all.insert(entry.dn.to_lowercase(), there);
            }
        }
        Ok(all)
    }

    /// All people of the user queries.
    pub(super) fn people(mut self) -> Ahead<Vec<Found>> {
        Ahead::begin(async move |batches| {
            let pool = self.pool.clone();
            for Place { query, attributes } in &pool.places {
                let question = Question::below(&query.base_dn, &query.filter, attributes);
                let mut walk = Walk::begin(&pool, &mut self.link, question).await?;
                let mut batch = Vec::with_capacity(PEOPLE);
                loop {
                    let next = walk.next(&self.kernel, &pool).await?;
                    let is_last = next.is_none();
                    batch.extend(next.and_then(|entry| Found::read(entry, query, &pool.settings.jit)));
                    if (batch.len() >= PEOPLE || (is_last && !batch.is_empty()))
                        && batches
                            .send(std::mem::replace(&mut batch, Vec::with_capacity(PEOPLE)))
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

    /// The members of these groups, those of whom `people` knows who they are here.
    pub(super) fn members(mut self, pairs: Vec<Pair>, people: People) -> Ahead<Vec<Membership>> {
        Ahead::begin(async move |batches| {
            let (mut batch, mut members) = (Vec::new(), 0);
            let last = pairs.len().saturating_sub(1);
            for (n, pair) in pairs.into_iter().enumerate() {
                let all = self.members_of(&pair.there.dn).await?;
                let users: Vec<Uuid> = all.iter().filter_map(|member| people.user(member)).collect();
                let unknown = (all.len() - users.len()) as u64;
                members += users.len();
                batch.push(Membership { pair, users, unknown });
                if members >= ENOUGH_MEMBERS || batch.len() >= GROUPS || n == last {
                    members = 0;
                    if batches.send(std::mem::take(&mut batch)).await.is_err() {
                        break;
                    }
                }
            }
            Ok(self)
        })
    }

    /// The members of a group, through groups in it where that is asked for.
    async fn members_of(&mut self, dn: &str) -> Result<HashSet<String>, Error> {
        let pool = self.pool.clone();
        let wanted = MEMBERS.map(str::to_owned).into();
        let (mut members, mut seen) = (HashSet::new(), HashSet::from([key(dn)]));
        let mut level = vec![dn.to_owned()];
        for _ in 0..MAX_DEPTH {
            let mut inner = Vec::new();
            for dn in std::mem::take(&mut level) {
                let question = (Question::at(&dn, &wanted), 1);
                let entry = match some(&self.kernel, &pool, &mut self.link, question).await {
                    Ok(found) => found.into_iter().next(),
                    Err(Error::Refused { code: 32, .. }) => None,
                    Err(error) => return Err(error),
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
    let settled = Timestamp(at.as_millisecond()).plus(std::time::Duration::from_secs(10)) < now;
    settled.then(|| time.to_owned())
}
