//! SQL of accounts.

use super::model::Account;
use super::settings::{AuthenticationSettings, UnreadableSettings};
use crate::kernel::database::{DbConn, lock_rows};
use crate::kernel::{AccountId, Tx};

/// The account with this id.
pub async fn by_id(c: &mut DbConn, id: &str) -> Result<Option<Account>, sqlx::Error> {
    sqlx::query_as("SELECT id, slug, name, settings, created_at FROM accounts WHERE id = $1")
        .bind(id)
        .fetch_optional(c)
        .await
}

/// The account with this short name.
pub async fn by_slug(c: &mut DbConn, slug: &str) -> Result<Option<Account>, sqlx::Error> {
    sqlx::query_as("SELECT id, slug, name, settings, created_at FROM accounts WHERE slug = $1")
        .bind(slug)
        .fetch_optional(c)
        .await
}

/// The only account of the server; `None` if there are several or none.
pub async fn find_single(c: &mut DbConn) -> Result<Option<Account>, sqlx::Error> {
    let mut first_two: Vec<Account> =
        sqlx::query_as("SELECT id, slug, name, settings, created_at FROM accounts LIMIT 2")
            .fetch_all(c)
            .await?;
    Ok(if first_two.len() == 1 { first_two.pop() } else { None })
}

/// Whether the account is the first one of the server, whose administrators set the server up.
pub async fn is_first(c: &mut DbConn, id: &AccountId) -> Result<bool, sqlx::Error> {
    let first: Option<AccountId> =
        sqlx::query_scalar("SELECT id FROM accounts ORDER BY created_at, id LIMIT 1")
            .fetch_optional(c)
            .await?;
    Ok(first.is_some_and(|first| first == *id))
}

/// All accounts of the server, for background jobs.
pub async fn list_all(c: &mut DbConn) -> Result<Vec<Account>, sqlx::Error> {
    sqlx::query_as("SELECT id, slug, name, settings, created_at FROM accounts ORDER BY id").fetch_all(c).await
}

/// Whether an account exists, which means that the first run is complete.
pub async fn any_exists(c: &mut DbConn) -> Result<bool, sqlx::Error> {
    let found: Option<(String,)> =
        sqlx::query_as("SELECT id FROM accounts LIMIT 1").fetch_optional(c).await?;
    Ok(found.is_some())
}

/// The settings of an account; the defaults if it does not exist. Fails with [`UnreadableSettings`] if they
/// cannot be read.
pub async fn settings_of(
    c: &mut DbConn,
    account_id: &AccountId,
) -> Result<AuthenticationSettings, sqlx::Error> {
    match by_id(c, account_id).await? {
        Some(account) => Ok(account.settings()?),
        None => Ok(AuthenticationSettings::default()),
    }
}

/// Parses the content of `accounts.settings` for queries of other modules.
pub fn parse_settings(
    account_id: &AccountId,
    stored: &str,
) -> Result<AuthenticationSettings, UnreadableSettings> {
    AuthenticationSettings::from_stored(account_id, stored)
}

/// Locks the account's row until the transaction ends. Transactions that read a set of the account's rows
/// and change it depending on the result must hold this lock.
pub async fn lock(tx: &mut Tx, account_id: &AccountId) -> Result<(), sqlx::Error> {
    lock_rows(tx, "SELECT id FROM accounts WHERE id = $1", &[account_id]).await
}

pub(super) async fn insert(tx: &mut Tx, account: &Account) -> Result<(), sqlx::Error> {
    sqlx::query(
        "INSERT INTO accounts (id, slug, name, settings, created_at, updated_at) VALUES ($1, $2, $3, $4, $5, $5)",
    )
    .bind(&account.id)
    .bind(&account.slug)
    .bind(&account.name)
    .bind(&account.settings)
    .bind(account.created_at)
    .execute(&mut **tx)
    .await
    .map(drop)
}

pub(super) async fn set_settings(
    tx: &mut Tx,
    account_id: &AccountId,
    settings: &str,
) -> Result<(), sqlx::Error> {
    let now = tx.now();
    sqlx::query("UPDATE accounts SET settings = $1, updated_at = $2 WHERE id = $3")
        .bind(settings)
        .bind(now)
        .bind(account_id)
        .execute(&mut **tx)
        .await
        .map(drop)
}
