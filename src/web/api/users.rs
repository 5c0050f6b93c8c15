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
    /// The user's ID.
    id: String,
    /// `active`, `inactive`, or `pending` for an invited user who has not accepted the invitation.
    status: &'static str,
    /// The username, unique in the account.
    user_name: String,
    /// The email address, unique in the account.
    email: Option<String>,
    /// The given name.
    given_name: Option<String>,
    /// The family name.
    family_name: Option<String>,
    /// The display name.
    display_name: String,
    /// The ID of the SCIM connection that manages the user; `null` if there is none.
    connection_id: Option<String>,
    /// The external ID that the SCIM client gave the user.
    external_id: Option<String>,
    /// When the user was created.
    #[schema(value_type = String, format = DateTime)]
    created_at: Timestamp,
    /// When the user was last changed.
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

/// A user with roles, account lockout and password dates.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct UserDetail {
    #[serde(flatten)]
    user: UserBody,
    /// The user's roles: `account_admin` or `account_viewer`.
    roles: Vec<&'static str>,
    /// Until when the user is locked out after too many failed attempts; `null` if the user is not locked
    /// out.
    #[schema(value_type = Option<String>, format = DateTime)]
    locked_until: Option<Timestamp>,
    /// When the password was last set; `null` if the user has no password.
    #[schema(value_type = Option<String>, format = DateTime)]
    password_changed_at: Option<Timestamp>,
    /// When the password expires; `null` if it does not expire.
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

/// A user to create.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct NewUser {
    /// The username. It must be unique in the account.
    user_name: String,
    /// The email address. The default is the username if it contains an `@`.
    email: Option<String>,
    /// The given name.
    given_name: Option<String>,
    /// The family name.
    family_name: Option<String>,
    /// The display name. The default is the given and family name, or the username if there are none.
    display_name: Option<String>,
    /// The password, which must meet the account's password policy. Leave it out if the user signs in through
    /// an identity provider.
    password: Option<String>,
    /// The roles to assign: `account_admin` or `account_viewer`.
    #[serde(default)]
    roles: Vec<String>,
}

/// The fields to change. Fields that are missing or `null` stay unchanged.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct UserChange {
    /// The new username.
    user_name: Option<String>,
    /// The new email address.
    email: Option<String>,
    /// The new given name.
    given_name: Option<String>,
    /// The new family name.
    family_name: Option<String>,
    /// The new display name.
    display_name: Option<String>,
    /// `active` or `inactive`. Deactivating a user revokes all their sessions and tokens.
    status: Option<String>,
    /// The complete list of roles, which replaces the current roles.
    roles: Option<Vec<String>>,
}

/// Filters on users.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct UserFilter {
    /// Only the user with this username, ignoring case. If it is given, `q` is ignored.
    user_name: Option<String>,
    /// Only users whose username, email address or display name contains this text.
    q: Option<String>,
}

pub(super) fn read_roles(names: &[String]) -> Result<Vec<Role>, Error> {
    let read = |name: &String| {
        Role::parse(name).ok_or_else(|| Error::invalid("roles", "must be account_admin or account_viewer"))
    };
    names.iter().map(read).collect()
}

/// List users
///
/// Returns users in the order of their creation.
#[utoipa::path(
    get, operation_id = "list_users", path = "/api/v1/users", tag = "users",
    params(Paging, UserFilter),
    security(("bearer" = [])),
    responses(
        (status = 200, description = "A page of users", body = List<UserBody>),
    ),
)]
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

/// Create a user
#[utoipa::path(
    post, operation_id = "create_user", path = "/api/v1/users", tag = "users",
    request_body = NewUser,
    security(("bearer" = [])),
    responses(
        (status = 201, description = "The user was created", body = UserDetail),
        (status = 409, description = "Another user has this username or email address"),
        (status = 422, description = "A field is not valid"),
    ),
)]
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

/// Get a user
#[utoipa::path(
    get, operation_id = "get_user", path = "/api/v1/users/{id}", tag = "users",
    params(("id" = String, Path, description = "The user's ID")),
    security(("bearer" = [])),
    responses(
        (status = 200, description = "The user", body = UserDetail),
        (status = 404, description = "No user has this ID"),
    ),
)]
pub(super) async fn show(
    request: AuthenticatedRequest,
    Path(id): Path<String>,
) -> Result<Json<UserDetail>, Error> {
    let mut c = request.app.kernel.db.read().await?;
    let user = request.principal.find_user(&mut c, &id).await?;
    drop(c);
    Ok(Json(UserDetail::read(&request, user).await?))
}

/// Update a user
///
/// For a user who is managed by a SCIM connection, only `status` and `roles` can be changed. All other fields
/// are changed at the identity provider.
#[utoipa::path(
    patch, operation_id = "update_user", path = "/api/v1/users/{id}", tag = "users",
    params(("id" = String, Path, description = "The user's ID")),
    request_body = UserChange,
    security(("bearer" = [])),
    responses(
        (status = 200, description = "The updated user", body = UserDetail),
        (status = 404, description = "No user has this ID"),
        (status = 409, description = "Another user has this username or email address, a SCIM connection \
            manages the user, this is the last active administrator, or the user was changed at the same \
            time"),
        (status = 422, description = "A field is not valid"),
    ),
)]
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

/// Delete a user
///
/// Deletes the user with their roles, group memberships, password and sessions. The audit trail keeps their
/// events.
#[utoipa::path(
    delete, operation_id = "delete_user", path = "/api/v1/users/{id}", tag = "users",
    params(("id" = String, Path, description = "The user's ID")),
    security(("bearer" = [])),
    responses(
        (status = 204, description = "The user was deleted"),
        (status = 404, description = "No user has this ID"),
        (status = 409, description = "A SCIM connection manages the user, or this is the last active \
            administrator"),
    ),
)]
pub(super) async fn delete(
    request: AuthenticatedRequest,
    Path(id): Path<String>,
) -> Result<StatusCode, Error> {
    admin::users::delete(&request.admin(), &id).await?;
    Ok(StatusCode::NO_CONTENT)
}
