//! Email domains.

use axum::Json;
use axum::extract::{Path, Query};
use axum::http::StatusCode;
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::routes;

use super::{Body, DocumentedRoutes, List, Paging};
use crate::access::{Guard, Permission};
use crate::admin;
use crate::admin::domains::{DomainFields, NewDomainFields, VerificationFields};
use crate::directory::domains::{self, Domain, VerificationMethod};
use crate::kernel::database::DbConn;
use crate::kernel::{ConnectionId, Timestamp};
use crate::web::{AuthenticatedRequest, Error};

pub(super) fn add_routes(api: &mut DocumentedRoutes) {
    let (view, edit) = (Guard::Requires(Permission::DomainsView), Guard::Requires(Permission::DomainsEdit));
    api.add(view, routes!(list));
    api.add(edit, routes!(create));
    api.add(view, routes!(show));
    api.add(edit, routes!(change));
    api.add(edit, routes!(delete));
    api.add(edit, routes!(verify));
}

/// An email domain of the account.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Domain)]
pub(super) struct DomainBody {
    /// The domain's ID.
    id: String,
    /// The domain in lowercase ASCII.
    domain: String,
    /// `pending`: not verified, has no effect. `verified`: users with this domain can be routed, created and linked.
    /// `lost`: was verified, and its DNS record has been missing for seven days.
    state: &'static str,
    /// How it was verified: `dns` by its TXT record, which is checked every day, or `operator`; `null` if it has not been
    /// verified.
    method: Option<&'static str>,
    /// The name of the TXT record that verifies the domain.
    record_name: String,
    /// The value of the TXT record.
    record_value: String,
    /// The IDs of the connections that may speak for the domain once it is verified.
    #[schema(value_type = Vec<String>)]
    connections: Vec<ConnectionId>,
    /// When the domain was verified.
    #[schema(value_type = Option<String>, format = DateTime)]
    verified_at: Option<Timestamp>,
    /// When the DNS last said whether the record exists.
    #[schema(value_type = Option<String>, format = DateTime)]
    checked_at: Option<Timestamp>,
    /// Why the last check failed.
    last_error: Option<String>,
    /// Since when the record of the verified domain has been missing.
    #[schema(value_type = Option<String>, format = DateTime)]
    failing_since: Option<Timestamp>,
    /// When the domain will be lost unless its record is restored.
    #[schema(value_type = Option<String>, format = DateTime)]
    lost_at: Option<Timestamp>,
    /// Until when the domain has an effect without verification, because a connection listed it before domains had to be
    /// verified.
    #[schema(value_type = Option<String>, format = DateTime)]
    grace_until: Option<Timestamp>,
    /// When the domain was added.
    #[schema(value_type = String, format = DateTime)]
    created_at: Timestamp,
}

impl DomainBody {
    async fn read(c: &mut DbConn, domain: Domain) -> Result<Self, Error> {
        Ok(Self {
            connections: domains::connections_of(c, &domain.account_id, &domain.domain).await?,
            state: domain.state.as_str(),
            method: domain.method().map(VerificationMethod::as_str),
            record_name: domain.record_name(),
            verified_at: domain.verified_at,
            checked_at: domain.checked_at,
            failing_since: domain.failing_since,
            lost_at: domain.lost_at(),
            grace_until: domain.grace_until,
            created_at: domain.created_at,
            id: domain.id,
            domain: domain.domain,
            record_value: domain.record_value,
            last_error: domain.last_error,
        })
    }

    /// The same, after a change.
    async fn reread(request: &AuthenticatedRequest, domain: Domain) -> Result<Json<Self>, Error> {
        let mut c = request.app.kernel.db.read().await?;
        Ok(Json(Self::read(&mut c, domain).await?))
    }
}

/// List domains
///
/// Returns the account's email domains in the order of their creation.
#[utoipa::path(
    get, operation_id = "list_domains", path = "/api/v1/domains", tag = "domains",
    params(Paging),
    security(("bearer" = [])),
    responses(
        (status = 200, description = "A page of domains", body = List<DomainBody>),
    ),
)]
pub(super) async fn list(
    request: AuthenticatedRequest,
    Query(paging): Query<Paging>,
) -> Result<Json<List<DomainBody>>, Error> {
    let mut c = request.app.kernel.db.read().await?;
    let limit = paging.limit();
    let account_id = &request.principal.account_id;
    let rows = domains::list(&mut c, account_id, paging.after(), limit + 1).await?;
    let page = List::of(rows, limit, |domain| &domain.id, |domain| domain);
    let mut items = Vec::with_capacity(page.items.len());
    for domain in page.items {
        items.push(DomainBody::read(&mut c, domain).await?);
    }
    Ok(Json(List { items, next: page.next }))
}

