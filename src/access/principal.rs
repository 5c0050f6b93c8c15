//! The authenticated principal of a request: a user or a service account, the credential it presented, and
//! what a session must do before it may use more than the pages for that.

use std::time::Duration;

use axum::extract::FromRequestParts;
use axum::http::StatusCode;
use axum::http::request::Parts;

use super::{Permission, Role};
use crate::audit::{Actor, ActorKind, Context};
use crate::kernel::http::{Refusal, RequestContext};
use crate::kernel::text_enum::text_enum;
use crate::kernel::{AccountId, Timestamp, UserId};

text_enum! {
    /// What kind of principal.
    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    pub enum PrincipalKind {
        /// A person.
        User = "user",
        /// A program.
        ServiceAccount = "service_account",
    }
}

/// The credential that authenticated the request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Credential {
    /// A browser session.
    Session {
        /// The session's id.
        id: String,
        /// The authentication methods (`amr`, RFC 8176), separated by spaces.
        amr: String,
        /// The authentication level that was reached here (`acr`).
        acr: String,
        /// The authentication level that the identity provider stated.
        provider_acr: String,
        /// When the user last authenticated in this session.
        authenticated_at: Timestamp,
        /// What the session must do first.
        restriction: SessionRestriction,
    },
    /// An API token or a provisioning token.
    Token {
        /// The token's id.
        id: String,
        /// Set if its owner must have a second factor, and made the token without one.
        restriction: SessionRestriction,
    },
}

/// What a session must do before it may do anything else.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SessionRestriction {
    /// No restriction.
    None,
    /// From this time on, the user must enrol a second factor first.
    EnrolmentDueAt(Timestamp),
    /// The user must enrol a second factor first.
    EnrolmentRequired,
    /// The user must present their second factor first.
    SecondFactorRequired,
}

/// The permission that a principal would need and does not have.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the permission {} is missing", .0.as_str())]
pub struct MissingPermission(pub Permission);

impl From<MissingPermission> for Refusal {
    fn from(missing: MissingPermission) -> Self {
        let name = missing.0.as_str();
        let detail =
            format!("This requires the permission {name}. Ask an administrator of your account for access.");
        Self::new(StatusCode::FORBIDDEN, "Permission denied", detail)
    }
}

/// An identified user or service account, in its account.
#[derive(Debug, Clone)]
pub struct Principal {
    /// The account. A principal never reaches data of another one.
    pub account_id: AccountId,
    /// Whether it is a user or a service account.
    pub kind: PrincipalKind,
    /// The id of the user or service account.
    pub id: String,
    /// The user name, or the service account's name.
    pub name: String,
    /// The credential it presented.
    pub credential: Credential,
    /// The roles bound to it.
    pub roles: Vec<Role>,
}

impl Principal {
    /// The id as that of a user. The id of a service account is that of no user.
    #[must_use]
    pub fn user_id(&self) -> UserId {
        UserId::from(self.id.as_str())
    }

    /// Whether one of its roles grants the permission.
    #[must_use]
    pub fn has_permission(&self, permission: Permission) -> bool {
        self.roles.iter().any(|role| role.grants(permission))
    }

    /// The same, as a refusal that names what is missing.
    pub fn require(&self, permission: Permission) -> Result<(), MissingPermission> {
        if self.has_permission(permission) { Ok(()) } else { Err(MissingPermission(permission)) }
    }

    /// The audit context for what this principal does in this request.
    #[must_use]
    pub fn context(&self, request: &RequestContext) -> Context {
        let kind = match self.kind {
            PrincipalKind::User => ActorKind::User,
            PrincipalKind::ServiceAccount => ActorKind::ServiceAccount,
        };
        let actor = Actor { kind, id: Some(self.id.clone()), name: self.name.clone() };
        Context::of(&self.account_id, actor, request)
    }

    /// The restriction of the session or token.
    #[must_use]
    pub fn restriction(&self) -> SessionRestriction {
        match &self.credential {
            Credential::Session { restriction, .. } | Credential::Token { restriction, .. } => *restriction,
        }
    }

    /// The session's id, if the principal was authenticated by a session.
    #[must_use]
    pub fn session_id(&self) -> Option<&str> {
        match &self.credential {
            Credential::Session { id, .. } => Some(id),
            Credential::Token { .. } => None,
        }
    }
}

/// How long an authentication counts as recent for sensitive steps.
const REAUTHENTICATION_WINDOW: Duration = Duration::from_mins(10);

impl Principal {
    /// Whether the user authenticated within the last ten minutes. A token never counts as a recent
    /// authentication.
    #[must_use]
    pub fn is_recently_authenticated(&self, now: Timestamp) -> bool {
        match &self.credential {
            Credential::Session { authenticated_at, .. } => {
                now < authenticated_at.plus(REAUTHENTICATION_WINDOW)
            }
            Credential::Token { .. } => false,
        }
    }
}

/// The route's guard stores the principal in the request. On a public route there is none, and extraction
/// fails.
impl<S: Sync> FromRequestParts<S> for Principal {
    type Rejection = Refusal;
    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Refusal> {
        let missing = || Refusal::new(StatusCode::UNAUTHORIZED, "Not signed in", "Sign in and try again.");
        parts.extensions.get::<Self>().cloned().ok_or_else(missing)
    }
}
