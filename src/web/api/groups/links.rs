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

/// What a group follows: whoever signs in through the connection is in the group exactly when the provider says
/// so.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct LinkBody {
    /// The connection.
    connection_id: String,
    /// What the provider calls the group; case counts.
    name: String,
}

impl From<GroupLink> for LinkBody {
    fn from(link: GroupLink) -> Self {
        Self { connection_id: link.connection_id.into(), name: link.name }
    }
}

/// What becomes of those who came through the link.
#[derive(Debug, Clone, Copy, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
#[schema(as = Members)]
enum MembersOnUnlink {
    /// They stay, as if put there by hand.
    Retain,
    /// They go.
    Remove,
}

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct UnlinkQuery {
    members: MembersOnUnlink,
}

/// Lets a group follow a group of an identity provider.
#[utoipa::path(post, path = "/api/v1/groups/{id}/link", tag = "groups", params(("id" = String, Path,)),
    request_body = LinkBody, security(("bearer" = [])),
    responses((status = 201, body = LinkBody), (status = 404), (status = 409), (status = 422)))]
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

/// Takes the link of a group away.
#[utoipa::path(delete, path = "/api/v1/groups/{id}/link", tag = "groups",
    params(UnlinkQuery, ("id" = String, Path,)), security(("bearer" = [])),
    responses((status = 204), (status = 404)))]
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
