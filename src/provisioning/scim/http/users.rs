//! `/Users`

use axum::extract::{Path, Query as UrlQuery, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};

use super::write::WriteOutcome;
use super::{Provisioner, base_url, check_version, not_modified, resource_response};
use crate::access::{self, Role, roles_of};
use crate::audit::Context;
use crate::directory::groups;
use crate::directory::users::{self, User};
use crate::kernel::database::DbConn;
use crate::kernel::{Kernel, Tx};
use crate::provisioning::scim::error::Error;
use crate::provisioning::scim::json::JsonObject;
use crate::provisioning::scim::operation::{ScimOperation, Verb};
use crate::provisioning::scim::query::ScimQuery;
use crate::provisioning::scim::resource_json::Resource;
use crate::provisioning::scim::trace::{AttributeChange, Trace, difference};
use crate::provisioning::scim::{custom_attributes, deletion_guard, patch, user};

async fn find_user(c: &mut DbConn, account_id: &str, id: &str) -> Result<User, Error> {
    users::by_id(c, account_id, id).await?.ok_or_else(|| Error::not_found("User", id))
}

pub(super) async fn get(
    State(kernel): State<Kernel>,
    client: Provisioner,
    Path(id): Path<String>,
    UrlQuery(query): UrlQuery<ScimQuery>,
    headers: HeaderMap,
) -> Result<Response, Error> {
    let mut c = kernel.db.read().await?;
    let user = find_user(&mut c, client.account_id(), &id).await?;
    let mut response = if not_modified(&headers, user.version) {
        StatusCode::NOT_MODIFIED.into_response()
    } else {
        let resource = represent(&kernel, &mut c, &user, &query).await?;
        resource_response(resource, &query, user.version)
    };
    response.extensions_mut().insert(Trace { subject: user.user_name, resource_id: id, ..Trace::default() });
    Ok(response)
}

async fn represent<'a>(
    kernel: &Kernel,
    c: &mut DbConn,
    user: &'a User,
    query: &ScimQuery,
) -> Result<Resource<'a>, Error> {
    let groups = if query.shows("groups") {
        Some(groups::of_user(c, &user.account_id, &user.id).await?)
    } else {
        None
    };
    Ok(user::represent(user, groups.as_deref(), &base_url(kernel)))
}

pub(super) async fn apply_operation(
    kernel: &Kernel,
    tx: &mut Tx,
    client: &Provisioner,
    context: &Context,
    (operation, query): (&ScimOperation, &ScimQuery),
    trace: &mut Trace,
) -> Result<WriteOutcome, Error> {
    if operation.verb == Verb::Post {
        let user = create(tx, client, context, operation, trace).await?;
        // Nobody has put somebody new into a group yet.
        let resource = user::represent(&user, None, &base_url(kernel)).into_object();
        return Ok(write_outcome(StatusCode::CREATED, &user, Some(resource), false));
    }
    let user = find_user(tx, client.account_id(), &operation.id).await?;
    user.user_name.clone_into(&mut trace.subject);
    check_version(operation.version.as_deref(), user.version)?;
    if operation.verb == Verb::Delete {
        let is_removal = removal_would_count(tx, &user);
        access::delete_user(tx, context, client.authority(), &user).await?;
        trace.changes = difference(&user::resource(&user).into_object(), &JsonObject::new());
        return Ok(WriteOutcome {
            version: None,
            ..write_outcome(StatusCode::NO_CONTENT, &user, None, is_removal)
        });
    }
    check_takeover(tx, &user).await?;
    let updated = update(tx, client, context, operation, &user, trace).await?;
    let resource = represent(kernel, tx, &updated, query).await?.into_object();
    let is_removal = removal_would_count(tx, &user) && !updated.is_active();
    Ok(write_outcome(StatusCode::OK, &updated, Some(resource), is_removal))
}

/// Whether somebody would be missed: they could sign in, and did not come only just now, as in a test.
fn removal_would_count(tx: &Tx, user: &User) -> bool {
    user.is_active() && user.created_at < tx.now().minus(deletion_guard::NEW_USER_PERIOD)
}

fn write_outcome(
    status: StatusCode,
    user: &User,
    resource: Option<JsonObject>,
    is_removal: bool,
) -> WriteOutcome {
    WriteOutcome { status, id: user.id.clone(), version: Some(user.version), resource, is_removal }
}

async fn create(
    tx: &mut Tx,
    client: &Provisioner,
    context: &Context,
    operation: &ScimOperation,
    trace: &mut Trace,
) -> Result<User, Error> {
    let sent = user::normalize(operation.data.clone());
    let profile =
        user::profile(custom_attributes::coerce_attributes(&client.settings.extra_attributes, sent)?)?;
    let user = users::create_in_one_statement(tx, context, &client.connection_id, profile).await?;
    user.id.clone_into(&mut trace.resource_id);
    trace.changes = difference(&JsonObject::new(), &user::resource(&user).into_object());
    Ok(user)
}

async fn update(
    tx: &mut Tx,
    client: &Provisioner,
    context: &Context,
    operation: &ScimOperation,
    user: &User,
    trace: &mut Trace,
) -> Result<User, Error> {
    let before = user::resource(user).into_object();
    let wanted = if operation.verb == Verb::Put {
        operation.data.clone()
    } else {
        let mut resource = before.clone();
        patch::apply(&mut resource, &patch::parse(&operation.data)?)?;
        user::mark_active_removed(&mut resource);
        resource
    };
    let wanted =
        custom_attributes::coerce_attributes(&client.settings.extra_attributes, user::normalize(wanted))?;
    let profile = user::profile(wanted)?;
    let updated = access::update_user(tx, context, client.authority(), user, profile).await?;
    trace.changes = difference(&before, &user::resource(&updated).into_object());
    if user.connection_id.is_none() {
        // From here on the user is changed in the directory, which the log should not pass over.
        trace.changes.push(AttributeChange::new("managed by", Value::Null, json!(client.connection_name)));
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
