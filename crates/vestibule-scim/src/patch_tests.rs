use proptest::prelude::*;

use super::*;

fn patched(resource: &Value, operations: Value) -> Result<Value, Error> {
    let mut resource = resource.as_object().expect("object").clone();
    let body = json!({"Operations": operations});
    apply_operations(&mut resource, &parse_operations(body.as_object().expect("object"))?)?;
    Ok(Value::Object(resource))
}

#[track_caller]
fn check(resource: Value, operations: Value, expected: Value) {
    assert_eq!(patched(&resource, operations).expect("applies"), expected);
}

const ENTERPRISE: &str = attributes::ENTERPRISE;

#[test]
fn okta_deactivates_without_a_path() {
    check(
        json!({"userName": "b", "active": true}),
        json!([{"op": "replace", "value": {"active": false}}]),
        json!({"userName": "b", "active": false}),
    );
}

#[test]
fn entra_writes_operations_and_booleans_its_own_way() {
    check(
        json!({"active": true}),
        json!([{"op": "Replace", "path": "active", "value": "False"}]),
        json!({"active": "False"}),
    );
    check(
        json!({}),
        json!([
            {"op": "Add", "path": "emails[type eq \"work\"].value", "value": "b@x.example"},
            {"op": "Replace", "path": "addresses[type eq \"work\"].streetAddress", "value": "Main St"},
            {"op": "Add", "path": format!("{ENTERPRISE}:department"), "value": "Sales"},
            {"op": "Replace", "path": "name.givenName", "value": "Bob"},
        ]),
        json!({
            "emails": [{"type": "work", "value": "b@x.example"}],
            "addresses": [{"type": "work", "streetAddress": "Main St"}],
            ENTERPRISE: {"department": "Sales"},
            "name": {"givenName": "Bob"},
        }),
    );
    check(
        json!({"name": {"familyName": "B"}}),
        json!([{"op": "replace", "value": {"name.givenName": "Bob", format!("{ENTERPRISE}:employeeNumber"): "7", ENTERPRISE: {"division": "N"}}}]),
        json!({"name": {"familyName": "B", "givenName": "Bob"}, ENTERPRISE: {"employeeNumber": "7", "division": "N"}}),
    );
}

#[test]
fn an_extension_is_written_as_a_whole_too() {
    check(
        json!({}),
        json!([{"op": "add", "path": ENTERPRISE, "value": {"department": "Sales"}}]),
        json!({ENTERPRISE: {"department": "Sales"}}),
    );
    check(
        json!({ENTERPRISE: {"department": "Sales"}}),
        json!([{"op": "add", "path": ENTERPRISE, "value": {"division": "N"}}]),
        json!({ENTERPRISE: {"department": "Sales", "division": "N"}}),
    );
    check(
        json!({ENTERPRISE: {"department": "Sales"}}),
        json!([{"op": "remove", "path": ENTERPRISE}]),
        json!({}),
    );
}

#[test]
fn adding_merges_and_replacing_replaces() {
    let two = json!({"emails": [{"value": "a", "primary": true}]});
    check(
        two.clone(),
        json!([{"op": "add", "path": "emails", "value": [{"value": "b", "primary": true}]}]),
        json!({"emails": [{"value": "a", "primary": false}, {"value": "b", "primary": true}]}),
    );
    check(
        two.clone(),
        json!([{"op": "add", "path": "emails", "value": {"value": "a", "primary": true}}]),
        two.clone(),
    );
    check(
        two,
        json!([{"op": "replace", "path": "emails", "value": {"value": "c"}}]),
        json!({"emails": [{"value": "c"}]}),
    );
    check(
        json!({"name": {"givenName": "A", "familyName": "B"}}),
        json!([{"op": "add", "path": "name", "value": {"GIVENNAME": "C"}}]),
        json!({"name": {"givenName": "C", "familyName": "B"}}),
    );
}

