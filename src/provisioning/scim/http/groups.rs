//! `/Groups`

use axum::body::Bytes;
use axum::extract::{Path, Query as UrlQuery, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};

use super::super::error::Error;
use super::super::json::Object;
use super::super::query::Query;
use super::super::{group, patch, user};
use super::{Provisioner, base, check_version, not_modified, read_body, resource_answer};
use crate::directory::groups::{self, Group};
use crate::kernel::Kernel;
use crate::kernel::database::Connection;
use crate::kernel::http::RequestContext;

async fn find_group(c: &mut Connection, account_id: &str, id: &str) -> Result<Group, Error> {
    groups::by_id(c, account_id, id).await?.ok_or_else(|| Error::not_found("Group", id))
}

async fn group_answer(
    kernel: &Kernel,
    c: &mut Connection,
    status: StatusCode,
    group: &Group,
    query: &Query,
) -> Result<Response, Error> {
    let resource = represent_group(kernel, c, group, query).await?;
    Ok(resource_answer(status, resource, query, group.version))
}

pub(super) async fn represent_group(
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

pub(super) async fn get(
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

pub(super) async fn create(
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

pub(super) async fn put(
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
pub(super) async fn patch(
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

pub(super) async fn delete(
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
