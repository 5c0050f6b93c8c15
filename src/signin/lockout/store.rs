//! SQL of failed attempts.

use std::time::Duration;

use sqlx::query::QueryAs;

use super::model::{Attempt, AttemptDecision, CredentialKind};
use crate::directory::accounts::LockoutSettings;
use crate::kernel::database::{Database, DbConn, PendingCommit, Sql, SqlArguments};
use crate::kernel::{AccountId, Timestamp, Tx, UserId};

/// Counts an attempt as failed before it is checked.
pub(crate) async fn record_attempt(
    tx: &mut Tx,
    attempt: Attempt<'_>,
    settings: &LockoutSettings,
) -> Result<AttemptDecision, sqlx::Error> {
    let now = tx.now();
    Ok(decide(count_attempt(now, attempt, settings).fetch_optional(&mut **tx).await?))
}

/// Like [`record_attempt`], in a transaction of its own. A power cut may undo it until the returned commit
/// was awaited.
pub(crate) async fn record_attempt_alone(
    db: &Database,
    now: Timestamp,
    attempt: Attempt<'_>,
    settings: &LockoutSettings,
) -> Result<(AttemptDecision, PendingCommit), sqlx::Error> {
    let (counted, commit) = db.write_one_relaxed(count_attempt(now, attempt, settings)).await?;
    Ok((decide(counted), commit))
}

/// How many attempts have failed in a row, and until when the row is locked (0 if it is not).
type FailureCount = (i64, Timestamp);

/// A single statement, so that of attempts that race each sees the count of the one before, and none passes
/// a locked row.
///
/// Counting restarts when the lock has ended, or when nothing was attempted for the duration of a lock.
fn count_attempt<'q>(
    now: Timestamp,
    attempt: Attempt<'q>,
    settings: &LockoutSettings,
) -> QueryAs<'q, Sql, FailureCount, SqlArguments> {
    let duration = Duration::from_secs(60 * u64::from(settings.duration_minutes));
    sqlx::query_as(
        "INSERT INTO signin_failures AS f (user_id, factor, account_id, failures, last_at, locked_until) \
         VALUES ($1, $2, $3, 1, $4, 0) ON CONFLICT (user_id, factor) DO UPDATE SET \
         failures = CASE WHEN f.locked_until > 0 OR f.last_at <= $5 THEN 1 ELSE f.failures + 1 END, \
         locked_until = CASE WHEN f.locked_until > 0 OR f.last_at <= $5 THEN 0 WHEN f.failures + 1 >= $6 THEN $7 \
         ELSE 0 END, last_at = $4 WHERE f.locked_until <= $4 RETURNING failures, locked_until",
    )
    .bind(attempt.key)
    .bind(attempt.credential_kind.as_str())
    .bind(attempt.account_id)
    .bind(now)
    .bind(now.minus(duration))
    .bind(i64::from(settings.attempts))
    .bind(now.plus(duration))
}

fn decide(counted: Option<FailureCount>) -> AttemptDecision {
    match counted {
        None => AttemptDecision::Locked,
        Some((_, Timestamp(0))) => AttemptDecision::Allowed { locks_until: None },
        Some((_, until)) => AttemptDecision::Allowed { locks_until: Some(until) },
    }
}

/// Does as much work as recording a refusal, for names that no user has.
pub(crate) async fn write_decoy(tx: &mut Tx, attempt: Attempt<'_>) -> Result<(), sqlx::Error> {
    let now = tx.now();
    sqlx::query("UPDATE signin_failures SET last_at = $1 WHERE user_id = $2 AND factor = $3")
        .bind(now)
        .bind(attempt.key)
        .bind(attempt.credential_kind.as_str())
        .execute(&mut **tx)
        .await
        .map(drop)
}

/// Clears the failures of a user with the kind of credential that they have just verified. Failures with
/// another kind still count, because knowing the password must not allow more guesses at a code.
pub(crate) async fn clear_failures(
    tx: &mut Tx,
    key: &str,
    factor: CredentialKind,
) -> Result<(), sqlx::Error> {
    sqlx::query("DELETE FROM signin_failures WHERE user_id = $1 AND factor = $2")
        .bind(key)
        .bind(factor.as_str())
        .execute(&mut **tx)
        .await
        .map(drop)
}

/// Clears the failures of a user with one kind of credential; returns true when it was locked.
pub(super) async fn unlock_kind(
    tx: &mut Tx,
    user_id: &UserId,
    factor: CredentialKind,
) -> Result<bool, sqlx::Error> {
    let now = tx.now();
    let ended: Option<Timestamp> = sqlx::query_scalar(
        "DELETE FROM signin_failures WHERE user_id = $1 AND factor = $2 RETURNING locked_until",
    )
    .bind(user_id)
    .bind(factor.as_str())
    .fetch_optional(&mut **tx)
    .await?;
    Ok(ended.is_some_and(|until| until > now))
}

/// Clears all failures of a user; returns true when a kind of credential was locked.
pub(super) async fn unlock_all(tx: &mut Tx, user_id: &UserId) -> Result<bool, sqlx::Error> {
    let now = tx.now();
    let ended: Vec<(Timestamp,)> =
        sqlx::query_as("DELETE FROM signin_failures WHERE user_id = $1 RETURNING locked_until")
            .bind(user_id)
            .fetch_all(&mut **tx)
            .await?;
    Ok(ended.iter().any(|(until,)| *until > now))
}

/// Until when the user is locked, if they are.
pub async fn locked_until(
    c: &mut DbConn,
    account_id: &AccountId,
    user_id: &UserId,
    now: Timestamp,
) -> Result<Option<Timestamp>, sqlx::Error> {
    sqlx::query_scalar(
        "SELECT locked_until FROM signin_failures WHERE user_id = $1 AND account_id = $2 AND locked_until > $3 \
         ORDER BY locked_until DESC LIMIT 1",
    )
    .bind(user_id)
    .bind(account_id)
    .bind(now)
    .fetch_optional(c)
    .await
}

/// How many users of the account are locked.
pub async fn locked_count(
    c: &mut DbConn,
    account_id: &AccountId,
    now: Timestamp,
) -> Result<i64, sqlx::Error> {
    sqlx::query_scalar(
        "SELECT COUNT(*) FROM signin_failures f JOIN users u ON u.id = f.user_id \
         WHERE f.account_id = $1 AND f.locked_until > 0 AND f.locked_until > $2",
    )
    .bind(account_id)
    .bind(now)
    .fetch_one(c)
    .await
}

/// Deletes counters that were last used longer ago than any lock lasts.
pub(crate) async fn delete_stale(tx: &mut Tx) -> Result<(), sqlx::Error> {
    let (now, longest) = (tx.now(), Duration::from_hours(24 * 31));
    sqlx::query("DELETE FROM signin_failures WHERE last_at <= $1 AND locked_until <= $2")
        .bind(now.minus(longest))
        .bind(now)
        .execute(&mut **tx)
        .await
        .map(drop)
}
