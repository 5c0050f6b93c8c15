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
    /// The group's ID.
    id: String,
    /// The name. Several groups can have the same name.
    name: String,
    /// The identifier for policies, which is unique in the account. It is derived from the name.
    identifier: String,
    /// The ID of the SCIM connection that manages the group; `null` if there is none.
    connection_id: Option<String>,
    /// The external ID that the SCIM client gave the group.
    external_id: Option<String>,
    /// The identity provider's group that the group is linked to. It is included only when you get a single
    /// group.
    #[serde(skip_serializing_if = "Option::is_none")]
    link: Option<LinkBody>,
    /// When the group was created.
    #[schema(value_type = String, format = DateTime)]
    created_at: Timestamp,
    /// When the group or its members were last changed.
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
    /// The user's ID.
    id: String,
    /// The user's username.
    user_name: String,
    /// The user's display name.
    display_name: String,
}

/// The name of a group.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct GroupName {
    /// The name, at most 256 characters.
    name: String,
}

/// Members to add and remove, by user ID.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct MemberChange {
    /// The IDs of the users to add.
    #[serde(default)]
    add: Vec<String>,
    /// The IDs of the users to remove. Users who are not members are ignored.
    #[serde(default)]
    remove: Vec<String>,
}

/// Filters on groups.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct GroupFilter {
    /// Only groups whose name contains this text.
    q: Option<String>,
}

/// List groups
///
/// Returns groups in the order of their creation.
#[utoipa::path(
    get, operation_id = "list_groups", path = "/api/v1/groups", tag = "groups",
    params(Paging, GroupFilter),
    security(("bearer" = [])),
    responses(
        (status = 200, description = "A page of groups", body = List<GroupBody>),
    ),
)]
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

/// Create a group
#[utoipa::path(
    post, operation_id = "create_group", path = "/api/v1/groups", tag = "groups",
    request_body = GroupName,
    security(("bearer" = [])),
    responses(
        (status = 201, description = "The group was created", body = GroupBody),
        (status = 422, description = "A field is not valid"),
    ),
)]
pub(super) async fn create(
    request: AuthenticatedRequest,
    Body(new): Body<GroupName>,
) -> Result<(StatusCode, Json<GroupBody>), Error> {
    let group = admin::groups::create(&request.admin(), new.name).await?;
    Ok((StatusCode::CREATED, Json(group.into())))
}

/// Get a group
#[utoipa::path(
    get, operation_id = "get_group", path = "/api/v1/groups/{id}", tag = "groups",
    params(("id" = String, Path, description = "The group's ID")),
    security(("bearer" = [])),
    responses(
        (status = 200, description = "The group", body = GroupBody),
        (status = 404, description = "No group has this ID"),
    ),
)]
pub(super) async fn show(
    request: AuthenticatedRequest,
    Path(id): Path<String>,
) -> Result<Json<GroupBody>, Error> {
    let mut c = request.app.kernel.db.read().await?;
    let group = request.principal.find_group(&mut c, &id).await?;
    let link = groups::link_of(&mut c, &group.id).await?.map(LinkBody::from);
    Ok(Json(GroupBody { link, ..group.into() }))
}

/// Rename a group
#[utoipa::path(
    patch, operation_id = "update_group", path = "/api/v1/groups/{id}", tag = "groups",
    params(("id" = String, Path, description = "The group's ID")),
    request_body = GroupName,
    security(("bearer" = [])),
    responses(
        (status = 200, description = "The renamed group", body = GroupBody),
        (status = 404, description = "No group has this ID"),
        (status = 409, description = "A SCIM connection manages the group, or the group was changed at the \
            same time"),
        (status = 422, description = "A field is not valid"),
    ),
)]
pub(super) async fn change(
    request: AuthenticatedRequest,
    Path(id): Path<String>,
    Body(body): Body<GroupName>,
) -> Result<Json<GroupBody>, Error> {
    let change = GroupUpdate { name: Some(body.name), ..GroupUpdate::default() };
    Ok(Json(admin::groups::change(&request.admin(), &id, change).await?.into()))
}

/// Delete a group
///
/// The members of the group are not deleted.
#[utoipa::path(
    delete, operation_id = "delete_group", path = "/api/v1/groups/{id}", tag = "groups",
    params(("id" = String, Path, description = "The group's ID")),
    security(("bearer" = [])),
    responses(
        (status = 204, description = "The group was deleted"),
        (status = 404, description = "No group has this ID"),
        (status = 409, description = "A SCIM connection manages the group"),
    ),
)]
pub(super) async fn delete(
    request: AuthenticatedRequest,
    Path(id): Path<String>,
) -> Result<StatusCode, Error> {
    admin::groups::delete(&request.admin(), &id).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// List the members of a group
#[utoipa::path(
    get, operation_id = "list_group_members", path = "/api/v1/groups/{id}/members", tag = "groups",
    params(Paging, ("id" = String, Path, description = "The group's ID")),
    security(("bearer" = [])),
    responses(
        (status = 200, description = "A page of members", body = List<Member>),
        (status = 404, description = "No group has this ID"),
    ),
)]
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

/// Add and remove group members
#[utoipa::path(
    post, operation_id = "update_group_members", path = "/api/v1/groups/{id}/members", tag = "groups",
    params(("id" = String, Path, description = "The group's ID")),
    request_body = MemberChange,
    security(("bearer" = [])),
    responses(
        (status = 200, description = "The group", body = GroupBody),
        (status = 404, description = "No group has this ID"),
        (status = 409, description = "A SCIM connection manages the group, or a member to remove was added \
            by the identity provider"),
        (status = 422, description = "A user to add does not exist"),
    ),
)]
pub(super) async fn change_members(
    request: AuthenticatedRequest,
    Path(id): Path<String>,
    Body(body): Body<MemberChange>,
) -> Result<Json<GroupBody>, Error> {
    let members = MembershipUpdate { add: body.add, remove: body.remove, replace: None };
    let change = GroupUpdate { members, ..GroupUpdate::default() };
    Ok(Json(admin::groups::change(&request.admin(), &id, change).await?.into()))
}
