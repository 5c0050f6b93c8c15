//! An account with an `OpenID` connection, and the provider at its other end.

use serde_json::{Value, json};

use crate::harness::idp::query_of;
use crate::harness::provider::{CLIENT, Provider, SECRET};
use crate::harness::{Answer, Client, Server, Tenant};

/// A tenant with a connection that is on, and a user to sign in.
pub struct World<'s> {
    pub server: &'s Server,
    pub tenant: Tenant,
    pub provider: Provider,
    pub connection: String,
    pub user: String,
}

impl<'s> World<'s> {
    pub async fn new(server: &'s Server) -> Self {
        Self::with(server, json!({})).await
    }

    /// `more`: members of the connection beside the usual ones; an issuer of `""` is left out.
    pub async fn with(server: &'s Server, more: Value) -> Self {
        let provider = Provider::start(&server.clock).await;
        Self::at(server, "acme", provider, more).await
    }

    pub async fn at(server: &'s Server, slug: &str, provider: Provider, more: Value) -> Self {
        let tenant = server.tenant(slug).await;
        let api = server.client().bearer(&tenant.token);
        let mut body = json!({"kind": "oidc", "name": "Company", "issuer": provider.url, "client_id": CLIENT,
            "client_secret": SECRET, "email_domains": [format!("{slug}.example")]});
        body.as_object_mut().expect("object").extend(more.as_object().expect("object").clone());
        let made = api.post("/api/v1/connections", &body).await.created();
        assert_eq!(made["enabled"], false);
        assert!(!made.to_string().contains("s3cret"), "{made}");
        let connection = made["id"].as_str().expect("id").to_owned();
        let on = json!({"enabled": true, "override_untested": true});
        api.patch(&format!("/api/v1/connections/{connection}"), &on).await.expect(200);
        let user = json!({"user_name": "bob@acme.example", "email": "bob@acme.example"});
        let user = api.post("/api/v1/users", &user).await.created()["id"].as_str().expect("id").to_owned();
        Self { server, tenant, provider, connection, user }
    }

    pub fn api(&self) -> Client {
        self.server.client().bearer(&self.tenant.token)
    }

    pub fn path(&self, what: &str) -> String {
        format!("/oidc/{}/{what}", self.connection)
    }

    pub async fn change(&self, change: Value) -> Answer {
        self.api().patch(&format!("/api/v1/connections/{}", self.connection), &change).await
    }

    /// Begins a sign-in in `browser`: where it is sent.
    pub async fn begin(&self, browser: &Client) -> String {
        let sent = browser.get(&format!("{}?return_to=/profile", self.path("login"))).await.expect(303);
        sent.location().expect("the provider")
    }

    /// Begins, lets the provider say yes, and comes back with that.
    pub async fn come_back(&self, browser: &Client) -> Answer {
        let sent = self.begin(browser).await;
        browser.get(&self.provider.approve(&sent)).await
    }

    /// The same up to where it leads.
    pub async fn sign_in(&self, browser: &Client) -> Answer {
        let handed = self.come_back(browser).await.expect(303);
        let to = handed.location().expect("continue");
        assert!(to.starts_with("/login/continue?handover="), "{to}");
        browser.get(&to).await
    }

    /// Signs in and expects to be in as Bob.
    pub async fn lets_in(&self, browser: &Client) -> Value {
        assert_eq!(self.sign_in(browser).await.expect(303).location().as_deref(), Some("/profile"));
        browser.get("/api/v1/me").await.ok()
    }

    /// Expects a refusal at `check` of a sign-in.
    pub async fn refuses(&self, check: &str) {
        let browser = self.server.client();
        let answer = self.come_back(&browser).await;
        self.refused(&answer, check).await;
        browser.get("/api/v1/me").await.expect(401);
    }

    /// `answer` is a refusal at `check`, which the trail names and the page does not.
    pub async fn refused(&self, answer: &Answer, check: &str) {
        assert_eq!(answer.status, 403, "{check}: {answer:?}");
        assert!(answer.body.contains("Request ID"), "{check}: {}", answer.body);
        assert_eq!(self.server.last_refusal(&self.tenant).await, format!("oidc_{check}"));
    }
}

/// `url` with another value for a parameter, or without it.
pub fn with_query(url: &str, name: &str, value: Option<&str>) -> String {
    let mut changed = reqwest::Url::parse(url).expect("url");
    let kept: Vec<(String, String)> =
        changed.query_pairs().into_owned().filter(|(known, _)| known != name).collect();
    changed.query_pairs_mut().clear().extend_pairs(kept);
    if let Some(value) = value {
        changed.query_pairs_mut().append_pair(name, value);
    }
    changed.into()
}

pub fn param(url: &str, name: &str) -> String {
    query_of(url, name).unwrap_or_else(|| panic!("no {name} in {url}"))
}
