//! The one `SQLite` connection that writes, with group commit (decision 2).
//!
//! A sync to disk costs more than inserting a user and its audit event. A unit of work that waits for the
//! writer therefore joins the transaction that is open: the first unit of work is the transaction itself, and
//! each later one is a savepoint in it. The last one in the queue, or the sixteenth, commits for all, and
//! [`crate::Tx::commit`] returns only after that.
//!
//! Relaxed work shares a commit only with other relaxed work or with a commit that is synced anyway.
//! [`CommitDelay`] decides whether a commit waits a moment for more units of work.
//!
//! It serves the rows *SCIM creates* and *SAML sign-ins* on `SQLite` of `docs/benchmarks.md`.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use tokio::sync::{Mutex, Notify, OwnedMutexGuard, oneshot};

use crate::commit_delay::{COMMIT_SIBLINGS, CommitDelay, CommitTime, OpenTransaction};
use crate::connection::DbConn;
use crate::durability::Durability;
use crate::sqlite::{SqliteConn, is_busy};

/// The limit on units of work that share one commit. Eight gain nearly all there is to gain; with sixteen
/// writers waiting, sixteen gain a further twentieth.
const MAX_BATCH: usize = 16;
/// How long to retry while another process has the file locked.
const BUSY_FOR: Duration = Duration::from_secs(5);
#[derive(Clone)]
pub(crate) struct Writer {
    state: Arc<Mutex<State>>,
    waiting: Arc<AtomicUsize>,
    announced: Arc<AtomicUsize>,
}

/// An announced write ([`crate::Database::announce_write`]). The announcement ends when this is dropped.
pub struct PendingWriter(Arc<AtomicUsize>);

impl Drop for PendingWriter {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

struct State {
    connection: DbConn,
    /// Whether a transaction is open.
    in_transaction: bool,
    /// The durability that the connection is set to, for the open transaction or the last one.
    durability: Durability,
    /// Finished units of work that wait for the commit.
    commit_waiters: Vec<CommitWaiter>,
    /// The number of them whose callers wait.
    awaited: usize,
    /// Whether a task will commit the open transaction if nothing else does before.
    commit_scheduled: bool,
    /// The number of transactions so far, by which a scheduled task recognizes the one that it was to commit.
    transaction_number: u64,
    delay: CommitDelay,
}

/// A finished unit of work that waits for the commit.
struct CommitWaiter {
    outcome: oneshot::Sender<bool>,
    /// Tasks that are woken after the commit.
    wakes: Vec<Arc<Notify>>,
}

impl Writer {
    pub(crate) fn open(file: &Path, delay: CommitDelay) -> Result<Self, sqlx::Error> {
        let connection = DbConn::Sqlite(SqliteConn::writer(file)?);
        let state = State {
            connection,
            in_transaction: false,
            durability: Durability::Full,
            commit_waiters: Vec::new(),
            awaited: 0,
            commit_scheduled: false,
            transaction_number: 0,
            delay,
        };
        Ok(Self { state: Arc::new(Mutex::new(state)), waiting: Arc::default(), announced: Arc::default() })
    }

    pub(crate) fn announce_write(&self) -> PendingWriter {
        self.announced.fetch_add(1, Ordering::Relaxed);
        PendingWriter(self.announced.clone())
    }

    fn expects_siblings(&self) -> bool {
        self.announced.load(Ordering::Relaxed) >= COMMIT_SIBLINGS
    }

    pub(crate) async fn begin(&self, durability: Durability) -> Result<SharedTx, sqlx::Error> {
        let mut waiting = WriterQueueSlot::new(self.clone());
        let mut state = self.state.clone().lock_owned().await;
        waiting.leave_queue();
        // While several writers are announced, all kinds of work share one fully durable commit.
        state.prepare_for(if self.expects_siblings() { Durability::Full } else { durability })?;
        let joins = std::mem::replace(&mut state.in_transaction, true);
        let share = if joins { TxScope::Savepoint } else { TxScope::Transaction };
        state.file().reset_time_budget();
        // From here on, dropping this undoes what was begun, also while it waits below.
        let mut batched = SharedTx { state: Some(state), writer: self.clone(), scope: share };
        match share {
            TxScope::Savepoint => batched.file().run("SAVEPOINT work")?,
            TxScope::Transaction => begin_immediate(batched.file()).await?,
        }
        Ok(batched)
    }

