//! The SCIM endpoints. Only the bearer token determines account and connection; paths and bodies cannot.

mod bulk;
mod client_cache;
mod discovery;
mod groups;
mod lists;
mod middleware;
mod users;
mod write;

use axum::body::Bytes;
use axum::extract::{FromRequest, FromRequestParts, Query as UrlQuery, Request, State};
use axum::http::request::Parts;
use axum::http::{HeaderMap, Method, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use serde_json::Value;
use vestibule_scim::ScimType;
use vestibule_scim::json::JsonObject;
use vestibule_scim::query::ScimQuery;
use vestibule_scim::resource::{Resource, etag};
use vestibule_scim::sorting::PageStart;

use self::lists::{ListRequest, Listable, list_response};
use super::error::{Error, MEDIA_TYPE};
use super::model::Provisioner;
use crate::access::{Guard, Routes};
use crate::directory::groups::Group;
use crate::directory::users::User;
use crate::kernel::Kernel;

pub use self::middleware::ScimMiddleware;

impl<S: Sync> FromRequestParts<S> for Provisioner {
    type Rejection = Error;
    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Error> {
        parts.extensions.get::<Self>().cloned().ok_or_else(Error::unauthorized)
    }
}

/// The routes under `/scim/v2`. Entra ID may append its feature flag to the base URL, which has no effect.
#[must_use]
pub fn routes() -> Routes<Kernel> {
    ["/scim/v2", "/scim/v2/aadOptscim062020"].into_iter().fold(Routes::default(), |routes, base| {
        let at = |path: &str| format!("{base}{path}");
        routes
            .post(&at("/Bulk"), Guard::Scim, bulk::bulk)
            .get(&at("/Me"), Guard::Scim, me)
            .put(&at("/Me"), Guard::Scim, me)
            .patch(&at("/Me"), Guard::Scim, me)
            .delete(&at("/Me"), Guard::Scim, me)
            .post(&at("/.search"), Guard::Scim, search_all)
            .post(&at("/Users/.search"), Guard::Scim, list::<User>)
            .post(&at("/Groups/.search"), Guard::Scim, list::<Group>)
            .get(&at("/Users"), Guard::Scim, list::<User>)
            .post(&at("/Users"), Guard::Scim, write::user)
            .get(&at("/Users/{id}"), Guard::Scim, users::get)
            .put(&at("/Users/{id}"), Guard::Scim, write::user)
            .patch(&at("/Users/{id}"), Guard::Scim, write::user)
            .delete(&at("/Users/{id}"), Guard::Scim, write::user)
            .get(&at("/Groups"), Guard::Scim, list::<Group>)
            .post(&at("/Groups"), Guard::Scim, write::group)
            .get(&at("/Groups/{id}"), Guard::Scim, groups::get)
            .put(&at("/Groups/{id}"), Guard::Scim, write::group)
            .patch(&at("/Groups/{id}"), Guard::Scim, write::group)
            .delete(&at("/Groups/{id}"), Guard::Scim, write::group)
            .get(&at("/ServiceProviderConfig"), Guard::Scim, discovery::service_provider_config)
            .get(&at("/Schemas"), Guard::Scim, discovery::list_schemas)
            .get(&at("/Schemas/{id}"), Guard::Scim, discovery::get_schema)
            .get(&at("/ResourceTypes"), Guard::Scim, discovery::list_resource_types)
            .get(&at("/ResourceTypes/{id}"), Guard::Scim, discovery::get_resource_type)
    })
}

/// The query of a list request, from the URL of a GET or from the body of a POST to `.search` (RFC 7644
/// §3.4.3).
struct ScimListQuery(ScimQuery);

impl FromRequest<Kernel> for ScimListQuery {
    type Rejection = Response;
    async fn from_request(request: Request, kernel: &Kernel) -> Result<Self, Response> {
        if request.method() == Method::POST {
            let body = Bytes::from_request(request, kernel).await.map_err(IntoResponse::into_response)?;
            let query = read_body(&body).and_then(|body| Ok(ScimQuery::from_body(&body)?));
            return query.map(Self).map_err(IntoResponse::into_response);
        }
        let query = UrlQuery::<ScimQuery>::from_request(request, kernel).await;
        query.map(|UrlQuery(query)| Self(query)).map_err(IntoResponse::into_response)
    }
}

async fn list<T: Listable>(
    State(kernel): State<Kernel>,
    client: Provisioner,
    ScimListQuery(query): ScimListQuery,
) -> Result<Response, Error> {
    let (start, limit) = query.range()?;
    let request = ListRequest { kernel: &kernel, client: &client, query: &query };
    let page = request.find_page::<T>(&start, limit).await?;
    Ok(list_response(&page, &start, &query))
}

/// All resources: users first, then groups, each in the requested order.
async fn search_all(
    State(kernel): State<Kernel>,
    client: Provisioner,
    ScimListQuery(query): ScimListQuery,
) -> Result<Response, Error> {
    let (start, limit) = query.range()?;
    let PageStart::Offset(offset) = start else {
        let detail = "A search of all resources supports startIndex only. Use a cursor with /Users or \
                      /Groups.";
        return Err(Error::bad(ScimType::InvalidValue, detail));
    };
    let request = ListRequest { kernel: &kernel, client: &client, query: &query };
    let mut page = request.find_page::<User>(&start, limit).await?;
    let shown = i64::try_from(page.resources.count).unwrap_or(i64::MAX);
    let groups_start = PageStart::Offset((offset - page.total).max(0));
    let groups = request.find_page::<Group>(&groups_start, limit - shown).await?;
    page.resources.append(&groups.resources);
    page.total += groups.total;
    Ok(list_response(&page, &start, &query))
}

/// Returns 501 (RFC 7644 §3.11): a provisioning token belongs to a connection, which is not a SCIM
/// resource.
async fn me(_: Provisioner) -> Error {
    let detail = "/Me is not supported: the token belongs to a connection, not to a user. Use /Users.";
    Error::plain(StatusCode::NOT_IMPLEMENTED, detail)
}

fn scim_response(status: StatusCode, body: &impl Serialize) -> Response {
    // Serialization cannot fail: the content is text, numbers and parsed JSON.
    scim_text_response(status, serde_json::to_string(body).unwrap_or_default())
}

fn scim_text_response(status: StatusCode, body: impl IntoResponse) -> Response {
    (status, [(header::CONTENT_TYPE, MEDIA_TYPE)], body).into_response()
}

/// A resource response with the requested attributes and the entity tag.
fn resource_response(resource: Resource<'_>, query: &ScimQuery, version: i64) -> Response {
    let mut response = scim_response(StatusCode::OK, &query.project(resource));
    if let Ok(tag) = etag(version).parse() {
        response.headers_mut().insert(header::ETAG, tag);
    }
    response
}

fn read_body(body: &Bytes) -> Result<JsonObject, Error> {
    let syntax = |detail: &str| Error::bad(ScimType::InvalidSyntax, detail);
    match serde_json::from_slice(body) {
        Ok(Value::Object(object)) => Ok(object),
        Ok(_) => Err(syntax("The request body must be a JSON object.")),
        Err(error) => Err(syntax(&format!("The request body is not valid JSON: {error}."))),
    }
}

fn not_modified(headers: &HeaderMap, version: i64) -> bool {
    let present = etag(version);
    let known = headers.get(header::IF_NONE_MATCH).and_then(|value| value.to_str().ok());
    known.is_some_and(|tags| tags.split(',').any(|tag| tag.trim() == present))
}
