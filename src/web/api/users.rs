//! Users.

use axum::Json;
use axum::extract::{Path, Query};
use axum::http::StatusCode;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::{Body, List, Paging};
use crate::access::{self, Role};
use crate::admin;
use crate::admin::users::UserListSearch;
use crate::directory::accounts;
use crate::directory::users::{Profile, User};
use crate::kernel::TextEnum as _;
use crate::kernel::Timestamp;
use crate::signin::{lockout, password};
use crate::web::{AuthenticatedRequest, Error};

/// A user.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct UserBody {
    /// Its id.
    id: String,
    /// `active`, `inactive`, or `pending` for somebody who was invited and has not come.
    status: &'static str,
    /// The sign-in name.
    user_name: String,
    /// The email address.
    email: Option<String>,
    /// Given name.
    given_name: Option<String>,
    /// Family name.
    family_name: Option<String>,
    /// The name shown.
    display_name: String,
    /// The directory connection that manages it.
    connection_id: Option<String>,
    /// The id its directory gave it.
    external_id: Option<String>,
    /// When it was made.
    #[schema(value_type = String, format = DateTime)]
    created_at: Timestamp,
    /// When it was changed last.
    #[schema(value_type = String, format = DateTime)]
    updated_at: Timestamp,
}

impl From<User> for UserBody {
    fn from(user: User) -> Self {
        Self {
            status: user.status(),
            id: user.id.into(),
            user_name: user.user_name,
            email: user.email,
            given_name: user.given_name,
            family_name: user.family_name,
            display_name: user.display_name,
            connection_id: user.connection_id.map(String::from),
            external_id: user.external_id,
            created_at: user.created_at,
            updated_at: user.updated_at,
        }
    }
}

/// A user with its roles.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct UserDetail {
    #[serde(flatten)]
    user: UserBody,
    /// `account_admin`, `account_viewer`.
    roles: Vec<&'static str>,
    /// Until when wrong passwords keep the user out, if they do.
    #[schema(value_type = Option<String>, format = DateTime)]
    locked_until: Option<Timestamp>,
    /// When the password was set; null without one.
    #[schema(value_type = Option<String>, format = DateTime)]
    password_changed_at: Option<Timestamp>,
    /// When the password ends, if it does.
    #[schema(value_type = Option<String>, format = DateTime)]
    password_ends_at: Option<Timestamp>,
}

impl UserDetail {
    async fn read(request: &AuthenticatedRequest, user: User) -> Result<Self, Error> {
        let now = request.app.kernel.clock.now();
        let mut c = request.app.kernel.db.read().await?;
        let roles = access::roles_of(&mut c, &user.id).await?;
        let settings = accounts::settings_of(&mut c, &user.account_id).await?.password;
        let changed_at = password::changed_at(&mut c, &user.id).await?;
        Ok(Self {
            roles: roles.iter().map(|role| role.as_str()).collect(),
            locked_until: lockout::locked_until(&mut c, &user.account_id, &user.id, now).await?,
            password_changed_at: changed_at,
            password_ends_at: changed_at.and_then(|at| password::expires_at(&settings, at)),
            user: user.into(),
        })
    }
}

/// A user to be made.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct NewUser {
    user_name: String,
    email: Option<String>,
    given_name: Option<String>,
    family_name: Option<String>,
    display_name: Option<String>,
    /// As the account's settings demand. Without one the user signs in through an identity provider.
    password: Option<String>,
    /// Roles to bind.
    #[serde(default)]
    roles: Vec<String>,
}

/// What to change; members not given stay.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct UserChange {
    user_name: Option<String>,
    email: Option<String>,
    given_name: Option<String>,
    family_name: Option<String>,
    display_name: Option<String>,
    /// `active` or `inactive`.
    status: Option<String>,
    /// Exactly these roles.
    roles: Option<Vec<String>>,
}

/// Which users to list.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct UserFilter {
    /// Exactly this sign-in name, without case.
    user_name: Option<String>,
    /// A part of name or address.
    q: Option<String>,
}

pub(super) fn read_roles(names: &[String]) -> Result<Vec<Role>, Error> {
    let read = |name: &String| {
        Role::parse(name).ok_or_else(|| Error::invalid("roles", "must be account_admin or account_viewer"))
    };
    names.iter().map(read).collect()
}