/// Add a domain
///
/// The domain has no effect until it is verified: publish the TXT record from the response, and then verify the domain.
#[utoipa::path(
    post, operation_id = "create_domain", path = "/api/v1/domains", tag = "domains",
    request_body = NewDomainFields,
    security(("bearer" = [])),
    responses(
        (status = 201, description = "The domain was added", body = DomainBody),
        (status = 409, description = "The account has this domain already"),
        (status = 422, description = "A field is not valid, or the domain is a public suffix or a public email provider"),
    ),
)]
pub(super) async fn create(
    request: AuthenticatedRequest,
    Body(fields): Body<NewDomainFields>,
) -> Result<(StatusCode, Json<DomainBody>), Error> {
    let domain = admin::domains::create(&request.admin(), fields).await?;
    Ok((StatusCode::CREATED, DomainBody::reread(&request, domain).await?))
}

/// Show a domain
#[utoipa::path(
    get, operation_id = "get_domain", path = "/api/v1/domains/{id}", tag = "domains",
    params(("id" = String, Path, description = "The domain's ID")),
    security(("bearer" = [])),
    responses(
        (status = 200, description = "The domain", body = DomainBody),
        (status = 404, description = "No domain has this ID"),
    ),
)]
pub(super) async fn show(
    request: AuthenticatedRequest,
    Path(id): Path<String>,
) -> Result<Json<DomainBody>, Error> {
    let mut c = request.app.kernel.db.read().await?;
    let domain = request.principal.find_domain(&mut c, &id).await?;
    Ok(Json(DomainBody::read(&mut c, domain).await?))
}

/// Change a domain
///
/// Changes which connections may speak for the domain.
#[utoipa::path(
    patch, operation_id = "update_domain", path = "/api/v1/domains/{id}", tag = "domains",
    params(("id" = String, Path, description = "The domain's ID")),
    request_body = DomainFields,
    security(("bearer" = [])),
    responses(
        (status = 200, description = "The updated domain", body = DomainBody),
        (status = 404, description = "No domain has this ID"),
        (status = 422, description = "A field is not valid"),
    ),
)]
pub(super) async fn change(
    request: AuthenticatedRequest,
    Path(id): Path<String>,
    Body(fields): Body<DomainFields>,
) -> Result<Json<DomainBody>, Error> {
    let domain = admin::domains::change(&request.admin(), &id, fields).await?;
    DomainBody::reread(&request, domain).await
}

/// Delete a domain
///
/// The domain has no effect any more, and another account can verify it.
#[utoipa::path(
    delete, operation_id = "delete_domain", path = "/api/v1/domains/{id}", tag = "domains",
    params(("id" = String, Path, description = "The domain's ID")),
    security(("bearer" = [])),
    responses(
        (status = 204, description = "The domain was deleted"),
        (status = 404, description = "No domain has this ID"),
    ),
)]
pub(super) async fn delete(
    request: AuthenticatedRequest,
    Path(id): Path<String>,
) -> Result<StatusCode, Error> {
    admin::domains::delete(&request.admin(), &id).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Verify a domain
///
/// Looks up the TXT record now. If the record is missing, the domain keeps its state, and `last_error` says why.
#[utoipa::path(
    post, operation_id = "verify_domain", path = "/api/v1/domains/{id}/verify", tag = "domains",
    params(("id" = String, Path, description = "The domain's ID")),
    request_body = VerificationFields,
    security(("bearer" = [])),
    responses(
        (status = 200, description = "The domain after the check", body = DomainBody),
        (status = 404, description = "No domain has this ID"),
        (status = 409, description = "Another account has verified the domain, or the account cannot verify domains without \
            a DNS record"),
    ),
)]
pub(super) async fn verify(
    request: AuthenticatedRequest,
    Path(id): Path<String>,
    Body(fields): Body<VerificationFields>,
) -> Result<Json<DomainBody>, Error> {
    let domain = admin::domains::verify(&request.admin(), &id, fields).await?;
    DomainBody::reread(&request, domain).await
}
