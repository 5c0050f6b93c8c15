//! Every setting that is declared goes through every way there is: the API, the form with its review, the audit trail
//! and the API's description. The tests go over the declaration, so that a new setting is in them from its first day.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};
use vestibule::directory::accounts::{SETTINGS, Setting, SettingKind};

use super::PATH;
use crate::harness::phone::Phone;
use crate::harness::{Client, Server, Tenant};
use crate::on_both;

const PAGE: &str = "/console/settings";
/// What the server sets itself when it is first asked for a second factor.
const SET_BY_THE_SERVER: &str = "two_factor.enforced_since";

type Inputs = BTreeMap<String, String>;

struct World {
    api: Client,
    console: Client,
    /// The name of a group and its id.
    group: (String, String),
}

impl World {
    async fn new(server: &Server, tenant: &Tenant) -> Self {
        let api = server.client().bearer(&tenant.token);
        let made = api.post("/api/v1/groups", &json!({"name": "Night & day"})).await.created();
        let console = server.client();
        console.sign_in("acme", &tenant.email, &tenant.password).await.expect(303);
        // Only an administrator who has a second factor can ask for one.
        Phone::set_up(server, &console, "/profile/two-factor/add?what=app").await;
        let id = made["id"].as_str().expect("id").to_owned();
        Self { api, console, group: ("Night & day".to_owned(), id) }
    }

    async fn settings(&self) -> Value {
        self.api.get(PATH).await.ok()
    }

    /// A value that the setting does not have.
    fn other_value(&self, setting: &Setting, present: &Value) -> Value {
        match setting.kind {
            SettingKind::Switch { .. } => json!(present != &json!(true)),
            SettingKind::Number { min, max, .. } | SettingKind::Minutes { min, max, .. } => {
                json!(if max == u32::MAX || present == &json!(max) { min } else { max })
            }
            SettingKind::Text { .. } => json!("Sender & <Sons>"),
            SettingKind::Choice { words, .. } => {
                json!(words.iter().find(|word| present != &json!(word)).expect("two words at least"))
            }
            SettingKind::Domains { .. } => json!(["acme.example", "other.example"]),
            SettingKind::Group { .. } => json!(self.group.1),
            SettingKind::Groups { .. } => json!([self.group.1]),
            SettingKind::SignInRules { .. } => json!([
                {"domain": "other.example", "password": false, "passkey": true, "connections": null},
                {"group": self.group.1, "password": true, "passkey": false, "connections": []},
                {"password": true, "passkey": true, "connections": null},
            ]),
        }
    }

    /// Puts a value into the inputs, as a person types it.
    fn type_in(&self, inputs: &mut Inputs, setting: &Setting, value: &Value) {
        let name = |id: &Value| {
            assert_eq!(id, &json!(self.group.1));
            self.group.0.clone()
        };
        let text = match (setting.kind, value) {
            (SettingKind::Switch { .. }, _) => {
                inputs.remove(setting.input);
                if value == &json!(true) {
                    inputs.insert(setting.input.to_owned(), "on".to_owned());
                }
                return;
            }
            (SettingKind::Text { .. } | SettingKind::Group { .. }, Value::Null) => String::new(),
            (SettingKind::Number { .. }, _) => value.to_string(),
            (SettingKind::Minutes { .. }, _) => {
                inputs.insert(format!("{}_unit", setting.input), "minutes".to_owned());
                value.to_string()
            }
            (SettingKind::Text { .. } | SettingKind::Choice { .. }, _) => {
                value.as_str().expect("text").to_owned()
            }
            (SettingKind::Domains { .. }, _) => value
                .as_array()
                .expect("list")
                .iter()
                .filter_map(Value::as_str)
                .collect::<Vec<_>>()
                .join("\n"),
            (SettingKind::SignInRules { .. }, value) if value == &json!([]) => String::new(),
            (SettingKind::SignInRules { .. }, _) => format!(
                "domain other.example: sso, passkey\n\n Group {}: Password\nEveryone: passkey, password, SSO",
                self.group.0
            ),
            (SettingKind::Group { .. }, id) => name(id),
            (SettingKind::Groups { .. }, _) => {
                value.as_array().expect("list").iter().map(name).collect::<Vec<_>>().join("\n")
            }
        };
        inputs.insert(setting.input.to_owned(), text);
    }

    async fn post(&self, inputs: &Inputs, button: Option<&str>) -> crate::harness::Answer {
        let mut fields: Vec<(&str, &str)> =
            inputs.iter().map(|(name, text)| (name.as_str(), text.as_str())).collect();
        fields.extend(button.map(|name| (name, "yes")));
        self.console.form(PAGE, &fields).await
    }

