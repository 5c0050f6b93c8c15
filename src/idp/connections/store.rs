//! SQL of connections.

use super::model::Connection;
use super::saml::SamlSettings;
use crate::directory::domains::{self, counts};
use crate::directory::fold_case;
use crate::directory::users::User;
use crate::kernel::database::DbConn;
use crate::kernel::{AccountId, Timestamp, Tx};

macro_rules! columns {
    () => {
        "c.id, c.account_id, (SELECT a.slug FROM accounts a WHERE a.id = c.account_id) AS account_slug, c.kind, c.name, c.enabled, c.settings, c.is_default, c.position, c.created_at, \
         c.updated_at, c.tested_at, c.tested_by, c.paused_at"
    };
}

fn with_settings(found: Option<Connection>) -> Option<Connection> {
    found.map(Connection::with_settings)
}

fn with_all_settings(found: Vec<Connection>) -> Vec<Connection> {
    found.into_iter().map(Connection::with_settings).collect()
}

/// The connection with this id in this account.
pub async fn by_id(
    c: &mut DbConn,
    account_id: &AccountId,
    id: &str,
) -> Result<Option<Connection>, sqlx::Error> {
    sqlx::query_as(concat!(
        "SELECT ",
        columns!(),
        " FROM connections c WHERE c.account_id = $1 AND c.id = $2"
    ))
    .bind(account_id)
    .bind(id)
    .fetch_optional(c)
    .await
    .map(with_settings)
}

/// The connection with this name in this account, without case.
pub async fn by_name(
    c: &mut DbConn,
    account_id: &AccountId,
    name: &str,
) -> Result<Option<Connection>, sqlx::Error> {
    sqlx::query_as(concat!(
        "SELECT ",
        columns!(),
        " FROM connections c WHERE c.account_id = $1 AND c.name_folded = $2"
    ))
    .bind(account_id)
    .bind(fold_case(name))
    .fetch_optional(c)
    .await
    .map(with_settings)
}

/// The connection with this id in any account, for protocol callbacks, whose URL names no account.
pub async fn find_by_id_any_account(c: &mut DbConn, id: &str) -> Result<Option<Connection>, sqlx::Error> {
    sqlx::query_as(concat!("SELECT ", columns!(), " FROM connections c WHERE c.id = $1"))
        .bind(id)
        .fetch_optional(c)
        .await
        .map(with_settings)
}

/// A page of an account's connections.
pub async fn list(
    c: &mut DbConn,
    account_id: &AccountId,
    after: &str,
    limit: i64,
) -> Result<Vec<Connection>, sqlx::Error> {
    sqlx::query_as(concat!(
        "SELECT ",
        columns!(),
        " FROM connections c WHERE c.account_id = $1 AND c.id > $2 ORDER BY c.id LIMIT $3"
    ))
    .bind(account_id)
    .bind(after)
    .bind(limit)
    .fetch_all(c)
    .await
    .map(with_all_settings)
}

/// The connections that an account's sign-in page offers.
pub async fn sign_in_connections(
    c: &mut DbConn,
    account_id: &AccountId,
) -> Result<Vec<Connection>, sqlx::Error> {
    sqlx::query_as(concat!(
        "SELECT ",
        columns!(),
        " FROM connections c WHERE c.account_id = $1 AND c.kind <> 'scim' AND c.enabled = 1 \
         ORDER BY c.is_default DESC, c.position, c.name_folded"
    ))
    .bind(account_id)
    .fetch_all(c)
    .await
    .map(with_all_settings)
}

/// The enabled connection that addresses in `domain` are routed to: one of those that may speak for the domain, the
/// default one or else the first on the sign-in page. A domain that does not count for the account routes to none.
pub async fn route_by_domain(
    c: &mut DbConn,
    account_id: &AccountId,
    domain: &str,
    now: Timestamp,
) -> Result<Option<Connection>, sqlx::Error> {
    let Some(domain) = domains::to_ascii(domain) else { return Ok(None) };
    sqlx::query_as(concat!(
        "SELECT ",
        columns!(),
        " FROM connection_domains d JOIN domains v ON v.account_id = d.account_id AND v.domain = d.domain \
         JOIN connections c ON c.id = d.connection_id WHERE d.account_id = $1 AND d.domain = $2 AND c.enabled = 1 \
         AND c.kind <> 'scim' AND ",
        counts!("$3"),
        " ORDER BY c.is_default DESC, c.position, c.name_folded LIMIT 1"
    ))
    .bind(account_id)
    .bind(domain)
    .bind(now)
    .fetch_optional(c)
    .await
    .map(with_settings)
}

