//! What Okta, Entra ID and OneLogin send, step by step, from the files beside this one. Each scenario has an account
//! of its own and asserts status and body of each answer, and in the end the state of the directory.
//!
//! A step is `[request, body, status, what the answer must contain, the name its id is kept under]`. `{name}` stands
//! for a kept id. An object must contain what is expected of it; a list must have the same elements.

use std::collections::HashMap;

use reqwest::Method;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::harness::{Client, Server, Tenant};
use crate::on_both;

#[derive(Deserialize)]
struct File {
    constants: HashMap<String, String>,
    before: Vec<Step>,
    scenarios: Vec<Scenario>,
}

#[derive(Deserialize)]
struct Step(String, Value, u16, Value, #[serde(default)] Option<String>);

#[derive(Deserialize)]
struct Scenario {
    name: String,
    /// A user made by hand, kept as `local`.
    local: Option<Value>,
    /// A group made by hand, kept as `localGroup`.
    #[serde(rename = "localGroup")]
    local_group: Option<String>,
    steps: Vec<Step>,
    /// What the REST API says in the end: a path, and what its answer contains or its status.
    #[serde(default)]
    state: Vec<(String, Value)>,
}

struct Stage {
    scim: Client,
    api: Client,
    names: HashMap<String, String>,
}

impl Stage {
    async fn set(server: &Server, (tenant, file): (&Tenant, &File), scenario: &Scenario) -> Self {
        let (connection, token) = server.scim(tenant, "Directory").await;
        let api = server.client().bearer(&tenant.token);
        let mut names = file.constants.clone();
        names.insert("connection".into(), connection);
        let admin = api.get(&format!("/api/v1/users?user_name={}", tenant.email)).await.ok();
        names.insert("admin".into(), id(&admin["items"][0]));
        if let Some(user) = &scenario.local {
            let domain =
                user["email"].as_str().and_then(|email| email.split_once('@')).expect("an address").1;
            // A connection takes over users of its own domains only.
            let slug = tenant.email.rsplit('@').next().and_then(|name| name.strip_suffix(".example"));
            server.verify_domain(slug.expect("{slug}.example"), domain, &[&names["connection"]]).await;
            names.insert("local".into(), id(&api.post("/api/v1/users", user).await.created()));
        }
        if let Some(name) = &scenario.local_group {
            let made = api.post("/api/v1/groups", &json!({"name": name})).await.created();
            names.insert("localGroup".into(), id(&made));
        }
        Self { scim: server.client().bearer(&token), api, names }
    }

    async fn step(&mut self, scenario: &str, Step(request, body, status, expected, keep): &Step) {
        let (method, path) = request.split_once(' ').expect("method and path");
        let path = format!("/scim/v2{}", self.filled(path));
        let mut sent = self.scim.request(Method::from_bytes(method.as_bytes()).expect("method"), &path);
        if !body.is_null() {
            sent = sent.header("content-type", "application/scim+json; charset=utf-8");
            sent = sent.body(self.filled(&body.to_string()));
        }
        let answer = self.scim.send(sent).await;
        assert_eq!(answer.status, *status, "{scenario}: {request}: {answer:?}");
        if *status != 204 {
            assert_eq!(answer.header("content-type"), "application/scim+json", "{scenario}: {request}");
        }
        let expected = self.filled_value(expected);
        if !expected.is_null() {
            let body = answer.value();
            assert!(contains(&body, &expected), "{scenario}: {request}: {expected:#} is not in {body:#}");
        }
        if let Some(name) = keep {
            self.names.insert(name.clone(), id(&answer.value()));
        }
    }

    /// The scenarios use the same email domain, each in an account of its own.
    async fn delete_domains(&self) {
        let all = self.api.get("/api/v1/domains").await.ok();
        for domain in all["items"].as_array().expect("items") {
            self.api.delete(&format!("/api/v1/domains/{}", id(domain))).await.expect(204);
        }
    }

    async fn check(&self, scenario: &str, (path, expected): &(String, Value)) {
        let answer = self.api.get(&format!("/api/v1/{}", self.filled(path))).await;
        if let Some(status) = expected.as_u64() {
            assert_eq!(u64::from(answer.status.as_u16()), status, "{scenario}: {path}");
            return;
        }
        let (body, expected) = (answer.ok(), self.filled_value(expected));
        assert!(contains(&body, &expected), "{scenario}: {path}: {expected:#} is not in {body:#}");
    }

    fn filled(&self, text: &str) -> String {
        self.names.iter().fold(text.to_owned(), |text, (name, id)| text.replace(&format!("{{{name}}}"), id))
    }

    fn filled_value(&self, value: &Value) -> Value {
        serde_json::from_str(&self.filled(&value.to_string())).expect("JSON")
    }
}

fn id(made: &Value) -> String {
    made["id"].as_str().expect("an id").to_owned()
}

fn contains(found: &Value, expected: &Value) -> bool {
    match (found, expected) {
        (Value::Object(found), Value::Object(expected)) => {
            expected.iter().all(|(key, expected)| match found.get(key) {
                None => *expected == "$absent",
                Some(found) => contains(found, expected),
            })
        }
        (Value::Array(found), Value::Array(expected)) => {
            found.len() == expected.len() && found.iter().zip(expected).all(|(f, e)| contains(f, e))
        }
        (found, expected) => found == expected,
    }
}

async fn play(server: &Server, client: &str, text: &str) -> usize {
    let file: File = serde_json::from_str(text).unwrap_or_else(|error| panic!("{client}.json: {error}"));
    for (n, scenario) in file.scenarios.iter().enumerate() {
        let name = format!("{client}: {}", scenario.name);
        let tenant = server.tenant(&format!("{client}{n}")).await;
        let mut stage = Stage::set(server, (&tenant, &file), scenario).await;
        for step in file.before.iter().chain(&scenario.steps) {
            stage.step(&name, step).await;
        }
        for state in &scenario.state {
            stage.check(&name, state).await;
        }
        stage.delete_domains().await;
    }
    file.scenarios.len()
}

on_both! {
    async fn okta(server: Server) {
        assert!(play(server, "okta", include_str!("okta.json")).await >= 29);
    }

    async fn entra(server: Server) {
        assert!(play(server, "entra", include_str!("entra.json")).await >= 34);
    }

    async fn onelogin(server: Server) {
        assert!(play(server, "onelogin", include_str!("onelogin.json")).await >= 17);
    }
}
