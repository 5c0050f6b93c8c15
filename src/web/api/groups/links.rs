//! Group links: groups that take their members from a group of an identity provider.

use axum::Json;
use axum::extract::{Path, Query};
use axum::http::StatusCode;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::admin;
use crate::directory::groups::{GroupLink, UnlinkPolicy};
use crate::web::api::Body;
use crate::web::{AuthenticatedRequest, Error};

/// A link from a group to a group of an identity provider. Users who sign in through the connection are
/// members of the group only while the identity provider reports the linked group for them. Members who were
/// added manually are not affected.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct LinkBody {
    /// The connection's ID.
    connection_id: String,
    /// The name of the group exactly as the identity provider sends it. For LDAP, it can also be the DN.
    name: String,
}

impl From<GroupLink> for LinkBody {
    fn from(link: GroupLink) -> Self {
        Self { connection_id: link.connection_id.into(), name: link.name }
    }
}

/// What happens to members that the link added: `retain` keeps them as manually added members, `remove`
/// removes them.
#[derive(Debug, Clone, Copy, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
#[schema(as = Members)]
enum MembersOnUnlink {
    /// Keep them as manually added members.
    Retain,
    /// Remove them from the group.
    Remove,
}

/// The parameters of unlinking a group.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct UnlinkQuery {
    /// What happens to members that the link added: `retain` keeps them as manually added members, `remove`
    /// removes them from the group.
    members: MembersOnUnlink,
}

/// Link a group to an identity provider group
///
/// Users join the group at their next sign-in. For LDAP, they also join at the next group sync.
#[utoipa::path(
    post, operation_id = "create_group_link", path = "/api/v1/groups/{id}/link", tag = "groups",
    params(("id" = String, Path, description = "The group's ID")),
    request_body = LinkBody,
    security(("bearer" = [])),
    responses(
        (status = 201, description = "The link was created", body = LinkBody),
        (status = 404, description = "The group or the connection does not exist"),
        (status = 409, description = "A SCIM connection manages the group, or the group is already linked"),
        (status = 422, description = "A field is not valid, or group sync is not enabled for the connection"),
    ),
)]
pub(crate) async fn create_link(
    request: AuthenticatedRequest,
    Path(id): Path<String>,
    Body(wanted): Body<LinkBody>,
) -> Result<(StatusCode, Json<LinkBody>), Error> {
    let link = admin::groups::link(
        &request.admin(),
        id.as_str(),
        &wanted.connection_id.as_str().into(),
        wanted.name.as_str(),
    )
    .await?;
    Ok((StatusCode::CREATED, Json(link.into())))
}

/// Unlink a group
#[utoipa::path(
    delete, operation_id = "delete_group_link", path = "/api/v1/groups/{id}/link", tag = "groups",
    params(UnlinkQuery, ("id" = String, Path, description = "The group's ID")),
    security(("bearer" = [])),
    responses(
        (status = 204, description = "The group was unlinked"),
        (status = 404, description = "The group does not exist or is not linked"),
    ),
)]
pub(crate) async fn delete_link(
    request: AuthenticatedRequest,
    Path(id): Path<String>,
    Query(query): Query<UnlinkQuery>,
) -> Result<StatusCode, Error> {
    let kept = match query.members {
        MembersOnUnlink::Retain => UnlinkPolicy::RetainMembers,
        MembersOnUnlink::Remove => UnlinkPolicy::RemoveMembers,
    };
    admin::groups::unlink(&request.admin(), &id, kept).await?;
    Ok(StatusCode::NO_CONTENT)
}
