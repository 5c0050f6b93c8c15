//! `GET /Users/{id}`.

use axum::extract::{Path, Query as UrlQuery, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use vestibule_scim::query::ScimQuery;

use super::{not_modified, resource_response};
use crate::kernel::Kernel;
use crate::provisioning::scim::error::Error;
use crate::provisioning::scim::model::Provisioner;
use crate::provisioning::scim::trace::Trace;
use crate::provisioning::scim::user;

pub(super) async fn get(
    State(kernel): State<Kernel>,
    client: Provisioner,
    Path(id): Path<String>,
    UrlQuery(query): UrlQuery<ScimQuery>,
    headers: HeaderMap,
) -> Result<Response, Error> {
    let mut c = kernel.db.read().await?;
    let user = user::find_user(&mut c, client.account_id(), &id).await?;
    let mut response = if not_modified(&headers, user.version) {
        StatusCode::NOT_MODIFIED.into_response()
    } else {
        let resource = user::load_resource(&kernel, &mut c, &user, &query).await?;
        resource_response(resource, &query, user.version)
    };
    response.extensions_mut().insert(Trace { subject: user.user_name, resource_id: id, ..Trace::default() });
    Ok(response)
}
