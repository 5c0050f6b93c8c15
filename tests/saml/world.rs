//! An account with a SAML connection, and the identity provider at its other end.

use std::time::Duration;

use serde_json::{Value, json};

use crate::harness::idp::{Idp, PASSWORD, Says, Sign, encode, request_id};
use crate::harness::{Answer, Client, Server, Tenant};

pub const ENTITY: &str = "https://idp.example/entity";
pub const SUCCESS: &str = "urn:oasis:names:tc:SAML:2.0:status:Success";

/// A tenant with a SAML connection that is on, and a user to sign in.
pub struct World<'s> {
    pub server: &'s Server,
    pub tenant: Tenant,
    pub idp: Idp,
    pub connection: String,
    pub acs: String,
}

impl<'s> World<'s> {
    pub async fn new(server: &'s Server, idp: Idp) -> Self {
        Self::with(server, "acme", idp, json!({})).await
    }

    pub async fn with(server: &'s Server, slug: &str, idp: Idp, more: Value) -> Self {
        let tenant = server.tenant(slug).await;
        let api = server.client().bearer(&tenant.token);
        let metadata = idp.metadata_with(crate::harness::idp::SLO);
        let mut body = json!({"kind": "saml", "name": "Company", "metadata_xml": metadata,
            "email_domains": [format!("{slug}.example")]});
        body.as_object_mut().expect("object").extend(more.as_object().expect("object").clone());
        let made = api.post("/api/v1/connections", &body).await.created();
        assert_eq!(made["enabled"], false);
        let connection = made["id"].as_str().expect("id").to_owned();
        let on = json!({"enabled": true, "override_untested": true});
        api.patch(&format!("/api/v1/connections/{connection}"), &on).await.expect(200);
        let user = json!({"user_name": "bob@acme.example", "email": "bob@acme.example"});
        api.post("/api/v1/users", &user).await.created();
        let acs = made["saml"]["acs_url"].as_str().expect("acs").to_owned();
        Self { server, tenant, idp, connection, acs }
    }

    pub fn says(&self, request: Option<&str>) -> Says {
        let now = self.server.clock.now();
        Says {
            issuer: ENTITY.into(),
            email: "bob@acme.example".into(),
            audience: self.acs.replace("/acs", "/metadata"),
            recipient: self.acs.clone(),
            destination: self.acs.clone(),
            in_response_to: request.map(str::to_owned),
            not_before: now,
            not_on_or_after: now.plus(Duration::from_mins(5)),
            status: SUCCESS.into(),
            assertion_id: format!("_{}", vestibule::kernel::ids::new_id(now)),
            attributes: Vec::new(),
            context: PASSWORD.into(),
            extra: String::new(),
            name_id: None,
        }
    }

    /// Begins a sign-in in `browser`; returns the id of the request sent to the identity provider.
    pub async fn begin(&self, browser: &Client) -> String {
        let path = format!("/saml/{}/login?return_to=/profile", self.connection);
        let sent = browser.get(&path).await.expect(303).location().expect("the identity provider");
        request_id(&sent)
    }

    pub async fn post(&self, browser: &Client, xml: &str) -> Answer {
        let path = format!("/saml/{}/acs", self.connection);
        // As from the identity provider's page: another site, and no Lax cookie.
        let request = browser.request(reqwest::Method::POST, &path).header("sec-fetch-site", "cross-site");
        browser.send(request.form(&[("SAMLResponse", encode(xml))])).await
    }

    /// Begins, lets `forge` make the response, posts it, and expects a refusal at `check`.
    pub async fn refused(&self, check: &str, forge: impl FnOnce(&Idp, Says) -> String) {
        let browser = self.server.client().from(&format!("10.9.{}.{}", check.len(), rand()));
        let request = self.begin(&browser).await;
        let xml = forge(&self.idp, self.says(Some(&request)));
        let answer = self.post(&browser, &xml).await;
        assert_eq!(answer.status, 403, "{check}: {answer:?}");
        assert!(
            answer.body.contains("Request ID") && !answer.body.contains("saml"),
            "{check}: no internals: {}",
            answer.body
        );
        assert_eq!(self.server.last_refusal(&self.tenant).await, format!("saml_{check}"));
        browser.get("/api/v1/me").await.expect(401);
    }

    pub fn api(&self) -> Client {
        self.server.client().bearer(&self.tenant.token)
    }

    /// The connection as the API shows it.
    pub async fn shown(&self) -> Value {
        self.api().get(&format!("/api/v1/connections/{}", self.connection)).await.ok()
    }

    /// Changes the connection.
    pub async fn change(&self, change: Value) -> Answer {
        self.api().patch(&format!("/api/v1/connections/{}", self.connection), &change).await
    }

    /// The certificate to encrypt with for us.
    pub async fn encryption_certificate(&self, state: &str) -> String {
        let shown = self.shown().await;
        let keys = shown["saml"]["keys"].as_array().expect("keys").clone();
        let fits = |key: &&Value| key["purpose"] == "encryption" && key["state"] == state;
        keys.iter().find(fits).expect("a key")["certificate"].as_str().expect("certificate").to_owned()
    }

    /// Begins, answers as `change` has it, and goes on to where that leads.
    pub async fn sign_in(&self, browser: &Client, change: impl FnOnce(&mut Says)) -> Answer {
        let request = self.begin(browser).await;
        let mut says = self.says(Some(&request));
        change(&mut says);
        let xml = self.idp.response(&says, Sign::Assertion);
        let handed = self.post(browser, &xml).await.expect(303);
        browser.get(&handed.location().expect("continue")).await
    }

    /// Posts a response to a sign-in that `browser` begins; `make` makes it.
    pub async fn answer(&self, browser: &Client, make: impl FnOnce(&Idp, Says) -> String) -> Answer {
        let request = self.begin(browser).await;
        let xml = make(&self.idp, self.says(Some(&request)));
        self.post(browser, &xml).await
    }
}

pub fn rand() -> u8 {
    vestibule::kernel::random::bytes::<1>()[0]
}
