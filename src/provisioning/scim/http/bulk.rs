//! `/Bulk`: each operation is carried out as if it had come alone, in its own transaction.

use std::collections::HashMap;

use axum::body::Bytes;
use axum::extract::rejection::BytesRejection;
use axum::extract::{Path, Query as UrlQuery, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};

use super::super::bulk::{self, Kind, MAX_PAYLOAD, Operation, Order, Verb};
use super::super::error::{Error, ScimType};
use super::super::query::Query;
use super::{Provisioner, answer, base, groups, read_body, users};
use crate::kernel::Kernel;
use crate::kernel::http::RequestContext;

pub(super) async fn bulk(
    State(kernel): State<Kernel>,
    client: Provisioner,
    request: RequestContext,
    body: Result<Bytes, BytesRejection>,
) -> Result<Response, Error> {
    let job = bulk::read(&read_body(&body.map_err(|rejection| unreadable(&rejection))?)?)?;
    let mut order = Order::new(&job.operations);
    let mut waiting: Vec<Option<Operation>> = job.operations.into_iter().map(Some).collect();
    let mut answers = vec![None; waiting.len()];
    let mut made = HashMap::new();
    let mut failures = 0;
    while failures < job.fail_on_errors {
        // Operations that wait for each other are not carried out (RFC 7644 §3.7.1): where one of them is refused,
        // the others find that what they refer to was not made.
        let next = order.next();
        let Some(n) = next.or_else(|| waiting.iter().position(Option::is_some)) else { break };
        let Some(mut operation) = waiting[n].take() else { continue };
        let result = if next.is_some() {
            carry_out(&kernel, &client, &request, &mut operation, &made).await
        } else {
            let detail = "This operation and others refer to each other in a circle.";
            Err(Error::plain(StatusCode::CONFLICT, detail))
        };
        if let Some(name) = &operation.bulk_id {
            made.insert(name.clone(), result.as_ref().ok().and_then(|done| done.id().map(str::to_owned)));
        }
        failures += usize::from(result.is_err());
        answers[n] = Some(describe(&operation, result));
        order.done(n);
    }
    let operations: Vec<Value> = answers.into_iter().flatten().collect();
    let schemas = ["urn:ietf:params:scim:api:messages:2.0:BulkResponse"];
    Ok(answer(StatusCode::OK, &json!({"schemas": schemas, "Operations": operations})))
}

/// RFC 7644 §3.7.4: a request that is too large is told the limit.
fn unreadable(rejection: &BytesRejection) -> Error {
    if rejection.status() == StatusCode::PAYLOAD_TOO_LARGE {
        let detail = format!("A bulk request may have {MAX_PAYLOAD} bytes at most.");
        return Error::plain(StatusCode::PAYLOAD_TOO_LARGE, detail);
    }
    Error::bad(ScimType::InvalidSyntax, "The body could not be read to its end.")
}

/// An operation that was carried out.
struct Done {
    status: StatusCode,
    location: String,
    version: Option<String>,
}

impl Done {
    fn id(&self) -> Option<&str> {
        self.location.rsplit('/').next()
    }
}

async fn carry_out(
    kernel: &Kernel,
    client: &Provisioner,
    request: &RequestContext,
    operation: &mut Operation,
    made: &HashMap<String, Option<String>>,
) -> Result<Done, Error> {
    operation.resolve(made)?;
    let mut headers = HeaderMap::new();
    if let Some(version) = &operation.version {
        let version = version.parse();
        let version =
            version.map_err(|_| Error::bad(ScimType::InvalidValue, "version is not an entity tag."))?;
        headers.insert(header::IF_MATCH, version);
    }
    let (kind, id) = (operation.kind, operation.id.clone());
    let location = format!("{}{}/{id}", base(kernel), kind.path());
    let body = Bytes::from(operation.data.to_string());
    let (kernel, client) = (State(kernel.clone()), client.clone());
    // Nobody sees the resources, and members are not read only to be thrown away.
    let query = UrlQuery(Query::only("id"));
    let (id, seen) = (Path(id), (request.clone(), headers));
    let response = match (kind, operation.verb) {
        (Kind::User, Verb::Post) => users::create(kernel, client, seen.0, query, body).await,
        (Kind::User, Verb::Put) => users::put(kernel, client, id, seen, query, body).await,
        (Kind::User, Verb::Patch) => users::patch(kernel, client, id, seen, query, body).await,
        (Kind::User, Verb::Delete) => {
            users::delete(kernel, client, id, seen).await.map(IntoResponse::into_response)
        }
        (Kind::Group, Verb::Post) => groups::create(kernel, client, seen.0, query, body).await,
        (Kind::Group, Verb::Put) => groups::put(kernel, client, id, seen, query, body).await,
        (Kind::Group, Verb::Patch) => groups::patch(kernel, client, id, seen, body).await,
        (Kind::Group, Verb::Delete) => {
            groups::delete(kernel, client, id, seen).await.map(IntoResponse::into_response)
        }
    }?;
    let text = |name| response.headers().get(name).and_then(|value| value.to_str().ok()).map(str::to_owned);
    Ok(Done {
        status: response.status(),
        location: text(header::LOCATION).unwrap_or(location),
        version: text(header::ETAG),
    })
}

/// What the client is told about an operation; the resources themselves are left out (RFC 7644 §3.7: they may be).
fn describe(operation: &Operation, result: Result<Done, Error>) -> Value {
    let mut told = json!({"method": operation.verb.as_str()});
    if let Some(name) = &operation.bulk_id {
        told["bulkId"] = json!(name);
    }
    match result {
        Ok(done) => {
            told["status"] = json!(done.status.as_str());
            told["location"] = json!(done.location);
            if let Some(version) = done.version {
                told["version"] = json!(version);
            }
        }
        Err(error) => {
            told["status"] = json!(error.status.as_str());
            told["response"] = error.body();
        }
    }
    told
}