/// The connection that users of this account with an address in `domain` sign in with: the one that has the
/// domain, or else the default one or one without domains.
pub async fn route_by_domain_or_default(
    c: &mut DbConn,
    account_id: &AccountId,
    domain: &str,
    now: Timestamp,
) -> Result<Option<Connection>, sqlx::Error> {
    if let Some(found) = route_by_domain(&mut *c, account_id, domain, now).await? {
        return Ok(Some(found));
    }
    sqlx::query_as(concat!(
        "SELECT ",
        columns!(),
        " FROM connections c WHERE c.account_id = $1 AND c.kind <> 'scim' AND c.enabled = 1 \
         AND (c.is_default = 1 OR NOT EXISTS (SELECT 1 FROM connection_domains d WHERE d.connection_id = c.id)) \
         ORDER BY c.is_default DESC, c.position, c.name_folded LIMIT 1"
    ))
    .bind(account_id)
    .fetch_optional(c)
    .await
    .map(with_settings)
}

/// The LDAP directory for users of this account who typed `name`: the default one or one without domains.
/// For a name without a domain, any directory qualifies.
pub async fn find_default_directory(
    c: &mut DbConn,
    account_id: &AccountId,
    name: &str,
) -> Result<Option<Connection>, sqlx::Error> {
    sqlx::query_as(concat!(
        "SELECT ",
        columns!(),
        " FROM connections c WHERE c.account_id = $1 AND c.kind = 'ldap' AND c.enabled = 1 \
         AND ($2 = 1 OR c.is_default = 1 \
         OR NOT EXISTS (SELECT 1 FROM connection_domains d WHERE d.connection_id = c.id)) \
         ORDER BY c.is_default DESC, c.position, c.name_folded LIMIT 1"
    ))
    .bind(account_id)
    .bind(i32::from(!name.contains('@')))
    .fetch_optional(c)
    .await
    .map(with_settings)
}

/// The same as [`route_by_domain_or_default`], for the domain of the user's address.
pub async fn route_for_user(
    c: &mut DbConn,
    user: &User,
    now: Timestamp,
) -> Result<Option<Connection>, sqlx::Error> {
    match user.domain() {
        Some(domain) => route_by_domain_or_default(c, &user.account_id, &domain, now).await,
        None => Ok(None),
    }
}

pub(super) async fn insert(tx: &mut Tx, connection: &Connection) -> Result<(), sqlx::Error> {
    sqlx::query(
        "INSERT INTO connections (id, account_id, kind, name, name_folded, enabled, settings, is_default, position, \
         created_at, updated_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $10, $9, $9)",
    )
    .bind(&connection.id)
    .bind(&connection.account_id)
    .bind(&connection.kind)
    .bind(&connection.name)
    .bind(fold_case(&connection.name))
    .bind(connection.enabled)
    .bind(&connection.stored_settings)
    .bind(connection.is_default)
    .bind(connection.created_at)
    .bind(connection.position)
    .execute(&mut **tx)
    .await
    .map(drop)
}

pub(super) async fn overwrite(tx: &mut Tx, connection: &Connection) -> Result<(), sqlx::Error> {
    sqlx::query(
        "UPDATE connections SET name = $1, name_folded = $2, enabled = $3, settings = $4, updated_at = $5, \
         tested_at = $8, tested_by = $9, is_default = $10, position = $11 WHERE account_id = $6 AND id = $7",
    )
    .bind(&connection.name)
    .bind(fold_case(&connection.name))
    .bind(connection.enabled)
    .bind(&connection.stored_settings)
    .bind(connection.updated_at)
    .bind(&connection.account_id)
    .bind(&connection.id)
    .bind(connection.tested_at)
    .bind(connection.tested_by.as_deref())
    .bind(connection.is_default)
    .bind(connection.position)
    .execute(&mut **tx)
    .await
    .map(drop)
}

pub(super) async fn last_position(c: &mut DbConn, account_id: &AccountId) -> Result<i64, sqlx::Error> {
    sqlx::query_scalar("SELECT COALESCE(MAX(position), 0) FROM connections WHERE account_id = $1")
        .bind(account_id)
        .fetch_one(c)
        .await
}

pub(super) async fn clear_default(tx: &mut Tx, account_id: &AccountId) -> Result<(), sqlx::Error> {
    sqlx::query("UPDATE connections SET is_default = 0 WHERE account_id = $1 AND is_default = 1")
        .bind(account_id)
        .execute(&mut **tx)
        .await
        .map(drop)
}

