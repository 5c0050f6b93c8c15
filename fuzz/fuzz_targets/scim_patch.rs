//! PATCH of provisioning clients: any operations on any resource are carried out or refused, and never touch what is
//! the server's alone. The first line is the resource, the rest is the body.
#![no_main]

use libfuzzer_sys::fuzz_target;
use serde_json::{Map, Value};
use vestibule_scim::patch::{apply_operations, parse_operations};

type JsonObject = Map<String, Value>;

/// What the resource is after a PATCH with this body.
fn patched(resource: &JsonObject, body: &JsonObject) -> Result<JsonObject, vestibule_scim::Error> {
    let mut resource = resource.clone();
    apply_operations(&mut resource, &parse_operations(body)?)?;
    Ok(resource)
}

fuzz_target!(|text: &str| {
    let (resource, body) = text.split_once('\n').unwrap_or(("{}", text));
    let object = |text: &str| serde_json::from_str::<JsonObject>(text);
    let (Ok(resource), Ok(body)) = (object(resource), object(body)) else { return };
    if let Ok(after) = patched(&resource, &body) {
        for own in ["id", "meta", "groups"] {
            assert_eq!(after.get(own), resource.get(own), "{own}");
        }
        assert_eq!(patched(&resource, &body).as_ref().ok(), Some(&after), "the same again");
    }
});
