//! SQL of service accounts.

use serde::Serialize;
use utoipa::ToSchema;

use crate::directory::fold_case;
use crate::kernel::database::DbConn;
use crate::kernel::{AccountId, ConnectionId, Timestamp, Tx};

macro_rules! columns {
    () => {
        "id, name, connection_id, created_at"
    };
}

/// A service account.
#[derive(Debug, Clone, Serialize, ToSchema, sqlx::FromRow)]
pub struct ServiceAccount {
    /// The service account's ID.
    pub id: String,
    /// The name, unique in the account (not case-sensitive).
    pub name: String,
    /// The ID of the SCIM connection that the service account belongs to; `null` if there is none.
    #[schema(value_type = Option<String>)]
    pub connection_id: Option<ConnectionId>,
    /// When the service account was created.
    #[schema(value_type = String, format = DateTime)]
    pub created_at: Timestamp,
}

/// A page of the account's service accounts.
pub async fn list(
    c: &mut DbConn,
    account_id: &AccountId,
    after: &str,
    limit: i64,
) -> Result<Vec<ServiceAccount>, sqlx::Error> {
    sqlx::query_as(concat!(
        "SELECT ",
        columns!(),
        " FROM service_accounts WHERE account_id = $1 AND id > $2 ORDER BY id LIMIT $3"
    ))
    .bind(account_id)
    .bind(after)
    .bind(limit)
    .fetch_all(c)
    .await
}

/// The service account with this id in this account.
pub async fn by_id(
    c: &mut DbConn,
    account_id: &AccountId,
    id: &str,
) -> Result<Option<ServiceAccount>, sqlx::Error> {
    sqlx::query_as(concat!("SELECT ", columns!(), " FROM service_accounts WHERE account_id = $1 AND id = $2"))
        .bind(account_id)
        .bind(id)
        .fetch_optional(c)
        .await
}

/// The service account of a provisioning connection.
pub async fn of_connection(
    c: &mut DbConn,
    account_id: &AccountId,
    connection_id: &ConnectionId,
) -> Result<Option<ServiceAccount>, sqlx::Error> {
    sqlx::query_as(concat!(
        "SELECT ",
        columns!(),
        " FROM service_accounts WHERE account_id = $1 AND connection_id = $2"
    ))
    .bind(account_id)
    .bind(connection_id)
    .fetch_optional(c)
    .await
}

/// The service account with this name in this account, compared without case.
pub async fn by_name(
    c: &mut DbConn,
    account_id: &AccountId,
    name: &str,
) -> Result<Option<ServiceAccount>, sqlx::Error> {
    sqlx::query_as(concat!(
        "SELECT ",
        columns!(),
        " FROM service_accounts WHERE account_id = $1 AND name_folded = $2"
    ))
    .bind(account_id)
    .bind(fold_case(name))
    .fetch_optional(c)
    .await
}

pub(super) async fn insert(
    tx: &mut Tx,
    account_id: &AccountId,
    name: &str,
    connection_id: Option<&ConnectionId>,
) -> Result<ServiceAccount, sqlx::Error> {
    let (id, now) = (tx.new_id(), tx.now());
    sqlx::query_as(concat!(
        "INSERT INTO service_accounts (id, account_id, name, name_folded, connection_id, created_at) \
         VALUES ($1, $2, $3, $4, $5, $6) RETURNING ",
        columns!()
    ))
    .bind(id)
    .bind(account_id)
    .bind(name)
    .bind(fold_case(name))
    .bind(connection_id)
    .bind(now)
    .fetch_one(&mut **tx)
    .await
}

/// Deletes the service account with its tokens and roles.
pub(super) async fn remove(tx: &mut Tx, account_id: &AccountId, id: &str) -> Result<(), sqlx::Error> {
    for sql in [
        "DELETE FROM api_tokens WHERE account_id = $1 AND owner_id = $2",
        "DELETE FROM role_bindings WHERE account_id = $1 AND principal_id = $2",
        "DELETE FROM service_accounts WHERE account_id = $1 AND id = $2",
    ] {
        sqlx::query(sql).bind(account_id).bind(id).execute(&mut **tx).await?;
    }
    Ok(())
}
