//! SQL of sessions.

use std::time::Duration;

use super::model::{Session, has_ended};
use crate::directory::accounts::{
    self, AuthenticationSettings, MAX_SESSION_MINUTES, SessionSettings, TwoFactorSettings, UnreadableSettings,
};
use crate::directory::users::User;
use crate::kernel::database::{Conditions, DbConn};
use crate::kernel::{AccountId, ConnectionId, Timestamp, Tx, UserId, tokens};
use crate::signin::ProviderSession;

macro_rules! columns {
    () => {
        "s.id, s.user_id, s.method, s.address, s.user_agent, s.created_at, s.last_seen_at"
    };
}

/// A new row of `sessions`.
pub(super) struct NewSession<'a> {
    pub(super) id: &'a str,
    pub(super) account_id: &'a AccountId,
    pub(super) user_id: &'a UserId,
    pub(super) user_epoch: i64,
    pub(super) hash: &'a str,
    pub(super) method: &'a str,
    pub(super) connection_id: Option<&'a ConnectionId>,
    pub(super) amr: String,
    pub(super) acr: &'a str,
    pub(super) provider_acr: &'a str,
    pub(super) second_factor: &'a str,
    pub(super) authenticated_at: Timestamp,
    pub(super) address: String,
    pub(super) user_agent: &'a str,
    pub(super) provider: Option<&'a ProviderSession>,
}

/// Inserts a session; returns false when its user has changed. `expected_hash` is the hash that their
/// password must still have. Whatever the sign-in method, a user with a second factor gets no session
/// without one.
pub(super) async fn insert(
    tx: &mut Tx,
    new: &NewSession<'_>,
    expected_hash: Option<&str>,
) -> Result<bool, sqlx::Error> {
    let now = tx.now();
    let done = sqlx::query(
        "INSERT INTO sessions (id, account_id, user_id, user_epoch, hash, method, connection_id, amr, acr, address, \
         user_agent, created_at, last_seen_at, authenticated_at, second_factor, provider_subject, provider_session, \
         provider_detail, provider_acr) \
         SELECT $1, u.account_id, u.id, u.epoch, $2, $3, $4, $5, $6, $7, $8, $9, $9, $15, $14, $16, $17, $18, $19 FROM users u \
         WHERE u.account_id = $10 AND u.id = $11 AND u.active = 1 AND u.epoch = $12 \
         AND ($13 = '' OR EXISTS (SELECT 1 FROM passwords p WHERE p.user_id = u.id AND p.hash = $13)) \
         AND ($14 <> '' OR NOT EXISTS (SELECT 1 FROM enrolments e WHERE e.user_id = u.id))",
    )
    .bind(new.id)
    .bind(new.hash)
    .bind(new.method)
    .bind(new.connection_id)
    .bind(&new.amr)
    .bind(new.acr)
    .bind(&new.address)
    .bind(new.user_agent)
    .bind(now)
    .bind(new.account_id)
    .bind(new.user_id)
    .bind(new.user_epoch)
    .bind(expected_hash.unwrap_or_default())
    .bind(new.second_factor)
    .bind(new.authenticated_at)
    .bind(new.provider.map(|provider| provider.subject.as_str()))
    .bind(new.provider.and_then(|provider| provider.session.as_deref()))
    .bind(new.provider.map(|provider| provider.detail.as_str()))
    .bind(new.provider_acr)
    .execute(&mut **tx)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// A session whose user is active and in its epoch, with what authentication needs to know of the user,
/// from one query.
#[derive(sqlx::FromRow)]
pub(super) struct ActiveSession {
    pub(super) id: String,
    pub(super) hash: String,
    pub(super) account_id: AccountId,
    pub(super) user_id: UserId,
    pub(super) user_name: String,
    pub(super) amr: String,
    pub(super) acr: String,
    pub(super) provider_acr: String,
    pub(super) created_at: Timestamp,
    pub(super) last_seen_at: Timestamp,
    pub(super) authenticated_at: Timestamp,
    pub(super) second_factor: String,
    pub(super) enrolled: i64,
    settings: String,
    pub(super) roles: Option<String>,
}

impl ActiveSession {
    pub(super) fn settings(&self) -> Result<AuthenticationSettings, UnreadableSettings> {
        accounts::parse_settings(&self.account_id, &self.settings)
    }
}

pub(super) async fn find_active(c: &mut DbConn, id: &str) -> Result<Option<ActiveSession>, sqlx::Error> {
    sqlx::query_as(
        "SELECT s.id, s.hash, s.account_id, s.user_id, u.user_name, s.amr, s.acr, s.provider_acr, s.created_at, s.last_seen_at, \
         s.authenticated_at, s.second_factor, a.settings, \
         (SELECT COUNT(*) FROM enrolments e WHERE e.user_id = s.user_id) AS enrolled, \
         (SELECT string_agg(b.role, ' ') FROM role_bindings b WHERE b.principal_id = s.user_id) AS roles \
         FROM sessions s JOIN users u ON u.id = s.user_id JOIN accounts a ON a.id = s.account_id \
         WHERE s.id = $1 AND u.active = 1 AND u.epoch = s.user_epoch",
    )
    .bind(id)
    .fetch_optional(c)
    .await
}

/// The active session with this id, if `secret` is its secret.
pub(super) async fn find_by_secret(
    c: &mut DbConn,
    id: &str,
    secret: &str,
) -> Result<Option<ActiveSession>, sqlx::Error> {
    let live = find_active(c, id).await?;
    Ok(live.filter(|live| tokens::constant_time_eq(&live.hash, &tokens::hash(secret))))
}

pub(super) async fn set_last_seen(tx: &mut Tx, id: &str, used: Timestamp) -> Result<(), sqlx::Error> {
    sqlx::query("UPDATE sessions SET last_seen_at = $1 WHERE id = $2 AND last_seen_at < $1")
        .bind(used)
        .bind(id)
        .execute(&mut **tx)
        .await
        .map(drop)
}

/// A session's new secret, and what was proved for it.
pub(super) struct Renewal<'a> {
    pub(super) user_id: &'a UserId,
    pub(super) id: &'a str,
    pub(super) hash: &'a str,
    pub(super) amr: String,
    pub(super) acr: &'a str,
    /// Empty to keep the current one.
    pub(super) second_factor: &'a str,
}

