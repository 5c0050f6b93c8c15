//! The one `SQLite` connection that writes, with group commit (decision 2).
//!
//! A sync to disk costs more than a user row and its audit row together. So a unit of work that waits for the writer
//! joins the transaction that is open: the first unit of work is the transaction itself, each further one a savepoint
//! in it, and the last one in the queue, or the sixteenth, commits for all. No request is answered before that commit.
//! Work that need not be on disk at once does not wait for it, and shares a commit only with its like, or with one that
//! is synced anyway. When a commit waits a moment for more is decided by [`CommitDelay`].
//!
//! It serves the rows *SCIM creates* and *SAML sign-ins* on `SQLite` of the benchmarks in the README.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use tokio::sync::{Mutex, Notify, OwnedMutexGuard, oneshot};

use crate::commit_delay::{COMMIT_SIBLINGS, CommitDelay, CommitTime, OpenTransaction};
use crate::connection::DbConn;
use crate::database::Durability;
use crate::sqlite::{SqliteConn, is_busy};

/// Units of work that share one commit at most. Eight gains nearly all there is to gain; with sixteen who wait it is
/// another twentieth.
const MAX_BATCH: usize = 16;
/// How long another process may have the file.
const BUSY_FOR: Duration = Duration::from_secs(5);
#[derive(Clone)]
pub(crate) struct Writer {
    state: Arc<Mutex<State>>,
    waiting: Arc<AtomicUsize>,
    announced: Arc<AtomicUsize>,
}

/// A write that is to come soon, after something else that takes a while. While there are several of them, they share
/// their commits.
pub struct PendingWriter(Arc<AtomicUsize>);

impl Drop for PendingWriter {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

struct State {
    connection: DbConn,
    /// A transaction is open.
    in_transaction: bool,
    /// What the connection is set to for the transaction that is open, or was last.
    durability: Durability,
    /// Finished units of work that wait for the commit.
    commit_waiters: Vec<CommitWaiter>,
    /// How many of them are waited for.
    awaited: usize,
    /// A task commits the transaction that is open if it is still open then.
    commit_scheduled: bool,
    /// How many transactions there were: which one a task was to commit.
    transaction_number: u64,
    delay: CommitDelay,
}

/// A finished unit of work that waits for the commit.
struct CommitWaiter {
    outcome: oneshot::Sender<bool>,
    /// What is woken when it is committed.
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
        // In a crowd there is one commit for all kinds of work.
        state.prepare_for(if self.expects_siblings() { Durability::Full } else { durability })?;
        let joins = std::mem::replace(&mut state.in_transaction, true);
        let share = if joins { TxScope::Savepoint } else { TxScope::Transaction };
        state.file().reset_time_budget();
        // From here on dropping it, also while it waits below, undoes what was begun.
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
        // Statistics of a closing connection are all that could be lost here.
        drop(state.file().run("PRAGMA optimize"));
    }
}

/// Begins a transaction that writes. Another process may have the file, a command beside the server: then it is asked
/// again, and no thread waits meanwhile.
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

    /// Sees to it that the unit of work that begins now is kept as `durability` says. Work that is kept soon joins what is kept fully;
    /// the other way round it is committed first.
    fn prepare_for(&mut self, durability: Durability) -> Result<(), sqlx::Error> {
        if self.in_transaction && self.durability == Durability::Relaxed && durability == Durability::Full {
            self.commit_if_due(0);
        }
        // It cannot be changed inside a transaction.
        if !self.in_transaction && self.durability != durability {
            self.file().set_durability(durability)?;
            self.durability = durability;
        }
        Ok(())
    }

    /// There is no transaction any more.
    fn mark_ended(&mut self) {
        self.in_transaction = false;
        self.transaction_number += 1;
        self.awaited = 0;
        self.commit_scheduled = false;
    }

    /// Sees to it that the transaction is committed in a moment, by a unit of work that joins it until then or by a task.
    /// False when it is to be committed now.
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

    /// Commits unless another waits to join and there is room.
    fn commit_if_due(&mut self, waiting: usize) {
        if !self.in_transaction || (waiting > 0 && self.commit_waiters.len() < MAX_BATCH) {
            return;
        }
        let takes_long = self.file().had_slow_statement() || self.durability == Durability::Full;
        let outcome = if takes_long { self.file().run_durably("COMMIT") } else { self.file().run("COMMIT") };
        if let Err(error) = &outcome {
            tracing::error!(%error, units = self.commit_waiters.len(), "commit failed; nothing of it was kept");
            // After a failed commit the transaction may still be open; end it either way.
            drop(self.file().run("ROLLBACK"));
        }
        self.mark_ended();
        for waiter in self.commit_waiters.drain(..) {
            if outcome.is_ok() {
                waiter.wakes.iter().for_each(|wake| wake.notify_one());
            }
            // A client that hung up does not hear that its write was kept.
            let _ = waiter.outcome.send(outcome.is_ok());
        }
    }
}

/// Counts a task as waiting. If its request is cancelled in the queue, a task has to close
/// the transaction that was left open for it.
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

/// What a unit of work has of the transaction.
#[derive(Clone, Copy, PartialEq, Eq)]
enum TxScope {
    /// It is the first and has the transaction to itself.
    Transaction,
    /// It joined a transaction that holds the work of others already.
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

    /// Finishes the work; on disk it is once what this returns has been waited for. `is_awaited`: that happens now.
    /// Otherwise the commit is left to others where they are about to write. `wakes` are woken once it is committed,
    /// whatever has become of this request.
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
        // From here the outcome belongs to the batch, whatever becomes of this request.
        if !state.delay_commit(&self.writer) {
            state.commit_if_due(self.writer.waiting.load(Ordering::SeqCst));
        }
        Ok(PendingCommit(Some(committed)))
    }
}

/// Work that is finished, and on disk in a moment.
pub struct PendingCommit(Option<oneshot::Receiver<bool>>);

impl PendingCommit {
    /// Work that is on disk.
    pub(crate) fn durable() -> Self {
        Self(None)
    }

    /// Returns once it is on disk.
    pub async fn wait(self) -> Result<(), sqlx::Error> {
        let Some(committed) = self.0 else { return Ok(()) };
        match committed.await {
            Ok(true) => Ok(()),
            _ => Err(sqlx::Error::Io(std::io::Error::other("the commit failed; nothing was changed"))),
        }
    }
}

impl Drop for SharedTx {
    fn drop(&mut self) {
        let Some(mut state) = self.state.take() else { return };
        if self.scope == TxScope::Transaction {
            // There is no other work in this transaction yet.
            drop(state.file().run("ROLLBACK"));
            state.mark_ended();
            return;
        }
        let file = state.file();
        let undone = file.run("ROLLBACK TO work");
        if let Err(error) = undone.and_then(|()| file.run("RELEASE work")) {
            tracing::error!(%error, "a unit of work could not be undone; the whole batch is");
            drop(file.run("ROLLBACK"));
            state.mark_ended();
            state.commit_waiters.clear();
        }
        state.commit_if_due(self.writer.waiting.load(Ordering::SeqCst));
    }
}