    pub(crate) async fn close(&self) {
        let mut state = self.state.lock().await;
        state.commit_if_due(0);
        // Only the planner's statistics could be lost here.
        drop(state.file().run("PRAGMA optimize"));
    }
}

/// Begins a transaction that writes. If another process has the file locked, such as a command beside the
/// server, it retries without blocking a thread.
async fn begin_immediate(file: &mut SqliteConn) -> Result<(), sqlx::Error> {
    let begun = Instant::now();
    loop {
        match file.run("BEGIN IMMEDIATE") {
            Err(error) if is_busy(&error) && begun.elapsed() < BUSY_FOR => {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
            done => return done,
        }
    }
}

impl State {
    fn file(&mut self) -> &mut SqliteConn {
        self.connection.sqlite().expect("the writer's connection is the file's")
    }

    /// Prepares the connection for a unit of work of this durability. Relaxed work joins a fully durable
    /// transaction; an open relaxed transaction is committed before fully durable work begins.
    fn prepare_for(&mut self, durability: Durability) -> Result<(), sqlx::Error> {
        if self.in_transaction && self.durability == Durability::Relaxed && durability == Durability::Full {
            self.commit_if_due(0);
        }
        // `SQLite` cannot change this inside a transaction.
        if !self.in_transaction && self.durability != durability {
            self.file().set_durability(durability)?;
            self.durability = durability;
        }
        Ok(())
    }

    /// Records that no transaction is open any more.
    fn mark_ended(&mut self) {
        self.in_transaction = false;
        self.transaction_number += 1;
        self.awaited = 0;
        self.commit_scheduled = false;
    }

    /// Leaves the commit to a unit of work that joins within the delay, or to a scheduled task. Returns false
    /// if the transaction is to be committed now.
    fn delay_commit(&mut self, writer: &Writer) -> bool {
        let open = OpenTransaction {
            awaited: self.awaited,
            is_full: self.commit_waiters.len() >= MAX_BATCH,
            expected: writer.announced.load(Ordering::Relaxed),
        };
        if self.delay.decide(open) == CommitTime::Now {
            return false;
        }
        if std::mem::replace(&mut self.commit_scheduled, true) {
            return true;
        }
        let (writer, number, duration) = (writer.clone(), self.transaction_number, self.delay.duration());
        tokio::spawn(async move {
            tokio::time::sleep(duration).await;
            let mut state = writer.state.lock().await;
            if state.transaction_number == number {
                let awaited = state.awaited;
                state.delay.record_expired(awaited);
                state.commit_if_due(0);
            }
        });
        true
    }

    /// Commits, unless another unit of work waits to join and the batch has room for it.
    fn commit_if_due(&mut self, waiting: usize) {
        if !self.in_transaction || (waiting > 0 && self.commit_waiters.len() < MAX_BATCH) {
            return;
        }
        let takes_long = self.file().had_slow_statement() || self.durability == Durability::Full;
        let outcome = if takes_long { self.file().run_durably("COMMIT") } else { self.file().run("COMMIT") };
        if let Err(error) = &outcome {
            let units = self.commit_waiters.len();
            tracing::error!(%error, units, "commit failed; all its changes were rolled back");
            // A failed commit may leave the transaction open.
            drop(self.file().run("ROLLBACK"));
        }
        self.mark_ended();
        for waiter in self.commit_waiters.drain(..) {
            if outcome.is_ok() {
                waiter.wakes.iter().for_each(|wake| wake.notify_one());
            }
            // The receiver is gone if the client disconnected, which does not change the outcome.
            let _ = waiter.outcome.send(outcome.is_ok());
        }
    }
}

/// Counts a task as waiting for the writer. If its request is cancelled while it waits, a new task closes the
/// transaction that was left open for it.
struct WriterQueueSlot {
    writer: Writer,
    has_writer: bool,
}

impl WriterQueueSlot {
    fn new(writer: Writer) -> Self {
        writer.waiting.fetch_add(1, Ordering::SeqCst);
        Self { writer, has_writer: false }
    }

    fn leave_queue(&mut self) {
        self.has_writer = true;
        self.writer.waiting.fetch_sub(1, Ordering::SeqCst);
    }
}

impl Drop for WriterQueueSlot {
    fn drop(&mut self) {
        if self.has_writer {
            return;
        }
        self.writer.waiting.fetch_sub(1, Ordering::SeqCst);
        let writer = self.writer.clone();
        tokio::spawn(async move {
            let waiting = writer.waiting.load(Ordering::SeqCst);
            writer.state.lock().await.commit_if_due(waiting);
        });
    }
}

/// One unit of work inside the shared transaction.
pub(crate) struct SharedTx {
    state: Option<OwnedMutexGuard<State>>,
    writer: Writer,
    scope: TxScope,
}

/// How a unit of work takes part in the transaction.
#[derive(Clone, Copy, PartialEq, Eq)]
enum TxScope {
    /// It began the transaction, which holds no other work yet.
    Transaction,
    /// It joined a transaction that already holds other work.
    Savepoint,
}

impl SharedTx {
    pub(crate) fn connection(&mut self) -> &mut DbConn {
        &mut self.state.as_mut().expect("held until commit").connection
    }

    pub(crate) fn connection_ref(&self) -> &DbConn {
        &self.state.as_ref().expect("held until commit").connection
    }

    fn file(&mut self) -> &mut SqliteConn {
        self.state.as_mut().expect("held until commit").file()
    }

    /// Finishes the work, which is committed once the returned [`PendingCommit`] has been waited for.
    /// `is_awaited` tells whether the caller waits at once; if not, the commit may be left to announced
    /// writers. `wakes` are notified after the commit, even if the request has been cancelled by then.
    pub(crate) fn finish(
        mut self,
        is_awaited: bool,
        wakes: Vec<Arc<Notify>>,
    ) -> Result<PendingCommit, sqlx::Error> {
        if self.scope == TxScope::Savepoint {
            self.file().run("RELEASE work")?;
        }
        let (outcome, committed) = oneshot::channel();
        let mut state = self.state.take().expect("held until commit");
        state.commit_waiters.push(CommitWaiter { outcome, wakes });
        state.awaited += usize::from(is_awaited);
        // From here on the outcome belongs to the batch, even if this request is cancelled.
        if !state.delay_commit(&self.writer) {
            state.commit_if_due(self.writer.waiting.load(Ordering::SeqCst));
        }
        Ok(PendingCommit(Some(committed)))
    }
}

/// The commit of a finished unit of work, which may still be pending.
pub struct PendingCommit(Option<oneshot::Receiver<bool>>);

impl PendingCommit {
    /// A commit that has already taken place.
    pub(crate) fn durable() -> Self {
        Self(None)
    }

    /// Returns once the work is committed. If it is relaxed work, a power cut may still undo it.
    pub async fn wait(self) -> Result<(), sqlx::Error> {
        let Some(committed) = self.0 else { return Ok(()) };
        match committed.await {
            Ok(true) => Ok(()),
            _ => Err(sqlx::Error::Io(std::io::Error::other("the commit failed and was rolled back"))),
        }
    }
}

impl Drop for SharedTx {
    fn drop(&mut self) {
        let Some(mut state) = self.state.take() else { return };
        if self.scope == TxScope::Transaction {
            // This transaction holds no other work yet.
            drop(state.file().run("ROLLBACK"));
            state.mark_ended();
            return;
        }
        let file = state.file();
        let undone = file.run("ROLLBACK TO work");
        if let Err(error) = undone.and_then(|()| file.run("RELEASE work")) {
            tracing::error!(%error, "could not roll back a unit of work; rolling back the whole batch");
            drop(file.run("ROLLBACK"));
            state.mark_ended();
            state.commit_waiters.clear();
        }
        state.commit_if_due(self.writer.waiting.load(Ordering::SeqCst));
    }
}
