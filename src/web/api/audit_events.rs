//! The audit trail.

use axum::Json;
use axum::extract::Query;
use serde::Deserialize;
use utoipa::IntoParams;

use super::{List, Paging};
use crate::audit::{self, AuditQuery, AuditRecord};
use crate::kernel::Timestamp;
use crate::web::{AuthenticatedRequest, Error};

/// Filters on audit events. Empty filters do not restrict the result.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct AuditFilter {
    /// Only events at or after this time, in RFC 3339 format.
    from: Option<String>,
    /// Only events before this time, in RFC 3339 format.
    to: Option<String>,
    /// Only events of the actor with this ID or exact name.
    actor: Option<String>,
    /// Only events with this action, such as `user.create`.
    action: Option<String>,
    /// Only events on resources of this type, such as `user`.
    resource_type: Option<String>,
}

/// List audit events
///
/// Returns the events of the audit trail, newest first.
#[utoipa::path(
    get, operation_id = "list_audit_events", path = "/api/v1/audit-events", tag = "audit",
    params(Paging, AuditFilter),
    security(("bearer" = [])),
    responses(
        (status = 200, description = "A page of audit events", body = List<AuditRecord>),
        (status = 422, description = "`from` or `to` is not a time in RFC 3339 format"),
    ),
)]
pub(super) async fn list(
    request: AuthenticatedRequest,
    Query(paging): Query<Paging>,
    Query(filter): Query<AuditFilter>,
) -> Result<Json<List<AuditRecord>>, Error> {
    let time = |field: &str, text: &Option<String>| match text.as_deref() {
        None | Some("") => Ok(None),
        Some(text) => match Timestamp::parse(text) {
            Some(time) => Ok(Some(time)),
            None => Err(Error::invalid(field, "must be a time such as 2026-11-23T00:00:00Z")),
        },
    };
    let filter = AuditQuery {
        from: time("from", &filter.from)?,
        to: time("to", &filter.to)?,
        actor: filter.actor,
        action: filter.action,
        resource_type: filter.resource_type,
    };
    let mut c = request.app.kernel.db.read().await?;
    let account = &request.principal.account_id;
    let page = audit::list(&mut c, account, &filter, paging.limit(), paging.after.as_deref()).await?;
    Ok(Json(List { items: page.items, next: page.next }))
}
