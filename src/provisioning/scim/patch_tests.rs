use proptest::prelude::*;

use super::*;

fn patched(resource: &Value, operations: Value) -> Result<Value, Error> {
    let mut resource = resource.as_object().expect("object").clone();
    let body = json!({"Operations": operations});
    apply(&mut resource, &read(body.as_object().expect("object"))?)?;
    Ok(Value::Object(resource))
}

#[track_caller]
fn check(resource: Value, operations: Value, expected: Value) {
    assert_eq!(patched(&resource, operations).expect("applies"), expected);
}

const ENTERPRISE: &str = schemas::ENTERPRISE;

#[test]
fn okta_deactivates_without_a_path() {
    check(
        json!({"userName": "b", "active": true}),
        json!([{"op": "replace", "value": {"active": false}}]),
        json!({"userName": "b", "active": false}),
    );
}

#[test]
fn entra_writes_operations_and_booleans_its_own_way() {
    check(
        json!({"active": true}),
        json!([{"op": "Replace", "path": "active", "value": "False"}]),
        json!({"active": "False"}),
    );
    check(
        json!({}),
        json!([
            {"op": "Add", "path": "emails[type eq \"work\"].value", "value": "b@x.example"},
            {"op": "Replace", "path": "addresses[type eq \"work\"].streetAddress", "value": "Main St"},
            {"op": "Add", "path": format!("{ENTERPRISE}:department"), "value": "Sales"},
            {"op": "Replace", "path": "name.givenName", "value": "Bob"},
        ]),
        json!({
            "emails": [{"type": "work", "value": "b@x.example"}],
            "addresses": [{"type": "work", "streetAddress": "Main St"}],
            ENTERPRISE: {"department": "Sales"},
            "name": {"givenName": "Bob"},
        }),
    );
    check(
        json!({"name": {"familyName": "B"}}),
        json!([{"op": "replace", "value": {"name.givenName": "Bob", format!("{ENTERPRISE}:employeeNumber"): "7", ENTERPRISE: {"division": "N"}}}]),
        json!({"name": {"familyName": "B", "givenName": "Bob"}, ENTERPRISE: {"employeeNumber": "7", "division": "N"}}),
    );
}

#[test]
fn an_extension_is_written_as_a_whole_too() {
    check(
        json!({}),
        json!([{"op": "add", "path": ENTERPRISE, "value": {"department": "Sales"}}]),
        json!({ENTERPRISE: {"department": "Sales"}}),
    );
    check(
        json!({ENTERPRISE: {"department": "Sales"}}),
        json!([{"op": "add", "path": ENTERPRISE, "value": {"division": "N"}}]),
        json!({ENTERPRISE: {"department": "Sales", "division": "N"}}),
    );
    check(
        json!({ENTERPRISE: {"department": "Sales"}}),
        json!([{"op": "remove", "path": ENTERPRISE}]),
        json!({}),
    );
}

#[test]
fn adding_merges_and_replacing_replaces() {
    let two = json!({"emails": [{"value": "a", "primary": true}]});
    check(
        two.clone(),
        json!([{"op": "add", "path": "emails", "value": [{"value": "b", "primary": true}]}]),
        json!({"emails": [{"value": "a", "primary": false}, {"value": "b", "primary": true}]}),
    );
    check(
        two.clone(),
        json!([{"op": "add", "path": "emails", "value": {"value": "a", "primary": true}}]),
        two.clone(),
    );
    check(
        two,
        json!([{"op": "replace", "path": "emails", "value": {"value": "c"}}]),
        json!({"emails": [{"value": "c"}]}),
    );
    check(
        json!({"name": {"givenName": "A", "familyName": "B"}}),
        json!([{"op": "add", "path": "name", "value": {"GIVENNAME": "C"}}]),
        json!({"name": {"givenName": "C", "familyName": "B"}}),
    );
}

