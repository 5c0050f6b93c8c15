//! Rows that may be written a moment after the answer: useful to look up, and a promise to nobody. Many are
//! written together, so that each costs its request next to nothing.
//!
//! It serves the rows *SCIM creates* of the benchmarks in the README, which have the row in the log included.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::{Notify, oneshot};

use super::Kernel;
use super::database::{Database, SqlValue, insert_all};
use super::jobs::Shutdown;

/// Rows that wait at most. Who brings more waits for the database.
const MOST_WAITING: usize = 8192;
/// With so many the writer does not wait for more. Fewer would write each page of an index more often.
const FLUSH_THRESHOLD: usize = 2048;
/// How long a row waits for others.
const FLUSH_DELAY: Duration = Duration::from_millis(200);

/// A row and where it goes.
#[derive(Debug)]
pub struct Row {
    /// `INSERT INTO …(…)`, a literal of the code.
    pub head: &'static str,
    /// One value for each column.
    pub values: Vec<SqlValue<'static>>,
}

/// Rows by the table they go to.
type RowsByTable = Vec<(&'static str, Vec<Vec<SqlValue<'static>>>)>;

#[derive(Default)]
struct PendingRows {
    rows: Vec<Row>,
    flushes: Vec<oneshot::Sender<()>>,
}

/// Takes rows, and writes them while [`run`] runs.
#[derive(Default)]
pub struct WriteBehind {
    pending: Mutex<PendingRows>,
    /// There is something to write.
    rows_added: Notify,
    /// It is worth writing now.
    flush_now: Notify,
    /// There is room again.
    space_freed: Notify,
}

impl WriteBehind {
    /// Leaves rows to be written.
    pub async fn add(&self, rows: Vec<Row>) {
        loop {
            // Before looking, or the news could come in between.
            let room = self.space_freed.notified();
            {
                let mut waiting = self.pending();
                if waiting.rows.len() < MOST_WAITING {
                    let (first, before) = (waiting.rows.is_empty(), waiting.rows.len());
                    waiting.rows.extend(rows);
                    let many = before < FLUSH_THRESHOLD && waiting.rows.len() >= FLUSH_THRESHOLD;
                    drop(waiting);
                    // The writer is woken twice for all of them, not for each.
                    if first {
                        self.rows_added.notify_one();
                    }
                    if many {
                        self.flush_now.notify_one();
                    }
                    return;
                }
            }
            room.await;
        }
    }

    /// Returns when what was added before is written: for whoever reads it on this node.
    pub async fn flush(&self) {
        let (done, written) = oneshot::channel();
        self.pending().flushes.push(done);
        self.rows_added.notify_one();
        self.flush_now.notify_one();
        let _ = written.await;
    }

    fn take_pending(&self) -> PendingRows {
        let taken = std::mem::take(&mut *self.pending());
        self.space_freed.notify_waiters();
        taken
    }

    fn pending(&self) -> MutexGuard<'_, PendingRows> {
        self.pending.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Writes rows as they come, until shutdown; what waits then is written still.
pub async fn run(kernel: Kernel, mut shutdown: Shutdown) {
    let deferred = &kernel.write_behind;
    let mut down = false;
    while !down {
        tokio::select! {
            () = deferred.rows_added.notified() => {}
            () = shutdown.wait() => down = true,
        }
        if !down {
            tokio::select! {
                () = deferred.flush_now.notified() => {}
                stopped = shutdown.begins_within(FLUSH_DELAY) => down = stopped,
            }
        }
        write(&kernel.db, deferred.take_pending()).await;
    }
}

async fn write(db: &Database, waiting: PendingRows) {
    let mut tables = RowsByTable::new();
    for Row { head, values: cells } in waiting.rows {
        match tables.iter_mut().find(|(known, _)| *known == head) {
            Some((_, rows)) => rows.push(cells),
            None => tables.push((head, vec![cells])),
        }
    }
    if !tables.is_empty()
        && let Err(error) = insert(db, tables).await
    {
        tracing::warn!(%error, "rows of a log could not be written and are lost");
    }
    for done in waiting.flushes {
        // Whoever asked may have gone.
        let _ = done.send(());
    }
}

async fn insert(db: &Database, tables: RowsByTable) -> Result<(), sqlx::Error> {
    let mut tx = db.begin_relaxed().await?;
    for (head, rows) in tables {
        insert_all(&mut tx, head, rows).await?;
    }
    tx.commit().await
}
