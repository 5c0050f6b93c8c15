//! `/Bulk`: each operation is carried out like a request of its own, in its own transaction (RFC 7644
//! §3.7).

use std::collections::HashMap;
use std::time::Instant;

use axum::body::Bytes;
use axum::extract::State;
use axum::extract::rejection::BytesRejection;
use axum::http::StatusCode;
use axum::response::Response;
use serde_json::{Value, json};
use vestibule_scim::ScimType;
use vestibule_scim::bulk::{BulkRequest, BulkSchedule};
use vestibule_scim::operation::ScimOperation;
use vestibule_scim::query::ScimQuery;

use super::middleware::too_large;
use super::{read_body, scim_response};
use crate::audit::Context;
use crate::kernel::Kernel;
use crate::kernel::http::RequestContext;
use crate::provisioning::scim::error::Error;
use crate::provisioning::scim::model::Provisioner;
use crate::provisioning::scim::request_log::RequestLogEntry;
use crate::provisioning::scim::write::{FinishedWrite, ScimWrite, WriteOutcome};

pub(super) async fn bulk(
    State(kernel): State<Kernel>,
    client: Provisioner,
    request: RequestContext,
    body: Result<Bytes, BytesRejection>,
) -> Result<Response, Error> {
    let job = BulkRequest::parse(&read_body(&body.map_err(|rejection| unreadable(&rejection))?)?)?;
    let context = client.context(&request);
    let mut schedule = BulkSchedule::new(&job.operations);
    let mut pending: Vec<Option<ScimOperation>> = job.operations.into_iter().map(Some).collect();
    let mut answers = vec![None; pending.len()];
    let mut created_ids = HashMap::new();
    let mut entries = Vec::with_capacity(pending.len());
    let mut failures = 0;
    while failures < job.fail_on_errors {
        // Operations that refer to each other in a circle are refused with 409 (RFC 7644 §3.7.1). Once the
        // first of them is refused, the others fail because the resource they refer to was not created.
        let next = schedule.next_ready();
        let Some(n) = next.or_else(|| pending.iter().position(Option::is_some)) else { break };
        let Some(mut operation) = pending[n].take() else { continue };
        let begun = Instant::now();
        let FinishedWrite { trace, result } = if next.is_some() {
            execute_operation(&kernel, &client, &context, &mut operation, &created_ids).await
        } else {
            let detail = "This operation is part of a circular reference between bulkIds.";
            FinishedWrite::refused(Error::plain(StatusCode::CONFLICT, detail))
        };
        if let Some(name) = &operation.bulk_id {
            created_ids.insert(name.clone(), result.as_ref().ok().map(|done| done.id.clone()));
        }
        failures += usize::from(result.is_err());
        entries.push(RequestLogEntry {
            method: operation.verb.as_str().to_owned(),
            path: format!("/Bulk {}", operation.path()),
            status: result.as_ref().map_or_else(|error| error.status, |done| done.status).as_u16(),
            duration: begun.elapsed(),
            trace,
            error: result.as_ref().err().cloned(),
        });
        answers[n] = Some(operation_response(&kernel, &operation, result));
        schedule.complete(n);
    }
    let operations: Vec<Value> = answers.into_iter().flatten().collect();
    let schemas = ["urn:ietf:params:scim:api:messages:2.0:BulkResponse"];
    let mut response = scim_response(StatusCode::OK, &json!({"schemas": schemas, "Operations": operations}));
    response.extensions_mut().insert(entries);
    Ok(response)
}

fn unreadable(rejection: &BytesRejection) -> Error {
    if rejection.status() == StatusCode::PAYLOAD_TOO_LARGE {
        return too_large();
    }
    Error::bad(ScimType::InvalidSyntax, "The request body could not be read completely.")
}

async fn execute_operation(
    kernel: &Kernel,
    client: &Provisioner,
    context: &Context,
    operation: &mut ScimOperation,
    created_ids: &HashMap<String, Option<String>>,
) -> FinishedWrite {
    if let Err(error) = operation.resolve_bulk_ids(created_ids) {
        return FinishedWrite::refused(error.into());
    }
    // The response contains no resources, so their members are not read.
    let query = ScimQuery::only("id");
    ScimWrite::new(kernel, client, context, operation, &query).execute().await
}

/// The result of one operation. The resources themselves are optional and left out (RFC 7644 §3.7).
fn operation_response(
    kernel: &Kernel,
    operation: &ScimOperation,
    result: Result<WriteOutcome, Error>,
) -> Value {
    let mut response = json!({"method": operation.verb.as_str()});
    if let Some(name) = &operation.bulk_id {
        response["bulkId"] = json!(name);
    }
    match result {
        Ok(done) => {
            response["status"] = json!(done.status.as_str());
            response["location"] = json!(done.location(kernel, operation.kind));
            if let Some(version) = done.etag() {
                response["version"] = json!(version);
            }
        }
        Err(error) => {
            response["status"] = json!(error.status.as_str());
            response["response"] = error.body();
        }
    }
    response
}
