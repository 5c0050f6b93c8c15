//! `/Users`

use axum::extract::{Path, Query as UrlQuery, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};

use super::super::error::Error;
use super::super::json::Object;
use super::super::operation::{Operation, Verb};
use super::super::outgoing::Resource;
use super::super::query::Query;
use super::super::trace::{Changed, Trace, difference};
use super::super::{extra, patch, removals, user};
use super::write::Done;
use super::{Provisioner, base, check_version, not_modified, resource_answer};
use crate::access::{PrincipalKind, Role, roles_of, unbind_all};
use crate::audit::Context;
use crate::directory::groups;
use crate::directory::users::{self, User};
use crate::kernel::database::Connection;
use crate::kernel::{Kernel, Tx};

async fn find(c: &mut Connection, account_id: &str, id: &str) -> Result<User, Error> {
    users::by_id(c, account_id, id).await?.ok_or_else(|| Error::not_found("User", id))
}

pub(super) async fn get(
    State(kernel): State<Kernel>,
    client: Provisioner,
    Path(id): Path<String>,
    UrlQuery(query): UrlQuery<Query>,
    headers: HeaderMap,
) -> Result<Response, Error> {
    let mut c = kernel.db.read().await?;
    let user = find(&mut c, client.account(), &id).await?;
    let mut response = if not_modified(&headers, user.version) {
        StatusCode::NOT_MODIFIED.into_response()
    } else {
        let resource = represent(&kernel, &mut c, &user, &query).await?;
        resource_answer(resource, &query, user.version)
    };
    response.extensions_mut().insert(Trace { subject: user.user_name, resource_id: id, ..Trace::default() });
    Ok(response)
}

async fn represent<'a>(
    kernel: &Kernel,
    c: &mut Connection,
    user: &'a User,
    query: &Query,
) -> Result<Resource<'a>, Error> {
    let groups = if query.shows("groups") {
        Some(groups::of_user(c, &user.account_id, &user.id).await?)
    } else {
        None
    };
    Ok(user::represent(user, groups.as_deref(), &base(kernel)))
}

pub(super) async fn perform(
    kernel: &Kernel,
    tx: &mut Tx,
    client: &Provisioner,
    context: &Context,
    (operation, query): (&Operation, &Query),
    trace: &mut Trace,
) -> Result<Done, Error> {
    if operation.verb == Verb::Post {
        let user = create(tx, client, context, operation, trace).await?;
        // Nobody has put somebody new into a group yet.
        let resource = user::represent(&user, None, &base(kernel)).into_object();
        return Ok(done(StatusCode::CREATED, &user, Some(resource), false));
    }
    let user = find(tx, client.account(), &operation.id).await?;
    user.user_name.clone_into(&mut trace.subject);
    check_version(operation.version.as_deref(), user.version)?;
    if operation.verb == Verb::Delete {
        let missed = loses_access(tx, &user);
        users::delete(tx, context, client.authority(), &user).await?;
        unbind_all(tx, context, (PrincipalKind::User, &user.id, &user.user_name)).await?;
        trace.changes = difference(&user::resource(&user).into_object(), &Object::new());
        return Ok(Done { version: None, ..done(StatusCode::NO_CONTENT, &user, None, missed) });
    }
    check_takeover(tx, &user).await?;
    let updated = update(tx, client, context, (operation, &user), trace).await?;
    let resource = represent(kernel, tx, &updated, query).await?.into_object();
    let ends_access = loses_access(tx, &user) && !updated.is_active();
    Ok(done(StatusCode::OK, &updated, Some(resource), ends_access))
}

/// Whether somebody would be missed: they could sign in, and did not come only just now, as in a test.
fn loses_access(tx: &Tx, user: &User) -> bool {
    user.is_active() && user.created_at < tx.now().minus(removals::WITHIN)
}

fn done(status: StatusCode, user: &User, resource: Option<Object>, ends_access: bool) -> Done {
    Done { status, id: user.id.clone(), version: Some(user.version), resource, ends_access }
}

async fn create(
    tx: &mut Tx,
    client: &Provisioner,
    context: &Context,
    operation: &Operation,
    trace: &mut Trace,
) -> Result<User, Error> {
    let sent = user::normalize(operation.data.clone());
    let profile = user::profile(extra::check(&client.settings.extra_attributes, sent)?)?;
    let user = users::create_at_once(tx, context, &client.connection_id, profile).await?;
    user.id.clone_into(&mut trace.resource_id);
    trace.changes = difference(&Object::new(), &user::resource(&user).into_object());
    Ok(user)
}

async fn update(
    tx: &mut Tx,
    client: &Provisioner,
    context: &Context,
    (operation, user): (&Operation, &User),
    trace: &mut Trace,
) -> Result<User, Error> {
    let before = user::resource(user).into_object();
    let wanted = if operation.verb == Verb::Put {
        operation.data.clone()
    } else {
        let mut resource = before.clone();
        patch::apply(&mut resource, &patch::read(&operation.data)?)?;
        user::note_removed_active(&mut resource);
        resource
    };
    let wanted = extra::check(&client.settings.extra_attributes, user::normalize(wanted))?;
    let profile = user::profile(wanted)?;
    let updated = users::update(tx, context, client.authority(), user, profile).await?;
    trace.changes = difference(&before, &user::resource(&updated).into_object());
    if user.connection_id.is_none() {
        // From here on the user is changed in the directory, which the log should not pass over.
        trace.changes.push(Changed::new("managed by", Value::Null, json!(client.name)));
    }
    Ok(updated)
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
