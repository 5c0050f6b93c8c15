//! Signing, and the public keys to check it with.

use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use serde::Serialize;
use serde_json::{Value, json};

use super::rotate::{PUBLISHED_FOR, bound_to, create_first};
use super::store;
use crate::directory::Error;
use crate::kernel::cache::ShortCache;
use crate::kernel::{AccountId, Kernel};

struct Signer {
    id: String,
    key: EncodingKey,
}

/// The active keys of the accounts, on this node.
#[derive(Default)]
pub struct SigningKeys(ShortCache<Arc<Signer>>);

impl SigningKeys {
    /// Signs the claims with the account's active key (RFC 7515), which is made if there is none. `typ` is the
    /// type in the header, which keeps one kind of token from passing for another (RFC 8725 §3.11).
    pub async fn sign(
        &self,
        kernel: &Kernel,
        account_id: &AccountId,
        typ: &str,
        claims: &impl Serialize,
    ) -> Result<String, Error> {
        let signer = self.0.get_or_load(account_id, || Box::pin(load(kernel, account_id))).await?;
        let signer = signer.ok_or_else(|| Error::Internal("the account has no signing key".to_owned()))?;
        let header = Header {
            typ: Some(typ.to_owned()),
            kid: Some(signer.id.clone()),
            ..Header::new(Algorithm::ES256)
        };
        jsonwebtoken::encode(&header, claims, &signer.key).map_err(|error| Error::Internal(error.to_string()))
    }

    /// Drops the cached keys after a change.
    pub fn invalidate(&self) {
        self.0.invalidate();
    }
}

async fn load(kernel: &Kernel, account_id: &AccountId) -> Result<Option<Arc<Signer>>, Error> {
    let mut found = store::active(&mut *kernel.db.read().await?, account_id).await?;
    if found.is_none() {
        let mut tx = kernel.db.begin().await?;
        create_first(kernel, &mut tx, account_id).await?;
        found = store::active(&mut tx, account_id).await?;
        tx.commit().await?;
    }
    let Some(active) = found else { return Ok(None) };
    let opened = kernel.vault.open_sealed(&bound_to(account_id, &active.id), &active.private_key).await?;
    let der = STANDARD.decode(opened).map_err(|error| Error::Internal(error.to_string()))?;
    Ok(Some(Arc::new(Signer { id: active.id, key: EncodingKey::from_ec_der(&der) })))
}

/// The account's published keys as a JWK set (RFC 7517 §5): the next, the active and the retired ones.
pub async fn public_keys(kernel: &Kernel, account_id: &AccountId) -> Result<Value, Error> {
    let mut keys = store::list(&mut *kernel.db.read().await?, account_id).await?;
    if keys.is_empty() {
        let mut tx = kernel.db.begin().await?;
        create_first(kernel, &mut tx, account_id).await?;
        keys = store::list(&mut tx, account_id).await?;
        tx.commit().await?;
    }
    // A key is deleted by the next rotation only.
    let oldest = kernel.clock.now().minus(PUBLISHED_FOR);
    keys.retain(|key| key.retired_at.is_none_or(|retired| retired > oldest));
    let keys: Vec<Value> = keys.iter().filter_map(|key| serde_json::from_str(&key.public_jwk).ok()).collect();
    Ok(json!({"keys": keys}))
}
