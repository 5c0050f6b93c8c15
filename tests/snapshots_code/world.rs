//! An account with something of everything in it.

use std::collections::HashMap;
use std::time::Duration;

use serde_json::{Value, json};

use super::book::Book;
use super::inside;
use crate::harness::idp::{Idp, SLO};
use crate::harness::phone::{Phone, SetUp};
use crate::harness::provider::{CLIENT, Provider, SECRET};
use crate::harness::{Client, Server, Tenant};

pub const PASSWORD: &str = "a good long password";
pub const ADD_APP: &str = "/profile/two-factor/add?what=app";

/// A server with an account and its administrator.
pub struct World {
    pub server: Server,
    pub tenant: Tenant,
    /// The account's script.
    pub api: Client,
    /// Ids of what there is, by a short name.
    pub ids: HashMap<String, String>,
    /// A provider of `OpenID` Connect.
    pub provider: Provider,
    /// The administrator's phone, after [`World::lead`].
    pub phone: Option<SetUp>,
}

pub fn id(made: &Value) -> String {
    made["id"].as_str().unwrap_or_else(|| panic!("no id in {made}")).to_owned()
}

/// An identity provider with a certificate that ends in a year that everybody can see.
pub fn idp() -> Idp {
    Idp::ending("https://idp.example/entity", (2033, 7, 1))
}

impl World {
    /// Nothing but an administrator.
    pub async fn empty() -> Self {
        let server = inside::server().await;
        let tenant = server.tenant("acme").await;
        let api = server.client().bearer(&tenant.token);
        let provider = Provider::start(&server.clock).await;
        Self { server, tenant, api, ids: HashMap::new(), provider, phone: None }
    }

    /// People, groups, connections of each kind, and what has happened to them.
    pub async fn full() -> Self {
        let mut world = Self::empty().await;
        world.people().await;
        world.single_sign_on().await;
        world.directories().await;
        world.scripts().await;
        world.settings().await;
        world.trouble().await;
        world.settle().await;
        world
    }

    pub fn book(&self, folder: &'static str) -> Book {
        let mut book = Book::of(folder, &self.server);
        book.place(&self.provider.url, "provider.test");
        book
    }

    pub fn id(&self, name: &str) -> &str {
        self.ids.get(name).unwrap_or_else(|| panic!("nothing is called {name}"))
    }

    /// A path in which `{name}` stands for the id of what has this name.
    pub fn path(&self, path: &str) -> String {
        self.ids.iter().fold(path.to_owned(), |path, (name, id)| path.replace(&format!("{{{name}}}"), id))
    }

    /// Makes something a second after what was made before, so that the order of both is no matter of chance.
    pub async fn make(&mut self, name: &str, path: &str, body: Value) -> Value {
        self.server.advance(1);
        let path = self.path(path);
        let made = self.api.post(&path, &body).await;
        assert!(made.status.is_success(), "{path} {body}: {made:?}");
        let made = if made.body.is_empty() { Value::Null } else { made.value() };
        if let Some(id) = made["id"].as_str() {
            self.know(name, id);
        }
        made
    }

    /// Gives what has this id a short name.
    pub fn know(&mut self, name: &str, id: &str) {
        self.ids.insert(name.to_owned(), id.to_owned());
    }

    pub async fn change(&self, path: &str, body: Value) {
        self.server.advance(1);
        self.api.patch(&self.path(path), &body).await.expect(200);
    }

    pub async fn user(&mut self, name: &str) {
        let address = format!("{name}@acme.example");
        let body = json!({"user_name": address, "email": address, "password": PASSWORD});
        self.make(name, "/api/v1/users", body).await;
    }

    /// The administrator's browser.
    pub async fn admin(&self) -> Client {
        let browser = self.server.client();
        let sent = browser.sign_in("acme", &self.tenant.email, &self.tenant.password).await.expect(303);
        if let Some(SetUp { phone, .. }) = &self.phone {
            let code = phone.code(&self.server, 0);
            browser.second_factor(&sent, &code).await.expect(303);
            self.server.advance(30);
        }
        browser
    }

    /// The browser of somebody who signs in with [`PASSWORD`].
    pub async fn person(&self, name: &str) -> Client {
        let browser = self.server.client();
        browser.sign_in("acme", &format!("{name}@acme.example"), PASSWORD).await.expect(303);
        browser
    }

