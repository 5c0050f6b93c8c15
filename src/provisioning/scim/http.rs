//! The SCIM endpoints. The bearer token names account and connection; nothing in a path or a body can.

use axum::body::Bytes;
use axum::extract::{FromRequestParts, Path, Query as UrlQuery, State};
use axum::http::request::Parts;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};

use super::error::{Error, ScimType};
use super::json::Object;
use super::query::{MAX_RESULTS, MAX_SCAN, Query};
use super::{group, patch, schemas, user};
use crate::access::{Guard, Principal, Role, Routes, roles_of};
use crate::audit::Context;
use crate::directory::groups::{self, Group};
use crate::directory::users::{self, Authority, User};
use crate::kernel::database::Connection;
use crate::kernel::http::RequestContext;
use crate::kernel::{Kernel, Tx};

/// RFC 7644 §8.1.
pub(super) const MEDIA_TYPE: &str = "application/scim+json";

/// The provisioning client of a request: put there by the route's guard.
#[derive(Debug, Clone)]
pub struct Provisioner {
    /// The connection's service account.
    pub principal: Principal,
    /// The connection.
    pub connection_id: String,
}

impl Provisioner {
    fn authority(&self) -> Authority<'_> {
        Authority::Connection(&self.connection_id)
    }

    fn account(&self) -> &str {
        &self.principal.account_id
    }

    fn context(&self, request: &RequestContext) -> Context {
        self.principal.context(request)
    }
}

impl<S: Sync> FromRequestParts<S> for Provisioner {
    type Rejection = Error;
    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Error> {
        parts.extensions.get::<Self>().cloned().ok_or_else(Error::unauthorized)
    }
}

/// The routes under `/scim/v2`. Entra's feature flag may stand in the path and changes nothing.
#[must_use]
pub fn routes() -> Routes<Kernel> {
    ["/scim/v2", "/scim/v2/aadOptscim062020"].into_iter().fold(Routes::default(), |routes, base| {
        let at = |path: &str| format!("{base}{path}");
        routes
            .get(&at("/Users"), Guard::Scim, list_users)
            .post(&at("/Users"), Guard::Scim, create_user)
            .get(&at("/Users/{id}"), Guard::Scim, get_user)
            .put(&at("/Users/{id}"), Guard::Scim, put_user)
            .patch(&at("/Users/{id}"), Guard::Scim, patch_user)
            .delete(&at("/Users/{id}"), Guard::Scim, delete_user)
            .get(&at("/Groups"), Guard::Scim, list_groups)
            .post(&at("/Groups"), Guard::Scim, create_group)
            .get(&at("/Groups/{id}"), Guard::Scim, get_group)
            .put(&at("/Groups/{id}"), Guard::Scim, put_group)
            .patch(&at("/Groups/{id}"), Guard::Scim, patch_group)
            .delete(&at("/Groups/{id}"), Guard::Scim, delete_group)
            .get(&at("/ServiceProviderConfig"), Guard::Scim, service_provider_config)
            .get(&at("/Schemas"), Guard::Scim, list_schemas)
            .get(&at("/Schemas/{id}"), Guard::Scim, get_schema)
            .get(&at("/ResourceTypes"), Guard::Scim, list_resource_types)
            .get(&at("/ResourceTypes/{id}"), Guard::Scim, get_resource_type)
    })
}

fn base(kernel: &Kernel) -> String {
    kernel.urls.absolute("/scim/v2")
}

fn answer(status: StatusCode, body: &Value) -> Response {
    (status, [(header::CONTENT_TYPE, MEDIA_TYPE)], body.to_string()).into_response()
}

/// A resource with its entity tag, and its address when it is new.
fn resource_answer(status: StatusCode, body: &Value, version: i64) -> Response {
    let mut response = answer(status, body);
    let headers = response.headers_mut();
    if let Ok(tag) = user::etag(version).parse() {
        headers.insert(header::ETAG, tag);
    }
    let location = body["meta"]["location"].as_str().unwrap_or_default().parse();
    if let (StatusCode::CREATED, Ok(location)) = (status, location) {
        headers.insert(header::LOCATION, location);
    }
    response
}

