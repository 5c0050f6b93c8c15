//! What this server can do: `/ServiceProviderConfig`, `/Schemas`, `/ResourceTypes`.

use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::Response;
use serde_json::Value;

use super::super::error::Error;
use super::super::order::Start;
use super::super::outgoing::Listing;
use super::super::query::{MAX_RESULTS, Query};
use super::super::schemas;
use super::lists::{Part, list_answer};
use super::{Provisioner, answer, base};
use crate::kernel::Kernel;

pub(super) async fn service_provider_config(State(kernel): State<Kernel>, _: Provisioner) -> Response {
    answer(StatusCode::OK, &schemas::service_provider_config(&base(&kernel), MAX_RESULTS))
}

pub(super) async fn list_schemas(State(kernel): State<Kernel>, client: Provisioner) -> Response {
    whole(schemas::all(&base(&kernel), &client.settings.extra_attributes))
}

pub(super) async fn list_resource_types(State(kernel): State<Kernel>, client: Provisioner) -> Response {
    whole(schemas::resource_types(&base(&kernel), &client.settings.extra_attributes))
}

/// A list that has one page.
fn whole(all: Vec<Value>) -> Response {
    let total = i64::try_from(all.len()).unwrap_or(0);
    let mut resources = Listing::default();
    for one in &all {
        resources.push(one);
    }
    list_answer(&Part { resources, total, next: None }, &Start::Offset(0), &Query::default())
}

fn one_of(all: Vec<Value>, kind: &str, id: &str) -> Result<Response, Error> {
    let found =
        all.into_iter().find(|one| one["id"].as_str().is_some_and(|own| own.eq_ignore_ascii_case(id)));
    found.map(|one| answer(StatusCode::OK, &one)).ok_or_else(|| Error::not_found(kind, id))
}

pub(super) async fn get_schema(
    State(kernel): State<Kernel>,
    client: Provisioner,
    Path(id): Path<String>,
) -> Result<Response, Error> {
    one_of(schemas::all(&base(&kernel), &client.settings.extra_attributes), "Schema", &id)
}

pub(super) async fn get_resource_type(
    State(kernel): State<Kernel>,
    client: Provisioner,
    Path(id): Path<String>,
) -> Result<Response, Error> {
    one_of(schemas::resource_types(&base(&kernel), &client.settings.extra_attributes), "ResourceType", &id)
}
