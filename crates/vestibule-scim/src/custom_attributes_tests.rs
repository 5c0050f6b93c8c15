use serde_json::json;

use super::*;

fn defined() -> Vec<ExtraAttribute> {
    let lines =
        "costCode integer What is charged\nskills string[] What they know\nremote boolean\nsince dateTime";
    lines.lines().map(|line| ExtraAttribute::parse(line).expect(line)).collect()
}

fn checked(sent: Value) -> Result<Value, String> {
    let resource = json!({"userName": "b", CUSTOM_EXTENSION: sent}).as_object().expect("object").clone();
    coerce_attributes(&defined(), resource)
        .map(|mut kept| kept.remove(CUSTOM_EXTENSION).unwrap_or_default())
        .map_err(|e| e.detail)
}

#[test]
fn values_get_their_types_and_names() {
    let kept = checked(json!({"COSTCODE": "7", "skills": "rust", "remote": "True", "unknown": 1}));
    assert_eq!(kept, Ok(json!({"costCode": 7, "skills": ["rust"], "remote": true})));
    assert_eq!(checked(json!({"skills": [], "remote": null})), Ok(Value::Null));
    assert_eq!(
        checked(json!({"since": "2026-11-26T00:00:00Z"})),
        Ok(json!({"since": "2026-11-26T00:00:00Z"}))
    );
}

#[test]
fn a_value_that_does_not_fit_is_named() {
    for (sent, named) in [
        (json!({"costCode": "many"}), "costCode must be a whole number."),
        (json!({"skills": [{"a": 1}]}), "skills must be a list; each value must be text."),
        (json!({"since": "yesterday"}), "since must be a time such as 2026-01-31T00:00:00Z."),
    ] {
        assert_eq!(checked(sent), Err(named.to_owned()));
    }
    assert!(checked(json!("text")).is_err());
}

#[test]
fn nothing_defined_keeps_what_was_sent() {
    let sent = json!({CUSTOM_EXTENSION: {"anything": 1}}).as_object().expect("object").clone();
    assert_eq!(coerce_attributes(&[], sent.clone()).map_err(|e| e.detail), Ok(sent));
}