/// Lists users in order of creation.
#[utoipa::path(get, path = "/api/v1/users", tag = "users", params(Paging, UserFilter), security(("bearer" = [])),
    responses((status = 200, body = List<UserBody>)))]
pub(super) async fn list(
    request: AuthenticatedRequest,
    Query(paging): Query<Paging>,
    Query(filter): Query<UserFilter>,
) -> Result<Json<List<UserBody>>, Error> {
    let search = UserListSearch {
        user_name: filter.user_name.as_deref(),
        text: filter.q.as_deref().unwrap_or_default(),
        after: paging.after(),
        limit: paging.limit(),
    };
    let mut c = request.app.kernel.db.read().await?;
    let page = admin::users::list(&mut c, &request.principal, search).await?;
    Ok(Json(List::from_page(page, UserBody::from)))
}

/// Makes a user.
#[utoipa::path(post, path = "/api/v1/users", tag = "users", request_body = NewUser, security(("bearer" = [])),
    responses((status = 201, body = UserDetail), (status = 409, description = "Taken"), (status = 422)))]
pub(super) async fn create(
    request: AuthenticatedRequest,
    Body(new): Body<NewUser>,
) -> Result<(StatusCode, Json<UserDetail>), Error> {
    let roles = read_roles(&new.roles)?;
    let email = new.email.or_else(|| new.user_name.contains('@').then(|| new.user_name.clone()));
    let profile = Profile {
        user_name: new.user_name,
        email,
        given_name: new.given_name,
        family_name: new.family_name,
        display_name: new.display_name,
        active: true,
        ..Profile::default()
    };
    let user = admin::users::create(&request.admin(), profile, new.password.as_deref(), &roles).await?;
    Ok((StatusCode::CREATED, Json(UserDetail::read(&request, user).await?)))
}

/// Shows a user.
#[utoipa::path(get, path = "/api/v1/users/{id}", tag = "users", params(("id" = String, Path,)),
    security(("bearer" = [])), responses((status = 200, body = UserDetail), (status = 404)))]
pub(super) async fn show(
    request: AuthenticatedRequest,
    Path(id): Path<String>,
) -> Result<Json<UserDetail>, Error> {
    let mut c = request.app.kernel.db.read().await?;
    let user = request.principal.find_user(&mut c, &id).await?;
    drop(c);
    Ok(Json(UserDetail::read(&request, user).await?))
}

/// Changes a user. What a directory manages is changed there; only `status` and `roles` are set here.
#[utoipa::path(patch, path = "/api/v1/users/{id}", tag = "users", params(("id" = String, Path,)),
    request_body = UserChange, security(("bearer" = [])),
    responses((status = 200, body = UserDetail), (status = 404), (status = 409), (status = 422)))]
pub(super) async fn change(
    request: AuthenticatedRequest,
    Path(id): Path<String>,
    Body(change): Body<UserChange>,
) -> Result<Json<UserDetail>, Error> {
    let roles = change.roles.as_deref().map(read_roles).transpose()?;
    let active = match change.status.as_deref() {
        None => None,
        Some("active") => Some(true),
        Some("inactive") => Some(false),
        Some(_) => return Err(Error::invalid("status", "must be active or inactive")),
    };
    let edit = |user: &User| {
        let now = user.profile();
        Profile {
            user_name: change.user_name.unwrap_or(now.user_name),
            email: change.email.or(now.email),
            given_name: change.given_name.or(now.given_name),
            family_name: change.family_name.or(now.family_name),
            display_name: change.display_name.or(now.display_name),
            active: active.unwrap_or(now.active),
            external_id: now.external_id,
            attributes: now.attributes,
        }
    };
    let updated = admin::users::change(&request.admin(), &id, edit, roles.as_deref()).await?;
    Ok(Json(UserDetail::read(&request, updated).await?))
}

/// Deletes a user. The audit trail keeps what it did.
#[utoipa::path(delete, path = "/api/v1/users/{id}", tag = "users", params(("id" = String, Path,)),
    security(("bearer" = [])), responses((status = 204), (status = 404), (status = 409)))]
pub(super) async fn delete(
    request: AuthenticatedRequest,
    Path(id): Path<String>,
) -> Result<StatusCode, Error> {
    admin::users::delete(&request.admin(), &id).await?;
    Ok(StatusCode::NO_CONTENT)
}
