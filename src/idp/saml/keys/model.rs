//! What a key pair of ours is.

use crate::kernel::Timestamp;

/// What a key is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeyPurpose {
    /// Signs what we send.
    Signing,
    /// Decrypts what is sent to us.
    Encryption,
}

impl KeyPurpose {
    /// The name in the database and in metadata.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Signing => "signing",
            Self::Encryption => "encryption",
        }
    }
}

/// Where in its life a key is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeyState {
    /// Published, and not used yet.
    Next,
    /// In use.
    Active,
    /// Replaced; still published, and still decrypts.
    Retiring,
}

impl KeyState {
    /// The name in the database and the API.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Next => "next",
            Self::Active => "active",
            Self::Retiring => "retiring",
        }
    }
}

/// A key pair as stored.
#[derive(Debug, Clone, sqlx::FromRow)]
pub struct KeyPair {
    /// Its id.
    pub id: String,
    purpose: String,
    state: String,
    /// The public half in a self-signed certificate, base64 of DER.
    pub certificate: String,
    pub(super) sealed_key: String,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it is forgotten, if it is retiring.
    pub retires_at: Option<Timestamp>,
}

impl KeyPair {
    /// What it is for.
    #[must_use]
    pub fn purpose(&self) -> KeyPurpose {
        if self.purpose == "encryption" { KeyPurpose::Encryption } else { KeyPurpose::Signing }
    }

    /// Where in its life it is.
    #[must_use]
    pub fn state(&self) -> KeyState {
        match self.state.as_str() {
            "next" => KeyState::Next,
            "retiring" => KeyState::Retiring,
            _ => KeyState::Active,
        }
    }

    /// What its sealed private half is bound to.
    pub(super) fn aad(id: &str) -> String {
        format!("saml_keys/{id}")
    }
}
