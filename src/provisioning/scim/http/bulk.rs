//! `/Bulk`: each operation is carried out as if it had come alone, in its own transaction.

use std::collections::HashMap;
use std::time::Instant;

use axum::body::Bytes;
use axum::extract::State;
use axum::extract::rejection::BytesRejection;
use axum::http::StatusCode;
use axum::response::Response;
use serde_json::{Value, json};

use super::super::bulk::{self, Order};
use super::super::error::{Error, ScimType};
use super::super::log::Entry;
use super::super::operation::Operation;
use super::super::query::Query;
use super::super::trace::Trace;
use super::gate::too_large;
use super::write::{Done, write};
use super::{Provisioner, answer, read_body};
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
    let mut entries = Vec::with_capacity(waiting.len());
    let mut failures = 0;
    while failures < job.fail_on_errors {
        // Operations that wait for each other are not carried out (RFC 7644 §3.7.1): where one of them is refused,
        // the others find that what they refer to was not made.
        let next = order.next();
        let Some(n) = next.or_else(|| waiting.iter().position(Option::is_some)) else { break };
        let Some(mut operation) = waiting[n].take() else { continue };
        let begun = Instant::now();
        let (trace, result) = if next.is_some() {
            carry_out(&kernel, &client, &request, &mut operation, &made).await
        } else {
            let detail = "This operation and others refer to each other in a circle.";
            (Trace::default(), Err(Error::plain(StatusCode::CONFLICT, detail)))
        };
        if let Some(name) = &operation.bulk_id {
            made.insert(name.clone(), result.as_ref().ok().map(|done| done.id.clone()));
        }
        failures += usize::from(result.is_err());
        entries.push(Entry {
            method: operation.verb.as_str().to_owned(),
            path: format!("/Bulk {}", operation.path()),
            status: result.as_ref().map_or_else(|error| error.status, |done| done.status).as_u16(),
            took: begun.elapsed(),
            trace,
            error: result.as_ref().err().cloned(),
        });
        answers[n] = Some(describe(&kernel, &operation, result));
        order.done(n);
    }
    let operations: Vec<Value> = answers.into_iter().flatten().collect();
    let schemas = ["urn:ietf:params:scim:api:messages:2.0:BulkResponse"];
    let mut response = answer(StatusCode::OK, &json!({"schemas": schemas, "Operations": operations}));
    response.extensions_mut().insert(entries);
    Ok(response)
}

fn unreadable(rejection: &BytesRejection) -> Error {
    if rejection.status() == StatusCode::PAYLOAD_TOO_LARGE {
        return too_large();
    }
    Error::bad(ScimType::InvalidSyntax, "The body could not be read to its end.")
}

async fn carry_out(
    kernel: &Kernel,
    client: &Provisioner,
    request: &RequestContext,
    operation: &mut Operation,
    made: &HashMap<String, Option<String>>,
) -> (Trace, Result<Done, Error>) {
    if let Err(error) = operation.resolve(made) {
        return (Trace::default(), Err(error));
    }
    // Nobody sees the resources, and members are not read only to be thrown away.
    write(kernel, client, request, operation, &Query::only("id")).await
}

/// What the client is told about an operation; the resources themselves are left out (RFC 7644 §3.7: they may be).
fn describe(kernel: &Kernel, operation: &Operation, result: Result<Done, Error>) -> Value {
    let mut told = json!({"method": operation.verb.as_str()});
    if let Some(name) = &operation.bulk_id {
        told["bulkId"] = json!(name);
    }
    match result {
        Ok(done) => {
            told["status"] = json!(done.status.as_str());
            told["location"] = json!(done.location(kernel, operation.kind));
            if let Some(version) = done.etag() {
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