fn list_answer(resources: &[Value], total: i64, offset: i64) -> Response {
    let body = json!({
        "schemas": ["urn:ietf:params:scim:api:messages:2.0:ListResponse"],
        "totalResults": total,
        "startIndex": offset + 1,
        "itemsPerPage": resources.len(),
        "Resources": resources,
    });
    answer(StatusCode::OK, &body)
}

fn read_body(body: &Bytes) -> Result<Object, Error> {
    let syntax = |detail: &str| Error::bad(ScimType::InvalidSyntax, detail);
    match serde_json::from_slice(body) {
        Ok(Value::Object(object)) => Ok(object),
        Ok(_) => Err(syntax("The body must be a JSON object.")),
        Err(error) => Err(syntax(&format!("The body is not JSON: {error}."))),
    }
}

/// `If-Match` (RFC 7644 §3.14): a client that names the version it saw must have seen the present one.
fn check_version(headers: &HeaderMap, version: i64) -> Result<(), Error> {
    let Some(wanted) = headers.get(header::IF_MATCH).and_then(|value| value.to_str().ok()) else {
        return Ok(());
    };
    let present = user::etag(version);
    let strong = present.trim_start_matches("W/");
    if wanted.split(',').map(str::trim).any(|tag| tag == "*" || tag.trim_start_matches("W/") == strong) {
        return Ok(());
    }
    Err(Error::plain(StatusCode::PRECONDITION_FAILED, format!("The resource changed; it is now {present}.")))
}

fn not_modified(headers: &HeaderMap, version: i64) -> bool {
    let present = user::etag(version);
    let known = headers.get(header::IF_NONE_MATCH).and_then(|value| value.to_str().ok());
    known.is_some_and(|tags| tags.split(',').any(|tag| tag.trim() == present))
}

async fn find_user(c: &mut Connection, account_id: &str, id: &str) -> Result<User, Error> {
    users::by_id(c, account_id, id).await?.ok_or_else(|| Error::not_found("User", id))
}

async fn find_group(c: &mut Connection, account_id: &str, id: &str) -> Result<Group, Error> {
    groups::by_id(c, account_id, id).await?.ok_or_else(|| Error::not_found("Group", id))
}

// Users

async fn list_users(
    State(kernel): State<Kernel>,
    client: Provisioner,
    UrlQuery(query): UrlQuery<Query>,
) -> Result<Response, Error> {
    let (offset, limit) = query.range()?;
    let plan = query.plan_users()?;
    let mut c = kernel.db.read().await?;
    let (page, total) = if let Some(rest) = plan.rest {
        let candidates = users::list_at(&mut c, client.account(), &plan.matches, (0, MAX_SCAN + 1)).await?;
        let found = scan(candidates, |user| rest.matches(&user::resource(user)))?;
        cut(found, offset, limit)
    } else {
        let page = users::list_at(&mut c, client.account(), &plan.matches, (offset, limit)).await?;
        let total = users::count(&mut c, client.account(), &plan.matches).await?;
        (page, total)
    };
    let mut resources = Vec::with_capacity(page.len());
    for user in &page {
        let groups = if query.asks_for("groups") {
            Some(groups::of_user(&mut c, client.account(), &user.id).await?)
        } else {
            None
        };
        resources.push(query.project(user::represent(user, groups.as_deref(), &base(&kernel))));
    }
    Ok(list_answer(&resources, total, offset))
}

/// Keeps the candidates that match; too many candidates to look at is the client's error.
fn scan<T>(candidates: Vec<T>, matches: impl Fn(&T) -> bool) -> Result<Vec<T>, Error> {
    if i64::try_from(candidates.len()).unwrap_or(i64::MAX) > MAX_SCAN {
        let detail = "This filter would look through too many resources. Filter by userName, externalId, id or \
                      displayName with eq.";
        return Err(Error::bad(ScimType::TooMany, detail));
    }
    Ok(candidates.into_iter().filter(matches).collect())
}

