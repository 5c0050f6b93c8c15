//! The key pairs of a connection.

use crate::directory::Error;
use crate::kernel::text_enum::text_enum;
use crate::kernel::{Kernel, Timestamp, ids};

text_enum! {
    /// What a key pair is for.
    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    pub enum KeyPurpose {
        /// Signs outgoing messages.
        Signing = "signing",
        /// Decrypts incoming messages.
        Encryption = "encryption",
    }
}

text_enum! {
    /// The state of a key pair in its rotation.
    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    pub enum KeyState {
        /// Published, but not used yet.
        Next = "next",
        /// In use.
        Active = "active",
        /// Replaced; it is still published and still decrypts.
        Retiring = "retiring",
    }
}

/// A key pair as stored. A purpose or state that is not known fails the query and never becomes a default: a
/// key for decryption must not sign.
#[derive(Debug, Clone, sqlx::FromRow)]
pub struct KeyPair {
    /// Its id.
    pub id: String,
    #[sqlx(try_from = "String")]
    pub(super) purpose: KeyPurpose,
    #[sqlx(try_from = "String")]
    pub(super) state: KeyState,
    /// The public key in a self-signed certificate, base64 of DER.
    pub certificate: String,
    pub(super) sealed_key: String,
    /// When it was created.
    pub created_at: Timestamp,
    /// When it is deleted, if it is retiring.
    pub retires_at: Option<Timestamp>,
}

impl KeyPair {
    /// What it is for.
    #[must_use]
    pub const fn purpose(&self) -> KeyPurpose {
        self.purpose
    }

    /// Its state.
    #[must_use]
    pub const fn state(&self) -> KeyState {
        self.state
    }

    /// The associated data that the encrypted private key is bound to.
    pub(super) fn aad(id: &str) -> String {
        format!("saml_keys/{id}")
    }
}

/// A key pair that is encrypted but not stored yet.
#[derive(Debug, Clone)]
pub(crate) struct NewKey {
    pub(super) id: String,
    pub(super) purpose: KeyPurpose,
    pub(super) certificate: String,
    pub(super) sealed_key: String,
}

impl NewKey {
    pub(super) fn seal(
        kernel: &Kernel,
        purpose: KeyPurpose,
        certificate: String,
        private_key: &[u8],
    ) -> Result<Self, Error> {
        let id = ids::new_id(kernel.clock.now());
        let sealed_key = kernel.vault.seal(&KeyPair::aad(&id), private_key)?;
        Ok(Self { id, purpose, certificate, sealed_key })
    }
}