    /// Sets it by the form: the page as it is with one input changed, the review, its hidden inputs with the button.
    async fn set_by_form(&self, setting: &Setting, value: &Value) {
        let mut inputs = inputs_of(&self.console.get(PAGE).await.expect(200).body);
        self.type_in(&mut inputs, setting, value);
        let review = self.post(&inputs, None).await.expect(200);
        let rows = review.body.matches("<th scope=\"row\">").count();
        assert_eq!(rows, 1, "the review of {} has one row: {}", setting.name, review.body);
        self.post(&inputs_of(&review.body), Some("confirmed")).await.expect(303);
    }

    /// The page as it is, sent back: nothing has changed, whether it is reviewed or saved at once.
    async fn send_page_back(&self, setting: &Setting, settings: &Value) {
        let inputs = inputs_of(&self.console.get(PAGE).await.expect(200).body);
        self.post(&inputs, None).await.expect(303);
        self.post(&inputs, Some("confirmed")).await.expect(303);
        assert_eq!(&self.settings().await, settings, "the page was sent back with another {}", setting.name);
    }
}

fn body(setting: &Setting, value: &Value) -> Value {
    match setting.name.split_once('.') {
        Some((section, member)) => json!({section: {member: value}}),
        None => json!({setting.name: value}),
    }
}

/// The settings with this value, to compare with; without what the server sets.
fn with(settings: &Value, setting: &Setting, value: &Value) -> Value {
    let mut settings = without_server_members(settings);
    let pointer = format!("/{}", setting.name.replace('.', "/"));
    *settings.pointer_mut(&pointer).expect("it is in the JSON") = value.clone();
    settings
}

fn without_server_members(settings: &Value) -> Value {
    let mut settings = settings.clone();
    settings["two_factor"].as_object_mut().expect("an object").remove("enforced_since");
    settings
}

/// What a browser sends of the form of the settings or of their review.
fn inputs_of(page: &str) -> Inputs {
    let (_, form) = page.split_once("<form method=\"post\" action=\"/console/settings\">").expect("the form");
    let (form, _) = form.split_once("</form>").expect("its end");
    let mut inputs = Inputs::new();
    for tag in form.split('<') {
        let Some(name) = attribute(tag, "name") else { continue };
        if tag.starts_with("input") {
            if !tag.contains("type=\"checkbox\"") || tag.contains(" checked") {
                inputs.insert(name, attribute(tag, "value").expect("a value"));
            }
        } else if let Some(text) = tag.strip_prefix("textarea") {
            let (_, text) = text.split_once('>').expect("an end");
            inputs.insert(name, unescape(text));
        } else if tag.starts_with("select") {
            let (_, options) = form.split_once(&format!("<{tag}")).expect("itself");
            let (options, _) = options.split_once("</select>").expect("an end");
            let chosen =
                options.split("<option").find(|option| option.contains(" selected")).expect("a choice");
            let label = chosen.split_once('>').and_then(|(_, rest)| rest.split('<').next()).expect("a label");
            inputs.insert(name, attribute(chosen, "value").unwrap_or_else(|| label.to_owned()));
        }
    }
    inputs
}

fn attribute(tag: &str, name: &str) -> Option<String> {
    let (_, rest) = tag.split_once(&format!(" {name}=\""))?;
    rest.split_once('"').map(|(value, _)| unescape(value))
}

fn unescape(text: &str) -> String {
    let plain = [("&#60;", "<"), ("&#62;", ">"), ("&#34;", "\""), ("&#39;", "'"), ("&#38;", "&")];
    plain.iter().fold(text.to_owned(), |text, (escaped, plain)| text.replace(escaped, plain))
}

/// The names of the differences in the newest event of this action, before and after.
async fn audited(server: &Server, tenant: &Tenant) -> (Value, Value) {
    let events = server.audit(tenant).await;
    let event = events.iter().find(|e| e["action"] == "authentication_settings.update").expect("an event");
    let side = |name: &str| {
        let mut members = event["detail"][name].clone();
        members.as_object_mut().expect("an object").remove(SET_BY_THE_SERVER);
        members
    };
    (side("before"), side("after"))
}

/// The schema that a property refers to.
fn resolve<'a>(openapi: &'a Value, property: &'a Value) -> &'a Value {
    let reference = property["$ref"].as_str().or_else(|| property["oneOf"][0]["$ref"].as_str());
    match reference {
        Some(reference) => openapi.pointer(reference.strip_prefix('#').expect("local")).expect("it is there"),
        None => property,
    }
}