fn cut<T>(found: Vec<T>, offset: i64, limit: i64) -> (Vec<T>, i64) {
    let total = i64::try_from(found.len()).unwrap_or(i64::MAX);
    let skip = usize::try_from(offset).unwrap_or(usize::MAX);
    (found.into_iter().skip(skip).take(usize::try_from(limit).unwrap_or(0)).collect(), total)
}

async fn user_answer(
    kernel: &Kernel,
    c: &mut Connection,
    status: StatusCode,
    user: &User,
    query: &Query,
) -> Result<Response, Error> {
    let groups = if query.shows("groups") && status != StatusCode::CREATED {
        Some(groups::of_user(c, &user.account_id, &user.id).await?)
    } else {
        None
    };
    let body = query.project(user::represent(user, groups.as_deref(), &base(kernel)));
    Ok(resource_answer(status, &body, user.version))
}

async fn get_user(
    State(kernel): State<Kernel>,
    client: Provisioner,
    Path(id): Path<String>,
    UrlQuery(query): UrlQuery<Query>,
    headers: HeaderMap,
) -> Result<Response, Error> {
    let mut c = kernel.db.read().await?;
    let user = find_user(&mut c, client.account(), &id).await?;
    if not_modified(&headers, user.version) {
        return Ok(StatusCode::NOT_MODIFIED.into_response());
    }
    user_answer(&kernel, &mut c, StatusCode::OK, &user, &query).await
}

async fn create_user(
    State(kernel): State<Kernel>,
    client: Provisioner,
    request: RequestContext,
    UrlQuery(query): UrlQuery<Query>,
    body: Bytes,
) -> Result<Response, Error> {
    let profile = user::profile(user::normalize(read_body(&body)?))?;
    let mut tx = kernel.db.begin().await?;
    let user = users::create(&mut tx, &client.context(&request), client.authority(), profile).await?;
    let response = user_answer(&kernel, &mut tx, StatusCode::CREATED, &user, &query).await?;
    tx.commit().await?;
    Ok(response)
}

/// An administrator made by hand is not taken over by a directory that happens to know the address.
async fn check_takeover(tx: &mut Tx, user: &User) -> Result<(), Error> {
    if user.connection_id.is_none() && roles_of(tx, &user.id).await?.contains(&Role::AccountAdmin) {
        let detail = "This user is an administrator who was not provisioned. An administrator has to take the role \
                      away before a directory can manage the user.";
        return Err(Error::plain(StatusCode::FORBIDDEN, detail));
    }
    Ok(())
}

/// Applies `change` to the present resource of a user and answers with the new one.
async fn write_user(
    kernel: &Kernel,
    client: &Provisioner,
    (id, request, headers): (&str, &RequestContext, &HeaderMap),
    query: &Query,
    change: impl FnOnce(Object) -> Result<Object, Error> + Send,
) -> Result<Response, Error> {
    let mut tx = kernel.db.begin().await?;
    let user = find_user(&mut tx, client.account(), id).await?;
    check_version(headers, user.version)?;
    check_takeover(&mut tx, &user).await?;
    let profile = user::profile(user::normalize(change(user::resource(&user))?))?;
    let updated =
        users::update(&mut tx, &client.context(request), client.authority(), &user, profile).await?;
    let response = user_answer(kernel, &mut tx, StatusCode::OK, &updated, query).await?;
    tx.commit().await?;
    Ok(response)
}

async fn put_user(
    State(kernel): State<Kernel>,
    client: Provisioner,
    Path(id): Path<String>,
    (request, headers): (RequestContext, HeaderMap),
    UrlQuery(query): UrlQuery<Query>,
    body: Bytes,
) -> Result<Response, Error> {
    let body = read_body(&body)?;
    write_user(&kernel, &client, (&id, &request, &headers), &query, |_| Ok(body)).await
}

