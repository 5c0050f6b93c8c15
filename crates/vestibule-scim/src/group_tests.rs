use serde_json::json;

use super::*;
use crate::patch::parse_operations;

fn split(operations: Value) -> Result<GroupPatch, Error> {
    let body = json!({"Operations": operations});
    GroupPatch::split(&parse_operations(body.as_object().expect("object"))?)
}

#[test]
fn members_are_changed_in_the_ways_that_clients_know() {
    let ids = |ids: &[&str]| ids.iter().map(|id| (*id).to_owned()).collect::<Vec<_>>();
    for (operation, expected) in [
        (json!({"op": "add", "path": "members", "value": [{"value": "a"}]}), MembersChange::Add(ids(&["a"]))),
        (json!({"op": "Add", "path": "MEMBERS", "value": ["a", "b"]}), MembersChange::Add(ids(&["a", "b"]))),
        (json!({"op": "add", "value": {"members": {"value": "a"}}}), MembersChange::Add(ids(&["a"]))),
        (json!({"op": "remove", "path": "members[value eq \"a\"]"}), MembersChange::Remove(ids(&["a"]))),
        (
            json!({"op": "remove", "path": "members[value eq \"a\" or value eq \"b\"]"}),
            MembersChange::Remove(ids(&["a", "b"])),
        ),
        (
            json!({"op": "remove", "path": "members", "value": [{"value": "a"}]}),
            MembersChange::Remove(ids(&["a"])),
        ),
        (json!({"op": "remove", "path": "members"}), MembersChange::Replace(Vec::new())),
        (json!({"op": "replace", "path": "members", "value": ["a"]}), MembersChange::Replace(ids(&["a"]))),
        (json!({"op": "replace", "path": "members", "value": null}), MembersChange::Replace(Vec::new())),
    ] {
        assert_eq!(split(json!([operation])).map(|found| found.members), Ok(vec![expected]), "{operation}");
    }
}

#[test]
fn what_is_not_about_members_is_left_for_the_resource() {
    let split = split(json!([
        {"op": "replace", "value": {"displayName": "Staff", "members": ["a"]}},
        {"op": "replace", "path": "displayName", "value": "Makers"},
    ]))
    .expect("operations");
    assert_eq!(split.members.len(), 1);
    let values: Vec<&Value> = split.attributes.iter().map(|operation| &operation.value).collect();
    assert_eq!(values, [&json!({"displayName": "Staff"}), &json!("Makers")]);
}

#[test]
fn what_cannot_be_meant_is_refused() {
    for (operation, expected) in [
        (
            json!({"op": "replace", "path": "members[value eq \"a\"]", "value": {"value": "b"}}),
            ScimType::Mutability,
        ),
        (json!({"op": "remove", "path": "members[display eq \"a\"]"}), ScimType::InvalidFilter),
        (json!({"op": "add", "path": "members", "value": [{"display": "a"}]}), ScimType::InvalidValue),
    ] {
        let refused = split(json!([operation])).expect_err("refused");
        assert_eq!(refused.scim_type, Some(expected), "{operation}");
    }
}

#[test]
fn a_body_is_kept_in_the_spelling_of_the_rfc_and_without_its_members() {
    let body =
        json!({"DISPLAYNAME": "Staff", "externalId": 7, "id": "theirs", "title": "", "members": ["a"]});
    let (content, members) =
        GroupContent::parse_body(body.as_object().expect("object").clone()).expect("a group");
    assert_eq!((content.name.as_str(), content.external_id.as_deref()), ("Staff", Some("7")));
    assert_eq!(Value::Object(content.attributes), json!({"displayName": "Staff", "externalId": 7}));
    assert_eq!(members, Some(vec!["a".to_owned()]));
    assert!(GroupContent::parse_body(JsonObject::new()).is_err(), "a group needs a name");
}
