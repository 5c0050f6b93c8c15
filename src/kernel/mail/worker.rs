//! The worker that delivers the outbox. It claims each mail for a limited time, so that any number of nodes
//! can run one and a mail whose worker crashed is taken over.

use std::time::Duration;

use super::outbox::{self, QueuedMail};
use super::{RenderedEmail, Transport, TransportError, mailing};
use crate::kernel::jobs::Shutdown;
use crate::kernel::{Kernel, vault};

/// How long a worker's claim on a mail lasts before another worker may take it.
const LEASE: Duration = Duration::from_mins(2);
/// How often the worker polls the outbox without being woken: for mails that other nodes queued, and for
/// retries.
const POLL: Duration = Duration::from_secs(5);
/// How long a mail is retried before it is given up.
const GIVE_UP_AFTER: Duration = Duration::from_hours(96);

/// Delivers queued mails until shutdown.
pub async fn run(kernel: Kernel, transport: Transport, mut shutdown: Shutdown) {
    loop {
        match deliver_due(&kernel, &transport).await {
            Ok(0) => {}
            Ok(_) => continue,
            Err(error) => tracing::error!(%error, "could not process the email outbox"),
        }
        tokio::select! {
            () = shutdown.wait() => return,
            () = kernel.mail_wake.notified() => {}
            () = tokio::time::sleep(POLL) => {}
        }
    }
}

/// One pass over the due mails; returns how many were claimed.
async fn deliver_due(kernel: &Kernel, transport: &Transport) -> Result<usize, vault::Error> {
    let due = outbox::due_mails(&mut *kernel.db.read().await?, kernel.clock.now()).await?;
    let mut taken = 0;
    for mail in due {
        let mut tx = kernel.db.begin().await?;
        let mine = outbox::claim(&mut tx, &mail, LEASE).await?;
        tx.commit().await?;
        if mine {
            taken += 1;
            deliver(kernel, transport, &mail).await?;
        }
    }
    Ok(taken)
}

async fn deliver(kernel: &Kernel, transport: &Transport, queued: &QueuedMail) -> Result<(), vault::Error> {
    let outcome = match open(kernel, queued).await {
        Ok(mail) => transport.send(&queued.id, &mail).await,
        Err(error) => Err(TransportError::Permanent(error.to_string())),
    };
    let mut tx = kernel.db.begin().await?;
    match outcome {
        Ok(()) => {
            metrics::counter!("vestibule_mails_sent_total").increment(1);
            outbox::mark_sent(&mut tx, &queued.id).await?;
            if let Some(id) = &queued.mailing_id {
                mailing::record_delivery(&mut tx, id, true).await?;
            }
        }
        Err(TransportError::Transient(error)) if tx.now() < queued.created_at.plus(GIVE_UP_AFTER) => {
            let attempt = queued.attempts + 1;
            tracing::warn!(mail = queued.id, %error, attempt, "could not deliver an email; will retry");
            let at = tx.now().plus(back_off(queued.attempts));
            outbox::retry(&mut tx, &queued.id, at, &error).await?;
        }
        Err(error) => {
            metrics::counter!("vestibule_mails_failed_total").increment(1);
            tracing::error!(mail = queued.id, %error, "could not deliver an email; gave up");
            outbox::mark_failed(&mut tx, &queued.id, &error.to_string()).await?;
            if let Some(id) = &queued.mailing_id {
                mailing::record_delivery(&mut tx, id, false).await?;
            }
        }
    }
    tx.commit().await?;
    Ok(())
}

async fn open(kernel: &Kernel, queued: &QueuedMail) -> Result<RenderedEmail, vault::Error> {
    let body = kernel.vault.open_sealed(&outbox::bound_to(&queued.id), &queued.sealed).await?;
    serde_json::from_slice(&body).map_err(|_| vault::Error::Damaged)
}

/// The delay before the next attempt: 10 s, 20 s, 40 s and so on, at most half an hour.
fn back_off(attempts: i64) -> Duration {
    let doublings = u32::try_from(attempts).unwrap_or(0).min(8);
    Duration::from_secs(10 << doublings).min(Duration::from_mins(30))
}
