//! Filters of provisioning clients: any text is read or refused, and what is read can be written and read again.
#![no_main]

use libfuzzer_sys::fuzz_target;
use serde_json::json;
use vestibule_scim::filter::ScimFilter;

fuzz_target!(|text: &str| {
    let Ok(filter) = ScimFilter::parse(text) else { return };
    let written = filter.to_string();
    // Parentheses make it longer and deeper, so that it may be too much at the second time; never another one.
    if let Ok(again) = ScimFilter::parse(&written) {
        assert_eq!(again.to_string(), written);
        let user = json!({"userName": "bob", "active": true, "emails": [{"type": "work", "value": "bob@x.example"}],
            "name": {"givenName": "Bob"}, "age": 7, "title": null, "tags": ["a", 1, [2], {"value": {"value": 3}}]});
        let user = user.as_object().expect("an object");
        assert_eq!(again.matches(user), filter.matches(user));
    }
});