#[test]
fn removing_takes_what_is_named_and_no_more() {
    let user = json!({"title": "x", "emails": [{"type": "work", "value": "a"}, {"type": "home", "value": "b"}], "name": {"givenName": "A"}});
    check(
        user.clone(),
        json!([{"op": "Remove", "path": "TITLE"}, {"op": "remove", "path": "emails[type eq \"work\"]"}, {"op": "remove", "path": "name.givenName"}]),
        json!({"emails": [{"type": "home", "value": "b"}], "name": {}}),
    );
    check(
        user.clone(),
        json!([{"op": "remove", "path": "emails", "value": [{"value": "b"}]}, {"op": "remove", "path": "nickName"}]),
        json!({"title": "x", "emails": [{"type": "work", "value": "a"}], "name": {"givenName": "A"}}),
    );
    check(
        user.clone(),
        json!([{"op": "remove", "path": "emails", "value": null}, {"op": "replace", "path": "title", "value": null}]),
        json!({"name": {"givenName": "A"}}),
    );
    let no_target = patched(&user, json!([{"op": "remove"}])).expect_err("no path");
    assert_eq!(no_target.scim_type, Some(ScimType::NoTarget));
}

#[test]
fn what_cannot_be_done_is_said() {
    let kind =
        |operations: Value| patched(&json!({"userName": "b"}), operations).expect_err("refused").scim_type;
    assert_eq!(kind(json!([{"op": "replace", "path": "id", "value": "x"}])), Some(ScimType::Mutability));
    assert_eq!(kind(json!([{"op": "replace", "path": "a b", "value": "x"}])), Some(ScimType::InvalidPath));
    assert_eq!(
        kind(json!([{"op": "replace", "path": "emails[type", "value": "x"}])),
        Some(ScimType::InvalidPath)
    );
    assert_eq!(
        kind(json!([{"op": "replace", "path": "emails[type eq]", "value": "x"}])),
        Some(ScimType::InvalidFilter)
    );
    assert_eq!(kind(json!([{"op": "move", "path": "x"}])), Some(ScimType::InvalidSyntax));
    assert_eq!(kind(json!([])), Some(ScimType::InvalidSyntax));
    assert_eq!(kind(json!([{"op": "add", "value": "x"}])), Some(ScimType::InvalidSyntax));
    check(
        json!({"userName": "b"}),
        json!([{"op": "replace", "value": {"id": "x", "meta": {}, "userName": "c"}}]),
        json!({"userName": "c"}),
    );
}

fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        "[a-z]{0,5}".prop_map(Value::from),
        any::<i32>().prop_map(Value::from)
    ];
    leaf.prop_recursive(3, 24, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::btree_map(
                prop::sample::select(vec!["value", "type", "emails", "name", "active", "primary", "x"]),
                inner,
                0..4
            )
            .prop_map(|m| Value::Object(m.into_iter().map(|(k, v)| (k.to_owned(), v)).collect())),
        ]
    })
}

proptest! {
    #[test]
    fn no_operation_breaks_on_any_resource(
        resource in any_json(), value in any_json(),
        op in prop::sample::select(vec!["add", "Replace", "remove"]),
        path in prop::sample::select(vec!["", "emails", "emails.value", "emails[type eq \"x\"]", "emails[type eq \"x\"].value", "name.x", "active", "x[value pr].y"]),
    ) {
        if let Value::Object(mut resource) = resource {
            let body = json!({"Operations": [{"op": op, "path": path, "value": value}]});
            if let Ok(operations) = parse_operations(body.as_object().expect("object")) {
                let _ = apply_operations(&mut resource, &operations);
            }
        }
    }

    #[test]
    fn replacing_twice_is_replacing_once(value in any_json()) {
        let once = json!([{"op": "replace", "path": "title", "value": value}]);
        let twice = json!([{"op": "replace", "path": "title", "value": value}, {"op": "replace", "path": "title", "value": value}]);
        prop_assert_eq!(patched(&json!({}), once).expect("applies"), patched(&json!({}), twice).expect("applies"));
    }
}

