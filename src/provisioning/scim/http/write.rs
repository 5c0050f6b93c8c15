//! Requests that change one resource.

use axum::RequestPartsExt as _;
use axum::body::Bytes;
use axum::extract::{FromRequest, Path, Query as UrlQuery, Request, State};
use axum::http::{Method, StatusCode, header};
use axum::response::{IntoResponse, Response};
use vestibule_scim::json::JsonObject;
use vestibule_scim::operation::{ResourceKind, ScimOperation, Verb};
use vestibule_scim::query::ScimQuery;

use super::{read_body, scim_response};
use crate::kernel::Kernel;
use crate::kernel::http::RequestContext;
use crate::provisioning::scim::model::Provisioner;
use crate::provisioning::scim::write::{FinishedWrite, ScimWrite, WriteOutcome};

/// A write request: its operation, and the attributes of the outcome that the client requested.
pub(super) struct WriteRequest {
    verb: Verb,
    id: String,
    version: Option<String>,
    data: JsonObject,
    query: ScimQuery,
}

impl FromRequest<Kernel> for WriteRequest {
    type Rejection = Response;
    async fn from_request(request: Request, kernel: &Kernel) -> Result<Self, Response> {
        let (mut parts, body) = request.into_parts();
        let verb = match parts.method {
            Method::POST => Verb::Post,
            Method::PUT => Verb::Put,
            Method::PATCH => Verb::Patch,
            _ => Verb::Delete,
        };
        let id = parts.extract_with_state::<Option<Path<String>>, _>(kernel).await;
        let id = id.map_err(IntoResponse::into_response)?;
        let query = parts.extract_with_state::<UrlQuery<ScimQuery>, _>(kernel).await;
        let UrlQuery(query) = query.map_err(IntoResponse::into_response)?;
        let version = parts.headers.get(header::IF_MATCH).and_then(|value| value.to_str().ok());
        let version = version.map(str::to_owned);
        let data = if verb == Verb::Delete {
            JsonObject::new()
        } else {
            let body = Bytes::from_request(Request::from_parts(parts, body), kernel).await;
            read_body(&body.map_err(IntoResponse::into_response)?).map_err(IntoResponse::into_response)?
        };
        Ok(Self { verb, id: id.map(|Path(id)| id).unwrap_or_default(), version, data, query })
    }
}

impl WriteRequest {
    /// Executes the operation and builds the response.
    async fn execute(
        self,
        kernel: &Kernel,
        client: &Provisioner,
        request: &RequestContext,
        kind: ResourceKind,
    ) -> Response {
        let Self { verb, id, version, data, query } = self;
        let operation = ScimOperation { verb, kind, id, bulk_id: None, version, data };
        let context = client.context(request);
        let write = ScimWrite::new(kernel, client, &context, &operation, &query);
        let FinishedWrite { trace, result } = write.execute().await;
        let mut response = match result {
            Ok(outcome) => outcome_response(outcome, kernel, kind, &query),
            Err(error) => error.into_response(),
        };
        response.extensions_mut().insert(trace);
        response
    }
}

pub(super) async fn user(
    State(kernel): State<Kernel>,
    client: Provisioner,
    request: RequestContext,
    write: WriteRequest,
) -> Response {
    write.execute(&kernel, &client, &request, ResourceKind::User).await
}

pub(super) async fn group(
    State(kernel): State<Kernel>,
    client: Provisioner,
    request: RequestContext,
    write: WriteRequest,
) -> Response {
    write.execute(&kernel, &client, &request, ResourceKind::Group).await
}

fn outcome_response(
    outcome: WriteOutcome,
    kernel: &Kernel,
    kind: ResourceKind,
    query: &ScimQuery,
) -> Response {
    let (location, etag) = (outcome.location(kernel, kind), outcome.etag());
    let mut response = match outcome.resource {
        Some(resource) => scim_response(outcome.status, &query.project(resource.into())),
        None => outcome.status.into_response(),
    };
    let headers = response.headers_mut();
    if let Some(tag) = etag.and_then(|tag| tag.parse().ok()) {
        headers.insert(header::ETAG, tag);
    }
    if let (StatusCode::CREATED, Ok(location)) = (outcome.status, location.parse()) {
        headers.insert(header::LOCATION, location);
    }
    response
}
