//! Keys of connections from before they had more than one.

use serde_json::Value;

use super::model::{KeyPurpose, KeyState, NewKey};
use super::rotate::generate_key_pair;
use super::store;
use crate::directory::Error;
use crate::kernel::Kernel;

/// Moves the one key that connections had in version 0.1 to where keys are now, and gives each a pair for
/// decryption. Run before the server answers; once everything is moved it reads one index and does nothing.
pub async fn migrate_legacy_keys(kernel: &Kernel) -> Result<(), Error> {
    let old: Vec<(String, String, String, String)> = sqlx::query_as(
        "SELECT id, account_id, settings, sealed_key FROM connections WHERE sealed_key IS NOT NULL",
    )
    .fetch_all(&mut *kernel.db.read().await?)
    .await?;
    for (id, account_id, settings, sealed) in old {
        // Its key stays where it is until its settings can be read; the other connections are not held up by it.
        let Ok(settings) = serde_json::from_str::<Value>(&settings) else {
            tracing::error!(connection = id, "its settings cannot be read, so its key was not moved");
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
        // Another node may have been faster.
        if moved.rows_affected() == 1 {
            for key in [&signing, &encryption] {
                store::insert(&mut tx, &account_id, &id, key, KeyState::Active).await?;
            }
            tx.commit().await?;
        }
    }
    Ok(())
}
