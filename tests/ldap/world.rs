//! An account with a directory.

use serde_json::{Value, json};

use crate::harness::directory::{BASE, PASSWORD, Slapd, group, person};
use crate::harness::{Answer, Client, Server, Tenant};

/// What a wrong password, and everybody who must look like one, is told.
pub const WRONG: &str = "do not match an active user";

pub struct World<'s> {
    pub server: &'s Server,
    pub tenant: Tenant,
    pub connection: String,
}

/// Bob, Carol and Dave; Bob and Carol are builders, builders are staff.
pub fn few() -> String {
    [
        person("bob", &["builders"]),
        person("carol", &["builders"]),
        person("dave", &[]),
        group("builders", &["uid=bob,ou=people".into(), "uid=carol,ou=people".into()]),
        group("staff", &["cn=builders,ou=groups".into()]),
    ]
    .concat()
}

/// The members of a connection to `slapd`.
pub fn body(slapd: &Slapd) -> Value {
    json!({"kind": "ldap", "name": "Directory", "url": slapd.url(), "ca_certificate": slapd.authority.pem,
        "bind_dn": format!("cn=reader,{BASE}"), "bind_password": PASSWORD,
        "user_queries": [{"base_dn": BASE, "filter": "(objectClass=inetOrgPerson)"}],
        "group_queries": [{"base_dn": format!("ou=groups,{BASE}"), "filter": "(objectClass=groupOfNames)"}],
        "jit": {"enabled": true}, "email_domains": ["acme.example"]})
}

impl<'s> World<'s> {
    pub async fn new(server: &'s Server, slapd: &Slapd) -> Self {
        Self::with(server, body(slapd), json!({})).await
    }

    pub async fn with(server: &'s Server, mut body: Value, more: Value) -> Self {
        let tenant = server.tenant("acme").await;
        let api = server.client().bearer(&tenant.token);
        body.as_object_mut().expect("object").extend(more.as_object().expect("object").clone());
        let made = api.post("/api/v1/connections", &body).await.created();
        assert!(!made.to_string().contains(PASSWORD), "{made}");
        let connection = made["id"].as_str().expect("id").to_owned();
        let on = json!({"enabled": true, "override_untested": true});
        api.patch(&format!("/api/v1/connections/{connection}"), &on).await.expect(200);
        Self { server, tenant, connection }
    }

    pub fn api(&self) -> Client {
        self.server.client().bearer(&self.tenant.token)
    }

    pub async fn change(&self, change: Value) -> Answer {
        self.api().patch(&format!("/api/v1/connections/{}", self.connection), &change).await
    }

    pub async fn try_in(&self, browser: &Client, name: &str, password: &str) -> Answer {
        browser.sign_in("acme", name, password).await
    }

    /// Signs in and expects to be in.
    pub async fn lets_in(&self, name: &str, password: &str) -> Value {
        let browser = self.server.client();
        self.try_in(&browser, name, password).await.expect(303);
        browser.get("/api/v1/me").await.ok()
    }

    /// Expects the words for a wrong password, and this reason in the trail.
    pub async fn refuses(&self, name: &str, password: &str, reason: &str) {
        let answer = self.try_in(&self.server.client(), name, password).await.expect(401);
        assert!(answer.body.contains(WRONG), "{name}: {}", answer.body);
        assert_eq!(self.server.last_refusal(&self.tenant).await, reason, "{name}");
    }

    /// Runs a test of the connection: its result.
    pub async fn test(&self) -> Value {
        let tests = format!("/api/v1/connections/{}/tests", self.connection);
        let begun = self.api().post(&tests, &json!({})).await.created();
        assert!(begun["url"].is_null(), "{begun}");
        self.api().get(&format!("{tests}/{}", begun["id"].as_str().expect("id"))).await.ok()
    }

    /// Expects a test to fail at `check`: what was found.
    pub async fn fails_at(&self, check: &str) -> String {
        let found = self.test().await;
        assert_eq!(found["status"], "failed", "{found}");
        let last = found["found"]["checks"].as_array().expect("checks").last().expect("a check").clone();
        assert_eq!(last["check"], check, "{found}");
        last["found"].as_str().expect("text").to_owned()
    }
}
