use proptest::prelude::*;
use serde_json::json;

use super::*;

fn matches(filter: &str, resource: &Value) -> bool {
    ScimFilter::parse(filter).expect(filter).matches(resource.as_object().expect("object"))
}

#[test]
fn the_grammar_of_the_rfc_is_understood() {
    let user = json!({
        "userName": "bjensen", "active": true, "title": "",
        "name": {"familyName": "O'Malley"},
        "emails": [{"type": "work", "value": "b@example.com"}, {"type": "home", "value": "b@example.org"}],
        "meta": {"lastModified": "2026-05-13T04:42:34Z"}, "age": 7,
        "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User": {"manager": {"value": "m1"}},
    });
    for yes in [
        "userName eq \"BJENSEN\"",
        "USERNAME Eq \"bjensen\"",
        "name.familyName co \"O'Malley\"",
        "urn:ietf:params:scim:schemas:core:2.0:User:userName sw \"bj\"",
        "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:manager eq \"m1\"",
        "userName ew \"sen\"",
        "emails pr",
        "not (title pr)",
        "meta.lastModified gt \"2011-05-13T04:42:34Z\"",
        "active eq true and (age ge 7 or age lt 0)",
        "active eq \"True\"",
        "active eq True",
        "emails.type eq \"work\"",
        "emails[type eq \"work\" and value co \"@example.com\"]",
        "emails[type eq \"work\"].value eq \"b@example.com\"",
        "nickName eq null",
        "userName ne \"x\"",
        "title eq \"x\" or userName eq \"bjensen\" and active eq true",
    ] {
        assert!(matches(yes, &user), "{yes}");
    }
    for no in [
        "userName eq \"x\"",
        "emails[type eq \"work\"].value eq \"b@example.org\"",
        "title pr",
        "not (active eq true)",
        "(title eq \"x\" or userName eq \"bjensen\") and active eq false",
        "age gt 7",
    ] {
        assert!(!matches(no, &user), "{no}");
    }
}

#[test]
fn nonsense_is_named_with_its_place() {
    for bad in [
        "",
        "userName",
        "userName eq",
        "userName eq bj",
        "eq \"x\"",
        "(userName pr",
        "userName pr)",
        "a eq \"x\" and",
        "emails[type eq \"work\"",
        "userName xx \"y\"",
        "not userName pr",
        "a eq {}",
        "a eq [1]",
        "1a eq 1",
        "a..b eq 1",
    ] {
        let error = ScimFilter::parse(bad).expect_err(bad);
        assert_eq!(error.scim_type, Some(ScimType::InvalidFilter), "{bad}");
    }
    assert!(ScimFilter::parse(&"(".repeat(3000)).is_err(), "nesting has an end");
    assert!(ScimFilter::parse(&format!("a eq \"{}\"", "x".repeat(5000))).is_err(), "length has an end");
}

fn any_path() -> impl Strategy<Value = AttributePath> {
    let names = vec![
        "userName",
        "emails.value",
        "name.givenName",
        "x-y_z",
        "$ref",
        "manager",
        "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:department",
    ];
    prop::sample::select(names).prop_map(|name| AttributePath::parse(name).expect("a path"))
}

fn any_filter() -> impl Strategy<Value = ScimFilter> {
    use Operator as O;
    let operator = prop::sample::select(vec![O::Eq, O::Ne, O::Co, O::Sw, O::Ew, O::Gt, O::Ge, O::Lt, O::Le]);
    let value = prop_oneof![
        "\\PC{0,6}"
            .prop_filter("booleans are read from any text of that name", |t| json::boolean(&json!(t))
                .is_none())
            .prop_map(Value::from),
        any::<bool>().prop_map(Value::from),
        any::<i32>().prop_map(Value::from),
        Just(Value::Null),
    ];
    let leaf = prop_oneof![
        (any_path(), operator, value)
            .prop_map(|(path, operator, value)| ScimFilter::Compare(path, operator, value)),
        any_path().prop_map(ScimFilter::Present),
    ];
    leaf.prop_recursive(3, 12, 2, |inner| {
        prop_oneof![
            (inner.clone(), inner.clone()).prop_map(|(a, b)| ScimFilter::And(Box::new(a), Box::new(b))),
            (inner.clone(), inner.clone()).prop_map(|(a, b)| ScimFilter::Or(Box::new(a), Box::new(b))),
            inner.clone().prop_map(|one| ScimFilter::Not(Box::new(one))),
            (any_path(), inner).prop_map(|(path, inner)| ScimFilter::ValuePath(path, Box::new(inner))),
        ]
    })
}

proptest! {
    #[test]
    fn a_filter_that_is_written_is_read_as_the_same(filter in any_filter()) {
        let text = filter.to_string();
        prop_assume!(text.len() <= MAX_LENGTH);
        prop_assert_eq!(ScimFilter::parse(&text).map_err(|error| error.detail), Ok(filter), "{}", text);
    }

    #[test]
    fn no_text_breaks_the_parser(text in "\\PC{0,200}") {
        let _ = ScimFilter::parse(&text);
    }

    #[test]
    fn no_text_of_filter_words_breaks_the_parser(words in prop::collection::vec(
        prop::sample::select(vec!["userName", "eq", "and", "or", "not", "(", ")", "[", "]", "\"x\"", "pr", ".", "emails", "true", "1", " "]), 0..40)) {
        let _ = ScimFilter::parse(&words.join(" "));
        let _ = ScimFilter::parse(&words.concat());
    }

    #[test]
    fn equality_finds_exactly_the_value(value in "[a-z]{1,8}", other in "[a-z]{1,8}") {
        let filter = ScimFilter::parse(&format!("userName eq {}", json!(value))).expect("a filter");
        let matched = filter.matches(json!({"userName": other}).as_object().expect("object"));
        prop_assert_eq!(matched, value == other);
    }
}