/// A model of RFC 7644 §3.5.2 without JSON, for a resource with one attribute of each kind: a title, a name
/// with parts, and email addresses by type.
#[derive(Debug, Clone, Default, PartialEq)]
struct Model {
    title: Option<String>,
    name: std::collections::BTreeMap<String, String>,
    emails: Vec<EmailValue>,
}

#[derive(Debug, Clone, PartialEq)]
struct EmailValue {
    kind: String,
    value: String,
    primary: bool,
}

impl EmailValue {
    fn json(&self) -> Value {
        json!({"type": self.kind, "value": self.value, "primary": self.primary})
    }
}

#[derive(Debug, Clone)]
enum PatchStep {
    SetTitle { add: bool, text: String },
    RemoveTitle,
    SetPart { add: bool, part: String, text: String },
    ReplaceName { part: String, text: String },
    AddName { part: String, text: String },
    RemovePart { part: String },
    AddEmails(Vec<EmailValue>),
    ReplaceEmails(Vec<EmailValue>),
    RemoveEmails,
    RemoveEmailsOf { kind: String },
    SetEmailOf { add: bool, kind: String, text: String },
}

impl PatchStep {
    fn json(&self) -> Value {
        let op = |add: &bool| if *add { "add" } else { "replace" };
        let list = |list: &[EmailValue]| list.iter().map(EmailValue::json).collect::<Vec<_>>();
        match self {
            Self::SetTitle { add, text } => json!({"op": op(add), "path": "title", "value": text}),
            Self::RemoveTitle => json!({"op": "remove", "path": "title"}),
            Self::SetPart { add, part, text } => {
                json!({"op": op(add), "path": format!("name.{part}"), "value": text})
            }
            Self::ReplaceName { part, text } => {
                json!({"op": "replace", "path": "name", "value": {part: text}})
            }
            Self::AddName { part, text } => json!({"op": "add", "value": {"name": {part: text}}}),
            Self::RemovePart { part } => json!({"op": "remove", "path": format!("name.{part}")}),
            Self::AddEmails(new) => json!({"op": "add", "path": "emails", "value": list(new)}),
            Self::ReplaceEmails(new) => json!({"op": "replace", "path": "emails", "value": list(new)}),
            Self::RemoveEmails => json!({"op": "remove", "path": "emails"}),
            Self::RemoveEmailsOf { kind } => {
                json!({"op": "remove", "path": format!("emails[type eq \"{kind}\"]")})
            }
            Self::SetEmailOf { add, kind, text } => {
                json!({"op": op(add), "path": format!("emails[type eq \"{kind}\"].value"), "value": text})
            }
        }
    }
}

impl Model {
    fn apply(&mut self, step: &PatchStep) {
        match step {
            PatchStep::SetTitle { text, .. } => self.title = Some(text.clone()),
            PatchStep::RemoveTitle => self.title = None,
            PatchStep::SetPart { part, text, .. } | PatchStep::AddName { part, text } => {
                self.name.insert(part.clone(), text.clone());
            }
            PatchStep::ReplaceName { part, text } => {
                self.name = [(part.clone(), text.clone())].into();
            }
            PatchStep::RemovePart { part } => drop(self.name.remove(part)),
            // If the attribute is absent, the list is taken as it was sent.
            PatchStep::AddEmails(new) if self.emails.is_empty() => self.emails.clone_from(new),
            PatchStep::AddEmails(new) => {
                for one in new {
                    // RFC 7644 §3.5.2.1: "If the target location already contains the value specified, no
                    // changes SHOULD be made."
                    if !self.emails.contains(one) {
                        if one.primary {
                            self.emails.iter_mut().for_each(|present| present.primary = false);
                        }
                        self.emails.push(one.clone());
                    }
                }
            }
            PatchStep::ReplaceEmails(new) => self.emails.clone_from(new),
            PatchStep::RemoveEmails => self.emails.clear(),
            PatchStep::RemoveEmailsOf { kind } => self.emails.retain(|one| one.kind != *kind),
            PatchStep::SetEmailOf { kind, text, .. } => {
                if !self.emails.iter().any(|one| one.kind == *kind) {
                    self.emails.push(EmailValue { kind: kind.clone(), value: String::new(), primary: false });
                }
                self.emails
                    .iter_mut()
                    .filter(|one| one.kind == *kind)
                    .for_each(|one| one.value.clone_from(text));
            }
        }
    }

