//! The data of a token, without its secret.

use serde::Serialize;
use utoipa::ToSchema;

use crate::access::PrincipalKind;
use crate::kernel::text_enum::text_enum;
use crate::kernel::{ConnectionId, Timestamp};

text_enum! {
    /// What a token opens.
    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    pub enum TokenPurpose {
        /// The REST API, as its owner.
        Api = "api",
        /// The provisioning endpoints of one connection.
        Scim = "scim",
        /// One application behind a reverse proxy, and nothing of this server.
        Application = "application",
    }
}

/// An API or SCIM token, without its secret.
#[derive(Debug, Clone, Serialize, ToSchema, sqlx::FromRow)]
#[schema(as = Token)]
pub struct ApiToken {
    /// The token's ID.
    pub id: String,
    /// The kind of owner: `user` or `service_account`.
    pub owner_kind: String,
    /// The owner's ID.
    pub owner_id: String,
    /// `api` for the REST API, `scim` for SCIM provisioning, `application` for one application.
    pub purpose: String,
    /// The ID of the SCIM connection that the token belongs to.
    #[schema(value_type = Option<String>)]
    pub connection_id: Option<ConnectionId>,
    /// The ID of the application that the token was made for.
    pub application_id: Option<String>,
    /// The ID of the token with which this token was generated. It is revoked and expires together with that token.
    pub parent_id: Option<String>,
    /// Whether the session that made it had verified a second factor, for a token of a user.
    #[serde(skip)]
    pub(super) second_factor: i32,
    /// The token's name.
    pub name: String,
    /// The last four characters of the secret.
    pub hint: String,
    /// When the token was generated.
    #[schema(value_type = String, format = DateTime)]
    pub created_at: Timestamp,
    /// When the token expires; `null` if it does not expire.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub expires_at: Option<Timestamp>,
    /// When the token was revoked.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub revoked_at: Option<Timestamp>,
    /// When the token was last used, accurate to a minute.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub last_used_at: Option<Timestamp>,
}

impl ApiToken {
    /// `active`, `expired` or `revoked`.
    #[must_use]
    pub fn status(&self, now: Timestamp) -> &'static str {
        match (self.revoked_at, self.expires_at) {
            (Some(_), _) => "revoked",
            (None, Some(end)) if end <= now => "expired",
            _ => "active",
        }
    }
}

/// The principal a token acts as.
#[derive(Debug, Clone, Copy)]
pub struct TokenOwner<'a> {
    /// User or service account.
    pub kind: PrincipalKind,
    /// Its id.
    pub id: &'a str,
    /// The user's current epoch; 0 for a service account.
    pub epoch: i64,
}

/// With which authority a token is made.
#[derive(Debug, Clone, Copy)]
pub enum TokenOrigin<'a> {
    /// The operator's, on the host.
    Operator,
    /// A session's.
    Session {
        /// Whether the session has verified a second factor.
        second_factor: bool,
    },
    /// Another token's. The new one never lives longer, and is revoked with it.
    Token(&'a ApiToken),
}

/// The parameters of a new token.
#[derive(Debug, Clone, Copy)]
pub struct NewToken<'a> {
    /// With which authority it is made.
    pub origin: TokenOrigin<'a>,
    /// The principal it acts as.
    pub owner: TokenOwner<'a>,
    /// Which API it gives access to.
    pub purpose: TokenPurpose,
    /// The connection, for a provisioning token.
    pub connection_id: Option<&'a ConnectionId>,
    /// The application, for a token that counts at one application only.
    pub application_id: Option<&'a str>,
    /// A name that its owner chose.
    pub name: &'a str,
    /// When it expires; never when absent.
    pub expires_at: Option<Timestamp>,
}
