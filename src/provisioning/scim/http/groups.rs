//! `GET /Groups/{id}`.

use axum::extract::{Path, Query as UrlQuery, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use vestibule_scim::query::ScimQuery;

use super::{not_modified, resource_response};
use crate::kernel::Kernel;
use crate::provisioning::scim::error::Error;
use crate::provisioning::scim::group;
use crate::provisioning::scim::model::Provisioner;
use crate::provisioning::scim::trace::Trace;

pub(super) async fn get(
    State(kernel): State<Kernel>,
    client: Provisioner,
    Path(id): Path<String>,
    UrlQuery(query): UrlQuery<ScimQuery>,
    headers: HeaderMap,
) -> Result<Response, Error> {
    let mut c = kernel.db.read().await?;
    let group = group::find_group(&mut c, client.account_id(), &id).await?;
    let mut response = if not_modified(&headers, group.version) {
        StatusCode::NOT_MODIFIED.into_response()
    } else {
        let resource = group::load_resource(&kernel, &mut c, &group, &query).await?;
        resource_response(resource.into(), &query, group.version)
    };
    response.extensions_mut().insert(Trace { subject: group.name, resource_id: id, ..Trace::default() });
    Ok(response)
}
