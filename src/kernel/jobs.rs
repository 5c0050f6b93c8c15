//! Background jobs. They start and stop with the server, and each finishes its current work before it
//! stops.

use std::time::Duration;

use tokio::sync::watch;
use tokio::task::JoinSet;

/// A job's handle that reports when the server shuts down.
#[derive(Clone)]
pub struct Shutdown(watch::Receiver<bool>);

impl Shutdown {
    /// Waits until shutdown begins.
    pub async fn wait(&mut self) {
        // An error means that the sender was dropped, which is a shutdown too.
        let _ = self.0.wait_for(|down| *down).await;
    }

    /// Waits for `pause`; returns true when shutdown began in the meantime.
    pub async fn begins_within(&mut self, pause: Duration) -> bool {
        tokio::time::timeout(pause, self.wait()).await.is_ok()
    }
}

/// The set of running jobs.
pub struct Jobs {
    down: watch::Sender<bool>,
    set: JoinSet<()>,
}

impl Default for Jobs {
    fn default() -> Self {
        Self { down: watch::channel(false).0, set: JoinSet::new() }
    }
}

impl Jobs {
    /// A handle that reports the shutdown.
    #[must_use]
    pub fn shutdown(&self) -> Shutdown {
        Shutdown(self.down.subscribe())
    }

    /// Starts a job, which gets a [`Shutdown`] to watch.
    pub fn spawn<F: Future<Output = ()> + Send + 'static>(&mut self, job: impl FnOnce(Shutdown) -> F) {
        let job = job(self.shutdown());
        self.set.spawn(job);
    }

    /// Asks every job to stop and waits for all of them.
    pub async fn stop(mut self) {
        self.down.send_replace(true);
        while let Some(ended) = self.set.join_next().await {
            if let Err(error) = ended {
                tracing::error!(%error, "a background job failed");
            }
        }
    }
}
