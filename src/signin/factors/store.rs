//! SQL of factors, recovery codes and enrolments.

use super::model::{CredentialMetadata, Factor, FactorKind};
use super::webauthn::VerifiedAssertion;
use crate::directory::users::User;
use crate::kernel::database::DbConn;
use crate::kernel::{Timestamp, Tx, UserId};

macro_rules! columns {
    () => {
        "id, user_id, kind, name, secret, discoverable, backed_up, created_at, last_used_at"
    };
}

/// The maximum number of factors of a user.
pub(super) const MAX_FACTORS: i64 = 20;

/// A new row of `factors`.
pub(super) struct NewFactor<'a> {
    pub(super) id: &'a str,
    pub(super) kind: FactorKind,
    pub(super) name: &'a str,
    pub(super) secret: &'a str,
    /// The time step of the code that confirmed an authenticator app.
    pub(super) last_step: i64,
    pub(super) key: Option<CredentialMetadata>,
}

/// Inserts a factor; returns false when one with its id or its credential exists.
pub(super) async fn insert(tx: &mut Tx, user: &User, new: &NewFactor<'_>) -> Result<bool, sqlx::Error> {
    let now = tx.now();
    let key = new.key.as_ref();
    let done = sqlx::query(
        "INSERT INTO factors (id, account_id, user_id, kind, name, secret, last_step, credential_id, discoverable, \
         counter, backup_eligible, backed_up, created_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, \
         $13) ON CONFLICT DO NOTHING",
    )
    .bind(new.id)
    .bind(&user.account_id)
    .bind(&user.id)
    .bind(new.kind.as_str())
    .bind(new.name)
    .bind(new.secret)
    .bind(new.last_step)
    .bind(key.map(|key| key.credential_id.as_str()))
    .bind(i32::from(key.is_some_and(|key| key.discoverable)))
    .bind(key.map_or(0, |key| key.counter))
    .bind(i32::from(key.is_some_and(|key| key.backup_eligible)))
    .bind(i32::from(key.is_some_and(|key| key.backed_up)))
    .bind(now)
    .execute(&mut **tx)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// Records that the user has a second factor; returns false when they had one already.
pub(super) async fn insert_enrolment(tx: &mut Tx, user: &User) -> Result<bool, sqlx::Error> {
    let now = tx.now();
    let done = sqlx::query(
        "INSERT INTO enrolments (user_id, account_id, enrolled_at) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING",
    )
    .bind(&user.id)
    .bind(&user.account_id)
    .bind(now)
    .execute(&mut **tx)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// Deletes all factors, recovery codes and remembered browsers of a user; returns false when they had no
/// second factor.
pub(super) async fn delete_all(tx: &mut Tx, user_id: &UserId) -> Result<bool, sqlx::Error> {
    let done =
        sqlx::query("DELETE FROM enrolments WHERE user_id = $1").bind(user_id).execute(&mut **tx).await?;
    for sql in [
        "DELETE FROM factors WHERE user_id = $1",
        "DELETE FROM recovery_codes WHERE user_id = $1",
        "DELETE FROM remembered_devices WHERE user_id = $1",
    ] {
        sqlx::query(sql).bind(user_id).execute(&mut **tx).await?;
    }
    Ok(done.rows_affected() == 1)
}

/// When the user enrolled a second factor, if they have one.
pub async fn enrolled_at(c: &mut DbConn, user_id: &UserId) -> Result<Option<Timestamp>, sqlx::Error> {
    sqlx::query_scalar("SELECT enrolled_at FROM enrolments WHERE user_id = $1")
        .bind(user_id)
        .fetch_optional(c)
        .await
}

/// Whether the user has a second factor.
pub async fn is_enrolled(c: &mut DbConn, user_id: &UserId) -> Result<bool, sqlx::Error> {
    Ok(enrolled_at(c, user_id).await?.is_some())
}

/// The factors of a user, oldest first.
pub async fn of_user(c: &mut DbConn, user_id: &UserId) -> Result<Vec<Factor>, sqlx::Error> {
    sqlx::query_as(concat!("SELECT ", columns!(), " FROM factors WHERE user_id = $1 ORDER BY id LIMIT 100"))
        .bind(user_id)
        .fetch_all(c)
        .await
}

/// The factor with this id, if it belongs to this user.
pub async fn by_id(c: &mut DbConn, user_id: &UserId, id: &str) -> Result<Option<Factor>, sqlx::Error> {
    sqlx::query_as(concat!("SELECT ", columns!(), " FROM factors WHERE user_id = $1 AND id = $2"))
        .bind(user_id)
        .bind(id)
        .fetch_optional(c)
        .await
}

/// The factor with this credential, of any user, because a passkey sign-in does not begin with a user.
pub(super) async fn by_credential(
    c: &mut DbConn,
    credential_id: &str,
) -> Result<Option<Factor>, sqlx::Error> {
    sqlx::query_as(concat!("SELECT ", columns!(), " FROM factors WHERE credential_id = $1"))
        .bind(credential_id)
        .fetch_optional(c)
        .await
}

/// Accepts the code of `step`, unless that step or a later one was accepted before. It is one statement, so
/// that of two requests with one code only one succeeds, on any node.
pub(super) async fn consume_totp_step(tx: &mut Tx, factor: &Factor, step: i64) -> Result<bool, sqlx::Error> {
    let now = tx.now();
    let done =
        sqlx::query("UPDATE factors SET last_step = $1, last_used_at = $2 WHERE id = $3 AND last_step < $1")
            .bind(step)
            .bind(now)
            .bind(&factor.id)
            .execute(&mut **tx)
            .await?;
    Ok(done.rows_affected() == 1)
}

/// Records the use of a key; returns false when it was removed, or its counter has advanced in the
/// meantime.
pub(super) async fn record_key_use(tx: &mut Tx, assertion: &VerifiedAssertion) -> Result<bool, sqlx::Error> {
    let (now, facts) = (tx.now(), &assertion.metadata);
    let done = sqlx::query(
        "UPDATE factors SET secret = $1, counter = $2, backup_eligible = $3, backed_up = $4, last_used_at = $5 \
         WHERE id = $6 AND (counter < $2 OR counter = 0)",
    )
    .bind(&assertion.credential)
    .bind(facts.counter)
    .bind(i32::from(facts.backup_eligible))
    .bind(i32::from(facts.backed_up))
    .bind(now)
    .bind(&assertion.factor_id)
    .execute(&mut **tx)
    .await?;
    Ok(done.rows_affected() == 1)
}

pub(super) async fn rename(tx: &mut Tx, factor: &Factor, name: &str) -> Result<(), sqlx::Error> {
    sqlx::query("UPDATE factors SET name = $1 WHERE user_id = $2 AND id = $3")
        .bind(name)
        .bind(&factor.user_id)
        .bind(&factor.id)
        .execute(&mut **tx)
        .await
        .map(drop)
}

pub(super) async fn delete(tx: &mut Tx, factor: &Factor) -> Result<bool, sqlx::Error> {
    let done = sqlx::query("DELETE FROM factors WHERE user_id = $1 AND id = $2")
        .bind(&factor.user_id)
        .bind(&factor.id)
        .execute(&mut **tx)
        .await?;
    Ok(done.rows_affected() == 1)
}

pub(super) async fn count(c: &mut DbConn, user_id: &UserId) -> Result<i64, sqlx::Error> {
    sqlx::query_scalar("SELECT COUNT(*) FROM factors WHERE user_id = $1").bind(user_id).fetch_one(c).await
}

/// Replaces all recovery codes of the user.
pub(super) async fn replace_recovery_codes(
    tx: &mut Tx,
    user: &User,
    hashes: &[String],
) -> Result<(), sqlx::Error> {
    let now = tx.now();
    sqlx::query("DELETE FROM recovery_codes WHERE user_id = $1").bind(&user.id).execute(&mut **tx).await?;
    for hash in hashes {
        sqlx::query(
            "INSERT INTO recovery_codes (user_id, hash, account_id, created_at) VALUES ($1, $2, $3, $4)",
        )
        .bind(&user.id)
        .bind(hash)
        .bind(&user.account_id)
        .bind(now)
        .execute(&mut **tx)
        .await?;
    }
    Ok(())
}

/// Consumes a recovery code; returns false when it does not exist or was used before.
pub(super) async fn consume_recovery_code(
    tx: &mut Tx,
    user_id: &UserId,
    hash: &str,
) -> Result<bool, sqlx::Error> {
    let done = sqlx::query("DELETE FROM recovery_codes WHERE user_id = $1 AND hash = $2")
        .bind(user_id)
        .bind(hash)
        .execute(&mut **tx)
        .await?;
    Ok(done.rows_affected() == 1)
}

/// How many recovery codes the user has left.
pub async fn codes_left(c: &mut DbConn, user_id: &UserId) -> Result<i64, sqlx::Error> {
    sqlx::query_scalar("SELECT COUNT(*) FROM recovery_codes WHERE user_id = $1")
        .bind(user_id)
        .fetch_one(c)
        .await
}
