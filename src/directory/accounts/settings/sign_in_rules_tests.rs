use super::*;

#[test]
fn rules_are_checked_and_normalized() {
    let good = json!([{"domain": "@Acme.example", "password": false, "passkey": true, "connections": ["b", "a", "b"]}]);
    let stored =
        json!([{"domain": "acme.example", "password": false, "passkey": true, "connections": ["a", "b"]}]);
    assert_eq!(checked(good, 5).expect("good"), stored);
    let twice = json!({"group": "g", "password": true, "passkey": true, "connections": null});
    for bad in [
        json!([{"domain": "acme", "password": true, "passkey": true}]),
        json!([{"domain": "acme.example", "group": "g", "password": true, "passkey": true}]),
        json!([twice, twice]),
        json!([{"domain": "acme.example", "password": true}]),
        json!([{"password": true, "passkey": true, "sms": true}]),
        json!("everyone"),
    ] {
        assert!(checked(bad.clone(), 5).is_err(), "{bad}");
    }
}
