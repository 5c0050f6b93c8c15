//! Our own key pairs of a connection, one for signing and one for decryption, and their rotation.
//!
//! A new pair is first published in our metadata beside the old one (*next*). Once the identity provider
//! has read the metadata again, the new pair is used (*active*), and the old one still decrypts and stays
//! published for a week (*retiring*). At no time does the identity provider need a key that our metadata
//! did not contain.

mod generate;
mod migrate_legacy;
mod model;
mod rotate;
mod store;

pub use generate::{ServiceProviderKey, generate_key};
pub use migrate_legacy::migrate_legacy_keys;
pub use model::{KeyPair, KeyPurpose, KeyState};
pub use rotate::{begin_rotation, cancel_rotation, finish_rotation};
pub use store::of_connection;

pub(super) use rotate::{NewKeys, generate_key_pairs, insert};

use crate::kernel::{Kernel, vault};

/// The active private key for signing, PKCS#8.
pub(super) async fn signing_key(kernel: &Kernel, keys: &[KeyPair]) -> Result<Option<Vec<u8>>, vault::Error> {
    let active = |key: &&KeyPair| key.purpose() == KeyPurpose::Signing && key.state() == KeyState::Active;
    match keys.iter().find(active) {
        Some(key) => open_private_key(kernel, key).await.map(Some),
        None => Ok(None),
    }
}

/// All private keys for decryption, PKCS#8.
pub(super) async fn decryption_keys(kernel: &Kernel, keys: &[KeyPair]) -> Result<Vec<Vec<u8>>, vault::Error> {
    let mut opened = Vec::new();
    for key in keys.iter().filter(|key| key.purpose() == KeyPurpose::Encryption) {
        opened.push(open_private_key(kernel, key).await?);
    }
    Ok(opened)
}

async fn open_private_key(kernel: &Kernel, key: &KeyPair) -> Result<Vec<u8>, vault::Error> {
    kernel.vault.open_sealed(&KeyPair::aad(&key.id), &key.sealed_key).await
}
