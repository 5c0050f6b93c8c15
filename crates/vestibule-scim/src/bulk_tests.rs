use serde_json::json;

use super::*;

fn read(operations: Value) -> Result<BulkRequest, Error> {
    let body = json!({"Operations": operations});
    BulkRequest::parse(body.as_object().expect("object"))
}

fn post(bulk_id: &str, data: Value) -> Value {
    json!({"method": "POST", "path": "/Groups", "bulkId": bulk_id, "data": data})
}

/// The positions in the order in which the operations are carried out, without those that wait for each
/// other.
fn order(operations: &[ScimOperation]) -> Vec<usize> {
    let mut schedule = BulkSchedule::new(operations);
    std::iter::from_fn(|| schedule.next_ready().inspect(|n| schedule.complete(*n))).collect()
}

#[test]
fn an_operation_that_is_not_right_is_named() {
    for (operation, detail) in [
        (json!("x"), "Operation 1: it must be an object."),
        (
            json!({"method": "GET", "path": "/Users/1"}),
            "Operation 1: method must be POST, PUT, PATCH or DELETE.",
        ),
        (json!({"method": "POST", "path": "/Users", "data": {}}), "Operation 1: POST requires a bulkId."),
        (json!({"method": "PUT", "path": "/Users/1"}), "Operation 1: data must be an object."),
        (
            json!({"method": "DELETE", "path": "/Things/1"}),
            "Operation 1: path must start with /Users or /Groups, as in /Users/{id}.",
        ),
        (
            json!({"method": "DELETE", "path": "/Users"}),
            "Operation 1: POST requires the path /Users or /Groups; other methods require a path such as \
             /Users/{id}.",
        ),
    ] {
        assert_eq!(read(json!([operation])).expect_err("refused").detail, detail, "{operation}");
    }
    let twice = read(json!([post("a", json!({})), post("a", json!({}))])).expect_err("refused");
    assert_eq!(twice.detail, "Operation 2: its bulkId is already in use.");
    let many = read(json!(vec![0; MAX_BULK_OPERATIONS + 1])).expect_err("refused");
    assert_eq!((many.status, many.scim_type), (413, None));
}

#[test]
fn methods_and_paths_are_read_as_clients_write_them() {
    let bulk = read(json!([
        {"method": "delete", "path": "/users/1"},
        {"method": "Patch", "path": "Groups/2", "bulkId": "ignored", "data": {"Operations": []}},
    ]))
    .expect("reads");
    let read: Vec<_> =
        bulk.operations.iter().map(|one| (one.verb, one.path(), one.bulk_id.clone())).collect();
    assert_eq!(
        read,
        [(Verb::Delete, "/Users/1".to_owned(), None), (Verb::Patch, "/Groups/2".to_owned(), None)]
    );
    assert_eq!(bulk.fail_on_errors, usize::MAX);
}

#[test]
fn operations_come_after_those_they_refer_to() {
    for (operations, expected) in [
        (json!([post("a", json!({})), post("b", json!({}))]), vec![0, 1]),
        (json!([post("a", json!({"members": [{"value": "bulkId:b"}]})), post("b", json!({}))]), vec![1, 0]),
        (
            json!([{"method": "PATCH", "path": "/Groups/bulkId:b", "data": {"Operations": [
                {"op": "remove", "path": "members[value eq \"bulkId:c\"]"}]}}, post("c", json!({})), post("b", json!({}))]),
            vec![1, 2, 0],
        ),
        (
            json!([
                post("a", json!({"x": "bulkId:b"})),
                post("b", json!({"x": "bulkId:a"})),
                post("c", json!({}))
            ]),
            vec![2],
        ),
    ] {
        assert_eq!(order(&read(operations.clone()).expect("reads").operations), expected, "{operations}");
    }
}

#[test]
fn references_become_ids_or_say_what_is_missing() {
    let made = HashMap::from([("a".to_owned(), Some("id-a".to_owned())), ("b".to_owned(), None)]);
    let resolve = |reference: &str| {
        let data = json!({"members": [{"value": format!("bulkId:{reference}")}]});
        let mut operation = read(json!([post("x", data)])).expect("reads").operations.remove(0);
        operation.resolve_bulk_ids(&made).map(|()| operation.data["members"][0]["value"].clone())
    };
    assert_eq!(resolve("a"), Ok(json!("id-a")));
    assert_eq!(resolve("b").expect_err("not made").status, 409);
    assert_eq!(resolve("c").expect_err("unknown").scim_type, Some(ScimType::InvalidValue));
}
