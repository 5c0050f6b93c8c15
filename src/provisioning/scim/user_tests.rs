use vestibule_scim::attributes::ENTERPRISE;
use vestibule_scim::user::normalize_user;

use super::*;

fn read(body: Value) -> Result<Profile, Error> {
    profile(normalize_user(body.as_object().expect("object").clone()))
}

#[test]
fn names_in_any_case_and_booleans_as_text_are_understood() {
    let profile = read(json!({
        "USERNAME": "bob", "Active": "False", "NAME": {"GivenName": "Bob"}, "id": "theirs", "password": "secret",
        "emails": {"value": "b@x.example", "primary": "True"}, "groups": [{"value": "g"}],
    }))
    .expect("a profile");
    assert_eq!((profile.user_name.as_str(), profile.active), ("bob", false));
    assert_eq!(profile.given_name.as_deref(), Some("Bob"));
    assert_eq!(profile.email.as_deref(), Some("b@x.example"));
    let kept = Value::Object(profile.attributes);
    assert_eq!(kept["emails"], json!([{"value": "b@x.example", "primary": true}]));
    for gone in ["id", "password", "groups"] {
        assert!(kept.get(gone).is_none(), "{gone}");
    }
}

#[test]
fn the_manager_comes_in_three_shapes() {
    for manager in [json!("m1"), json!({"value": "m1"}), json!([{"value": "m1"}])] {
        let profile = read(json!({"userName": "b", ENTERPRISE: {"manager": manager}})).expect("a profile");
        assert_eq!(profile.attributes[ENTERPRISE], json!({"manager": {"value": "m1"}}));
    }
    let profile = read(json!({"userName": "b", ENTERPRISE: {"manager": ""}})).expect("a profile");
    assert!(
        profile.attributes.get(ENTERPRISE).is_none(),
        "nothing is left of an extension without attributes"
    );
}

#[test]
fn the_primary_address_counts_then_the_first_then_the_name() {
    let email = |body| read(body).expect("a profile").email;
    let two = json!([{"value": "a@x.example"}, {"value": "b@x.example", "primary": true}]);
    assert_eq!(email(json!({"userName": "u", "emails": two})).as_deref(), Some("b@x.example"));
    assert_eq!(
        email(json!({"userName": "u", "emails": [{"value": "a@x.example"}]})).as_deref(),
        Some("a@x.example")
    );
    assert_eq!(email(json!({"userName": "u@x.example"})).as_deref(), Some("u@x.example"));
    assert_eq!(email(json!({"userName": "u"})), None);
}

#[test]
fn a_user_needs_a_name_and_a_plain_active() {
    for bad in [json!({}), json!({"userName": " "}), json!({"userName": "u", "active": "perhaps"})] {
        assert_eq!(read(bad.clone()).expect_err("refused").scim_type, Some(ScimType::InvalidValue), "{bad}");
    }
}