/// Pauses or resumes a provisioning connection. Returns false if it already was in that state.
pub async fn set_paused(tx: &mut Tx, connection: &Connection, paused: bool) -> Result<bool, sqlx::Error> {
    let now = tx.now();
    let done = sqlx::query(
        "UPDATE connections SET paused_at = $1 WHERE account_id = $2 AND id = $3 \
         AND CASE WHEN paused_at IS NULL THEN 0 ELSE 1 END = $4",
    )
    .bind(paused.then_some(now))
    .bind(&connection.account_id)
    .bind(&connection.id)
    .bind(i32::from(!paused))
    .execute(&mut **tx)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// All provisioning connections on this server, for periodic jobs.
pub async fn all_scim(c: &mut DbConn) -> Result<Vec<Connection>, sqlx::Error> {
    sqlx::query_as(concat!("SELECT ", columns!(), " FROM connections c WHERE c.kind = 'scim'"))
        .fetch_all(c)
        .await
        .map(with_all_settings)
}

/// Records a successful test, unless the settings changed meanwhile. `by` is the administrator who ran the
/// test, if the provider asserted their own address.
pub async fn mark_tested(tx: &mut Tx, connection: &Connection, by: Option<&str>) -> Result<(), sqlx::Error> {
    let now = tx.now();
    sqlx::query(
        "UPDATE connections SET tested_at = $1, tested_by = $2 WHERE account_id = $3 AND id = $4 AND settings = $5",
    )
    .bind(now)
    .bind(by)
    .bind(&connection.account_id)
    .bind(&connection.id)
    .bind(&connection.stored_settings)
    .execute(&mut **tx)
    .await
    .map(drop)
}

/// Stores settings that the provider published. Returns false if the settings changed meanwhile. The record
/// of a successful test is kept.
pub async fn replace_settings(
    tx: &mut Tx,
    connection: &Connection,
    settings: &SamlSettings,
) -> Result<bool, sqlx::Error> {
    let now = tx.now();
    let done = sqlx::query(
        "UPDATE connections SET settings = $1, updated_at = $2 WHERE account_id = $3 AND id = $4 AND settings = $5",
    )
    .bind(serde_json::json!(settings).to_string())
    .bind(now)
    .bind(&connection.account_id)
    .bind(&connection.id)
    .bind(&connection.stored_settings)
    .execute(&mut **tx)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// Whether groups are linked to the connection.
pub(super) async fn has_group_links(c: &mut DbConn, id: &str) -> Result<bool, sqlx::Error> {
    let found: Option<(String,)> =
        sqlx::query_as("SELECT group_id FROM group_links WHERE connection_id = $1 LIMIT 1")
            .bind(id)
            .fetch_optional(c)
            .await?;
    Ok(found.is_some())
}

/// The number of users and groups that the connection manages.
pub(super) async fn count_managed(c: &mut DbConn, id: &str) -> Result<i64, sqlx::Error> {
    sqlx::query_scalar(
        "SELECT (SELECT COUNT(*) FROM users WHERE connection_id = $1) \
         + (SELECT COUNT(*) FROM user_groups WHERE connection_id = $1)",
    )
    .bind(id)
    .fetch_one(c)
    .await
}

/// Turns the users and groups of a connection into ordinary ones of the account.
pub(super) async fn release(tx: &mut Tx, id: &str) -> Result<(), sqlx::Error> {
    for sql in [
        "UPDATE users SET connection_id = NULL WHERE connection_id = $1",
        "DELETE FROM memberships WHERE source = $1 AND EXISTS (SELECT 1 FROM memberships m WHERE \
         m.group_id = memberships.group_id AND m.user_id = memberships.user_id AND m.source = 'manual')",
        "UPDATE memberships SET source = 'manual' WHERE source = $1 \
         AND group_id IN (SELECT id FROM user_groups WHERE connection_id = $1)",
        "UPDATE user_groups SET connection_id = NULL WHERE connection_id = $1",
    ] {
        sqlx::query(sql).bind(id).execute(&mut **tx).await?;
    }
    Ok(())
}

pub(super) async fn remove(tx: &mut Tx, connection: &Connection) -> Result<(), sqlx::Error> {
    // Tokens, domains and flows are deleted with the connection by cascade; sessions stay.
    sqlx::query("DELETE FROM connections WHERE account_id = $1 AND id = $2")
        .bind(&connection.account_id)
        .bind(&connection.id)
        .execute(&mut **tx)
        .await
        .map(drop)
}