/// Gives a session a new secret; returns false when the session is gone, or of an epoch that is over.
pub(super) async fn renew(tx: &mut Tx, renewal: &Renewal<'_>) -> Result<bool, sqlx::Error> {
    let now = tx.now();
    let done = sqlx::query(
        "UPDATE sessions SET hash = $1, authenticated_at = $2, amr = $3, acr = $4, \
         second_factor = CASE WHEN $5 = '' THEN second_factor ELSE $5 END WHERE user_id = $6 AND id = $7 \
         AND user_epoch = (SELECT u.epoch FROM users u WHERE u.id = $6)",
    )
    .bind(renewal.hash)
    .bind(now)
    .bind(&renewal.amr)
    .bind(renewal.acr)
    .bind(renewal.second_factor)
    .bind(renewal.user_id)
    .bind(renewal.id)
    .execute(&mut **tx)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// Clears the second factors that were verified in a user's sessions, because the user has none any more.
/// What an identity provider asserted stays.
pub(crate) async fn forget_second_factor(tx: &mut Tx, user_id: &UserId) -> Result<(), sqlx::Error> {
    sqlx::query("UPDATE sessions SET second_factor = '' WHERE user_id = $1 AND second_factor <> 'provider'")
        .bind(user_id)
        .execute(&mut **tx)
        .await
        .map(drop)
}

/// The number of sessions within the inactivity limit that have no verified second factor and belong to a
/// user who must have one under `rules`.
pub async fn count_without_factor(
    c: &mut DbConn,
    account_id: &AccountId,
    limits: &SessionSettings,
    rules: &TwoFactorSettings,
    now: Timestamp,
) -> Result<i64, sqlx::Error> {
    let used = now.minus(Duration::from_secs(60 * u64::from(limits.inactivity_minutes)));
    let mut all = Conditions::default();
    all.text("s.account_id = ?", account_id);
    all.number("s.last_seen_at > ?", used.0);
    all.fixed("s.second_factor = '' AND u.active = 1 AND u.epoch = s.user_epoch");
    if !rules.enforced {
        all.texts(
            "EXISTS (SELECT 1 FROM memberships m WHERE m.user_id = s.user_id AND m.group_id IN (?))",
            &rules.groups,
        );
    }
    let sql = all.sql("SELECT COUNT(*) FROM sessions s JOIN users u ON u.id = s.user_id", "");
    let (count,): (i64,) = all.bind_as(sql).fetch_one(c).await?;
    Ok(count)
}

/// The sessions of a user that have not ended, most recently used first.
pub async fn of_user(
    c: &mut DbConn,
    account_id: &AccountId,
    user_id: &UserId,
    now: Timestamp,
) -> Result<Vec<Session>, sqlx::Error> {
    let limits = accounts::settings_of(&mut *c, account_id).await?.session;
    let all: Vec<Session> = sqlx::query_as(concat!(
        "SELECT ",
        columns!(),
        " FROM sessions s JOIN users u ON u.id = s.user_id WHERE s.account_id = $1 AND s.user_id = $2 \
         AND u.epoch = s.user_epoch ORDER BY s.last_seen_at DESC, s.id DESC LIMIT 100"
    ))
    .bind(account_id)
    .bind(user_id)
    .fetch_all(c)
    .await?;
    let live = |s: &Session| !has_ended(&limits, s.created_at, s.last_seen_at, now);
    Ok(all.into_iter().filter(live).collect())
}

/// How many sessions that are valid under `before` would end at `now` under `after`.
pub async fn count_ended_by(
    c: &mut DbConn,
    account_id: &AccountId,
    before: &SessionSettings,
    after: &SessionSettings,
    now: Timestamp,
) -> Result<i64, sqlx::Error> {
    // Sessions that are valid under the settings were last used after the first time and began after the
    // second.
    let bounds = |settings: &SessionSettings| {
        let ago = |minutes: u32| now.minus(Duration::from_secs(60 * u64::from(minutes)));
        let begun =
            if settings.absolute_minutes == 0 { Timestamp(0) } else { ago(settings.absolute_minutes) };
        (ago(settings.inactivity_minutes), begun)
    };
    let ((used_before, begun_before), (used_after, begun_after)) = (bounds(before), bounds(after));
    sqlx::query_scalar(
        "SELECT COUNT(*) FROM sessions s JOIN users u ON u.id = s.user_id WHERE s.account_id = $1 \
         AND u.active = 1 AND u.epoch = s.user_epoch AND s.last_seen_at > $2 AND s.created_at > $3 \
         AND (s.last_seen_at <= $4 OR s.created_at <= $5)",
    )
    .bind(account_id)
    .bind(used_before)
    .bind(begun_before)
    .bind(used_after)
    .bind(begun_after)
    .fetch_one(c)
    .await
}

/// Whether the user has a session that began with `method`.
pub async fn exists_with_method(
    c: &mut DbConn,
    account_id: &AccountId,
    user_id: &UserId,
    method: &str,
) -> Result<bool, sqlx::Error> {
    let found: Option<(String,)> = sqlx::query_as(
        "SELECT id FROM sessions WHERE account_id = $1 AND user_id = $2 AND method = $3 LIMIT 1",
    )
    .bind(account_id)
    .bind(user_id)
    .bind(method)
    .fetch_optional(c)
    .await?;
    Ok(found.is_some())
}

/// Whether this session of the user has verified a second factor; `None` when the session has ended.
pub async fn has_second_factor(
    c: &mut DbConn,
    user_id: &UserId,
    id: &str,
) -> Result<Option<bool>, sqlx::Error> {
    let found: Option<String> = sqlx::query_scalar(
        "SELECT s.second_factor FROM sessions s JOIN users u ON u.id = s.user_id \
         WHERE s.user_id = $1 AND s.id = $2 AND u.active = 1 AND u.epoch = s.user_epoch",
    )
    .bind(user_id)
    .bind(id)
    .fetch_optional(c)
    .await?;
    Ok(found.map(|factor| !factor.is_empty()))
}

/// The session with this id, if it belongs to this user.
pub async fn by_id(c: &mut DbConn, user_id: &UserId, id: &str) -> Result<Option<Session>, sqlx::Error> {
    sqlx::query_as(concat!("SELECT ", columns!(), " FROM sessions s WHERE s.user_id = $1 AND s.id = $2"))
        .bind(user_id)
        .bind(id)
        .fetch_optional(c)
        .await
}

pub(super) async fn delete(tx: &mut Tx, user_id: &UserId, id: &str) -> Result<u64, sqlx::Error> {
    let done = sqlx::query("DELETE FROM sessions WHERE user_id = $1 AND id = $2")
        .bind(user_id)
        .bind(id)
        .execute(&mut **tx)
        .await?;
    Ok(done.rows_affected())
}

/// Takes a session over to the epoch that `user` has just entered. One that was void before stays so.
pub async fn carry_over(tx: &mut Tx, user: &User, id: &str) -> Result<(), sqlx::Error> {
    sqlx::query(
        "UPDATE sessions SET user_epoch = $1 WHERE account_id = $2 AND user_id = $3 AND id = $4 AND user_epoch = $5",
    )
    .bind(user.epoch)
    .bind(&user.account_id)
    .bind(&user.id)
    .bind(id)
    .bind(user.epoch - 1)
    .execute(&mut **tx)
    .await
    .map(drop)
}

/// Takes the sessions that did not begin with a connection over to the epoch that `user` has just entered.
pub(super) async fn carry_over_others(
    tx: &mut Tx,
    user: &User,
    connection_id: &ConnectionId,
) -> Result<(), sqlx::Error> {
    sqlx::query(
        "UPDATE sessions SET user_epoch = $1 WHERE account_id = $2 AND user_id = $3 AND user_epoch = $4 \
         AND (connection_id IS NULL OR connection_id <> $5)",
    )
    .bind(user.epoch)
    .bind(&user.account_id)
    .bind(&user.id)
    .bind(user.epoch - 1)
    .bind(connection_id)
    .execute(&mut **tx)
    .await
    .map(drop)
}

pub(super) async fn delete_of_connection(
    tx: &mut Tx,
    user: &User,
    connection_id: &ConnectionId,
) -> Result<u64, sqlx::Error> {
    let done =
        sqlx::query("DELETE FROM sessions WHERE account_id = $1 AND user_id = $2 AND connection_id = $3")
            .bind(&user.account_id)
            .bind(&user.id)
            .bind(connection_id)
            .execute(&mut **tx)
            .await?;
    Ok(done.rows_affected())
}

pub(super) async fn delete_all(tx: &mut Tx, user_id: &UserId, except: &str) -> Result<u64, sqlx::Error> {
    let done = sqlx::query("DELETE FROM sessions WHERE user_id = $1 AND id <> $2")
        .bind(user_id)
        .bind(except)
        .execute(&mut **tx)
        .await?;
    Ok(done.rows_affected())
}

/// Deletes sessions that no setting could keep alive. Those that ended under their account's own limits are
/// refused when they are used, and deleted here later.
pub async fn delete_ended(tx: &mut Tx) -> Result<u64, sqlx::Error> {
    let dead = tx.now().minus(Duration::from_secs(60 * u64::from(MAX_SESSION_MINUTES)));
    let sql = "DELETE FROM sessions WHERE account_id IN (SELECT id FROM accounts) AND last_seen_at <= $1";
    let done = sqlx::query(sql).bind(dead).execute(&mut **tx).await?;
    Ok(done.rows_affected())
}
