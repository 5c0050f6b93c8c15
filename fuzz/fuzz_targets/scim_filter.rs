//! Filters of provisioning clients: any text is read or refused, and what is read can be written and read again.
#![no_main]

use libfuzzer_sys::fuzz_target;
use serde_json::json;
use vestibule::provisioning::scim::fuzz_api::{finds, read_filter};

fuzz_target!(|text: &str| {
    let Ok(written) = read_filter(text) else { return };
    // Parentheses make it longer and deeper, so that it may be too much at the second time; never another one.
    if let Ok(again) = read_filter(&written) {
        assert_eq!(again, written);
        let user = json!({"userName": "bob", "active": true, "emails": [{"type": "work", "value": "bob@x.example"}],
            "name": {"givenName": "Bob"}, "age": 7, "title": null, "tags": ["a", 1, [2], {"value": {"value": 3}}]});
        let user = user.as_object().expect("an object");
        assert_eq!(finds(text, user).ok(), finds(&written, user).ok());
    }
});
