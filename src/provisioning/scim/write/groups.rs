//! Changes of groups.

use axum::http::StatusCode;
use serde_json::json;
use vestibule_scim::group::GroupContent;
use vestibule_scim::json::JsonObject;
use vestibule_scim::operation::Verb;
use vestibule_scim::patch;

use super::model::{ScimWrite, WriteOutcome, check_version};
use crate::directory::groups::{self, Group, GroupUpdate, MembershipUpdate, UpdatedGroup};
use crate::kernel::Tx;
use crate::provisioning::scim::error::Error;
use crate::provisioning::scim::group;
use crate::provisioning::scim::trace::{AttributeChange, Trace, difference};

impl ScimWrite<'_> {
    pub(super) async fn apply_to_group(&mut self, tx: &mut Tx) -> Result<WriteOutcome, Error> {
        if self.operation.verb == Verb::Post {
            let group = self.create_group(tx).await?;
            let resource = group::load_resource(self.kernel, tx, &group, self.query).await?;
            return Ok(write_outcome(StatusCode::CREATED, &group, Some(resource)));
        }
        let group = group::find_group(tx, self.client.account_id(), &self.operation.id).await?;
        group.name.clone_into(&mut self.trace.subject);
        check_version(self.operation.version.as_deref(), group.version)?;
        let change = match self.operation.verb {
            Verb::Delete => {
                groups::delete(tx, self.context, self.client.authority(), &group).await?;
                self.trace.changes = difference(&group::stored_resource(&group), &JsonObject::new());
                let outcome = write_outcome(StatusCode::NO_CONTENT, &group, None);
                return Ok(WriteOutcome { version: None, ..outcome });
            }
            Verb::Patch => group::change_from_patch(&group, &patch::parse_operations(&self.operation.data)?)?,
            Verb::Put | Verb::Post => {
                let (content, members) = GroupContent::parse_body(self.operation.data.clone())?;
                group::replacement(content, members)
            }
        };
        let updated = groups::update(tx, self.context, self.client.authority(), &group, change).await?;
        record_changes(&mut self.trace, &group, &updated);
        if self.operation.verb == Verb::Patch {
            // PATCH returns 204, so that a large group need not be read back after one member was added.
            return Ok(write_outcome(StatusCode::NO_CONTENT, &updated.group, None));
        }
        let resource = group::load_resource(self.kernel, tx, &updated.group, self.query).await?;
        Ok(write_outcome(StatusCode::OK, &updated.group, Some(resource)))
    }

    async fn create_group(&mut self, tx: &mut Tx) -> Result<Group, Error> {
        let (content, members) = GroupContent::parse_body(self.operation.data.clone())?;
        let new = groups::NewGroup {
            name: content.name,
            external_id: content.external_id,
            attributes: content.attributes,
        };
        let group = groups::create(tx, self.context, self.client.authority(), new).await?;
        group.id.as_str().clone_into(&mut self.trace.resource_id);
        self.trace.changes = difference(&JsonObject::new(), &group::stored_resource(&group));
        let Some(add) = members.filter(|members| !members.is_empty()) else { return Ok(group) };
        let change = GroupUpdate {
            members: MembershipUpdate { add, ..MembershipUpdate::default() },
            ..GroupUpdate::default()
        };
        let updated = groups::update(tx, self.context, self.client.authority(), &group, change).await?;
        record_changes(&mut self.trace, &group, &updated);
        Ok(updated.group)
    }
}

fn write_outcome(status: StatusCode, group: &Group, resource: Option<JsonObject>) -> WriteOutcome {
    WriteOutcome {
        status,
        id: String::from(&group.id),
        version: Some(group.version),
        resource,
        is_removal: false,
        needs_approval: false,
    }
}

fn record_changes(trace: &mut Trace, before: &Group, updated: &UpdatedGroup) {
    let UpdatedGroup { group, added, removed, .. } = updated;
    trace.changes.extend(difference(&group::stored_resource(before), &group::stored_resource(group)));
    if !added.is_empty() || !removed.is_empty() {
        trace.changes.push(AttributeChange::new("members", json!(removed), json!(added)));
        trace.member_ids = added.iter().chain(removed).cloned().collect();
    }
}