    /// The model of a resource; an empty list or object counts as absent (RFC 7643 §2.5).
    fn of(resource: &JsonObject) -> Self {
        let text = |value: &Value, name: &str| value[name].as_str().unwrap_or_default().to_owned();
        let parts = resource.get("name").and_then(Value::as_object).into_iter().flatten();
        let emails = resource.get("emails").and_then(Value::as_array).into_iter().flatten();
        Self {
            title: resource.get("title").and_then(Value::as_str).map(str::to_owned),
            name: parts
                .map(|(part, text)| (part.clone(), text.as_str().unwrap_or_default().to_owned()))
                .collect(),
            emails: emails
                .map(|one| EmailValue {
                    kind: text(one, "type"),
                    value: text(one, "value"),
                    primary: one["primary"] == true,
                })
                .collect(),
        }
    }
}

fn any_step() -> impl Strategy<Value = PatchStep> {
    let text = || "[a-z]{1,4}";
    let part = || prop::sample::select(vec!["givenName".to_owned(), "familyName".to_owned()]);
    let kind = || prop::sample::select(vec!["work".to_owned(), "home".to_owned(), "other".to_owned()]);
    let address = || {
        (kind(), text(), any::<bool>()).prop_map(|(kind, value, primary)| EmailValue { kind, value, primary })
    };
    // Two primary addresses in one list are the client's mistake, which the model does not cover.
    let addresses = || {
        prop::collection::vec(address(), 1..3).prop_map(|mut list| {
            list.iter_mut().skip(1).for_each(|one| one.primary = false);
            list
        })
    };
    prop_oneof![
        (any::<bool>(), text()).prop_map(|(add, text)| PatchStep::SetTitle { add, text }),
        Just(PatchStep::RemoveTitle),
        (any::<bool>(), part(), text()).prop_map(|(add, part, text)| PatchStep::SetPart { add, part, text }),
        (part(), text()).prop_map(|(part, text)| PatchStep::ReplaceName { part, text }),
        (part(), text()).prop_map(|(part, text)| PatchStep::AddName { part, text }),
        part().prop_map(|part| PatchStep::RemovePart { part }),
        addresses().prop_map(PatchStep::AddEmails),
        addresses().prop_map(PatchStep::ReplaceEmails),
        Just(PatchStep::RemoveEmails),
        kind().prop_map(|kind| PatchStep::RemoveEmailsOf { kind }),
        (any::<bool>(), kind(), text()).prop_map(|(add, kind, text)| PatchStep::SetEmailOf {
            add,
            kind,
            text
        }),
    ]
}

proptest! {
    #[test]
    fn a_patch_does_what_the_model_says(steps in prop::collection::vec(any_step(), 1..12)) {
        let (mut model, mut resource) = (Model::default(), JsonObject::new());
        for step in &steps {
            model.apply(step);
            let body = json!({"Operations": [step.json()]});
            apply_operations(&mut resource, &parse_operations(body.as_object().expect("object")).expect("reads")).expect("applies");
            prop_assert_eq!(&Model::of(&resource), &model, "after {:?}", step);
        }
        // All steps in a single request have the same result.
        let body = json!({"Operations": steps.iter().map(PatchStep::json).collect::<Vec<_>>()});
        let mut at_once = JsonObject::new();
        apply_operations(&mut at_once, &parse_operations(body.as_object().expect("object")).expect("reads")).expect("applies");
        prop_assert_eq!(at_once, resource);
    }
}
