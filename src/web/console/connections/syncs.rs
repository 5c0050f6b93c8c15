//! Syncs of a directory's groups.

use axum::extract::Path;
use axum::response::Response;
use axum::{Form, Json};

use super::detail::redirect_or_rerender;
use super::field;
use super::ldap::LdapFormFields;
use crate::admin;
use crate::idp::ldap::sync::{self, SyncOptions, SyncRun};
use crate::web::{AuthenticatedRequest, Error};

/// Requests a sync, or a preview of what one would change.
pub(crate) async fn begin_sync(
    request: AuthenticatedRequest,
    Path(id): Path<String>,
    Form(fields): Form<LdapFormFields>,
) -> Result<Response, Error> {
    let wanted = SyncOptions {
        preview: !field(&fields, "preview").is_empty(),
        allow_empty: !field(&fields, "allow_empty").is_empty(),
    };
    let done = admin::connections::request_sync(&request.admin(), &id, &wanted).await;
    redirect_or_rerender(&request, &id, "sync_asked", done).await
}

/// The progress of the latest sync, for the progress bar of the page.
#[derive(serde::Serialize)]
pub(crate) struct SyncProgress {
    sent: u64,
    total: u64,
    failed: u64,
    under_way: bool,
}

pub(crate) async fn progress(
    request: AuthenticatedRequest,
    Path(id): Path<String>,
) -> Result<Json<SyncProgress>, Error> {
    let mut c = request.app.kernel.db.read().await?;
    let connection = request.principal.find_connection(&mut c, &id).await?;
    let last = sync::latest_runs(&mut c, &connection.id, 1).await?.pop();
    let report = last.as_ref().map(SyncRun::report).unwrap_or_default();
    let under_way = last.is_some_and(|run| run.is_running());
    Ok(Json(SyncProgress { sent: report.looked_at, total: report.linked, failed: 0, under_way }))
}
