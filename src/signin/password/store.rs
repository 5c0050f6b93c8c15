//! SQL of passwords.

use std::time::Duration;

use crate::kernel::database::{DbConn, SqlValue, insert_all};
use crate::kernel::{AccountId, Timestamp, Tx, UserId};

/// A stored password.
#[derive(Debug, Clone, sqlx::FromRow)]
pub(crate) struct PasswordRow {
    pub(crate) hash: String,
    pub(crate) changed_at: Timestamp,
}

/// The stored password of a user, if they have one.
pub(crate) async fn of_user(c: &mut DbConn, user_id: &UserId) -> Result<Option<PasswordRow>, sqlx::Error> {
    sqlx::query_as("SELECT hash, changed_at FROM passwords WHERE user_id = $1")
        .bind(user_id)
        .fetch_optional(c)
        .await
}

/// When the user's password was set; `None` for a user without one.
pub async fn changed_at(c: &mut DbConn, user_id: &UserId) -> Result<Option<Timestamp>, sqlx::Error> {
    Ok(of_user(c, user_id).await?.map(|row| row.changed_at))
}

/// How many of the account's active users have a password that was set at or before `moment`.
pub async fn count_older(
    c: &mut DbConn,
    account_id: &AccountId,
    moment: Timestamp,
) -> Result<i64, sqlx::Error> {
    sqlx::query_scalar(
        "SELECT COUNT(*) FROM passwords p JOIN users u ON u.id = p.user_id \
         WHERE p.account_id = $1 AND p.changed_at <= $2 AND u.active = 1",
    )
    .bind(account_id)
    .bind(moment)
    .fetch_one(c)
    .await
}

pub(super) async fn upsert(
    tx: &mut Tx,
    account_id: &AccountId,
    user_id: &UserId,
    hash: &str,
) -> Result<(), sqlx::Error> {
    let now = tx.now();
    sqlx::query(
        "INSERT INTO passwords (user_id, account_id, hash, changed_at) VALUES ($1, $2, $3, $4) \
         ON CONFLICT (user_id) DO UPDATE SET hash = excluded.hash, changed_at = excluded.changed_at, warned_at = NULL",
    )
    .bind(user_id)
    .bind(account_id)
    .bind(hash)
    .bind(now)
    .execute(&mut **tx)
    .await
    .map(drop)
}

/// Replaces the hash of an unchanged password with a better one. Has no effect when the password was
/// changed in the meantime.
pub(crate) async fn upgrade(tx: &mut Tx, user_id: &UserId, old: &str, new: &str) -> Result<(), sqlx::Error> {
    sqlx::query("UPDATE passwords SET hash = $1 WHERE user_id = $2 AND hash = $3")
        .bind(new)
        .bind(user_id)
        .bind(old)
        .execute(&mut **tx)
        .await
        .map(drop)
}

/// Copies the current hash into the history and reduces the history to `keep` entries.
pub(super) async fn retire(
    tx: &mut Tx,
    account_id: &AccountId,
    user_id: &UserId,
    keep: u32,
) -> Result<(), sqlx::Error> {
    let now = tx.now();
    sqlx::query(
        "INSERT INTO password_history (user_id, account_id, hash, replaced_at) \
         SELECT user_id, account_id, hash, $1 FROM passwords WHERE user_id = $2 AND account_id = $3",
    )
    .bind(now)
    .bind(user_id)
    .bind(account_id)
    .execute(&mut **tx)
    .await?;
    sqlx::query(
        "DELETE FROM password_history WHERE user_id = $1 AND hash NOT IN \
         (SELECT h.hash FROM password_history h WHERE h.user_id = $1 ORDER BY h.replaced_at DESC LIMIT $2)",
    )
    .bind(user_id)
    .bind(i64::from(keep))
    .execute(&mut **tx)
    .await
    .map(drop)
}

