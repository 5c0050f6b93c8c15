//! `/Groups`

use axum::extract::{Path, Query as UrlQuery, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use serde_json::json;

use super::write::WriteOutcome;
use super::{Provisioner, base_url, check_version, not_modified, resource_response};
use crate::audit::Context;
use crate::directory::groups::{self, Group, GroupUpdate, MembershipUpdate, UpdatedGroup};
use crate::kernel::database::DbConn;
use crate::kernel::{Kernel, Tx};
use crate::provisioning::scim::error::Error;
use crate::provisioning::scim::group;
use crate::provisioning::scim::trace::{AttributeChange, Trace, difference};
use vestibule_scim::group::GroupContent;
use vestibule_scim::json::JsonObject;
use vestibule_scim::operation::{ScimOperation, Verb};
use vestibule_scim::patch;
use vestibule_scim::query::ScimQuery;

async fn find_group(c: &mut DbConn, account_id: &str, id: &str) -> Result<Group, Error> {
    groups::by_id(c, account_id, id).await?.ok_or_else(|| Error::not_found("Group", id))
}

pub(super) async fn represent(
    kernel: &Kernel,
    c: &mut DbConn,
    group: &Group,
    query: &ScimQuery,
) -> Result<JsonObject, Error> {
    let members = if query.shows("members") {
        let users = groups::members(c, &group.id, "", i64::MAX).await?;
        Some((users, groups::nested_groups(c, &group.id).await?))
    } else {
        None
    };
    Ok(group::represent(group, members.as_ref(), &base_url(kernel)))
}

pub(super) async fn get(
    State(kernel): State<Kernel>,
    client: Provisioner,
    Path(id): Path<String>,
    UrlQuery(query): UrlQuery<ScimQuery>,
    headers: HeaderMap,
) -> Result<Response, Error> {
    let mut c = kernel.db.read().await?;
    let group = find_group(&mut c, client.account_id(), &id).await?;
    let mut response = if not_modified(&headers, group.version) {
        StatusCode::NOT_MODIFIED.into_response()
    } else {
        let resource = represent(&kernel, &mut c, &group, &query).await?;
        resource_response(resource.into(), &query, group.version)
    };
    response.extensions_mut().insert(Trace { subject: group.name, resource_id: id, ..Trace::default() });
    Ok(response)
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
        let group = create(tx, client, context, operation, trace).await?;
        let resource = represent(kernel, tx, &group, query).await?;
        return Ok(write_outcome(StatusCode::CREATED, &group, Some(resource)));
    }
    let group = find_group(tx, client.account_id(), &operation.id).await?;
    group.name.clone_into(&mut trace.subject);
    check_version(operation.version.as_deref(), group.version)?;
    let change = match operation.verb {
        Verb::Delete => {
            groups::delete(tx, context, client.authority(), &group).await?;
            trace.changes = difference(&group::stored_resource(&group), &JsonObject::new());
            return Ok(WriteOutcome { version: None, ..write_outcome(StatusCode::NO_CONTENT, &group, None) });
        }
        Verb::Patch => group::change_from_patch(&group, &patch::parse_operations(&operation.data)?)?,
        Verb::Put | Verb::Post => {
            let (content, members) = GroupContent::parse_body(operation.data.clone())?;
            group::replacement(content, members)
        }
    };
    let applied = groups::update(tx, context, client.authority(), &group, change).await?;
    record_changes(trace, &group, &applied);
    if operation.verb == Verb::Patch {
        // Reading a large group back only to say that one member came would be work for nothing.
        return Ok(write_outcome(StatusCode::NO_CONTENT, &applied.group, None));
    }
    let resource = represent(kernel, tx, &applied.group, query).await?;
    Ok(write_outcome(StatusCode::OK, &applied.group, Some(resource)))
}

fn write_outcome(status: StatusCode, group: &Group, resource: Option<JsonObject>) -> WriteOutcome {
    WriteOutcome { status, id: group.id.clone(), version: Some(group.version), resource, is_removal: false }
}

async fn create(
    tx: &mut Tx,
    client: &Provisioner,
    context: &Context,
    operation: &ScimOperation,
    trace: &mut Trace,
) -> Result<Group, Error> {
    let (content, members) = GroupContent::parse_body(operation.data.clone())?;
    let new = groups::NewGroup {
        name: content.name,
        external_id: content.external_id,
        attributes: content.attributes,
    };
    let mut group = groups::create(tx, context, client.authority(), new).await?;
    group.id.clone_into(&mut trace.resource_id);
    trace.changes = difference(&JsonObject::new(), &group::stored_resource(&group));
    if let Some(add) = members.filter(|members| !members.is_empty()) {
        let change = GroupUpdate {
            members: MembershipUpdate { add, ..MembershipUpdate::default() },
            ..GroupUpdate::default()
        };
        let applied = groups::update(tx, context, client.authority(), &group, change).await?;
        record_changes(trace, &group, &applied);
        group = applied.group;
    }
    Ok(group)
}

fn record_changes(trace: &mut Trace, before: &Group, applied: &UpdatedGroup) {
    trace
        .changes
        .extend(difference(&group::stored_resource(before), &group::stored_resource(&applied.group)));
    let UpdatedGroup { added, removed, .. } = applied;
    if !added.is_empty() || !removed.is_empty() {
        trace.changes.push(AttributeChange::new("members", json!(removed), json!(added)));
        trace.member_ids = added.iter().chain(removed).cloned().collect();
    }
}
