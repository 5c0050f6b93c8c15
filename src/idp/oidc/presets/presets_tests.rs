use std::collections::HashSet;

use serde_json::json;

use super::Preset;
use super::spec::SetupValue;

#[test]
fn every_preset_is_complete() {
    let mut names = HashSet::new();
    for preset in Preset::ALL.iter().copied() {
        let spec = preset.spec();
        assert_eq!(json!(preset), json!(spec.name), "the variant in lower case is its name on the wire");
        assert_eq!(Preset::parse(spec.name), Some(preset));
        assert!(names.insert(spec.name), "{} is there twice", spec.name);
        assert!(!spec.label.is_empty() && !spec.scopes.is_empty(), "{}", spec.name);
        let asks_for_callback =
            spec.steps.iter().any(|step| step.field.is_some_and(|(_, value)| value == SetupValue::Callback));
        assert!(asks_for_callback, "no step of {} says where the callback address goes", spec.name);
        assert_eq!(spec.issuer.is_none(), preset == Preset::Other, "{}", spec.name);
        if spec.oauth2.is_some() {
            assert!(
                spec.client_auth.is_some() || spec.name == "bitbucket",
                "{} describes itself nowhere",
                spec.name
            );
        }
    }
}

#[test]
fn a_name_that_is_not_known_is_no_preset() {
    assert_eq!(Preset::parse("no such preset"), None);
    assert!(
        serde_json::from_value::<Preset>(json!("discord")).is_err(),
        "it refuses, and is not another provider"
    );
}