    /// Gives the administrator a second factor, which has to be there before it is asked of others.
    pub async fn lead(&mut self) {
        let browser = self.admin().await;
        self.phone = Some(Phone::set_up(&self.server, &browser, ADD_APP).await);
    }

    /// What is written down later, such as when a session was used and that a mail was sent, has been.
    pub async fn settle(&self) {
        let queued = async || {
            let list = self.api.get("/api/v1/invitations?limit=200").await.ok();
            list["items"].as_array().expect("items").iter().any(|one| one["mail_status"] == "queued")
        };
        let sent = async {
            while queued().await {
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        };
        tokio::time::timeout(crate::harness::WAIT_LIMIT, sent).await.expect("the mails go out");
        tokio::time::sleep(Duration::from_millis(1500)).await;
    }
}

/// What there is.
impl World {
    async fn people(&mut self) {
        for (short, name) in [("makers", "Makers"), ("security", "Security"), ("support", "Support <& more>")]
        {
            self.make(short, "/api/v1/groups", json!({"name": name})).await;
        }
        // An invitation that has ended by now.
        let late = json!({"emails": ["late@acme.example"]});
        let late = id(&self.make("", "/api/v1/invitations", late).await["items"][0]);
        self.know("late", &late);
        self.settle().await;
        self.server.advance(8 * 24 * 60 * 60);
        let ada = json!({"user_name": "ada", "email": "ada@acme.example", "given_name": "Ada",
            "family_name": "Lovelace", "password": PASSWORD, "roles": ["account_viewer"]});
        self.make("ada", "/api/v1/users", ada).await;
        for name in ["bob", "carl", "dora", "officer"] {
            let address = format!("{name}@acme.example");
            let body = json!({"user_name": address, "email": address, "given_name": "B \"'<b>",
                "family_name": "Ünïcode", "password": PASSWORD});
            self.make(name, "/api/v1/users", body).await;
        }
        self.make("", "/api/v1/users", json!({"user_name": "nameless"})).await;
        self.change("/api/v1/users/{carl}", json!({"status": "inactive"})).await;
        for (group, members) in [("makers", vec!["ada", "bob"]), ("security", vec!["officer"])] {
            let members: Vec<&str> = members.into_iter().map(|name| self.id(name)).collect();
            let members = json!({"add": members});
            self.make("", &format!("/api/v1/groups/{{{group}}}/members"), members).await;
        }
        let invited = json!({"emails": ["ivy@acme.example"], "groups": [self.id("makers")],
            "roles": ["account_viewer"], "landing_url": "https://app.acme.example/start"});
        let ivy = self.make("", "/api/v1/invitations", invited).await["items"][0].clone();
        self.know("invitation", &id(&ivy));
        self.know("ivy", ivy["user_id"].as_str().expect("id"));
    }

