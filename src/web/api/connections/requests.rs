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
