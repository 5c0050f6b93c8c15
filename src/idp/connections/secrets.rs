//! Encrypted secrets of a connection, such as client secrets and bind passwords.

use super::model::Connection;
use crate::directory::Error;
use crate::kernel::database::DbConn;
use crate::kernel::{ConnectionId, Kernel, Tx, vault};

fn aad(connection_id: &ConnectionId, name: &str) -> String {
    format!("connection_secrets/{connection_id}/{name}")
}

/// The secret with this name, if one is set.
pub async fn secret(
    kernel: &Kernel,
    connection: &Connection,
    name: &str,
) -> Result<Option<String>, vault::Error> {
    let sealed: Option<String> =
        sqlx::query_scalar("SELECT sealed FROM connection_secrets WHERE connection_id = $1 AND name = $2")
            .bind(&connection.id)
            .bind(name)
            .fetch_optional(&mut *kernel.db.read().await?)
            .await?;
    let Some(sealed) = sealed else { return Ok(None) };
    let opened = kernel.vault.open_sealed(&aad(&connection.id, name), &sealed).await?;
    String::from_utf8(opened).map(Some).map_err(|_| vault::Error::Damaged)
}

/// Whether a secret with this name is set.
pub async fn has_secret(
    c: &mut DbConn,
    connection_id: &ConnectionId,
    name: &str,
) -> Result<bool, sqlx::Error> {
    let found: Option<String> =
        sqlx::query_scalar("SELECT name FROM connection_secrets WHERE connection_id = $1 AND name = $2")
            .bind(connection_id)
            .bind(name)
            .fetch_optional(c)
            .await?;
    Ok(found.is_some())
}

/// Sets a secret. No page or API shows it again.
pub async fn set_secret(
    kernel: &Kernel,
    tx: &mut Tx,
    connection: &Connection,
    name: &str,
    secret: &str,
) -> Result<(), Error> {
    let sealed = kernel.vault.seal(&aad(&connection.id, name), secret.as_bytes())?;
    sqlx::query(
        "INSERT INTO connection_secrets (connection_id, name, account_id, sealed) VALUES ($1, $2, $3, $4) \
         ON CONFLICT (connection_id, name) DO UPDATE SET sealed = excluded.sealed",
    )
    .bind(&connection.id)
    .bind(name)
    .bind(&connection.account_id)
    .bind(sealed)
    .execute(&mut **tx)
    .await?;
    Ok(())
}