/// The hashes of the last `most` passwords, the current one first.
pub(super) async fn recent_hashes(
    c: &mut DbConn,
    user_id: &UserId,
    most: u32,
) -> Result<Vec<String>, sqlx::Error> {
    let mut all: Vec<String> = of_user(&mut *c, user_id).await?.map(|row| row.hash).into_iter().collect();
    let earlier: Vec<String> = sqlx::query_scalar(
        "SELECT hash FROM password_history WHERE user_id = $1 ORDER BY replaced_at DESC LIMIT $2",
    )
    .bind(user_id)
    .bind(i64::from(most.saturating_sub(1)))
    .fetch_all(c)
    .await?;
    all.extend(earlier);
    Ok(all)
}

/// At most 200 active users whose password was set after `after` and not later than `until`, and who were
/// not warned yet.
pub(super) async fn to_warn(
    c: &mut DbConn,
    account_id: &AccountId,
    after: Timestamp,
    until: Timestamp,
) -> Result<Vec<(UserId, Timestamp)>, sqlx::Error> {
    sqlx::query_as(
        "SELECT p.user_id, p.changed_at FROM passwords p JOIN users u ON u.id = p.user_id \
         WHERE p.account_id = $1 AND p.changed_at > $2 AND p.changed_at <= $3 AND p.warned_at IS NULL \
         AND u.active = 1 ORDER BY p.changed_at LIMIT 200",
    )
    .bind(account_id)
    .bind(after)
    .bind(until)
    .fetch_all(c)
    .await
}

/// Records that the warning is queued; returns false when another node was faster or the password was
/// changed.
pub(super) async fn mark_warned(
    tx: &mut Tx,
    user_id: &UserId,
    changed_at: Timestamp,
) -> Result<bool, sqlx::Error> {
    let now = tx.now();
    let done = sqlx::query(
        "UPDATE passwords SET warned_at = $1 WHERE user_id = $2 AND changed_at = $3 AND warned_at IS NULL",
    )
    .bind(now)
    .bind(user_id)
    .bind(changed_at)
    .execute(&mut **tx)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// Stores hashes from another system, as (user id, hash), for users who have no password. `changed_at` is
/// now, because their age is unknown.
pub async fn insert_imported(
    tx: &mut Tx,
    account_id: &AccountId,
    hashes: Vec<(UserId, String)>,
) -> Result<(), sqlx::Error> {
    let now = tx.now();
    let row = |(user_id, hash): (UserId, String)| -> [SqlValue<'_>; 4] {
        [user_id.into(), account_id.into(), hash.into(), now.into()]
    };
    let rows = hashes.into_iter().map(row).collect();
    let head = "INSERT INTO passwords (user_id, account_id, hash, changed_at)";
    insert_all(tx, head, rows).await
}

/// The time in which mails about a forgotten password are counted.
const RESET_PERIOD: Duration = Duration::from_hours(1);

/// How many mails about a forgotten password the user was sent within the last hour.
pub(super) async fn count_reset_requests(
    tx: &mut Tx,
    account_id: &AccountId,
    user_id: &UserId,
) -> Result<i64, sqlx::Error> {
    let since = tx.now().minus(RESET_PERIOD);
    sqlx::query_scalar(
        "SELECT COUNT(*) FROM reset_requests WHERE account_id = $1 AND user_id = $2 AND requested_at > $3",
    )
    .bind(account_id)
    .bind(user_id)
    .bind(since)
    .fetch_one(&mut **tx)
    .await
}

pub(super) async fn insert_reset_request(
    tx: &mut Tx,
    account_id: &AccountId,
    user_id: &UserId,
) -> Result<(), sqlx::Error> {
    let now = tx.now();
    sqlx::query("INSERT INTO reset_requests (account_id, user_id, requested_at) VALUES ($1, $2, $3)")
        .bind(account_id)
        .bind(user_id)
        .bind(now)
        .execute(&mut **tx)
        .await
        .map(drop)
}

/// Deletes the requests that no longer count.
pub(crate) async fn delete_old_reset_requests(tx: &mut Tx) -> Result<(), sqlx::Error> {
    let until = tx.now().minus(RESET_PERIOD);
    sqlx::query("DELETE FROM reset_requests WHERE requested_at <= $1")
        .bind(until)
        .execute(&mut **tx)
        .await
        .map(drop)
}
