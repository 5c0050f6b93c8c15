//! Authenticates a request by its session cookie.

use super::model::has_ended;
use super::store::{self, ActiveSession};
use crate::access::{Credential, Principal, PrincipalKind, Role, SessionRestriction};
use crate::kernel::TextEnum as _;
use crate::kernel::database::DbConn;
use crate::kernel::tokens::{self, OpaqueTokenKind};
use crate::signin::{SignIn, policy};

/// Who made a request with a session. A session is used by what a person does; what a page does by itself
/// would keep it alive forever.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RequestedBy {
    /// A person, as far as is known.
    Person,
    /// A page in the background.
    Page,
}

/// Authenticates the secret of a session that has not ended, of a user who is active and has the session's
/// epoch. It queries the database each time, so that a revocation or a changed limit applies on all nodes
/// at once.
pub async fn authenticate(
    signin: &SignIn,
    secret: &str,
    by: RequestedBy,
) -> Result<Option<Principal>, sqlx::Error> {
    let Some(id) = tokens::row_id(OpaqueTokenKind::Session, secret) else { return Ok(None) };
    let mut c = signin.kernel.db.read().await?;
    match store::find_by_secret(&mut c, id, secret).await? {
        Some(live) => principal_of(signin, &mut c, live, by).await,
        None => Ok(None),
    }
}

/// The principal of a session that another credential was derived from, such as the session at an
/// application. It ends when this session does.
pub async fn authenticate_derived(
    signin: &SignIn,
    id: &str,
    by: RequestedBy,
) -> Result<Option<Principal>, sqlx::Error> {
    let mut c = signin.kernel.db.read().await?;
    match store::find_active(&mut c, id).await? {
        Some(live) => principal_of(signin, &mut c, live, by).await,
        None => Ok(None),
    }
}

async fn principal_of(
    signin: &SignIn,
    c: &mut DbConn,
    live: ActiveSession,
    by: RequestedBy,
) -> Result<Option<Principal>, sqlx::Error> {
    let now = signin.kernel.clock.now();
    let used = signin.session_activity.last(&live.id).unwrap_or(live.last_seen_at).max(live.last_seen_at);
    let settings = live.settings()?;
    if has_ended(&settings.session, live.created_at, used, now) {
        return Ok(None);
    }
    if used < now && by == RequestedBy::Person {
        signin.session_activity.record_use(&live.id, now);
    }
    let restriction = if live.second_factor.is_empty() {
        policy::session_restriction(c, &settings.two_factor, &live.user_id, live.enrolled > 0, now).await?
    } else {
        SessionRestriction::None
    };
    let roles = live.roles.unwrap_or_default().split(' ').filter_map(Role::parse).collect();
    Ok(Some(Principal {
        account_id: live.account_id,
        kind: PrincipalKind::User,
        id: live.user_id.into(),
        name: live.user_name,
        credential: Credential::Session {
            id: live.id,
            amr: live.amr,
            acr: live.acr,
            provider_acr: live.provider_acr,
            authenticated_at: live.authenticated_at,
            restriction,
        },
        roles,
    }))
}
