//! Remembered browsers, in which the second factor is not required each time. A browser's cookie is valid
//! for every user who chose to be remembered in it, for as long as the account's current setting allows.

use std::time::Duration;

use serde_json::json;

use crate::audit::{self, Action, Context, Event};
use crate::directory::accounts::TwoFactorSettings;
use crate::directory::users::User;
use crate::kernel::database::DbConn;
use crate::kernel::http::RequestContext;
use crate::kernel::tokens::{self, OpaqueToken, OpaqueTokenKind};
use crate::kernel::{Timestamp, Tx};
use crate::signin::notifications::days;
use crate::signin::sessions::device_name;

/// The longest period that an account can set.
const LONGEST: Duration = Duration::from_hours(24 * 90);

/// A remembered browser, as shown to its user.
#[derive(Debug, Clone, sqlx::FromRow)]
pub struct RememberedBrowser {
    /// Its id.
    pub id: String,
    /// The address from which it was remembered.
    pub address: String,
    user_agent: String,
    /// When it was remembered.
    pub created_at: Timestamp,
}

impl RememberedBrowser {
    /// The browser and system, such as `Firefox on Linux`.
    #[must_use]
    pub fn name(&self) -> String {
        device_name(&self.user_agent)
    }
}

fn since(settings: &TwoFactorSettings, now: Timestamp) -> Timestamp {
    now.minus(days(settings.remember_days))
}

/// Whether the browser with this cookie is remembered for this user in their current epoch.
pub(crate) async fn is_browser_remembered(
    c: &mut DbConn,
    settings: &TwoFactorSettings,
    user: &User,
    secret: Option<&str>,
    now: Timestamp,
) -> Result<bool, sqlx::Error> {
    let Some(secret) = secret.filter(|_| settings.remember_days > 0) else { return Ok(false) };
    let found: Option<(String,)> = sqlx::query_as(
        "SELECT id FROM remembered_devices WHERE user_id = $1 AND hash = $2 AND user_epoch = $3 AND created_at > $4",
    )
    .bind(&user.id)
    .bind(tokens::hash(secret))
    .bind(user.epoch)
    .bind(since(settings, now))
    .fetch_optional(c)
    .await?;
    Ok(found.is_some())
}

/// Remembers the browser for this user and returns a new secret for its cookie, so that one which was
/// planted or copied before is useless. Other users who are remembered in this browser stay remembered.
pub(crate) async fn remember_browser(
    tx: &mut Tx,
    context: &Context,
    user: &User,
    before: Option<&str>,
    request: &RequestContext,
) -> Result<String, sqlx::Error> {
    let token = OpaqueToken::generate(OpaqueTokenKind::RememberedBrowser);
    if let Some(before) = before {
        let before = tokens::hash(before);
        sqlx::query("DELETE FROM remembered_devices WHERE user_id = $1 AND hash = $2")
            .bind(&user.id)
            .bind(&before)
            .execute(&mut **tx)
            .await?;
        sqlx::query("UPDATE remembered_devices SET hash = $1 WHERE hash = $2")
            .bind(&token.hash)
            .bind(&before)
            .execute(&mut **tx)
            .await?;
    }
    let (id, now) = (tx.new_id(), tx.now());
    sqlx::query(
        "INSERT INTO remembered_devices (id, account_id, user_id, user_epoch, hash, address, user_agent, created_at) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
    )
    .bind(&id)
    .bind(&user.account_id)
    .bind(&user.id)
    .bind(user.epoch)
    .bind(&token.hash)
    .bind(request.address.to_string())
    .bind(&request.user_agent)
    .bind(now)
    .execute(&mut **tx)
    .await?;
    let event = Event::new(Action::DeviceRemember, "user", &user.id, &user.user_name);
    audit::record(tx, context, event.detail(json!({"device": id}))).await?;
    Ok(token.secret)
}

/// The browsers that are remembered for a user, newest first.
pub async fn list(
    c: &mut DbConn,
    settings: &TwoFactorSettings,
    user: &User,
    now: Timestamp,
) -> Result<Vec<RememberedBrowser>, sqlx::Error> {
    sqlx::query_as(
        "SELECT id, address, user_agent, created_at FROM remembered_devices WHERE user_id = $1 AND user_epoch = $2 \
         AND created_at > $3 ORDER BY id DESC LIMIT 100",
    )
    .bind(&user.id)
    .bind(user.epoch)
    .bind(since(settings, now))
    .fetch_all(c)
    .await
}

/// Forgets one remembered browser of a user, or all of them if `id` is empty. Returns how many.
pub async fn revoke(tx: &mut Tx, context: &Context, user: &User, id: &str) -> Result<u64, sqlx::Error> {
    let done = sqlx::query("DELETE FROM remembered_devices WHERE user_id = $1 AND ($2 = '' OR id = $2)")
        .bind(&user.id)
        .bind(id)
        .execute(&mut **tx)
        .await?;
    let ended = done.rows_affected();
    if ended > 0 {
        let event = Event::new(Action::DeviceForget, "user", &user.id, &user.user_name);
        audit::record(tx, context, event.detail(json!({"devices": ended}))).await?;
    }
    Ok(ended)
}

/// Takes the remembered browsers of `user` over to the epoch that the user has just entered.
pub(crate) async fn carry_over(tx: &mut Tx, user: &User) -> Result<(), sqlx::Error> {
    sqlx::query(
        "UPDATE remembered_devices SET user_epoch = $1 WHERE account_id = $2 AND user_id = $3 AND user_epoch = $4",
    )
    .bind(user.epoch)
    .bind(&user.account_id)
    .bind(&user.id)
    .bind(user.epoch - 1)
    .execute(&mut **tx)
    .await
    .map(drop)
}

/// Deletes browsers that were remembered longer ago than any account allows.
pub(crate) async fn delete_old(tx: &mut Tx) -> Result<(), sqlx::Error> {
    let dead = tx.now().minus(LONGEST);
    sqlx::query("DELETE FROM remembered_devices WHERE created_at <= $1")
        .bind(dead)
        .execute(&mut **tx)
        .await
        .map(drop)
}
