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

/// A change that waits.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct HeldBody {
    id: String,
    /// `POST`, `PUT`, `PATCH`, `DELETE`.
    method: &'static str,
    /// Where it goes, below the base URL.
    path: String,
    /// The name of the user or group.
    subject: String,
    /// What it would change.
    changes: Vec<AttributeChange>,
    /// How often the identity provider came with it.
    attempts: i64,
    /// Why it was refused when it was let through.
    refusal: Option<String>,
    /// When it came.
    #[schema(value_type = String, format = DateTime)]
    first_at: Timestamp,
    /// When it came last.
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

/// Which of the changes.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = Chosen)]
pub(crate) struct PendingChangeSelection {
    /// The one with this id; all when not given.
    id: Option<String>,
}

/// What became of them.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ReleasedBody {
    /// They were carried out.
    done: u64,
    /// They cannot be carried out any more; each says why.
    refused: u64,
    /// They wait still. When there were too many for one request, ask again.
    left: i64,
}

/// How many were forgotten.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct DiscardedBody {
    discarded: u64,
}

/// Lists the changes that wait for a SCIM connection, in the order in which they came.
#[utoipa::path(get, path = "/api/v1/connections/{id}/waiting", tag = "connections",
    params(("id" = String, Path,), Paging), security(("bearer" = [])),
    responses((status = 200, body = List<HeldBody>), (status = 404)))]
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

/// Carries changes out that wait. When none is left, a paused connection goes on.
#[utoipa::path(post, operation_id = "let_through", path = "/api/v1/connections/{id}/waiting/let-through", tag = "connections",
    params(("id" = String, Path,)), request_body = PendingChangeSelection, security(("bearer" = [])),
    responses((status = 200, body = ReleasedBody), (status = 404), (status = 422)))]
pub(crate) async fn approve(
    request: AuthenticatedRequest,
    Path(id): Path<String>,
    Body(chosen): Body<PendingChangeSelection>,
) -> Result<Json<ReleasedBody>, Error> {
    let released =
        admin::provisioning::approve_pending_changes(&request.admin(), id.as_str(), chosen.id.as_deref())
            .await?;
    Ok(Json(ReleasedBody { done: released.applied, refused: released.refused, left: released.remaining }))
}

/// Forgets changes that wait. When none is left, a paused connection goes on.
#[utoipa::path(post, path = "/api/v1/connections/{id}/waiting/discard", tag = "connections",
    params(("id" = String, Path,)), request_body = PendingChangeSelection, security(("bearer" = [])),
    responses((status = 200, body = DiscardedBody), (status = 404), (status = 422)))]
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
