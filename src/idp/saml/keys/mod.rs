//! Our own key pairs of a connection: one to sign with, one to decrypt with, and their rotation.
//!
//! A new pair is published beside the old one first (*next*); when the identity provider has read our metadata
//! again it takes over (*active*), and the old one goes on decrypting and stays published for a while
//! (*retiring*). At no moment does the other side need a key it cannot know.

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

/// The private key that signs, PKCS#8.
pub(super) async fn signing_key(kernel: &Kernel, keys: &[KeyPair]) -> Result<Option<Vec<u8>>, vault::Error> {
    let active = |key: &&KeyPair| key.purpose() == KeyPurpose::Signing && key.state() == KeyState::Active;
    match keys.iter().find(active) {
        Some(key) => open_private_key(kernel, key).await.map(Some),
        None => Ok(None),
    }
}

/// All private keys that decrypt, PKCS#8.
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
