//! The discovery endpoints: `/ServiceProviderConfig`, `/Schemas` and `/ResourceTypes` (RFC 7644 §4).

use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::Response;
use serde_json::Value;
use vestibule_scim::query::ScimQuery;
use vestibule_scim::resource::ListWriter;
use vestibule_scim::schemas;
use vestibule_scim::sorting::PageStart;

use super::lists::{ScimListPage, list_response};
use super::scim_response;
use crate::kernel::Kernel;
use crate::provisioning::scim::error::Error;
use crate::provisioning::scim::model::{Provisioner, base_url};

pub(super) async fn service_provider_config(State(kernel): State<Kernel>, _: Provisioner) -> Response {
    scim_response(StatusCode::OK, &schemas::service_provider_config(&base_url(&kernel)))
}

pub(super) async fn list_schemas(State(kernel): State<Kernel>, client: Provisioner) -> Response {
    single_page_response(schemas::schemas(&base_url(&kernel), &client.settings.extra_attributes))
}

pub(super) async fn list_resource_types(State(kernel): State<Kernel>, client: Provisioner) -> Response {
    single_page_response(schemas::resource_types(&base_url(&kernel), &client.settings.extra_attributes))
}

/// A list response with all resources on one page.
fn single_page_response(all: Vec<Value>) -> Response {
    let total = i64::try_from(all.len()).unwrap_or(0);
    let mut resources = ListWriter::default();
    for one in &all {
        resources.push(one);
    }
    list_response(
        &ScimListPage { resources, total, next: None },
        &PageStart::Offset(0),
        &ScimQuery::default(),
    )
}

fn one_of(all: Vec<Value>, kind: &str, id: &str) -> Result<Response, Error> {
    let found =
        all.into_iter().find(|one| one["id"].as_str().is_some_and(|own| own.eq_ignore_ascii_case(id)));
    found.map(|one| scim_response(StatusCode::OK, &one)).ok_or_else(|| Error::not_found(kind, id))
}

pub(super) async fn get_schema(
    State(kernel): State<Kernel>,
    client: Provisioner,
    Path(id): Path<String>,
) -> Result<Response, Error> {
    one_of(schemas::schemas(&base_url(&kernel), &client.settings.extra_attributes), "Schema", &id)
}

pub(super) async fn get_resource_type(
    State(kernel): State<Kernel>,
    client: Provisioner,
    Path(id): Path<String>,
) -> Result<Response, Error> {
    one_of(
        schemas::resource_types(&base_url(&kernel), &client.settings.extra_attributes),
        "ResourceType",
        &id,
    )
}
