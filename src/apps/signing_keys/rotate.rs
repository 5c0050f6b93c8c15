//! Making keys, and replacing the active one.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use jsonwebtoken::jwk::{Jwk, PublicKeyUse};
use jsonwebtoken::{Algorithm, EncodingKey};
use rcgen::{KeyPair, PKCS_ECDSA_P256_SHA256};
use serde_json::json;

use super::model::{SigningKey, SigningKeyState};
use super::store::{self, NewSigningKey};
use crate::audit::{self, Action, Context, Event};
use crate::directory::{Error, accounts};
use crate::kernel::{AccountId, Kernel, Tx};

/// How long a key signs before the next one takes over by itself.
const SIGNS_FOR: Duration = Duration::from_hours(90 * 24);
/// How long a retired key stays published. What it signed is valid for minutes; caches keep keys for hours.
pub(super) const PUBLISHED_FOR: Duration = Duration::from_hours(2 * 24);

/// Makes the account's first keys, an active one and the next.
pub(super) async fn create_first(kernel: &Kernel, tx: &mut Tx, account_id: &AccountId) -> Result<(), Error> {
    for state in [SigningKeyState::Active, SigningKeyState::Next] {
        let key = generate(kernel, tx, account_id, state)?;
        store::insert(tx, account_id, &key).await?;
    }
    Ok(())
}

fn generate(
    kernel: &Kernel,
    tx: &Tx,
    account_id: &AccountId,
    state: SigningKeyState,
) -> Result<NewSigningKey, Error> {
    let failed = |error: &dyn std::fmt::Display| Error::Internal(format!("signing key: {error}"));
    let pair = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256).map_err(|e| failed(&e))?;
    let der = pair.serialize_der();
    let id = tx.new_id();
    let mut jwk =
        Jwk::from_encoding_key(&EncodingKey::from_ec_der(&der), Algorithm::ES256).map_err(|e| failed(&e))?;
    jwk.common.key_id = Some(id.clone());
    jwk.common.public_key_use = Some(PublicKeyUse::Signature);
    let public_jwk = serde_json::to_string(&jwk).map_err(|e| failed(&e))?;
    let private_key = kernel.vault.seal(&bound_to(account_id, &id), STANDARD.encode(der).as_bytes())?;
    Ok(NewSigningKey { id, state, public_jwk, private_key })
}

/// The row that an encrypted key belongs to.
pub(super) fn bound_to(account_id: &AccountId, id: &str) -> String {
    format!("signing_keys/{account_id}/{id}")
}

/// Retires the active key, activates the next one and makes another next one. What the retired key signed
/// stays valid.
pub async fn rotate(kernel: &Kernel, tx: &mut Tx, context: &Context) -> Result<Vec<SigningKey>, Error> {
    let account_id = &context.account_id;
    accounts::lock(tx, account_id).await?;
    create_first(kernel, tx, account_id).await?;
    store::advance(tx, account_id).await?;
    let next = generate(kernel, tx, account_id, SigningKeyState::Next)?;
    store::insert(tx, account_id, &next).await?;
    store::delete_retired(tx, account_id, tx.now().minus(PUBLISHED_FOR)).await?;
    let keys = store::list(tx, account_id).await?;
    let active = keys.iter().find(|key| key.state == SigningKeyState::Active.as_str());
    let active = active.map(|key| key.id.clone()).unwrap_or_default();
    let event = Event::new(Action::SigningKeysRotate, "signing_key", &active, "ES256");
    audit::record(tx, context, event.detail(json!({"next": next.id}))).await?;
    Ok(keys)
}

/// Rotates the keys of accounts whose active key has signed long enough.
pub async fn rotate_due(kernel: &Kernel) -> Result<(), Error> {
    let before = kernel.clock.now().minus(SIGNS_FOR);
    let due = store::due(&mut *kernel.db.read().await?, before).await?;
    for account_id in due {
        let mut tx = kernel.db.begin().await?;
        accounts::lock(&mut tx, &account_id).await?;
        // Another node may have rotated them in the meantime.
        if store::due(&mut tx, before).await?.contains(&account_id) {
            rotate(kernel, &mut tx, &Context::system(&account_id)).await?;
        }
        tx.commit().await?;
    }
    Ok(())
}
