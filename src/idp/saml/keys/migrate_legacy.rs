//! Migration of the keys of version 0.1, in which a connection had a single key.

use serde_json::Value;

use super::model::{KeyPurpose, KeyState, NewKey};
use super::rotate::generate_key_pair;
use super::store;
use crate::directory::Error;
use crate::kernel::{AccountId, ConnectionId, Kernel};

/// Moves the single key of each connection to the table of keys and adds a pair for decryption. Runs before
/// the server accepts requests; once all keys are moved, it only makes one query.
pub async fn migrate_legacy_keys(kernel: &Kernel) -> Result<(), Error> {
    let old: Vec<(ConnectionId, AccountId, String, String)> = sqlx::query_as(
        "SELECT id, account_id, settings, sealed_key FROM connections WHERE sealed_key IS NOT NULL",
    )
    .fetch_all(&mut *kernel.db.read().await?)
    .await?;
    for (id, account_id, settings, sealed) in old {
        // The key stays where it is until its settings can be read. The other connections are migrated
        // regardless.
        let Ok(settings) = serde_json::from_str::<Value>(&settings) else {
            tracing::error!(
                connection = %id,
                "the settings of a connection cannot be read, so its key was not migrated"
            );
            continue;
        };
        let certificate = settings["sp_certificate"].as_str().unwrap_or_default().to_owned();
        let private = kernel.vault.open_sealed(&format!("connections/{id}/key"), &sealed).await?;
        let signing = NewKey::seal(kernel, KeyPurpose::Signing, certificate, &private)?;
        let encryption = generate_key_pair(kernel, KeyPurpose::Encryption).await?;
        let mut tx = kernel.db.begin().await?;
        let moved =
            sqlx::query("UPDATE connections SET sealed_key = NULL WHERE id = $1 AND sealed_key IS NOT NULL")
                .bind(&id)
                .execute(&mut *tx)
                .await?;
        // Another node may have moved the key first.
        if moved.rows_affected() == 1 {
            for key in [&signing, &encryption] {
                store::insert(&mut tx, &account_id, &id, key, KeyState::Active).await?;
            }
            tx.commit().await?;
        }
    }
    Ok(())
}