#[test]
fn removing_takes_what_is_named_and_no_more() {
    let user = json!({"title": "x", "emails": [{"type": "work", "value": "a"}, {"type": "home", "value": "b"}], "name": {"givenName": "A"}});
    check(
        user.clone(),
        json!([{"op": "Remove", "path": "TITLE"}, {"op": "remove", "path": "emails[type eq \"work\"]"}, {"op": "remove", "path": "name.givenName"}]),
        json!({"emails": [{"type": "home", "value": "b"}], "name": {}}),
    );
    check(
        user.clone(),
        json!([{"op": "remove", "path": "emails", "value": [{"value": "b"}]}, {"op": "remove", "path": "nickName"}]),
        json!({"title": "x", "emails": [{"type": "work", "value": "a"}], "name": {"givenName": "A"}}),
    );
    check(
        user.clone(),
        json!([{"op": "remove", "path": "emails", "value": null}, {"op": "replace", "path": "title", "value": null}]),
        json!({"name": {"givenName": "A"}}),
    );
    let no_target = patched(&user, json!([{"op": "remove"}])).expect_err("no path");
    assert_eq!(no_target.scim_type, Some(ScimType::NoTarget));
}

#[test]
fn what_cannot_be_done_is_said() {
    let kind =
        |operations: Value| patched(&json!({"userName": "b"}), operations).expect_err("refused").scim_type;
    assert_eq!(kind(json!([{"op": "replace", "path": "id", "value": "x"}])), Some(ScimType::Mutability));
    assert_eq!(kind(json!([{"op": "replace", "path": "a b", "value": "x"}])), Some(ScimType::InvalidPath));
    assert_eq!(
        kind(json!([{"op": "replace", "path": "emails[type", "value": "x"}])),
        Some(ScimType::InvalidPath)
    );
    assert_eq!(
        kind(json!([{"op": "replace", "path": "emails[type eq]", "value": "x"}])),
        Some(ScimType::InvalidFilter)
    );
    assert_eq!(kind(json!([{"op": "move", "path": "x"}])), Some(ScimType::InvalidSyntax));
    assert_eq!(kind(json!([])), Some(ScimType::InvalidSyntax));
    assert_eq!(kind(json!([{"op": "add", "value": "x"}])), Some(ScimType::InvalidSyntax));
    check(
        json!({"userName": "b"}),
        json!([{"op": "replace", "value": {"id": "x", "meta": {}, "userName": "c"}}]),
        json!({"userName": "c"}),
    );
}

fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        "[a-z]{0,5}".prop_map(Value::from),
        any::<i32>().prop_map(Value::from)
    ];
    leaf.prop_recursive(3, 24, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::btree_map(
                prop::sample::select(vec!["value", "type", "emails", "name", "active", "primary", "x"]),
                inner,
                0..4
            )
            .prop_map(|m| Value::Object(m.into_iter().map(|(k, v)| (k.to_owned(), v)).collect())),
        ]
    })
}

proptest! {
    #[test]
    fn no_operation_breaks_on_any_resource(
        resource in any_json(), value in any_json(),
        op in prop::sample::select(vec!["add", "Replace", "remove"]),
        path in prop::sample::select(vec!["", "emails", "emails.value", "emails[type eq \"x\"]", "emails[type eq \"x\"].value", "name.x", "active", "x[value pr].y"]),
    ) {
        if let Value::Object(mut resource) = resource {
            let body = json!({"Operations": [{"op": op, "path": path, "value": value}]});
            if let Ok(operations) = read(body.as_object().expect("object")) {
                let _ = apply(&mut resource, &operations);
            }
        }
    }

    #[test]
    fn replacing_twice_is_replacing_once(value in any_json()) {
        let once = json!([{"op": "replace", "path": "title", "value": value}]);
        let twice = json!([{"op": "replace", "path": "title", "value": value}, {"op": "replace", "path": "title", "value": value}]);
        prop_assert_eq!(patched(&json!({}), once).expect("applies"), patched(&json!({}), twice).expect("applies"));
    }
}
