//! A mailing: the same mail to many users, with counts of its deliveries. It is queued in batches, so that
//! a million mails are neither one transaction nor a million rows in the outbox at once. `status` goes from
//! `running` to `queued` when the last mail has been queued, or to `cancelled`.

use crate::kernel::row_ids::AccountId;
use serde::Serialize;
use utoipa::ToSchema;

use super::{RenderedEmail, outbox};
use crate::kernel::database::DbConn;
use crate::kernel::{Kernel, Timestamp, Tx, vault};

/// No further batch is queued while this many mails of a mailing wait in the outbox.
pub const MOST_WAITING: i64 = 1000;

/// A mailing: the same email to many users.
#[derive(Debug, Clone, Serialize, ToSchema, sqlx::FromRow)]
pub struct Mailing {
    /// The mailing's ID.
    pub id: String,
    /// The account.
    #[serde(skip)]
    pub account_id: AccountId,
    /// The kind of email: `two_factor_enforced` or `two_factor_reminder`.
    pub kind: String,
    /// The recipients, as the code that started the mailing describes them.
    #[serde(skip)]
    pub scope: String,
    /// The number of recipients when the mailing started.
    pub total: i64,
    /// The number of emails that have been queued.
    pub queued: i64,
    /// The number of emails that the mail server has accepted.
    pub sent: i64,
    /// The number of emails that could not be delivered.
    pub failed: i64,
    /// The last user it was queued for.
    #[serde(skip)]
    pub cursor: String,
    /// `running` while emails are being queued, `queued` when all are queued, or `cancelled`.
    pub status: String,
    /// The name of the user or service account that started the mailing.
    pub created_by: String,
    /// When the mailing started.
    #[schema(value_type = String, format = DateTime)]
    pub created_at: Timestamp,
}

impl Mailing {
    /// Whether mails remain to be queued or delivered.
    #[must_use]
    pub fn is_under_way(&self) -> bool {
        self.status == "running" || (self.status == "queued" && self.sent + self.failed < self.queued)
    }

    /// Whether another batch may be queued.
    #[must_use]
    pub fn has_room(&self) -> bool {
        self.queued - self.sent - self.failed < MOST_WAITING
    }
}

macro_rules! columns {
    () => {
        "id, account_id, kind, scope, total, queued, sent, failed, cursor, status, created_by, created_at"
    };
}

/// The parameters of a new mailing.
pub struct NewMailing<'a> {
    /// The account.
    pub account_id: &'a AccountId,
    /// Which mail is sent.
    pub kind: &'static str,
    /// Which users receive it, in a form that the caller defines.
    pub scope: &'a str,
    /// The number of recipients.
    pub total: i64,
    /// The user who starts it.
    pub created_by: &'a str,
}

/// Starts a mailing, whose mails a job then queues. Other running mailings of the account are cancelled.
pub async fn start(tx: &mut Tx, new: &NewMailing<'_>) -> Result<String, sqlx::Error> {
    cancel(tx, new.account_id).await?;
    let (id, now) = (tx.new_id(), tx.now());
    sqlx::query(
        "INSERT INTO mailings (id, account_id, kind, scope, total, queued, sent, failed, cursor, status, created_by, \
         created_at, updated_at) VALUES ($1, $2, $3, $4, $5, 0, 0, 0, '', 'running', $6, $7, $7)",
    )
    .bind(&id)
    .bind(new.account_id)
    .bind(new.kind)
    .bind(new.scope)
    .bind(new.total)
    .bind(new.created_by)
    .bind(now)
    .execute(&mut **tx)
    .await?;
    Ok(id)
}

/// Cancels the account's mailings. Mails that are already queued are still delivered.
pub async fn cancel(tx: &mut Tx, account_id: &AccountId) -> Result<u64, sqlx::Error> {
    let now = tx.now();
    let done = sqlx::query(
        "UPDATE mailings SET status = 'cancelled', updated_at = $1 WHERE account_id = $2 AND status = 'running'",
    )
    .bind(now)
    .bind(account_id)
    .execute(&mut **tx)
    .await?;
    Ok(done.rows_affected())
}

/// The mailings that wait for their next batch, oldest first.
pub async fn running(c: &mut DbConn) -> Result<Vec<Mailing>, sqlx::Error> {
    sqlx::query_as(concat!(
        "SELECT ",
        columns!(),
        " FROM mailings WHERE status = 'running' ORDER BY id LIMIT 100"
    ))
    .fetch_all(c)
    .await
}

/// The newest mailings of an account.
pub async fn latest(c: &mut DbConn, account_id: &AccountId, limit: i64) -> Result<Vec<Mailing>, sqlx::Error> {
    sqlx::query_as(concat!(
        "SELECT ",
        columns!(),
        " FROM mailings WHERE account_id = $1 ORDER BY id DESC LIMIT $2"
    ))
    .bind(account_id)
    .bind(limit)
    .fetch_all(c)
    .await
}

/// Queues the next batch of a mailing and moves its cursor, in this transaction. Returns false, and queues
/// nothing, when another node was faster or the mailing was cancelled. `last` says that no recipient
/// follows `cursor`.
pub async fn queue_batch(
    tx: &mut Tx,
    kernel: &Kernel,
    mailing: &Mailing,
    mails: &[RenderedEmail],
    cursor: &str,
    last: bool,
) -> Result<bool, vault::Error> {
    let now = tx.now();
    let made = i64::try_from(mails.len()).unwrap_or(i64::MAX);
    let moved = sqlx::query(
        "UPDATE mailings SET queued = queued + $1, cursor = $2, status = $3, updated_at = $4 \
         WHERE id = $5 AND cursor = $6 AND status = 'running'",
    )
    .bind(made)
    .bind(cursor)
    .bind(if last { "queued" } else { "running" })
    .bind(now)
    .bind(&mailing.id)
    .bind(&mailing.cursor)
    .execute(&mut **tx)
    .await?;
    if moved.rows_affected() == 0 {
        return Ok(false);
    }
    outbox::queue_bulk(tx, kernel, &mailing.account_id, &mailing.id, mails).await?;
    Ok(true)
}

/// Counts the delivery or failure of one mail of a mailing.
pub(super) async fn record_delivery(tx: &mut Tx, id: &str, delivered: bool) -> Result<(), sqlx::Error> {
    let sql = if delivered {
        "UPDATE mailings SET sent = sent + 1 WHERE id = $1"
    } else {
        "UPDATE mailings SET failed = failed + 1 WHERE id = $1"
    };
    sqlx::query(sql).bind(id).execute(&mut **tx).await.map(drop)
}
