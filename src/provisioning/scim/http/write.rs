//! Requests that change something, whichever way they came.

use axum::RequestPartsExt as _;
use axum::body::Bytes;
use axum::extract::{FromRequest, Path, Query as UrlQuery, Request, State};
use axum::http::{Method, StatusCode, header};
use axum::response::{IntoResponse, Response};

use super::{Provisioner, base_url, groups, read_body, scim_response, users};
use crate::audit::Context;
use crate::kernel::database::Durability;
use crate::kernel::http::RequestContext;
use crate::kernel::{Kernel, Tx};
use crate::provisioning::scim::error::Error;
use crate::provisioning::scim::trace::Trace;
use crate::provisioning::scim::{deletion_guard, pending_changes};
use vestibule_scim::json::JsonObject;
use vestibule_scim::operation::{ResourceKind, ScimOperation, Verb};
use vestibule_scim::query::ScimQuery;
use vestibule_scim::resource::etag;

/// How often an operation is tried whose resource is changed by others at the same moment.
const MAX_ATTEMPTS: u32 = 5;

/// What became of an operation.
pub(crate) struct WriteOutcome {
    pub(super) status: StatusCode,
    /// The resource's id.
    pub(super) id: String,
    /// Its version; none when it is gone.
    pub(super) version: Option<i64>,
    /// The resource as it is represented, where the answer has it.
    pub(super) resource: Option<JsonObject>,
    /// Whether somebody who could sign in for a while cannot any more.
    pub(super) is_removal: bool,
}

impl WriteOutcome {
    /// Where the resource is.
    pub(super) fn location(&self, kernel: &Kernel, kind: ResourceKind) -> String {
        format!("{}{}/{}", base_url(kernel), kind.collection_path(), self.id)
    }

    /// Its entity tag.
    pub(super) fn etag(&self) -> Option<String> {
        self.version.map(etag)
    }

    fn into_http_response(self, kernel: &Kernel, kind: ResourceKind, query: &ScimQuery) -> Response {
        let (location, etag) = (self.location(kernel, kind), self.etag());
        let mut response = match self.resource {
            Some(resource) => scim_response(self.status, &query.project(resource.into())),
            None => self.status.into_response(),
        };
        let headers = response.headers_mut();
        if let Some(tag) = etag.and_then(|tag| tag.parse().ok()) {
            headers.insert(header::ETAG, tag);
        }
        if let (StatusCode::CREATED, Ok(location)) = (self.status, location.parse()) {
            headers.insert(header::LOCATION, location);
        }
        response
    }
}

/// A request that changes something: its operation, and which attributes of the outcome it wants to see.
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
    fn into_operation(self, kind: ResourceKind) -> (ScimOperation, ScimQuery) {
        let Self { verb, id, version, data, query } = self;
        (ScimOperation { verb, kind, id, bulk_id: None, version, data }, query)
    }
}

pub(super) async fn user(
    State(kernel): State<Kernel>,
    client: Provisioner,
    request: RequestContext,
    asked: WriteRequest,
) -> Response {
    let (operation, query) = asked.into_operation(ResourceKind::User);
    write_and_respond(&kernel, &client, &request, operation, query).await
}

pub(super) async fn group(
    State(kernel): State<Kernel>,
    client: Provisioner,
    request: RequestContext,
    asked: WriteRequest,
) -> Response {
    let (operation, query) = asked.into_operation(ResourceKind::Group);
    write_and_respond(&kernel, &client, &request, operation, query).await
}

async fn write_and_respond(
    kernel: &Kernel,
    client: &Provisioner,
    request: &RequestContext,
    operation: ScimOperation,
    query: ScimQuery,
) -> Response {
    let (trace, result) = execute_write(kernel, client, request, &operation, &query).await;
    let mut response = match result {
        Ok(done) => done.into_http_response(kernel, operation.kind, &query),
        Err(error) => error.into_response(),
    };
    response.extensions_mut().insert(trace);
    response
}

/// Carries an operation out in its own unit of work; or keeps it for an administrator, where the connection waits
/// for one or would take access from too many people.
pub(super) async fn execute_write(
    kernel: &Kernel,
    client: &Provisioner,
    request: &RequestContext,
    operation: &ScimOperation,
    query: &ScimQuery,
) -> (Trace, Result<WriteOutcome, Error>) {
    let context = client.context(request);
    let mut tries = 0;
    loop {
        let mut trace = Trace {
            subject: operation.resource_name(),
            resource_id: operation.id.clone(),
            ..Trace::default()
        };
        let result = execute_once(kernel, client, &context, operation, query, &mut trace).await;
        tries += 1;
        if tries == MAX_ATTEMPTS || !result.as_ref().is_err_and(Error::lost_a_race) {
            return (trace, result);
        }
    }
}

async fn execute_once(
    kernel: &Kernel,
    client: &Provisioner,
    context: &Context,
    operation: &ScimOperation,
    query: &ScimQuery,
    trace: &mut Trace,
) -> Result<WriteOutcome, Error> {
    // Making a user is one way to the database; what may have to be undone, or is more, is a transaction.
    let is_single_statement = operation.kind == ResourceKind::User
        && operation.verb == Verb::Post
        && client.hold_reason().is_none();
    let mut tx = if is_single_statement {
        kernel.db.begin_single_statement(Durability::Full).await?
    } else {
        kernel.db.begin().await?
    };
    let done = apply_operation(kernel, &mut tx, client, context, (operation, query), trace).await?;
    if let Some(reason) = client.hold_reason() {
        if trace.changes.is_empty() {
            return Ok(done);
        }
        // Tried, and undone: what it would change is known, and nothing has changed.
        drop(tx);
        return Err(pending_changes::hold_for_approval(kernel, client, operation, trace, reason).await?);
    }
    if done.is_removal && deletion_guard::record_removal(&mut tx, client).await? {
        drop(tx);
        deletion_guard::pause_connection(kernel, client, context).await?;
        return Err(pending_changes::hold_for_approval(
            kernel,
            client,
            operation,
            trace,
            pending_changes::HoldReason::Paused,
        )
        .await?);
    }
    tx.commit().await?;
    Ok(done)
}

/// Does what an operation asks for.
pub(crate) async fn apply_operation(
    kernel: &Kernel,
    tx: &mut Tx,
    client: &Provisioner,
    context: &Context,
    (operation, query): (&ScimOperation, &ScimQuery),
    trace: &mut Trace,
) -> Result<WriteOutcome, Error> {
    match operation.kind {
        ResourceKind::User => {
            users::apply_operation(kernel, tx, client, context, (operation, query), trace).await
        }
        ResourceKind::Group => {
            groups::apply_operation(kernel, tx, client, context, (operation, query), trace).await
        }
    }
}