    async fn single_sign_on(&mut self) {
        let metadata = idp().metadata_with(SLO);
        let saml = json!({"kind": "saml", "name": "Okta sign-in", "display_name": "Acme staff", "vendor": "okta",
            "metadata_xml": metadata, "email_domains": ["saml.acme.example", "saml2.acme.example"],
            "group_sync": true, "group_attribute": "groups", "jit": {"enabled": true, "key": "department",
            "value": "sales"}, "trust_mfa": true, "sign_requests": true, "allow_idp_initiated": true,
            "landing": "/profile"});
        self.make("saml", "/api/v1/connections", saml).await;
        self.switch_on("saml").await;
        let bare = json!({"kind": "saml", "name": "Second", "metadata_xml": idp().metadata()});
        self.make("saml-bare", "/api/v1/connections", bare).await;
        let company = json!({"kind": "oidc", "name": "Company", "issuer": self.provider.url, "client_id": CLIENT,
            "client_secret": SECRET, "email_domains": ["oidc.acme.example"], "group_sync": true});
        self.make("oidc", "/api/v1/connections", company).await;
        self.switch_on("oidc").await;
        for (preset, name) in [("google", "Google"), ("github", "GitHub"), ("entra", "Entra sign-in")] {
            let mut body = json!({"kind": "oidc", "name": name, "preset": preset, "client_id": CLIENT,
                "client_secret": SECRET});
            if preset == "entra" {
                body["tenants"] = json!(["11111111-2222-4333-8444-555555555555"]);
            }
            self.make(preset, "/api/v1/connections", body).await;
        }
        self.switch_on("google").await;
        for verified in ["saml.acme.example", "oidc.acme.example"] {
            self.server.advance(1);
            self.server.verify_domain("acme", verified, &[]).await;
        }
        self.make("domain", "/api/v1/domains", json!({"domain": "brand.example"})).await;
        let link = json!({"connection_id": self.id("saml"), "name": "okta-makers"});
        self.make("", "/api/v1/groups/{makers}/link", link).await;
        let link = json!({"connection_id": self.id("oidc"), "name": "helpdesk"});
        self.make("", "/api/v1/groups/{support}/link", link).await;
        // Somebody who came through a provider, confirmed it, and is known there from then on.
        self.server.advance(1);
        self.server.verify_domain("acme", "acme.example", &[self.id("oidc")]).await;
        let browser = self.server.client();
        let begin = format!("/oidc/{}/login?return_to=/profile", self.id("oidc"));
        let sent = browser.get(&begin).await.expect(303).location().expect("to the provider");
        self.provider.claim("groups", json!(["helpdesk"]));
        let back = browser.get(&self.provider.approve(&sent)).await.expect(303);
        let asked = browser.get(&back.location().expect("on")).await.expect(303);
        browser.confirm_link(&asked, PASSWORD).await.expect(303);
        let domains = self.api.get("/api/v1/domains").await.ok();
        let mut own = domains["items"].as_array().expect("domains").iter();
        let own = own.find(|domain| domain["domain"] == "acme.example").expect("the account's own");
        let path = format!("/api/v1/domains/{}", own["id"].as_str().expect("id"));
        self.change(&path, json!({"connections": []})).await;
    }

    async fn switch_on(&self, name: &str) {
        let on = json!({"enabled": true, "override_untested": true});
        self.change(&format!("/api/v1/connections/{{{name}}}"), on).await;
    }

    async fn directories(&mut self) {
        let base = "dc=acme,dc=example";
        let ldap = json!({"kind": "ldap", "name": "Old directory", "url": "ldaps://127.0.0.1:1",
            "bind_dn": format!("cn=reader,{base}"), "bind_password": "s3cret", "email_domains": ["ldap.acme.example"],
            "user_queries": [{"base_dn": base, "filter": "(objectClass=inetOrgPerson)"}],
            "group_queries": [{"base_dn": base, "filter": "(objectClass=groupOfNames)"}], "group_sync": true,
            "schedule": "0 0 3 * * ?", "connect_timeout_ms": 1000, "jit": {"enabled": true}});
        self.make("ldap", "/api/v1/connections", ldap).await;
        self.switch_on("ldap").await;
        self.server.advance(1);
        self.server.verify_domain("acme", "ldap.acme.example", &[]).await;
        self.make("ldap-test", "/api/v1/connections/{ldap}/tests", json!({})).await;
        self.make("", "/api/v1/connections/{ldap}/syncs", json!({})).await;
        self.synced().await;
        self.make("scim-bare", "/api/v1/connections", json!({"kind": "scim", "name": "Entra"})).await;
        let scim = json!({"kind": "scim", "name": "Okta"});
        self.make("scim", "/api/v1/connections", scim).await;
        let token =
            self.make("scim-token", "/api/v1/connections/{scim}/tokens", json!({"name": "first"})).await;
        let okta = self.server.client().bearer(token["token"].as_str().expect("token"));
        self.change("/api/v1/connections/{scim}", json!({"log_values": true, "removal_limit": 10})).await;
        let person = |name: &str| {
            json!({"userName": format!("{name}@acme.example"), "displayName": name, "externalId": format!("00u{name}"),
                "name": {"givenName": name, "familyName": "Sent"}, "active": true,
                "emails": [{"value": format!("{name}@acme.example"), "type": "work", "primary": true}]})
        };
        for name in ["gina", "hank"] {
            self.server.advance(1);
            let made = okta.post("/scim/v2/Users", &person(name)).await.created();
            self.know(name, &id(&made));
        }
        self.server.advance(1);
        let members = json!([{"value": self.id("gina")}]);
        let sales = json!({"displayName": "Sales", "externalId": "g1", "members": members});
        let sales = okta.post("/scim/v2/Groups", &sales).await.created();
        self.know("sales", &id(&sales));
        self.server.advance(1);
        okta.post("/scim/v2/Users", &person("gina")).await.expect(409);
        self.server.advance(1);
        okta.get("/scim/v2/Users?filter=nonsense").await.expect(400);
        self.server.advance(1);
        let rename = json!({"Operations": [{"op": "replace", "path": "name.givenName", "value": "Regina"}]});
        okta.patch(&self.path("/scim/v2/Users/{gina}"), &rename).await.ok();
        self.change("/api/v1/connections/{scim}", json!({"dry_run": true})).await;
        self.server.advance(1);
        okta.post("/scim/v2/Users", &person("wanda")).await.expect(503);
        self.server.advance(1);
        let off = json!({"Operations": [{"op": "replace", "value": {"active": false}}]});
        okta.patch(&self.path("/scim/v2/Users/{hank}"), &off).await.expect(503);
    }

