use proptest::prelude::*;
use serde_json::json;

use super::*;

fn sorted(by: &str, order: &str, resources: &[Value]) -> Vec<Value> {
    let sort = Sort::parse(Some(by), Some(order)).expect("an order").expect("asked for");
    let mut found = resources.to_vec();
    sort.apply(&mut found, |one| one.as_object().expect("object").clone());
    found.iter().map(|one| one["id"].clone()).collect()
}

#[test]
fn resources_without_a_value_are_last_and_in_descending_order_first() {
    let resources = [
        json!({"id": 1, "title": "b"}),
        json!({"id": 2}),
        json!({"id": 3, "title": "A"}),
        json!({"id": 4, "emails": [{"value": "z"}, {"value": "a", "primary": true}], "title": " c "}),
    ];
    for (by, order, expected) in [
        ("title", "", json!([3, 1, 4, 2])),
        ("TITLE", "Descending", json!([2, 4, 1, 3])),
        ("emails.value", "ascending", json!([4, 1, 2, 3])),
    ] {
        assert_eq!(json!(sorted(by, order, &resources)), expected, "{by} {order}");
    }
}

#[test]
fn an_order_that_cannot_be_is_refused() {
    for (by, order, expected) in
        [("a b", None, ScimType::InvalidPath), ("title", Some("up"), ScimType::InvalidValue)]
    {
        assert_eq!(Sort::parse(Some(by), order).expect_err("refused").scim_type, Some(expected));
    }
    assert_eq!(Sort::parse(None, Some("descending")), Ok(None), "an order of nothing says nothing");
}

#[test]
fn a_cursor_of_others_is_refused() {
    let with_nul = PageStart::encode_cursor("a\0", "1");
    for cursor in ["x", "%%", "W10", with_nul.as_str(), &"A".repeat(8000)] {
        let refused = PageStart::parse_cursor(cursor).expect_err(cursor);
        assert_eq!(refused.scim_type, Some(ScimType::InvalidCursor));
    }
    assert_eq!(PageStart::parse_cursor(""), Ok(PageStart::Beginning));
}

proptest! {
    #[test]
    fn a_cursor_leads_back_to_where_it_was_made(key in "[^\\x00]{0,40}", id in "[0-9a-f-]{1,36}") {
        let read = PageStart::parse_cursor(&PageStart::encode_cursor(&key, &id));
        prop_assert_eq!(read, Ok(PageStart::After(key, id)));
    }
}
