//! Somebody who has been identified.

use std::time::Duration;

use axum::extract::FromRequestParts;
use axum::http::StatusCode;
use axum::http::request::Parts;

use super::{Permission, Role};
use crate::audit::{Actor, ActorKind, Context};
use crate::kernel::Timestamp;
use crate::kernel::http::{Refusal, RequestContext};
use crate::kernel::text_enum::text_enum;

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

/// What the principal showed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Credential {
    /// A browser session.
    Session {
        /// The session's id.
        id: String,
        /// How the person proved who they are (RFC 8176), space separated.
        amr: String,
        /// The level that reached.
        acr: String,
        /// When they last proved it in this session.
        authenticated_at: Timestamp,
        /// What it owes.
        restriction: SessionRestriction,
    },
    /// A token.
    Token {
        /// The token's id.
        id: String,
    },
}

/// What a session owes before more than paying it is open to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SessionRestriction {
    /// Nothing.
    None,
    /// To set up a second factor, from that moment on.
    EnrolmentDueAt(Timestamp),
    /// To set up a second factor.
    EnrolmentRequired,
    /// To show the second factor its person has.
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
            format!("You need the permission {name} for this. Ask an administrator of your account.");
        Self::new(StatusCode::FORBIDDEN, "Not allowed", detail)
    }
}

/// An identified user or service account, in its account.
#[derive(Debug, Clone)]
pub struct Principal {
    /// The account. Everything a principal touches is in it.
    pub account_id: String,
    /// User or service account.
    pub kind: PrincipalKind,
    /// Its id.
    pub id: String,
    /// Its name: user name or service account's name.
    pub name: String,
    /// What it showed.
    pub credential: Credential,
    /// The roles bound to it.
    pub roles: Vec<Role>,
}

impl Principal {
    /// Whether it may.
    #[must_use]
    pub fn has_permission(&self, permission: Permission) -> bool {
        self.roles.iter().any(|role| role.grants(permission))
    }

    /// The same, as a refusal that names what is missing.
    pub fn require(&self, permission: Permission) -> Result<(), MissingPermission> {
        if self.has_permission(permission) { Ok(()) } else { Err(MissingPermission(permission)) }
    }

    /// The context for audit events of what this principal does in this request.
    #[must_use]
    pub fn context(&self, request: &RequestContext) -> Context {
        let kind = match self.kind {
            PrincipalKind::User => ActorKind::User,
            PrincipalKind::ServiceAccount => ActorKind::ServiceAccount,
        };
        let actor = Actor { kind, id: Some(self.id.clone()), name: self.name.clone() };
        Context::of(&self.account_id, actor, request)
    }

    /// What has to be done before anything else.
    #[must_use]
    pub fn restriction(&self) -> SessionRestriction {
        match &self.credential {
            Credential::Session { restriction: owes, .. } => *owes,
            Credential::Token { .. } => SessionRestriction::None,
        }
    }

    /// The session's id, when it came with one.
    #[must_use]
    pub fn session_id(&self) -> Option<&str> {
        match &self.credential {
            Credential::Session { id, .. } => Some(id),
            Credential::Token { .. } => None,
        }
    }
}

/// How long after proving who they are somebody may do what needs it to be recent.
const REAUTHENTICATION_WINDOW: Duration = Duration::from_mins(10);

impl Principal {
    /// Whether the person proved who they are within the last ten minutes. A token proves nothing anew.
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

/// The guard of a route has put the principal there; a handler on a public route finds none.
impl<S: Sync> FromRequestParts<S> for Principal {
    type Rejection = Refusal;
    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Refusal> {
        let missing = || Refusal::new(StatusCode::UNAUTHORIZED, "Not signed in", "Sign in and try again.");
        parts.extensions.get::<Self>().cloned().ok_or_else(missing)
    }
}
