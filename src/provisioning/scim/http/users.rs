//! `/Users`

use axum::body::Bytes;
use axum::extract::{Path, Query as UrlQuery, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};

use super::super::error::Error;
use super::super::json::Object;
use super::super::query::Query;
use super::super::{patch, user};
use super::{Provisioner, base, check_version, not_modified, read_body, resource_answer};
use crate::access::{PrincipalKind, Role, roles_of, unbind_all};
use crate::directory::groups;
use crate::directory::users::{self, User};
use crate::kernel::database::Connection;
use crate::kernel::http::RequestContext;
use crate::kernel::{Kernel, Tx};

async fn find_user(c: &mut Connection, account_id: &str, id: &str) -> Result<User, Error> {
    users::by_id(c, account_id, id).await?.ok_or_else(|| Error::not_found("User", id))
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
    let resource = user::represent(user, groups.as_deref(), &base(kernel));
    Ok(resource_answer(status, resource, query, user.version))
}

pub(super) async fn get(
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

pub(super) async fn create(
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

pub(super) async fn put(
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

pub(super) async fn patch(
    State(kernel): State<Kernel>,
    client: Provisioner,
    Path(id): Path<String>,
    (request, headers): (RequestContext, HeaderMap),
    UrlQuery(query): UrlQuery<Query>,
    body: Bytes,
) -> Result<Response, Error> {
    let operations = patch::read(&read_body(&body)?)?;
    let change = |mut resource: Object| {
        patch::apply(&mut resource, &operations)?;
        user::note_removed_active(&mut resource);
        Ok(resource)
    };
    write_user(&kernel, &client, (&id, &request, &headers), &query, change).await
}

pub(super) async fn delete(
    State(kernel): State<Kernel>,
    client: Provisioner,
    Path(id): Path<String>,
    (request, headers): (RequestContext, HeaderMap),
) -> Result<StatusCode, Error> {
    let mut tx = kernel.db.begin().await?;
    let user = find_user(&mut tx, client.account(), &id).await?;
    check_version(&headers, user.version)?;
    let context = client.context(&request);
    users::delete(&mut tx, &context, client.authority(), &user).await?;
    unbind_all(&mut tx, &context, (PrincipalKind::User, &user.id, &user.user_name)).await?;
    tx.commit().await?;
    Ok(StatusCode::NO_CONTENT)
}
