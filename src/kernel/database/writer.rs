//! The one `SQLite` connection that writes, with group commit.
//!
//! A sync to disk costs more than a user row and its audit row together. So whoever waits for the
//! writer joins the transaction that is open: the first unit of work is the transaction itself, each
//! further one a savepoint in it, and the last one in the queue, or the eighth, commits for all. Nobody
//! is answered before that commit.
//!
//! Each statement is a way to the connection's thread and back, which takes longer than most statements. So whoever
//! ends a savepoint begins the next one's in the same breath, and a commit ends the savepoint it finds.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use sqlx::any::AnyConnectOptions;
use sqlx::migrate::{MigrateError, Migrator};
use sqlx::{AnyConnection, ConnectOptions as _, Connection as _};
use tokio::sync::{Mutex, OwnedMutexGuard, oneshot};

use super::dialect::{Dialect, run};

/// Units of work that share one commit at most. Eight gains nearly all there is to gain.
const MAX_BATCH: usize = 8;

#[derive(Clone)]
pub(super) struct Writer {
    state: Arc<Mutex<State>>,
    waiting: Arc<AtomicUsize>,
}

struct State {
    connection: AnyConnection,
    /// A transaction is open.
    open: bool,
    /// A savepoint was begun for whoever comes next.
    prepared: bool,
    /// Finished units of work that wait for the commit.
    finished: Vec<oneshot::Sender<bool>>,
}

impl Writer {
    pub(super) async fn connect(options: &AnyConnectOptions) -> Result<Self, sqlx::Error> {
        let mut connection = options.connect().await?;
        Dialect::set_up_sqlite_writer(&mut connection).await?;
        let state = State { connection, open: false, prepared: false, finished: Vec::new() };
        Ok(Self { state: Arc::new(Mutex::new(state)), waiting: Arc::default() })
    }

    pub(super) async fn migrate(&self, migrations: &Migrator) -> Result<(), MigrateError> {
        migrations.run(&mut self.state.lock().await.connection).await
    }

    pub(super) async fn begin(&self) -> Result<Batched, sqlx::Error> {
        let state = self.turn().await;
        self.open(state).await
    }

    /// The same for a unit of work that is one statement. Where nobody else waits it needs no transaction
    /// around it.
    pub(super) async fn begin_one(&self) -> Result<Batched, sqlx::Error> {
        let state = self.turn().await;
        if state.open || self.waiting.load(Ordering::SeqCst) > 0 {
            return self.open(state).await;
        }
        Ok(Batched { state: Some(state), writer: self.clone(), share: Share::Statement })
    }

    async fn turn(&self) -> OwnedMutexGuard<State> {
        let mut waiting = Waiting::new(self.clone());
        let state = self.state.clone().lock_owned().await;
        waiting.arrived();
        state
    }

    async fn open(&self, mut state: OwnedMutexGuard<State>) -> Result<Batched, sqlx::Error> {
        let joins = std::mem::replace(&mut state.open, true);
        let share = if joins { Share::Savepoint } else { Share::Transaction };
        // From here on dropping it, also in the middle of the statement below, undoes what was begun.
        let prepared = std::mem::take(&mut state.prepared);
        let mut batched = Batched { state: Some(state), writer: self.clone(), share };
        match share {
            Share::Savepoint if prepared => {}
            Share::Savepoint => run(batched.connection(), "SAVEPOINT work").await?,
            _ => run(batched.connection(), "BEGIN IMMEDIATE").await?,
        }
        Ok(batched)
    }

    pub(super) async fn close(&self) {
        let mut state = self.state.lock().await;
        state.commit_if_due(0).await;
        // Statistics of a closing connection are all that could be lost here.
        drop(run(&mut state.connection, "PRAGMA optimize").await);
        drop(state.connection.ping().await);
    }
}

