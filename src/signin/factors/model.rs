//! What a second factor is.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::kernel::Timestamp;
use crate::kernel::text_enum::text_enum;

text_enum! {
    /// The kinds that are kept.
    #[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
    #[serde(rename_all = "lowercase")]
    #[schema(as = Kind)]
    pub enum FactorKind {
        /// An authenticator app, by time-based codes (RFC 6238).
        Totp = "totp",
        /// A passkey or a security key (Web Authentication).
        Webauthn = "webauthn",
    }
}

/// A factor as stored.
#[derive(Debug, Clone, sqlx::FromRow)]
pub struct Factor {
    /// Its id.
    pub id: String,
    /// Whose it is.
    pub user_id: String,
    #[sqlx(try_from = "String")]
    kind: FactorKind,
    /// What its owner calls it.
    pub name: String,
    /// The sealed seed of an authenticator; the credential of a key.
    pub(super) secret: String,
    discoverable: i32,
    backed_up: i32,
    /// When it was added.
    pub created_at: Timestamp,
    /// When it was shown last.
    pub last_used_at: Option<Timestamp>,
}

impl Factor {
    /// Its kind.
    #[must_use]
    pub const fn kind(&self) -> FactorKind {
        self.kind
    }

    /// Whether it can open the door alone.
    #[must_use]
    pub fn is_passkey(&self) -> bool {
        self.discoverable != 0
    }

    /// Whether its provider keeps copies of it.
    #[must_use]
    pub fn is_backed_up(&self) -> bool {
        self.backed_up != 0
    }

    /// What it is, in words.
    #[must_use]
    pub fn label(&self) -> &'static str {
        match (self.kind(), self.is_passkey()) {
            (FactorKind::Totp, _) => "authenticator app",
            (FactorKind::Webauthn, true) => "passkey",
            (FactorKind::Webauthn, false) => "security key",
        }
    }

    /// What its seed is sealed for.
    pub(super) fn binding(id: &str) -> String {
        format!("factors/{id}/secret")
    }
}

/// What is known of a key beside its credential.
#[derive(Default)]
pub(crate) struct CredentialMetadata {
    pub(crate) credential_id: String,
    pub(crate) discoverable: bool,
    pub(crate) counter: i64,
    pub(crate) backup_eligible: bool,
    pub(crate) backed_up: bool,
}

text_enum! {
    /// How the second factor of a sign-in or a session was shown.
    #[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
    #[serde(rename_all = "lowercase")]
    pub enum SecondFactor {
        /// A code of an authenticator app.
        Totp = "totp",
        /// A passkey or security key.
        Webauthn = "webauthn",
        /// A recovery code.
        Recovery = "recovery",
        /// The identity provider says so, and its connection is trusted with it.
        Provider = "provider",
        /// Not shown: this browser is remembered.
        Device = "device",
    }
}

/// The level of a session in which a second factor was shown here.
pub const ACR_TWO_FACTORS: &str = "2fa";
