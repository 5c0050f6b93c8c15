use serde_json::json;

use super::*;

fn out(resource: &Resource<'_>) -> Value {
    serde_json::from_str(&serde_json::to_string(resource).expect("JSON")).expect("JSON")
}

#[test]
fn what_is_kept_goes_out_as_it_is() {
    let text = r#"{"a":{"deep":[1,2.50,"x"]},"b":null,"with \" quotes":"é"}"#;
    let whole: Value = serde_json::from_str(text).expect("JSON");
    assert_eq!(out(&Resource::from_stored(text)), whole);
    assert_eq!(Value::Object(Resource::from_stored(text).into_object()), whole);
    let plain = r#"{"a":{"deep":[1,2.50,"x"]},"b":null}"#;
    assert_eq!(serde_json::to_string(&Resource::from_stored(plain)).expect("JSON"), plain);
    assert!(Resource::from_stored(plain).is_null("b") && !Resource::from_stored(plain).is_null("a"));
}

#[test]
fn what_is_put_in_replaces_what_is_kept() {
    let mut resource = Resource::from_stored(r#"{"active":"x","name":{"givenName":"A"},"userName":"old"}"#);
    resource.set("userName", AttributeValue::Text("new \"one\""));
    resource.set("active", AttributeValue::Bool(true));
    let mut name = resource.remove_object("name");
    name.set("familyName", AttributeValue::Text("B"));
    assert_eq!(out(&resource), json!({"active": true, "userName": "new \"one\""}));
    resource.set("name", AttributeValue::Nested(name));
    assert_eq!(out(&resource)["name"], json!({"givenName": "A", "familyName": "B"}));
    assert!(resource.remove_object("userName").is_empty());
}

#[test]
fn a_listing_has_its_commas_between() {
    let mut all = ListWriter::default();
    all.append(&ListWriter::default());
    for text in [r#"{"a":1}"#, "{}"] {
        all.push(&Resource::from_stored(text));
    }
    let mut more = ListWriter::default();
    more.push(&Resource::from_stored(r#"{"b":2}"#));
    all.append(&more);
    all.append(&ListWriter::default());
    assert_eq!((all.text.as_slice(), all.count), (br#"{"a":1},{},{"b":2}"#.as_slice(), 3));
}
