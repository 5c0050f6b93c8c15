//! Synchronisations of a directory's groups.

use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use serde::Serialize;
use utoipa::ToSchema;

use super::super::super::{App, Error, rules};
use super::super::{Body, List};
use crate::access::Principal;
use crate::idp::ldap::sync::{self, Report, Run, Wanted};
use crate::kernel::Timestamp;

/// A synchronisation.
#[derive(Debug, Serialize, ToSchema)]
pub(in super::super) struct SyncBody {
    /// Its id.
    id: String,
    /// `running`, `done` or `failed`.
    status: String,
    /// What it has found and done so far.
    report: Report,
    /// When it began.
    #[schema(value_type = String, format = DateTime)]
    started_at: Timestamp,
    /// When it ended.
    #[schema(value_type = Option<String>, format = DateTime)]
    ended_at: Option<Timestamp>,
}

impl From<Run> for SyncBody {
    fn from(run: Run) -> Self {
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
    request_body = Wanted, security(("bearer" = [])), responses((status = 202), (status = 404), (status = 422)))]
pub(in super::super) async fn begin_sync(
    State(app): State<App>,
    principal: Principal,
    Path(id): Path<String>,
    Body(wanted): Body<Wanted>,
) -> Result<StatusCode, Error> {
    rules::ask_for_sync(&app, &principal, &id, &wanted).await?;
    Ok(StatusCode::ACCEPTED)
}

/// Lists the last fifty synchronisations, the last first.
#[utoipa::path(get, path = "/api/v1/connections/{id}/syncs", tag = "connections", params(("id" = String, Path,)),
    security(("bearer" = [])), responses((status = 200, body = List<SyncBody>), (status = 404)))]
pub(in super::super) async fn list_syncs(
    State(app): State<App>,
    principal: Principal,
    Path(id): Path<String>,
) -> Result<Json<List<SyncBody>>, Error> {
    let mut c = app.kernel.db.read().await?;
    let connection = rules::find_connection(&mut c, &principal, &id).await?;
    let runs = sync::latest(&mut c, &connection.id, 50).await?;
    Ok(Json(List::of(runs, 50, |run| run.id.clone(), SyncBody::from)))
}
