//! The links.

use std::time::Duration;

use crate::directory::accounts;
use crate::kernel::database::Connection;
use crate::kernel::tokens::{self, Purpose, Token};
use crate::kernel::{Kernel, Timestamp, Tx};

/// How long a link works. A first-run link is printed anew at each start.
const LIFETIME: Duration = Duration::from_hours(24);

/// A link that works.
#[derive(Debug, Clone, sqlx::FromRow)]
pub struct Link {
    /// Whose first password it sets; none for the first run.
    pub user_id: Option<String>,
}

/// While there is no account: makes a fresh first-run link, voids older ones, and returns its secret.
///
/// # Errors
/// The database's.
pub async fn ensure_first_run(kernel: &Kernel) -> Result<Option<String>, sqlx::Error> {
    let mut tx = kernel.db.begin().await?;
    if accounts::any_exists(&mut tx).await? {
        return Ok(None);
    }
    sqlx::query("DELETE FROM setup_links WHERE user_id IS NULL").execute(&mut *tx).await?;
    let secret = insert(&mut tx, None).await?;
    tx.commit().await?;
    Ok(Some(secret))
}

/// Makes a link with which this user sets a password.
///
/// # Errors
/// The database's.
pub async fn create_for_user(tx: &mut Tx, user_id: &str) -> Result<String, sqlx::Error> {
    insert(tx, Some(user_id)).await
}

async fn insert(tx: &mut Tx, user_id: Option<&str>) -> Result<String, sqlx::Error> {
    let token = Token::generate(Purpose::Setup);
    let now = tx.now();
    sqlx::query("INSERT INTO setup_links (hash, user_id, created_at, expires_at) VALUES ($1, $2, $3, $4)")
        .bind(&token.hash)
        .bind(user_id)
        .bind(now)
        .bind(now.plus(LIFETIME))
        .execute(&mut **tx)
        .await?;
    Ok(token.secret)
}

/// The link with this secret, if it works still.
///
/// # Errors
/// The database's.
pub async fn find(c: &mut Connection, secret: &str, now: Timestamp) -> Result<Option<Link>, sqlx::Error> {
    sqlx::query_as("SELECT user_id FROM setup_links WHERE hash = $1 AND expires_at > $2")
        .bind(tokens::hash(secret))
        .bind(now)
        .fetch_optional(c)
        .await
}

/// Uses a link up; `None` when it does not work (any more).
pub(super) async fn take(tx: &mut Tx, secret: &str) -> Result<Option<Link>, sqlx::Error> {
    let now = tx.now();
    sqlx::query_as("DELETE FROM setup_links WHERE hash = $1 AND expires_at > $2 RETURNING user_id")
        .bind(tokens::hash(secret))
        .bind(now)
        .fetch_optional(&mut **tx)
        .await
}