async fn patch_user(
    State(kernel): State<Kernel>,
    client: Provisioner,
    Path(id): Path<String>,
    (request, headers): (RequestContext, HeaderMap),
    UrlQuery(query): UrlQuery<Query>,
    body: Bytes,
) -> Result<Response, Error> {
    let operations = patch::read(&read_body(&body)?)?;
    let change = |mut resource: Object| patch::apply(&mut resource, &operations).map(|()| resource);
    write_user(&kernel, &client, (&id, &request, &headers), &query, change).await
}

async fn delete_user(
    State(kernel): State<Kernel>,
    client: Provisioner,
    Path(id): Path<String>,
    (request, headers): (RequestContext, HeaderMap),
) -> Result<StatusCode, Error> {
    let mut tx = kernel.db.begin().await?;
    let user = find_user(&mut tx, client.account(), &id).await?;
    check_version(&headers, user.version)?;
    users::delete(&mut tx, &client.context(&request), client.authority(), &user).await?;
    tx.commit().await?;
    Ok(StatusCode::NO_CONTENT)
}

// Groups

async fn group_answer(
    kernel: &Kernel,
    c: &mut Connection,
    status: StatusCode,
    group: &Group,
    query: &Query,
) -> Result<Response, Error> {
    let body = query.project(represent_group(kernel, c, group, query).await?);
    Ok(resource_answer(status, &body, group.version))
}

async fn represent_group(
    kernel: &Kernel,
    c: &mut Connection,
    group: &Group,
    query: &Query,
) -> Result<Object, Error> {
    let members = if query.shows("members") {
        Some(groups::members(c, &group.id, ("", i64::MAX)).await?)
    } else {
        None
    };
    Ok(group::represent(group, members.as_deref(), &base(kernel)))
}

async fn list_groups(
    State(kernel): State<Kernel>,
    client: Provisioner,
    UrlQuery(query): UrlQuery<Query>,
) -> Result<Response, Error> {
    let (offset, limit) = query.range()?;
    let plan = query.plan_groups()?;
    let mut c = kernel.db.read().await?;
    let (page, total) = if let Some(rest) = plan.rest {
        let candidates = groups::list_at(&mut c, client.account(), &plan.matches, (0, MAX_SCAN + 1)).await?;
        let found = scan(candidates, |group| rest.matches(&group::represent(group, None, "")))?;
        cut(found, offset, limit)
    } else {
        let page = groups::list_at(&mut c, client.account(), &plan.matches, (offset, limit)).await?;
        let total = groups::count(&mut c, client.account(), &plan.matches).await?;
        (page, total)
    };
    let mut resources = Vec::with_capacity(page.len());
    for group in &page {
        let resource = represent_group(&kernel, &mut c, group, &query).await?;
        resources.push(query.project(resource));
    }
    Ok(list_answer(&resources, total, offset))
}

async fn get_group(
    State(kernel): State<Kernel>,
    client: Provisioner,
    Path(id): Path<String>,
    UrlQuery(query): UrlQuery<Query>,
    headers: HeaderMap,
) -> Result<Response, Error> {
    let mut c = kernel.db.read().await?;
    let group = find_group(&mut c, client.account(), &id).await?;
    if not_modified(&headers, group.version) {
        return Ok(StatusCode::NOT_MODIFIED.into_response());
    }
    group_answer(&kernel, &mut c, StatusCode::OK, &group, &query).await
}

async fn create_group(
    State(kernel): State<Kernel>,
    client: Provisioner,
    request: RequestContext,
    UrlQuery(query): UrlQuery<Query>,
    body: Bytes,
) -> Result<Response, Error> {
    let (content, members) = group::read(read_body(&body)?)?;
    let context = client.context(&request);
    let mut tx = kernel.db.begin().await?;
    let new = groups::NewGroup {
        name: content.name,
        external_id: content.external_id,
        attributes: content.attributes,
    };
    let mut group = groups::create(&mut tx, &context, client.authority(), new).await?;
    if let Some(add) = members.filter(|members| !members.is_empty()) {
        let members = groups::Members { add, ..groups::Members::default() };
        let change = groups::Change { members, ..groups::Change::default() };
        group = groups::apply(&mut tx, &context, client.authority(), &group, change).await?;
    }
    let response = group_answer(&kernel, &mut tx, StatusCode::CREATED, &group, &query).await?;
    tx.commit().await?;
    Ok(response)
}

