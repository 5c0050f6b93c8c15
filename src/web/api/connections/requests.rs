//! The log of a provisioning client's requests.

use axum::Json;
use axum::extract::{Path, Query};
use serde::Deserialize;
use utoipa::IntoParams;

use crate::admin;
use crate::admin::provisioning::LogSearch;
use crate::provisioning::scim::request_log::Logged;
use crate::web::api::{List, Paging};
use crate::web::{AuthenticatedRequest, Error};

/// Filters on the request log.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(default)]
#[derive(Default)]
pub(crate) struct LogQuery {
    /// Only requests about this user or group: a name, an email address, a part of either, or an ID.
    about: String,
    /// Only failed requests.
    failed: bool,
    /// Only requests that changed something.
    changes: bool,
}

/// List the requests of a SCIM connection
///
/// Returns the request log of the connection, newest first.
#[utoipa::path(
    get, operation_id = "list_scim_requests", path = "/api/v1/connections/{id}/requests",
    tag = "connections",
    params(("id" = String, Path, description = "The connection's ID"), LogQuery, Paging),
    security(("bearer" = [])),
    responses(
        (status = 200, description = "A page of requests", body = List<Logged>),
        (status = 404, description = "No connection has this ID"),
    ),
)]
pub(crate) async fn list(
    request: AuthenticatedRequest,
    Path(id): Path<String>,
    Query(query): Query<LogQuery>,
    Query(paging): Query<Paging>,
) -> Result<Json<List<Logged>>, Error> {
    let mut c = request.app.kernel.db.read().await?;
    let connection = request.principal.find_connection(&mut c, &id).await?;
    drop(c);
    let search = LogSearch { about: &query.about, failed: query.failed, changes: query.changes };
    let before = Some(paging.after()).filter(|id| !id.is_empty());
    let limit = paging.limit();
    let rows =
        admin::provisioning::list_requests(&request.app.kernel, &connection, search, before, limit + 1)
            .await?;
    Ok(Json(List::of(rows, limit, |one| &one.id, |one| one)))
}
