//! The principal of the request.

use axum::Json;
use serde::Serialize;
use utoipa::ToSchema;

use crate::access::{Credential, PrincipalKind};
use crate::directory::{accounts, groups, users};
use crate::web::{AuthenticatedRequest, Error};

/// The user or service account that sends the request.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Me {
    /// The ID of the user or service account.
    id: String,
    /// `user` or `service_account`.
    kind: &'static str,
    /// The account's short name.
    account: String,
    /// The username, or the service account's name.
    user_name: String,
    /// The email address; `null` for a service account.
    email: Option<String>,
    /// The display name, or the service account's name.
    display_name: String,
    /// The names of the groups that the user is a member of.
    groups: Vec<String>,
    /// The identifiers of these groups. Use them to decide about access: names need not be unique, so that a directory can
    /// send a group with the name of another one, and identifiers are.
    group_identifiers: Vec<String>,
    /// The roles: `account_admin` or `account_viewer`.
    roles: Vec<&'static str>,
    /// The authentication methods of the session (RFC 8176); empty for API tokens.
    amr: Vec<String>,
    /// `2fa` if this server verified two-factor authentication in this session; otherwise an empty string.
    acr: String,
    /// The authentication context that the identity provider reported (`acr`, `AuthnContextClassRef`), or an
    /// empty string if there is none. It says what the provider calls it, and nothing that this server verified.
    provider_acr: String,
}

/// Get the current user
///
/// Returns the user or service account that the session or API token belongs to.
#[utoipa::path(
    get, operation_id = "get_me", path = "/api/v1/me", tag = "me",
    security(("bearer" = [])),
    responses(
        (status = 200, description = "The current user or service account", body = Me),
        (status = 401, description = "The request has no valid session or API token"),
    ),
)]
pub(super) async fn show(request: AuthenticatedRequest) -> Result<Json<Me>, Error> {
    let mut c = request.app.kernel.db.read().await?;
    let account = accounts::by_id(&mut c, &request.principal.account_id).await?;
    let user = match request.principal.kind {
        PrincipalKind::User => {
            users::by_id(&mut c, &request.principal.account_id, &request.principal.id).await?
        }
        PrincipalKind::ServiceAccount => None,
    };
    let (mut groups, mut group_identifiers) = (Vec::new(), Vec::new());
    if let Some(user) = &user {
        groups = groups::names_of_user(&mut c, &user.id).await?;
        group_identifiers = groups::identifiers_of_user(&mut c, &user.id).await?;
    }
    let (amr, acr, provider_acr) = match &request.principal.credential {
        Credential::Session { amr, acr, provider_acr, .. } => {
            (amr.split_whitespace().map(str::to_owned).collect(), acr.clone(), provider_acr.clone())
        }
        Credential::Token { .. } => (Vec::new(), String::new(), String::new()),
    };
    Ok(Json(Me {
        kind: request.principal.kind.as_str(),
        account: account.map(|account| account.slug).unwrap_or_default(),
        email: user.as_ref().and_then(|user| user.email.clone()),
        display_name: user.map_or_else(|| request.principal.name.clone(), |user| user.display_name),
        groups,
        group_identifiers,
        roles: request.principal.roles.iter().map(|role| role.as_str()).collect(),
        amr,
        acr,
        provider_acr,
        user_name: request.principal.name,
        id: request.principal.id,
    }))
}
