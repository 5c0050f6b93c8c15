use super::TextEnum as _;

text_enum! {
    /// Colours of a traffic light.
    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    enum Light {
        Red = "red" => "Stop",
        Green = "green" => "Go",
    }
}

#[test]
fn each_value_is_read_from_its_own_text_only() {
    for light in Light::ALL {
        assert_eq!(Light::parse(light.as_str()), Some(*light));
    }
    for unknown in ["", "Red", "red ", "amber"] {
        assert_eq!(Light::parse(unknown), None, "{unknown}");
    }
    assert_eq!(Light::try_from("green".to_owned()), Ok(Light::Green));
    let unknown = Light::try_from("amber".to_owned()).expect_err("unknown").to_string();
    assert!(unknown.contains("Light") && !unknown.contains("amber"), "{unknown}");
    assert_eq!(Light::TEXTS, ["red", "green"]);
    assert_eq!((Light::Red.label(), Light::Green.label()), ("Stop", "Go"));
}
