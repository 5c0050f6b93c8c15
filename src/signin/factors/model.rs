//! The data of a second factor.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::kernel::text_enum::text_enum;
use crate::kernel::{Timestamp, UserId};

text_enum! {
    /// The kind of a two-factor method: `totp` for an authenticator app, `webauthn` for a passkey or security
    /// key.
    #[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
    #[serde(rename_all = "lowercase")]
    #[schema(as = Kind)]
    pub enum FactorKind {
        /// An authenticator app, with time-based codes (RFC 6238).
        Totp = "totp",
        /// A passkey or a security key (Web Authentication).
        Webauthn = "webauthn",
    }
}

/// A stored factor.
#[derive(Debug, Clone, sqlx::FromRow)]
pub struct Factor {
    /// Its id.
    pub id: String,
    /// The user's id.
    pub user_id: UserId,
    #[sqlx(try_from = "String")]
    kind: FactorKind,
    /// The name that the user gave it.
    pub name: String,
    /// The encrypted seed of an authenticator app, or the WebAuthn credential as JSON.
    pub(super) secret: String,
    discoverable: i32,
    backed_up: i32,
    /// When it was added.
    pub created_at: Timestamp,
    /// When it was last used.
    pub last_used_at: Option<Timestamp>,
}

impl Factor {
    /// Its kind.
    #[must_use]
    pub const fn kind(&self) -> FactorKind {
        self.kind
    }

    /// Whether it is a passkey, which can be the whole sign-in.
    #[must_use]
    pub fn is_passkey(&self) -> bool {
        self.discoverable != 0
    }

    /// Whether the provider of the passkey has backed it up.
    #[must_use]
    pub fn is_backed_up(&self) -> bool {
        self.backed_up != 0
    }

    /// The kind for display.
    #[must_use]
    pub fn label(&self) -> &'static str {
        match (self.kind(), self.is_passkey()) {
            (FactorKind::Totp, _) => "authenticator app",
            (FactorKind::Webauthn, true) => "passkey",
            (FactorKind::Webauthn, false) => "security key",
        }
    }

    /// The purpose that the vault binds an encrypted seed to.
    pub(super) fn binding(id: &str) -> String {
        format!("factors/{id}/secret")
    }
}

/// The part of a WebAuthn credential record that is stored in columns.
#[derive(Default)]
pub(crate) struct CredentialMetadata {
    pub(crate) credential_id: String,
    pub(crate) discoverable: bool,
    pub(crate) counter: i64,
    pub(crate) backup_eligible: bool,
    pub(crate) backed_up: bool,
}

text_enum! {
    /// How the second factor of a sign-in or a session was verified.
    #[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
    #[serde(rename_all = "lowercase")]
    pub enum SecondFactor {
        /// A code of an authenticator app.
        Totp = "totp",
        /// A passkey or security key.
        Webauthn = "webauthn",
        /// A recovery code.
        Recovery = "recovery",
        /// The identity provider asserts it, and the connection is trusted with that.
        Provider = "provider",
        /// It was not verified: the browser is remembered.
        Device = "device",
    }
}

/// The level (`acr`) of a session in which a second factor was verified here.
pub const ACR_TWO_FACTORS: &str = "2fa";
