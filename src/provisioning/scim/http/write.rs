//! Requests that change something, whichever way they came.

use axum::RequestPartsExt as _;
use axum::body::Bytes;
use axum::extract::{FromRequest, Path, Query as UrlQuery, Request, State};
use axum::http::{Method, StatusCode, header};
use axum::response::{IntoResponse, Response};

use super::super::error::Error;
use super::super::json::Object;
use super::super::operation::{Kind, Operation, Verb};
use super::super::query::Query;
use super::super::trace::Trace;
use super::super::{held, removals, user};
use super::{Provisioner, answer, base, groups, read_body, users};
use crate::audit::Context;
use crate::kernel::database::Durability;
use crate::kernel::http::RequestContext;
use crate::kernel::{Kernel, Tx};

/// How often an operation is tried whose resource is changed by others at the same moment.
const MOST_TRIES: u32 = 5;

/// What became of an operation.
pub(in super::super) struct Done {
    pub(super) status: StatusCode,
    /// The resource's id.
    pub(super) id: String,
    /// Its version; none when it is gone.
    pub(super) version: Option<i64>,
    /// The resource as it is represented, where the answer has it.
    pub(super) resource: Option<Object>,
    /// Whether somebody who could sign in for a while cannot any more.
    pub(super) ends_access: bool,
}

impl Done {
    /// Where the resource is.
    pub(super) fn location(&self, kernel: &Kernel, kind: Kind) -> String {
        format!("{}{}/{}", base(kernel), kind.path(), self.id)
    }

    /// Its entity tag.
    pub(super) fn etag(&self) -> Option<String> {
        self.version.map(user::etag)
    }

    fn respond(self, kernel: &Kernel, kind: Kind, query: &Query) -> Response {
        let (location, etag) = (self.location(kernel, kind), self.etag());
        let mut response = match self.resource {
            Some(resource) => answer(self.status, &query.project(resource.into())),
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
pub(super) struct Asked {
    verb: Verb,
    id: String,
    version: Option<String>,
    data: Object,
    query: Query,
}

impl FromRequest<Kernel> for Asked {
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
        let query = parts.extract_with_state::<UrlQuery<Query>, _>(kernel).await;
        let UrlQuery(query) = query.map_err(IntoResponse::into_response)?;
        let version = parts.headers.get(header::IF_MATCH).and_then(|value| value.to_str().ok());
        let version = version.map(str::to_owned);
        let data = if verb == Verb::Delete {
            Object::new()
        } else {
            let body = Bytes::from_request(Request::from_parts(parts, body), kernel).await;
            read_body(&body.map_err(IntoResponse::into_response)?).map_err(IntoResponse::into_response)?
        };
        Ok(Self { verb, id: id.map(|Path(id)| id).unwrap_or_default(), version, data, query })
    }
}

impl Asked {
    fn operation(self, kind: Kind) -> (Operation, Query) {
        let Self { verb, id, version, data, query } = self;
        (Operation { verb, kind, id, bulk_id: None, version, data }, query)
    }
}

pub(super) async fn user(
    State(kernel): State<Kernel>,
    client: Provisioner,
    request: RequestContext,
    asked: Asked,
) -> Response {
    respond(&kernel, &client, &request, asked.operation(Kind::User)).await
}

pub(super) async fn group(
    State(kernel): State<Kernel>,
    client: Provisioner,
    request: RequestContext,
    asked: Asked,
) -> Response {
    respond(&kernel, &client, &request, asked.operation(Kind::Group)).await
}

async fn respond(
    kernel: &Kernel,
    client: &Provisioner,
    request: &RequestContext,
    (operation, query): (Operation, Query),
) -> Response {
    let (trace, result) = write(kernel, client, request, &operation, &query).await;
    let mut response = match result {
        Ok(done) => done.respond(kernel, operation.kind, &query),
        Err(error) => error.into_response(),
    };
    response.extensions_mut().insert(trace);
    response
}

/// Carries an operation out in its own unit of work; or keeps it for an administrator, where the connection waits
/// for one or would take access from too many people.
pub(super) async fn write(
    kernel: &Kernel,
    client: &Provisioner,
    request: &RequestContext,
    operation: &Operation,
    query: &Query,
) -> (Trace, Result<Done, Error>) {
    let context = client.context(request);
    let mut tries = 0;
    loop {
        let mut trace =
            Trace { subject: operation.name(), resource_id: operation.id.clone(), ..Trace::default() };
        let result = attempt(kernel, client, &context, (operation, query), &mut trace).await;
        tries += 1;
        if tries == MOST_TRIES || !result.as_ref().is_err_and(Error::lost_a_race) {
            return (trace, result);
        }
    }
}

async fn attempt(
    kernel: &Kernel,
    client: &Provisioner,
    context: &Context,
    (operation, query): (&Operation, &Query),
    trace: &mut Trace,
) -> Result<Done, Error> {
    // Making a user is one way to the database; what may have to be undone, or is more, is a transaction.
    let is_one = operation.kind == Kind::User && operation.verb == Verb::Post && client.holds().is_none();
    let mut tx =
        if is_one { kernel.db.begin_one(Durability::Full).await? } else { kernel.db.begin().await? };
    let done = perform(kernel, &mut tx, client, context, (operation, query), trace).await?;
    if let Some(reason) = client.holds() {
        if trace.changes.is_empty() {
            return Ok(done);
        }
        // Tried, and undone: what it would change is known, and nothing has changed.
        drop(tx);
        return Err(held::keep(kernel, client, operation, trace, reason).await?);
    }
    if done.ends_access && removals::count(&mut tx, client).await? {
        drop(tx);
        removals::pause(kernel, client, context).await?;
        return Err(held::keep(kernel, client, operation, trace, held::Reason::Paused).await?);
    }
    tx.commit().await?;
    Ok(done)
}

/// Does what an operation asks for.
pub(in super::super) async fn perform(
    kernel: &Kernel,
    tx: &mut Tx,
    client: &Provisioner,
    context: &Context,
    (operation, query): (&Operation, &Query),
    trace: &mut Trace,
) -> Result<Done, Error> {
    match operation.kind {
        Kind::User => users::perform(kernel, tx, client, context, (operation, query), trace).await,
        Kind::Group => groups::perform(kernel, tx, client, context, (operation, query), trace).await,
    }
}