impl State {
    /// Commits unless somebody waits to join and there is room. A savepoint that is open ends with it (SQLite,
    /// "Savepoints": COMMIT releases them all).
    async fn commit_if_due(&mut self, waiting: usize) {
        if !self.open || (waiting > 0 && self.finished.len() < MAX_BATCH) {
            return;
        }
        self.prepared = false;
        let outcome = run(&mut self.connection, "COMMIT").await;
        if let Err(error) = &outcome {
            tracing::error!(%error, units = self.finished.len(), "commit failed; nothing of it was kept");
            // After a failed commit the transaction may still be open; end it either way.
            drop(run(&mut self.connection, "ROLLBACK").await);
        }
        self.open = false;
        for waiter in self.finished.drain(..) {
            // A client that hung up does not hear that its write was kept.
            let _ = waiter.send(outcome.is_ok());
        }
    }
}

/// Counts a task as waiting. If its request is cancelled in the queue, somebody else has to close
/// the transaction that was left open for it.
struct Waiting {
    writer: Writer,
    arrived: bool,
}

impl Waiting {
    fn new(writer: Writer) -> Self {
        writer.waiting.fetch_add(1, Ordering::SeqCst);
        Self { writer, arrived: false }
    }

    fn arrived(&mut self) {
        self.arrived = true;
        self.writer.waiting.fetch_sub(1, Ordering::SeqCst);
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        if self.arrived {
            return;
        }
        self.writer.waiting.fetch_sub(1, Ordering::SeqCst);
        let writer = self.writer.clone();
        tokio::spawn(async move {
            let waiting = writer.waiting.load(Ordering::SeqCst);
            writer.state.lock().await.commit_if_due(waiting).await;
        });
    }
}

/// One unit of work inside the shared transaction.
pub(super) struct Batched {
    state: Option<OwnedMutexGuard<State>>,
    writer: Writer,
    share: Share,
}

/// What a unit of work has of the transaction.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Share {
    /// It is the first and has the transaction to itself.
    Transaction,
    /// It joined a transaction that holds the work of others already.
    Savepoint,
    /// It needs none: its one statement stands by itself.
    Statement,
}

impl Batched {
    pub(super) fn connection(&mut self) -> &mut AnyConnection {
        &mut self.state.as_mut().expect("held until commit").connection
    }

    pub(super) fn connection_ref(&self) -> &AnyConnection {
        &self.state.as_ref().expect("held until commit").connection
    }

    /// Returns once the work is on disk.
    pub(super) async fn commit(mut self) -> Result<(), sqlx::Error> {
        if self.share == Share::Statement {
            // It is on disk already.
            return Ok(());
        }
        // Asked once: whoever comes later finds the transaction closed, or the savepoint that is begun here.
        let waiting = self.writer.waiting.load(Ordering::SeqCst);
        let state = self.state.as_mut().expect("held until commit");
        let goes_on = waiting > 0 && state.finished.len() + 1 < MAX_BATCH;
        if self.share == Share::Savepoint && goes_on {
            run(&mut state.connection, "RELEASE work; SAVEPOINT work").await?;
            state.prepared = true;
        }
        let (sender, committed) = oneshot::channel();
        let mut state = self.state.take().expect("held until commit");
        state.finished.push(sender);
        // From here the outcome belongs to the batch, whatever becomes of this request.
        state.commit_if_due(waiting).await;
        drop(state);
        match committed.await {
            Ok(true) => Ok(()),
            _ => Err(sqlx::Error::Io(std::io::Error::other("the commit failed; nothing was changed"))),
        }
    }
}

impl Drop for Batched {
    fn drop(&mut self) {
        let Some(mut state) = self.state.take() else { return };
        let (writer, share) = (self.writer.clone(), self.share);
        if share == Share::Statement {
            return;
        }
        tokio::spawn(async move {
            if share == Share::Transaction {
                // There is nobody else's work in this transaction yet.
                drop(run(&mut state.connection, "ROLLBACK").await);
                state.open = false;
                return;
            }
            let undone = async { run(&mut state.connection, "ROLLBACK TO work; RELEASE work").await };
            if let Err(error) = undone.await {
                tracing::error!(%error, "a unit of work could not be undone; the whole batch is");
                drop(run(&mut state.connection, "ROLLBACK").await);
                state.open = false;
                state.finished.clear();
            }
            state.commit_if_due(writer.waiting.load(Ordering::SeqCst)).await;
        });
    }
}
