//! Groups.

pub(super) mod links;

use axum::Json;
use axum::extract::{Path, Query};
use axum::http::StatusCode;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::{Body, List, Paging};
use crate::admin;
use crate::directory::groups::{self, Group, GroupUpdate, MembershipUpdate};
use crate::kernel::Timestamp;
use crate::web::{AuthenticatedRequest, Error};

use links::LinkBody;

/// A group.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct GroupBody {
    /// Its id.
    id: String,
    /// Its name for people.
    name: String,
    /// Its name for policies, unique in the account.
    identifier: String,
    /// The directory connection that manages it.
    connection_id: Option<String>,
    /// The id its directory gave it.
    external_id: Option<String>,
    /// The group of an identity provider that it follows; shown for a single group.
    #[serde(skip_serializing_if = "Option::is_none")]
    link: Option<LinkBody>,
    /// When it was made.
    #[schema(value_type = String, format = DateTime)]
    created_at: Timestamp,
    /// When it was changed last.
    #[schema(value_type = String, format = DateTime)]
    updated_at: Timestamp,
}

impl From<Group> for GroupBody {
    fn from(group: Group) -> Self {
        Self {
            id: group.id.into(),
            name: group.name,
            identifier: group.identifier,
            connection_id: group.connection_id.map(String::from),
            external_id: group.external_id,
            link: None,
            created_at: group.created_at,
            updated_at: group.updated_at,
        }
    }
}

/// A member of a group.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Member {
    /// The user's id.
    id: String,
    /// The user's sign-in name.
    user_name: String,
    /// The user's name.
    display_name: String,
}

/// A group to be made, or a new name for one.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct GroupName {
    name: String,
}

/// Who comes and goes, by user id.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct MemberChange {
    #[serde(default)]
    add: Vec<String>,
    #[serde(default)]
    remove: Vec<String>,
}

/// Which groups to list.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct GroupFilter {
    /// A part of the name.
    q: Option<String>,
}

/// Lists groups in order of creation.
#[utoipa::path(get, path = "/api/v1/groups", tag = "groups", params(Paging, GroupFilter), security(("bearer" = [])),
    responses((status = 200, body = List<GroupBody>)))]
pub(super) async fn list(
    request: AuthenticatedRequest,
    Query(paging): Query<Paging>,
    Query(filter): Query<GroupFilter>,
) -> Result<Json<List<GroupBody>>, Error> {
    let mut c = request.app.kernel.db.read().await?;
    let text = filter.q.as_deref().unwrap_or_default();
    let page = admin::groups::list(&mut c, &request.principal, text, paging.after(), paging.limit()).await?;
    Ok(Json(List::from_page(page, GroupBody::from)))
}

/// Makes a group.
#[utoipa::path(post, path = "/api/v1/groups", tag = "groups", request_body = GroupName, security(("bearer" = [])),
    responses((status = 201, body = GroupBody), (status = 422)))]
pub(super) async fn create(
    request: AuthenticatedRequest,
    Body(new): Body<GroupName>,
) -> Result<(StatusCode, Json<GroupBody>), Error> {
    let group = admin::groups::create(&request.admin(), new.name).await?;
    Ok((StatusCode::CREATED, Json(group.into())))
}

/// Shows a group.
#[utoipa::path(get, path = "/api/v1/groups/{id}", tag = "groups", params(("id" = String, Path,)),
    security(("bearer" = [])), responses((status = 200, body = GroupBody), (status = 404)))]
pub(super) async fn show(
    request: AuthenticatedRequest,
    Path(id): Path<String>,
) -> Result<Json<GroupBody>, Error> {
    let mut c = request.app.kernel.db.read().await?;
    let group = request.principal.find_group(&mut c, &id).await?;
    let link = groups::link_of(&mut c, &group.id).await?.map(LinkBody::from);
    Ok(Json(GroupBody { link, ..group.into() }))
}

/// Renames a group.
#[utoipa::path(patch, path = "/api/v1/groups/{id}", tag = "groups", params(("id" = String, Path,)),
    request_body = GroupName, security(("bearer" = [])),
    responses((status = 200, body = GroupBody), (status = 404), (status = 409), (status = 422)))]
pub(super) async fn change(
    request: AuthenticatedRequest,
    Path(id): Path<String>,
    Body(body): Body<GroupName>,
) -> Result<Json<GroupBody>, Error> {
    let change = GroupUpdate { name: Some(body.name), ..GroupUpdate::default() };
    Ok(Json(admin::groups::change(&request.admin(), &id, change).await?.into()))
}

/// Deletes a group.
#[utoipa::path(delete, path = "/api/v1/groups/{id}", tag = "groups", params(("id" = String, Path,)),
    security(("bearer" = [])), responses((status = 204), (status = 404), (status = 409)))]
pub(super) async fn delete(
    request: AuthenticatedRequest,
    Path(id): Path<String>,
) -> Result<StatusCode, Error> {
    admin::groups::delete(&request.admin(), &id).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Lists the members of a group.
#[utoipa::path(get, path = "/api/v1/groups/{id}/members", tag = "groups", params(Paging, ("id" = String, Path,)),
    security(("bearer" = [])), responses((status = 200, body = List<Member>), (status = 404)))]
pub(super) async fn list_members(
    request: AuthenticatedRequest,
    Path(id): Path<String>,
    Query(paging): Query<Paging>,
) -> Result<Json<List<Member>>, Error> {
    let mut c = request.app.kernel.db.read().await?;
    let group = request.principal.find_group(&mut c, &id).await?;
    let page = admin::groups::list_members(&mut c, &group, paging.after(), paging.limit()).await?;
    let member = |m: groups::GroupMember| Member {
        id: m.user_id.into(),
        user_name: m.user_name,
        display_name: m.display_name,
    };
    Ok(Json(List::from_page(page, member)))
}

/// Adds and removes members.
#[utoipa::path(post, path = "/api/v1/groups/{id}/members", tag = "groups", params(("id" = String, Path,)),
    request_body = MemberChange, security(("bearer" = [])),
    responses((status = 200, body = GroupBody), (status = 404), (status = 409), (status = 422)))]
pub(super) async fn change_members(
    request: AuthenticatedRequest,
    Path(id): Path<String>,
    Body(body): Body<MemberChange>,
) -> Result<Json<GroupBody>, Error> {
    let members = MembershipUpdate { add: body.add, remove: body.remove, replace: None };
    let change = GroupUpdate { members, ..GroupUpdate::default() };
    Ok(Json(admin::groups::change(&request.admin(), &id, change).await?.into()))
}