async fn put_group(
    State(kernel): State<Kernel>,
    client: Provisioner,
    Path(id): Path<String>,
    (request, headers): (RequestContext, HeaderMap),
    UrlQuery(query): UrlQuery<Query>,
    body: Bytes,
) -> Result<Response, Error> {
    let (content, members) = group::read(read_body(&body)?)?;
    let mut tx = kernel.db.begin().await?;
    let group = find_group(&mut tx, client.account(), &id).await?;
    check_version(&headers, group.version)?;
    let change = group::replacement(content, members);
    let group = groups::apply(&mut tx, &client.context(&request), client.authority(), &group, change).await?;
    let response = group_answer(&kernel, &mut tx, StatusCode::OK, &group, &query).await?;
    tx.commit().await?;
    Ok(response)
}

/// Answers 204: reading a large group back only to say that one member came would be work for nothing.
async fn patch_group(
    State(kernel): State<Kernel>,
    client: Provisioner,
    Path(id): Path<String>,
    (request, headers): (RequestContext, HeaderMap),
    body: Bytes,
) -> Result<Response, Error> {
    let operations = patch::read(&read_body(&body)?)?;
    let mut tx = kernel.db.begin().await?;
    let group = find_group(&mut tx, client.account(), &id).await?;
    check_version(&headers, group.version)?;
    let change = group::change(&group, &operations)?;
    let group = groups::apply(&mut tx, &client.context(&request), client.authority(), &group, change).await?;
    tx.commit().await?;
    let mut response = StatusCode::NO_CONTENT.into_response();
    if let Ok(tag) = user::etag(group.version).parse() {
        response.headers_mut().insert(header::ETAG, tag);
    }
    Ok(response)
}

async fn delete_group(
    State(kernel): State<Kernel>,
    client: Provisioner,
    Path(id): Path<String>,
    (request, headers): (RequestContext, HeaderMap),
) -> Result<StatusCode, Error> {
    let mut tx = kernel.db.begin().await?;
    let group = find_group(&mut tx, client.account(), &id).await?;
    check_version(&headers, group.version)?;
    groups::delete(&mut tx, &client.context(&request), client.authority(), &group).await?;
    tx.commit().await?;
    Ok(StatusCode::NO_CONTENT)
}

// Discovery

async fn service_provider_config(State(kernel): State<Kernel>, _: Provisioner) -> Response {
    answer(StatusCode::OK, &schemas::service_provider_config(&base(&kernel), MAX_RESULTS))
}

async fn list_schemas(State(kernel): State<Kernel>, _: Provisioner) -> Response {
    let all = schemas::all(&base(&kernel));
    let total = i64::try_from(all.len()).unwrap_or(0);
    list_answer(&all, total, 0)
}

async fn list_resource_types(State(kernel): State<Kernel>, _: Provisioner) -> Response {
    let all = schemas::resource_types(&base(&kernel));
    let total = i64::try_from(all.len()).unwrap_or(0);
    list_answer(&all, total, 0)
}

fn one_of(all: Vec<Value>, kind: &str, id: &str) -> Result<Response, Error> {
    let found =
        all.into_iter().find(|one| one["id"].as_str().is_some_and(|own| own.eq_ignore_ascii_case(id)));
    found.map(|one| answer(StatusCode::OK, &one)).ok_or_else(|| Error::not_found(kind, id))
}

async fn get_schema(
    State(kernel): State<Kernel>,
    _: Provisioner,
    Path(id): Path<String>,
) -> Result<Response, Error> {
    one_of(schemas::all(&base(&kernel)), "Schema", &id)
}

async fn get_resource_type(
    State(kernel): State<Kernel>,
    _: Provisioner,
    Path(id): Path<String>,
) -> Result<Response, Error> {
    one_of(schemas::resource_types(&base(&kernel)), "ResourceType", &id)
}
