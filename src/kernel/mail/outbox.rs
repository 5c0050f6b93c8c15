//! The outbox table. Bodies are encrypted, because they may contain links that sign a user in.

use crate::kernel::row_ids::AccountId;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::kernel::database::{DbConn, SqlValue, insert_all};
use crate::kernel::vault::{self, Vault};
use crate::kernel::{Kernel, Timestamp, Tx};

/// A rendered mail to one recipient.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct RenderedEmail {
    /// The recipient's address.
    pub to: String,
    /// The display name of the sender; the configured one when absent.
    #[serde(default)]
    pub from_name: Option<String>,
    /// The subject, one line.
    pub subject: String,
    /// The plain-text part.
    pub text: String,
    /// The HTML part.
    pub html: String,
}

/// Queues `mail` in this unit of work. Its commit wakes the worker, which sends it.
pub async fn queue(
    tx: &mut Tx,
    kernel: &Kernel,
    account_id: &AccountId,
    mail: &RenderedEmail,
) -> Result<String, vault::Error> {
    let id = tx.new_id();
    let now = tx.now();
    sqlx::query(
        "INSERT INTO mail_outbox (id, account_id, sealed, status, attempts, next_attempt_at, created_at) \
         VALUES ($1, $2, $3, 'queued', 0, $4, $4)",
    )
    .bind(&id)
    .bind(account_id)
    .bind(seal(&kernel.vault, &id, mail)?)
    .bind(now)
    .execute(&mut **tx)
    .await?;
    tx.notify_after_commit(&kernel.mail_wake);
    Ok(id)
}

/// Queues mails of a mailing with a lower priority than all others.
pub(super) async fn queue_bulk(
    tx: &mut Tx,
    kernel: &Kernel,
    account_id: &AccountId,
    mailing_id: &str,
    mails: &[RenderedEmail],
) -> Result<(), vault::Error> {
    let now = tx.now();
    let mut rows = Vec::with_capacity(mails.len());
    for mail in mails {
        let id = tx.new_id();
        let sealed = seal(&kernel.vault, &id, mail)?;
        rows.push([
            id.into(),
            account_id.into(),
            sealed.into(),
            now.into(),
            now.into(),
            mailing_id.into(),
            "queued".into(),
            SqlValue::Number(0),
            SqlValue::Number(1),
        ]);
    }
    let head = "INSERT INTO mail_outbox (id, account_id, sealed, next_attempt_at, created_at, mailing_id, status, \
                attempts, bulk)";
    insert_all(tx, head, rows).await?;
    tx.notify_after_commit(&kernel.mail_wake);
    Ok(())
}

fn seal(vault: &Vault, id: &str, mail: &RenderedEmail) -> Result<String, vault::Error> {
    let body = serde_json::to_vec(mail).map_err(|_| vault::Error::Damaged)?;
    vault.seal(&bound_to(id), &body)
}

pub(super) fn bound_to(id: &str) -> String {
    format!("mail_outbox/{id}/sealed")
}

/// A row of the outbox that is due for delivery.
#[derive(sqlx::FromRow)]
pub(super) struct QueuedMail {
    pub(super) id: String,
    pub(super) sealed: String,
    pub(super) attempts: i64,
    pub(super) created_at: Timestamp,
    pub(super) mailing_id: Option<String>,
}

/// Mails that are due. Those of mailings come last, because a user may be waiting for a password reset.
pub(super) async fn due_mails(c: &mut DbConn, now: Timestamp) -> Result<Vec<QueuedMail>, sqlx::Error> {
    sqlx::query_as(
        "SELECT id, sealed, attempts, created_at, mailing_id FROM mail_outbox \
         WHERE status = 'queued' AND next_attempt_at <= $1 ORDER BY bulk, next_attempt_at LIMIT 20",
    )
    .bind(now)
    .fetch_all(c)
    .await
}

