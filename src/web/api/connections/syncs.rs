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

/// A synchronisation.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct SyncBody {
    /// Its id.
    id: String,
    /// `running`, `done` or `failed`.
    status: String,
    /// What it has found and done so far.
    report: SyncReport,
    /// When it began.
    #[schema(value_type = String, format = DateTime)]
    started_at: Timestamp,
    /// When it ended.
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

/// Asks for a synchronisation, or for what one would change. It begins within a second or two; look for it in the list.
#[utoipa::path(post, path = "/api/v1/connections/{id}/syncs", tag = "connections", params(("id" = String, Path,)),
    request_body = SyncOptions, security(("bearer" = [])), responses((status = 202), (status = 404), (status = 422)))]
pub(crate) async fn begin_sync(
    request: AuthenticatedRequest,
    Path(id): Path<String>,
    Body(wanted): Body<SyncOptions>,
) -> Result<StatusCode, Error> {
    admin::connections::request_sync(&request.admin(), &id, &wanted).await?;
    Ok(StatusCode::ACCEPTED)
}

/// Lists the last fifty synchronisations, the last first.
#[utoipa::path(get, path = "/api/v1/connections/{id}/syncs", tag = "connections", params(("id" = String, Path,)),
    security(("bearer" = [])), responses((status = 200, body = List<SyncBody>), (status = 404)))]
pub(crate) async fn list_syncs(
    request: AuthenticatedRequest,
    Path(id): Path<String>,
) -> Result<Json<List<SyncBody>>, Error> {
    let mut c = request.app.kernel.db.read().await?;
    let connection = request.principal.find_connection(&mut c, &id).await?;
    let runs = sync::latest_runs(&mut c, &connection.id, 50).await?;
    Ok(Json(List::of(runs, 50, |run| &run.id, SyncBody::from)))
}
