//! Rows that may be written a moment after the answer: useful to look up, and a promise to nobody. Many are
//! written together, so that each costs its request next to nothing.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::{mpsc, oneshot};
use tokio::time::{Instant, timeout_at};

use super::Kernel;
use super::database::{Cell, Database, insert_all};
use super::jobs::Shutdown;

/// Rows that wait at most. Who brings more waits for the database.
const MOST_WAITING: usize = 4096;
/// Rows that are written together at most.
const MOST_TOGETHER: usize = 512;
/// How long a row waits for others.
const PAUSE: Duration = Duration::from_millis(200);

/// A row and where it goes.
#[derive(Debug)]
pub struct Row {
    /// `INSERT INTO …(…)`, a literal of the code.
    pub head: &'static str,
    /// One value for each column.
    pub cells: Vec<Cell>,
}

enum Message {
    Row(Row),
    Flush(oneshot::Sender<()>),
}

/// Takes rows, and writes them while [`run`] runs.
pub struct Deferred {
    sender: mpsc::Sender<Message>,
    receiver: Mutex<Option<mpsc::Receiver<Message>>>,
}

impl Default for Deferred {
    fn default() -> Self {
        let (sender, receiver) = mpsc::channel(MOST_WAITING);
        Self { sender, receiver: Mutex::new(Some(receiver)) }
    }
}

impl Deferred {
    /// Leaves a row to be written.
    pub async fn add(&self, row: Row) {
        // Nobody takes it any more when the server is going down.
        let _ = self.sender.send(Message::Row(row)).await;
    }

    /// Returns when what was added before is written: for whoever reads it on this node.
    pub async fn flush(&self) {
        let (done, written) = oneshot::channel();
        if self.sender.send(Message::Flush(done)).await.is_ok() {
            let _ = written.await;
        }
    }

    fn take(&self) -> Option<mpsc::Receiver<Message>> {
        self.receiver.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

/// Writes rows as they come, until shutdown; what waits then is written still.
pub async fn run(kernel: Kernel, mut shutdown: Shutdown) {
    let Some(mut receiver) = kernel.deferred.take() else { return };
    let mut batch = Vec::with_capacity(MOST_TOGETHER);
    let mut down = false;
    while !down {
        tokio::select! {
            _ = receiver.recv_many(&mut batch, MOST_TOGETHER) => gather(&mut receiver, &mut batch).await,
            () = shutdown.wait() => {
                receiver.close();
                while let Some(message) = receiver.recv().await {
                    batch.push(message);
                }
                down = true;
            }
        }
        write(&kernel.db, batch.drain(..)).await;
    }
}

/// Waits a moment for more, unless somebody waits for what is there.
async fn gather(receiver: &mut mpsc::Receiver<Message>, batch: &mut Vec<Message>) {
    let until = Instant::now() + PAUSE;
    while batch.len() < MOST_TOGETHER && !matches!(batch.last(), Some(Message::Flush(_))) {
        match timeout_at(until, receiver.recv()).await {
            Ok(Some(message)) => batch.push(message),
            Ok(None) | Err(_) => return,
        }
    }
}

async fn write(db: &Database, batch: impl Iterator<Item = Message>) {
    let mut tables: Vec<(&'static str, Vec<Vec<Cell>>)> = Vec::new();
    let mut waiting = Vec::new();
    for message in batch {
        match message {
            Message::Flush(done) => waiting.push(done),
            Message::Row(Row { head, cells }) => match tables.iter_mut().find(|(known, _)| *known == head) {
                Some((_, rows)) => rows.push(cells),
                None => tables.push((head, vec![cells])),
            },
        }
    }
    if !tables.is_empty()
        && let Err(error) = insert(db, tables).await
    {
        tracing::warn!(%error, "rows of a log could not be written and are lost");
    }
    for done in waiting {
        // Whoever asked may have gone.
        let _ = done.send(());
    }
}

async fn insert(db: &Database, tables: Vec<(&'static str, Vec<Vec<Cell>>)>) -> Result<(), sqlx::Error> {
    let mut tx = db.begin().await?;
    for (head, rows) in tables {
        insert_all(&mut tx, head, rows).await?;
    }
    tx.commit().await
}
