//! How the client authenticates at the token endpoint.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// How a client proves itself at the token endpoint (RFC 6749 §2.3.1, `OpenID` Connect Core §9).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ClientAuth {
    /// Its secret in the `Authorization` header.
    ClientSecretBasic,
    /// Its secret in the form.
    ClientSecretPost,
    /// An assertion signed with a key of ours, whose public half the provider reads at our `jwks_url`.
    PrivateKeyJwt,
}

impl ClientAuth {
    /// All methods, in the order in which they are offered.
    pub const ALL: [Self; 3] = [Self::ClientSecretBasic, Self::ClientSecretPost, Self::PrivateKeyJwt];

    /// The name in the API and in discovery documents.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::ClientSecretBasic => "client_secret_basic",
            Self::ClientSecretPost => "client_secret_post",
            Self::PrivateKeyJwt => "private_key_jwt",
        }
    }

    /// Reads [`ClientAuth::as_str`].
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|one| one.as_str() == text)
    }
}
