//! The log of what a provisioning client asked for.

use axum::Json;
use axum::extract::{Path, Query, State};
use serde::Deserialize;
use utoipa::IntoParams;

use crate::access::Principal;
use crate::provisioning::scim::request_log::Logged;
use crate::web::admin::LogSearch;
use crate::web::api::{List, Paging};
use crate::web::{AppState, Error, admin};

/// Which requests.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(default)]
#[derive(Default)]
pub(crate) struct LogQuery {
    /// About this user or group: a name, an address, a part of one, or an id.
    about: String,
    /// Only those that failed.
    failed: bool,
    /// Only those that changed something.
    changes: bool,
}

/// Lists what a SCIM connection's identity provider asked for, newest first.
#[utoipa::path(get, path = "/api/v1/connections/{id}/requests", tag = "connections",
    params(("id" = String, Path,), LogQuery, Paging), security(("bearer" = [])),
    responses((status = 200, body = List<Logged>), (status = 404)))]
pub(crate) async fn list(
    State(app): State<AppState>,
    principal: Principal,
    Path(id): Path<String>,
    Query(query): Query<LogQuery>,
    Query(paging): Query<Paging>,
) -> Result<Json<List<Logged>>, Error> {
    let mut c = app.kernel.db.read().await?;
    let connection = admin::find_connection(&mut c, &principal, &id).await?;
    drop(c);
    let search = LogSearch { about: &query.about, failed: query.failed, changes: query.changes };
    let before = Some(paging.after()).filter(|id| !id.is_empty());
    let limit = paging.limit();
    let rows = admin::list_scim_requests(&app, &connection, search, before, limit + 1).await?;
    Ok(Json(List::of(rows, limit, |one| one.id.clone(), |one| one)))
}