on_both! {
    async fn every_setting_goes_through_every_way(server: Server) {
        let tenant = server.tenant("acme").await;
        let world = World::new(server, &tenant).await;
        let defaults = world.settings().await;
        for setting in SETTINGS {
            let name = setting.name;
            let pointer = format!("/{}", name.replace('.', "/"));
            let before = defaults.pointer(&pointer).unwrap_or_else(|| panic!("the API does not show {name}"));
            let other = world.other_value(setting, before);
            assert_ne!(before, &other, "{name}");
            let changed = with(&defaults, setting, &other);
            server.advance(1);

            let answer = world.api.patch(PATH, &body(setting, &other)).await.ok();
            assert_eq!(without_server_members(&answer), changed, "the API's answer to a change of {name}");
            let now = world.settings().await;
            assert_eq!(without_server_members(&now), changed, "the API after a change of {name}");
            let audit = audited(server, &tenant).await;
            assert_eq!(audit, (json!({name: before}), json!({name: other})), "the audit trail of {name}");
            world.send_page_back(setting, &now).await;

            server.advance(1);
            world.set_by_form(setting, before).await;
            let now = without_server_members(&world.settings().await);
            assert_eq!(now, without_server_members(&defaults), "the form that takes {name} back");
            let audit = audited(server, &tenant).await;
            assert_eq!(audit, (json!({name: other}), json!({name: before})), "the audit trail of {name}");

            server.advance(1);
            world.set_by_form(setting, &other).await;
            assert_eq!(without_server_members(&world.settings().await), changed, "the form that sets {name}");
            world.api.patch(PATH, &body(setting, before)).await.ok();
            assert_eq!(world.settings().await, defaults, "the API that takes {name} back");
        }
    }

    async fn an_input_that_is_not_sent_leaves_its_setting_alone(server: Server) {
        let tenant = server.tenant("acme").await;
        let world = World::new(server, &tenant).await;
        let defaults = world.settings().await;
        for setting in SETTINGS.iter().filter(|setting| !matches!(setting.kind, SettingKind::Switch { .. })) {
            let pointer = format!("/{}", setting.name.replace('.', "/"));
            let before = defaults.pointer(&pointer).expect("shown");
            world.api.patch(PATH, &body(setting, &world.other_value(setting, before))).await.ok();
            let now = world.settings().await;
            let mut inputs = inputs_of(&world.console.get(PAGE).await.expect(200).body);
            inputs.remove(setting.input).unwrap_or_else(|| panic!("the page has no input for {}", setting.name));
            world.post(&inputs, Some("confirmed")).await.expect(303);
            assert_eq!(world.settings().await, now, "a page without {}", setting.name);
            world.api.patch(PATH, &body(setting, before)).await.ok();
        }
    }

    async fn every_setting_is_declared_and_described(server: Server) {
        let tenant = server.tenant("acme").await;
        let api = server.client().bearer(&tenant.token);
        let settings = api.get(PATH).await.ok();
        let mut members = BTreeSet::new();
        for (name, value) in settings.as_object().expect("an object") {
            match value.as_object() {
                Some(inner) => members.extend(inner.keys().map(|key| format!("{name}.{key}"))),
                None => drop(members.insert(name.clone())),
            }
        }
        assert!(members.remove(SET_BY_THE_SERVER));
        let declared: BTreeSet<String> = SETTINGS.iter().map(|setting| setting.name.to_owned()).collect();
        assert_eq!(members, declared);

        let openapi = server.client().get("/api/v1/openapi.json").await.ok();
        for setting in SETTINGS {
            for schema in ["Settings", "SettingsChange"] {
                let mut described = &openapi["components"]["schemas"][schema];
                for part in setting.name.split('.') {
                    described = resolve(&openapi, &described["properties"][part]);
                }
                let text = described.to_string();
                let says = ["\"type\":", "\"enum\":", "\"oneOf\":"].iter().any(|word| text.contains(word));
                assert!(says, "{schema} in the API's description has no {}: {text}", setting.name);
            }
        }
        let inputs: BTreeSet<&str> = SETTINGS.iter().map(|setting| setting.input).collect();
        assert_eq!(inputs.len(), SETTINGS.len(), "two settings share an input");
    }
}

#[test]
fn the_settings_page_calls_each_setting_by_its_label() {
    let page = include_str!("../../templates/console/settings.html");
    let text: String =
        page.split('<').filter_map(|part| part.split_once('>')).map(|(_, text)| text).collect();
    let words = text.split_whitespace().collect::<Vec<_>>().join(" ");
    for setting in SETTINGS {
        // The unit stands in a hint, and a heading begins the sentence of some.
        let name = setting.kind.label().split(" (").next().unwrap_or_default();
        let name = name.strip_prefix("Must contain ").unwrap_or(name);
        assert!(words.contains(name), "{}: {name:?} is not on the page", setting.name);
    }
}
