//! Syncs of a directory's groups.

use axum::Json;
use axum::extract::Path;
use axum::http::StatusCode;
use serde::Serialize;
use utoipa::ToSchema;

use crate::admin;
use crate::idp::ldap::sync::{self, SyncOptions, SyncReport, SyncRun};
use crate::kernel::Timestamp;
use crate::web::api::{Body, List};
use crate::web::{AuthenticatedRequest, Error};

/// A group sync of an LDAP connection.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct SyncBody {
    /// The sync's ID.
    id: String,
    /// `running`, `done` or `failed`.
    status: String,
    /// The results so far.
    report: SyncReport,
    /// When the sync started.
    #[schema(value_type = String, format = DateTime)]
    started_at: Timestamp,
    /// When the sync ended; `null` while it is running.
    #[schema(value_type = Option<String>, format = DateTime)]
    ended_at: Option<Timestamp>,
}

impl From<SyncRun> for SyncBody {
    fn from(run: SyncRun) -> Self {
        Self {
            report: run.report(),
            id: run.id,
            status: run.status,
            started_at: run.started_at,
            ended_at: run.ended_at,
        }
    }
}

/// Start a group sync
///
/// Requests a sync of the users who have left and, with group sync, of the linked groups, or a preview. It starts within seconds and then appears in the list
/// of syncs.
#[utoipa::path(
    post, operation_id = "start_sync", path = "/api/v1/connections/{id}/syncs", tag = "connections",
    params(("id" = String, Path, description = "The connection's ID")),
    request_body = SyncOptions,
    security(("bearer" = [])),
    responses(
        (status = 202, description = "The sync was requested"),
        (status = 404, description = "No connection has this ID"),
        (status = 422, description = "The connection is not an enabled LDAP connection with a bind DN or group sync"),
    ),
)]
pub(crate) async fn begin_sync(
    request: AuthenticatedRequest,
    Path(id): Path<String>,
    Body(wanted): Body<SyncOptions>,
) -> Result<StatusCode, Error> {
    admin::connections::request_sync(&request.admin(), &id, &wanted).await?;
    Ok(StatusCode::ACCEPTED)
}

/// List group syncs
///
/// Returns the latest 50 syncs, newest first.
#[utoipa::path(
    get, operation_id = "list_syncs", path = "/api/v1/connections/{id}/syncs", tag = "connections",
    params(("id" = String, Path, description = "The connection's ID")),
    security(("bearer" = [])),
    responses(
        (status = 200, description = "The syncs", body = List<SyncBody>),
        (status = 404, description = "No connection has this ID"),
    ),
)]
pub(crate) async fn list_syncs(
    request: AuthenticatedRequest,
    Path(id): Path<String>,
) -> Result<Json<List<SyncBody>>, Error> {
    let mut c = request.app.kernel.db.read().await?;
    let connection = request.principal.find_connection(&mut c, &id).await?;
    let runs = sync::latest_runs(&mut c, &connection.id, 50).await?;
    Ok(Json(List::of(runs, 50, |run| &run.id, SyncBody::from)))
}
