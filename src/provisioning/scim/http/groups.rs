//! `/Groups`

use axum::extract::{Path, Query as UrlQuery, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use serde_json::json;

use super::super::error::Error;
use super::super::json::Object;
use super::super::operation::{Operation, Verb};
use super::super::query::Query;
use super::super::trace::{Changed, Trace, difference};
use super::super::{group, patch};
use super::write::Done;
use super::{Provisioner, base, check_version, not_modified, resource_answer};
use crate::audit::Context;
use crate::directory::groups::{self, Applied, Change, Group, Members};
use crate::kernel::database::Connection;
use crate::kernel::{Kernel, Tx};

async fn find(c: &mut Connection, account_id: &str, id: &str) -> Result<Group, Error> {
    groups::by_id(c, account_id, id).await?.ok_or_else(|| Error::not_found("Group", id))
}

pub(super) async fn represent(
    kernel: &Kernel,
    c: &mut Connection,
    group: &Group,
    query: &Query,
) -> Result<Object, Error> {
    let members = if query.shows("members") {
        let users = groups::members(c, &group.id, ("", i64::MAX)).await?;
        Some((users, groups::nested(c, &group.id).await?))
    } else {
        None
    };
    Ok(group::represent(group, members.as_ref(), &base(kernel)))
}

pub(super) async fn get(
    State(kernel): State<Kernel>,
    client: Provisioner,
    Path(id): Path<String>,
    UrlQuery(query): UrlQuery<Query>,
    headers: HeaderMap,
) -> Result<Response, Error> {
    let mut c = kernel.db.read().await?;
    let group = find(&mut c, client.account(), &id).await?;
    let mut response = if not_modified(&headers, group.version) {
        StatusCode::NOT_MODIFIED.into_response()
    } else {
        let resource = represent(&kernel, &mut c, &group, &query).await?;
        resource_answer(resource.into(), &query, group.version)
    };
    response.extensions_mut().insert(Trace { subject: group.name, resource_id: id, ..Trace::default() });
    Ok(response)
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
        let group = create(tx, client, context, operation, trace).await?;
        let resource = represent(kernel, tx, &group, query).await?;
        return Ok(done(StatusCode::CREATED, &group, Some(resource)));
    }
    let group = find(tx, client.account(), &operation.id).await?;
    group.name.clone_into(&mut trace.subject);
    check_version(operation.version.as_deref(), group.version)?;
    let change = match operation.verb {
        Verb::Delete => {
            groups::delete(tx, context, client.authority(), &group).await?;
            trace.changes = difference(&group::stored(&group), &Object::new());
            return Ok(Done { version: None, ..done(StatusCode::NO_CONTENT, &group, None) });
        }
        Verb::Patch => group::change(&group, &patch::read(&operation.data)?)?,
        Verb::Put | Verb::Post => {
            let (content, members) = group::read(operation.data.clone())?;
            group::replacement(content, members)
        }
    };
    let applied = groups::apply(tx, context, client.authority(), &group, change).await?;
    note(trace, &group, &applied);
    if operation.verb == Verb::Patch {
        // Reading a large group back only to say that one member came would be work for nothing.
        return Ok(done(StatusCode::NO_CONTENT, &applied.group, None));
    }
    let resource = represent(kernel, tx, &applied.group, query).await?;
    Ok(done(StatusCode::OK, &applied.group, Some(resource)))
}

fn done(status: StatusCode, group: &Group, resource: Option<Object>) -> Done {
    Done { status, id: group.id.clone(), version: Some(group.version), resource, ends_access: false }
}

async fn create(
    tx: &mut Tx,
    client: &Provisioner,
    context: &Context,
    operation: &Operation,
    trace: &mut Trace,
) -> Result<Group, Error> {
    let (content, members) = group::read(operation.data.clone())?;
    let new = groups::NewGroup {
        name: content.name,
        external_id: content.external_id,
        attributes: content.attributes,
    };
    let mut group = groups::create(tx, context, client.authority(), new).await?;
    group.id.clone_into(&mut trace.resource_id);
    trace.changes = difference(&Object::new(), &group::stored(&group));
    if let Some(add) = members.filter(|members| !members.is_empty()) {
        let change = Change { members: Members { add, ..Members::default() }, ..Change::default() };
        let applied = groups::apply(tx, context, client.authority(), &group, change).await?;
        note(trace, &group, &applied);
        group = applied.group;
    }
    Ok(group)
}

fn note(trace: &mut Trace, before: &Group, applied: &Applied) {
    trace.changes.extend(difference(&group::stored(before), &group::stored(&applied.group)));
    let Applied { added, removed, .. } = applied;
    if !added.is_empty() || !removed.is_empty() {
        trace.changes.push(Changed::new("members", json!(removed), json!(added)));
        trace.others = added.iter().chain(removed).cloned().collect();
    }
}