    async fn scripts(&mut self) {
        let robot = json!({"name": "Backup", "role": "account_viewer"});
        self.make("robot", "/api/v1/service-accounts", robot).await;
        let token = json!({"name": "nightly", "service_account_id": self.id("robot"),
            "expires_at": "2031-01-01T00:00:00Z"});
        self.make("token", "/api/v1/api-tokens", token).await;
        let app = json!({"kind": "forward_auth", "name": "Reports <& more>", "groups": [self.id("makers")],
            "hosts": ["reports.acme.example", "reports.acme.test:8443"], "allow_tokens": true});
        self.make("app", "/api/v1/apps", app).await;
        let token =
            json!({"name": "reader", "service_account_id": self.id("robot"), "application": self.id("app")});
        self.make("app-token", "/api/v1/api-tokens", token).await;
        self.make("", "/api/v1/signing-keys/rotate", json!({})).await;
    }

    async fn settings(&mut self) {
        self.lead().await;
        let wanted = json!({
            "password": {"min_length": 12, "require_upper": true, "require_digit": true, "history": 5,
                "expires_after_days": 365, "warn_before_days": 14},
            "lockout": {"attempts": 3, "duration_minutes": 2880, "notify_group": self.id("security")},
            "two_factor": {"groups": [self.id("security")], "grace_days": 7, "remember_days": 30},
            "session": {"inactivity_minutes": 600, "absolute_minutes": 4000},
            "sso_invitations": "notice", "mail_sender_name": "Acme & Sons"});
        self.change("/api/v1/authentication-settings", wanted).await;
    }

    async fn trouble(&mut self) {
        for n in 0..3 {
            self.server.advance(1);
            let guesser = self.server.client().from(&format!("203.0.113.{n}"));
            guesser.sign_in("acme", "bob@acme.example", "not the password").await.expect(401);
        }
        // Somebody who is in, from elsewhere, and has an own token and a second factor.
        self.server.advance(1);
        let dora = self.server.client().from("198.51.100.7");
        dora.sign_in("acme", "dora@acme.example", PASSWORD).await.expect(303);
        self.server.advance(1);
        dora.post("/api/v1/api-tokens", &json!({"name": "own script"})).await.created();
        Phone::set_up(&self.server, &dora, ADD_APP).await;
    }
}

impl World {
    /// Waits until the synchronisation that was asked for has ended.
    async fn synced(&self) {
        let done = async {
            loop {
                let list = self.api.get(&self.path("/api/v1/connections/{ldap}/syncs")).await.ok();
                if list["items"][0]["ended_at"].is_string() {
                    return;
                }
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        };
        tokio::time::timeout(crate::harness::WAIT_LIMIT, done).await.expect("it ends");
    }

    /// Waits until so many mails of the newest mailing have gone out.
    pub async fn mailed(&self, count: u64) {
        let done = async {
            loop {
                let list = self.api.get("/api/v1/two-factor/mailings").await.ok();
                if list["items"][0]["sent"] == count && list["items"][0]["status"] == "queued" {
                    return;
                }
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        };
        tokio::time::timeout(crate::harness::WAIT_LIMIT, done).await.expect("the mails go out");
    }
}
