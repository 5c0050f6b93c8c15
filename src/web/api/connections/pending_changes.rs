//! Pending changes, which wait for an administrator in a dry run and while a connection is paused.

use axum::Json;
use axum::extract::{Path, Query};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::admin;
use crate::kernel::Timestamp;
use crate::provisioning::scim::AttributeChange;
use crate::provisioning::scim::pending_changes::{self, PendingChange};
use crate::web::api::{Body, List, Paging};
use crate::web::{AuthenticatedRequest, Error};

/// A pending change of a SCIM connection.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct HeldBody {
    /// The pending change's ID.
    id: String,
    /// The HTTP method of the request: `POST`, `PUT`, `PATCH` or `DELETE`.
    method: &'static str,
    /// The path of the request, below the base URL.
    path: String,
    /// The name of the user or group.
    subject: String,
    /// The attributes that would change.
    changes: Vec<AttributeChange>,
    /// How many times the identity provider sent the change.
    attempts: i64,
    /// Why the change could not be applied when it was approved; `null` otherwise.
    refusal: Option<String>,
    /// When the change was first received.
    #[schema(value_type = String, format = DateTime)]
    first_at: Timestamp,
    /// When the change was last received.
    #[schema(value_type = String, format = DateTime)]
    last_at: Timestamp,
}

impl From<PendingChange> for HeldBody {
    fn from(held: PendingChange) -> Self {
        Self {
            method: held.method(),
            path: held.path(),
            id: held.id,
            subject: held.subject,
            changes: held.changes,
            attempts: held.attempts,
            refusal: held.refusal,
            first_at: held.first_at,
            last_at: held.last_at,
        }
    }
}

/// The pending changes to approve or discard.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = Chosen)]
pub(crate) struct PendingChangeSelection {
    /// The ID of one pending change. Without it, all pending changes are selected.
    id: Option<String>,
}

/// The result of an approval.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ReleasedBody {
    /// The number of changes that were applied.
    done: u64,
    /// The number of changes that were deleted because they would have changed nothing any more.
    outdated: u64,
    /// The number of changes that could not be applied. They stay pending with the reason.
    refused: u64,
    /// The number of changes that are still pending. If there were too many for one request, send it again.
    left: i64,
}

/// The result of discarding pending changes.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct DiscardedBody {
    /// The number of changes that were discarded.
    discarded: u64,
}

/// List pending changes
///
/// Returns the pending changes of a SCIM connection in the order in which they were received.
#[utoipa::path(
    get, operation_id = "list_pending_changes", path = "/api/v1/connections/{id}/pending-changes",
    tag = "connections",
    params(("id" = String, Path, description = "The connection's ID"), Paging),
    security(("bearer" = [])),
    responses(
        (status = 200, description = "A page of pending changes", body = List<HeldBody>),
        (status = 404, description = "No connection has this ID"),
    ),
)]
pub(crate) async fn list(
    request: AuthenticatedRequest,
    Path(id): Path<String>,
    Query(paging): Query<Paging>,
) -> Result<Json<List<HeldBody>>, Error> {
    let mut c = request.app.kernel.db.read().await?;
    let connection = request.principal.find_connection(&mut c, &id).await?;
    let limit = paging.limit();

    let rows = pending_changes::list(
        &mut c,
        &request.principal.account_id,
        &connection.id,
        paging.after(),
        limit + 1,
    )
    .await?;
    Ok(Json(List::of(rows, limit, |one| &one.id, HeldBody::from)))
}

/// Approve pending changes
///
/// Applies one pending change or all of them, in order. If one change is named and cannot be applied, or is not
/// pending any more, the response is 409 and says what became of it. A paused connection resumes when no changes
/// are pending.
#[utoipa::path(
    post, operation_id = "approve_pending_changes", path = "/api/v1/connections/{id}/pending-changes/approve",
    tag = "connections",
    params(("id" = String, Path, description = "The connection's ID")),
    request_body = PendingChangeSelection,
    security(("bearer" = [])),
    responses(
        (status = 200, description = "The result of the approval", body = ReleasedBody),
        (status = 404, description = "No connection has this ID"),
        (status = 409, description = "The named change was not applied"),
        (status = 422, description = "A field is not valid"),
    ),
)]
pub(crate) async fn approve(
    request: AuthenticatedRequest,
    Path(id): Path<String>,
    Body(chosen): Body<PendingChangeSelection>,
) -> Result<Json<ReleasedBody>, Error> {
    let released =
        admin::provisioning::approve_pending_changes(&request.admin(), id.as_str(), chosen.id.as_deref())
            .await?;
    Ok(Json(ReleasedBody {
        done: released.applied,
        outdated: released.outdated,
        refused: released.refused,
        left: released.remaining,
    }))
}

/// Discard pending changes
///
/// Deletes pending changes without applying them. A paused connection resumes when no changes are pending.
#[utoipa::path(
    post, operation_id = "discard_pending_changes", path = "/api/v1/connections/{id}/pending-changes/discard",
    tag = "connections",
    params(("id" = String, Path, description = "The connection's ID")),
    request_body = PendingChangeSelection,
    security(("bearer" = [])),
    responses(
        (status = 200, description = "The number of discarded changes", body = DiscardedBody),
        (status = 404, description = "No connection has this ID"),
        (status = 422, description = "A field is not valid"),
    ),
)]
pub(crate) async fn discard(
    request: AuthenticatedRequest,
    Path(id): Path<String>,
    Body(chosen): Body<PendingChangeSelection>,
) -> Result<Json<DiscardedBody>, Error> {
    Ok(Json(DiscardedBody {
        discarded: admin::provisioning::discard_pending_changes(
            &request.admin(),
            id.as_str(),
            chosen.id.as_deref(),
        )
        .await?,
    }))
}
