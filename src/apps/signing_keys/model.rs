//! The data of a signing key, without its private part.

use serde::Serialize;
use utoipa::ToSchema;

use crate::kernel::Timestamp;
use crate::kernel::text_enum::text_enum;

text_enum! {
    /// Whether a key signs.
    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    pub enum SigningKeyState {
        /// It is published and becomes the active one at the next rotation.
        Next = "next",
        /// It signs.
        Active = "active",
        /// It signs no more, and is still published.
        Retired = "retired",
    }
}

/// A signing key of the account.
#[derive(Debug, Clone, Serialize, ToSchema, sqlx::FromRow)]
pub struct SigningKey {
    /// The key's ID, which is also its `kid`.
    pub id: String,
    /// `next`, `active` or `retired`. All keys are published; the active one signs.
    pub state: String,
    /// The algorithm, `ES256`.
    pub algorithm: String,
    #[serde(skip)]
    pub(super) public_jwk: String,
    /// When the key was generated.
    #[schema(value_type = String, format = DateTime)]
    pub created_at: Timestamp,
    /// When the key began to sign.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub activated_at: Option<Timestamp>,
    /// When the key stopped signing.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub retired_at: Option<Timestamp>,
}
