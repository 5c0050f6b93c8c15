use serde_json::json;

use super::*;

fn out(resource: &Resource<'_>) -> Value {
    serde_json::from_str(&serde_json::to_string(resource).expect("JSON")).expect("JSON")
}

#[test]
fn what_is_kept_goes_out_as_it_is() {
    let text = r#"{"a":{"deep":[1,2.50,"x"]},"b":null,"with \" quotes":"é"}"#;
    let whole: Value = serde_json::from_str(text).expect("JSON");
    assert_eq!(out(&Resource::kept(text)), whole);
    assert_eq!(Value::Object(Resource::kept(text).into_object()), whole);
    let plain = r#"{"a":{"deep":[1,2.50,"x"]},"b":null}"#;
    assert_eq!(serde_json::to_string(&Resource::kept(plain)).expect("JSON"), plain);
    assert!(Resource::kept(plain).is_null("b") && !Resource::kept(plain).is_null("a"));
}

#[test]
fn what_is_put_in_replaces_what_is_kept() {
    let mut resource = Resource::kept(r#"{"active":"x","name":{"givenName":"A"},"userName":"old"}"#);
    resource.put("userName", Part::Text("new \"one\""));
    resource.put("active", Part::Flag(true));
    let mut name = resource.take_nested("name");
    name.put("familyName", Part::Text("B"));
    assert_eq!(out(&resource), json!({"active": true, "userName": "new \"one\""}));
    resource.put("name", Part::Nested(name));
    assert_eq!(out(&resource)["name"], json!({"givenName": "A", "familyName": "B"}));
    assert!(resource.take_nested("userName").is_empty());
}

#[test]
fn a_listing_has_its_commas_between() {
    let mut all = Listing::default();
    all.append(&Listing::default());
    for text in [r#"{"a":1}"#, "{}"] {
        all.push(&Resource::kept(text));
    }
    let mut more = Listing::default();
    more.push(&Resource::kept(r#"{"b":2}"#));
    all.append(&more);
    all.append(&Listing::default());
    assert_eq!((all.text.as_slice(), all.count), (br#"{"a":1},{},{"b":2}"#.as_slice(), 3));
}