/// Claims a mail for `lease`; returns false when another node was faster.
///
/// The attempt count serves as the optimistic lock: of two workers that read the same count, only one can
/// raise it.
pub(super) async fn claim(tx: &mut Tx, mail: &QueuedMail, lease: Duration) -> Result<bool, sqlx::Error> {
    let until = tx.now().plus(lease);
    let taken = sqlx::query(
        "UPDATE mail_outbox SET attempts = attempts + 1, next_attempt_at = $1 \
         WHERE id = $2 AND status = 'queued' AND attempts = $3",
    )
    .bind(until)
    .bind(&mail.id)
    .bind(mail.attempts)
    .execute(&mut **tx)
    .await?;
    Ok(taken.rows_affected() == 1)
}

pub(super) async fn mark_sent(tx: &mut Tx, id: &str) -> Result<(), sqlx::Error> {
    let now = tx.now();
    sqlx::query(
        "UPDATE mail_outbox SET status = 'sent', sent_at = $1, sealed = '', last_error = NULL WHERE id = $2",
    )
    .bind(now)
    .bind(id)
    .execute(&mut **tx)
    .await
    .map(drop)
}

pub(super) async fn retry(tx: &mut Tx, id: &str, at: Timestamp, error: &str) -> Result<(), sqlx::Error> {
    sqlx::query("UPDATE mail_outbox SET next_attempt_at = $1, last_error = $2 WHERE id = $3")
        .bind(at)
        .bind(error)
        .bind(id)
        .execute(&mut **tx)
        .await
        .map(drop)
}

pub(super) async fn mark_failed(tx: &mut Tx, id: &str, error: &str) -> Result<(), sqlx::Error> {
    sqlx::query("UPDATE mail_outbox SET status = 'failed', sealed = '', last_error = $1 WHERE id = $2")
        .bind(error)
        .bind(id)
        .execute(&mut **tx)
        .await
        .map(drop)
}

/// How long the outbox keeps rows of finished deliveries. Mailings keep their own counts.
const RETENTION: Duration = Duration::from_hours(30 * 24);
const BULK_RETENTION: Duration = Duration::from_hours(24);

/// Deletes mails that were sent or given up long ago, in batches of a few thousand rows.
pub async fn delete_old(tx: &mut Tx) -> Result<u64, sqlx::Error> {
    let now = tx.now();
    let mut deleted = 0;
    for (status, bulk, kept) in [
        ("sent", 0, RETENTION),
        ("failed", 0, RETENTION),
        ("sent", 1, BULK_RETENTION),
        ("failed", 1, BULK_RETENTION),
    ] {
        // `next_attempt_at` is the end of the last claim, at most two minutes from the time of completion,
        // and it has an index.
        let done = sqlx::query(
            "DELETE FROM mail_outbox WHERE id IN (SELECT id FROM mail_outbox \
             WHERE status = $1 AND bulk = $2 AND next_attempt_at <= $3 LIMIT 5000)",
        )
        .bind(status)
        .bind(bulk)
        .bind(now.minus(kept))
        .execute(&mut **tx)
        .await?;
        deleted += done.rows_affected();
    }
    Ok(deleted)
}

/// The state of a mail's delivery.
#[derive(Debug, Clone, sqlx::FromRow)]
pub struct MailDeliveryStatus {
    /// `queued`, `sent` or `failed`.
    pub status: String,
    /// The number of delivery attempts.
    pub attempts: i64,
    /// The mail server's last error message.
    pub last_error: Option<String>,
}

/// The delivery state of a mail, while the outbox keeps its row.
pub async fn delivery_status(
    c: &mut DbConn,
    account_id: &AccountId,
    id: &str,
) -> Result<Option<MailDeliveryStatus>, sqlx::Error> {
    sqlx::query_as("SELECT status, attempts, last_error FROM mail_outbox WHERE id = $1 AND account_id = $2")
        .bind(id)
        .bind(account_id)
        .fetch_optional(c)
        .await
}

#[cfg(test)]
#[path = "outbox_tests.rs"]
mod tests;
