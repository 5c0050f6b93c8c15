//! Log rows that are written shortly after the response. They help with diagnosis and carry no durability
//! promise. Many rows share one transaction, so that each costs its request next to nothing.
//!
//! It serves the benchmark *SCIM creates* of `docs/benchmarks.md`, which includes the row in the request log.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::{Notify, oneshot};

use super::database::{Database, SqlValue, insert_all};
use super::jobs::Shutdown;

/// The limit on pending rows. When it is reached, [`WriteBehind::add`] waits until the writer has taken
/// them.
const MOST_WAITING: usize = 8192;
/// At this number of pending rows the writer stops waiting for more. A smaller batch would write each page
/// of an index more often.
const FLUSH_THRESHOLD: usize = 2048;
/// How long the writer waits for more rows after the first.
const FLUSH_DELAY: Duration = Duration::from_millis(200);

/// A row for one table.
#[derive(Debug)]
pub struct Row {
    /// `INSERT INTO …(…)`, a literal in the code.
    pub head: &'static str,
    /// One value per column.
    pub values: Vec<SqlValue<'static>>,
}

/// Rows grouped by their table.
type RowsByTable = Vec<(&'static str, Vec<Vec<SqlValue<'static>>>)>;

#[derive(Default)]
struct PendingRows {
    rows: Vec<Row>,
    flushes: Vec<oneshot::Sender<()>>,
}

/// Collects rows; [`run`] writes them.
#[derive(Default)]
pub struct WriteBehind {
    pending: Mutex<PendingRows>,
    /// Signals that there is something to write.
    rows_added: Notify,
    /// Signals that the writer should not wait for more rows.
    flush_now: Notify,
    /// Signals that pending rows were taken.
    space_freed: Notify,
}

impl WriteBehind {
    /// Adds rows to be written. Waits while the limit on pending rows is reached.
    pub async fn add(&self, rows: Vec<Row>) {
        loop {
            // Created before the check, so that a notification between the check and the wait is not lost.
            let room = self.space_freed.notified();
            {
                let mut waiting = self.pending();
                if waiting.rows.len() < MOST_WAITING {
                    let (first, before) = (waiting.rows.is_empty(), waiting.rows.len());
                    waiting.rows.extend(rows);
                    let many = before < FLUSH_THRESHOLD && waiting.rows.len() >= FLUSH_THRESHOLD;
                    drop(waiting);
                    // The writer is woken at most twice per batch, and not once per row.
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

    /// Waits until everything that was added before is written, for readers on this node.
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

/// Writes rows until shutdown, and the rows that are pending at shutdown.
pub async fn run(deferred: Arc<WriteBehind>, db: Database, mut shutdown: Shutdown) {
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
        write(&db, deferred.take_pending()).await;
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
        tracing::warn!(%error, "could not write log rows to the database; they are lost");
    }
    for done in waiting.flushes {
        // The receiver is gone when its request was cancelled.
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
