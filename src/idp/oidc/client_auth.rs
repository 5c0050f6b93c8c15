//! How the client authenticates at the token endpoint.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::kernel::text_enum::text_enum;

text_enum! {
    /// How the client authenticates at the token endpoint (RFC 6749 §2.3.1, OpenID Connect Core §9).
    #[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
    #[serde(rename_all = "snake_case")]
    pub enum ClientAuth {
        /// With the client secret in the `Authorization` header.
        ClientSecretBasic = "client_secret_basic",
        /// With the client secret in the request body.
        ClientSecretPost = "client_secret_post",
        /// With a signed assertion. The provider reads the public key from our `jwks_url`.
        PrivateKeyJwt = "private_key_jwt",
    }
}
