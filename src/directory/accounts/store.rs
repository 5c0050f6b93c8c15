//! The SQL of accounts.

use super::model::Account;
use super::settings::Settings;
use crate::kernel::Tx;
use crate::kernel::database::Connection;

/// The account with this id.
///
/// # Errors
/// The database's.
pub async fn by_id(c: &mut Connection, id: &str) -> Result<Option<Account>, sqlx::Error> {
    sqlx::query_as("SELECT id, slug, name, settings, created_at FROM accounts WHERE id = $1")
        .bind(id)
        .fetch_optional(c)
        .await
}

/// The account with this short name.
///
/// # Errors
/// The database's.
pub async fn by_slug(c: &mut Connection, slug: &str) -> Result<Option<Account>, sqlx::Error> {
    sqlx::query_as("SELECT id, slug, name, settings, created_at FROM accounts WHERE slug = $1")
        .bind(slug)
        .fetch_optional(c)
        .await
}

/// The account of a server that has exactly one.
///
/// # Errors
/// The database's.
pub async fn only_one(c: &mut Connection) -> Result<Option<Account>, sqlx::Error> {
    let mut first_two: Vec<Account> =
        sqlx::query_as("SELECT id, slug, name, settings, created_at FROM accounts LIMIT 2")
            .fetch_all(c)
            .await?;
    Ok(if first_two.len() == 1 { first_two.pop() } else { None })
}

/// Every account of the server, for jobs that look after all of them.
///
/// # Errors
/// The database's.
pub async fn all(c: &mut Connection) -> Result<Vec<Account>, sqlx::Error> {
    sqlx::query_as("SELECT id, slug, name, settings, created_at FROM accounts ORDER BY id").fetch_all(c).await
}

/// Whether the first run is over.
///
/// # Errors
/// The database's.
pub async fn any_exists(c: &mut Connection) -> Result<bool, sqlx::Error> {
    let found: Option<(String,)> =
        sqlx::query_as("SELECT id FROM accounts LIMIT 1").fetch_optional(c).await?;
    Ok(found.is_some())
}

/// The settings of an account; defaults where it does not exist.
///
/// # Errors
/// The database's.
pub async fn settings_of(c: &mut Connection, account_id: &str) -> Result<Settings, sqlx::Error> {
    Ok(by_id(c, account_id).await?.map(|account| account.settings()).unwrap_or_default())
}

/// Settings as they stand in `accounts.settings`, read by a query of another room.
#[must_use]
pub fn read_settings(stored: &str) -> Settings {
    Settings::read(stored)
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

pub(super) async fn set_settings(tx: &mut Tx, account_id: &str, settings: &str) -> Result<(), sqlx::Error> {
    let now = tx.now();
    sqlx::query("UPDATE accounts SET settings = $1, updated_at = $2 WHERE id = $3")
        .bind(settings)
        .bind(now)
        .bind(account_id)
        .execute(&mut **tx)
        .await
        .map(drop)
}
