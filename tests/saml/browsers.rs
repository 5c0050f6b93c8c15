//! Chromium, the server, and three identity providers that others have made: what is signed, what is encrypted,
//! who begins, logouts in both directions, and a certificate that changes while somebody is on the way.

use ::vestibule::idp::saml::metadata_refresh::refresh_one;
use serde_json::{Value, json};

use crate::harness::browser::Browser;
use crate::harness::peers::{SamlIdp, Script, SimpleSaml};
use crate::harness::{Backend, Client, Server, Tenant};

struct Site<I> {
    server: Server,
    tenant: Tenant,
    api: Client,
    id: String,
    idp: I,
}

const BOB: &str = "bob@acme.example";

impl<I: SamlIdp> Site<I> {
    async fn new(backend: Backend, idp: I) -> Self {
        let server = Server::in_real_time(backend, |config| {
            config.outgoing.allowed_networks = vec!["127.0.0.0/8".parse().expect("network")];
        })
        .await;
        let tenant = server.tenant("acme").await;
        let api = server.client().bearer(&tenant.token);
        idp.metadata().await;
        let body = json!({"kind": "saml", "name": "Company login", "metadata_url": idp.metadata_url(), "landing": "/profile",
            "email_domains": ["acme.example"], "sign_requests": true, "jit": {"enabled": true}});
        let made = api.post("/api/v1/connections", &body).await.created();
        let id = made["id"].as_str().expect("id").to_owned();
        let saml = &made["saml"];
        let text = |name: &str| saml[name].as_str().expect("text").to_owned();
        let ours = server.client().get(&text("sp_metadata_url")).await.expect(200).body;
        idp.trust(&text("sp_entity_id"), &text("acs_url"), &ours).await;
        let on = json!({"enabled": true, "override_untested": true});
        api.patch(&format!("/api/v1/connections/{id}"), &on).await.expect(200);
        Self { server, tenant, api, id, idp }
    }

    async fn begin(&self, browser: &Browser) {
        browser.page.delete_all_cookies().await.expect("cookies");
        browser.goto(&format!("/saml/{}/login?return_to=/profile", self.id)).await;
    }

    async fn arrived(&self, browser: &Browser, what: &str) {
        let there = format!("{}/profile", self.server.url);
        let reached = async {
            while !browser.page.current_url().await.expect("address").as_str().starts_with(&there) {
                let refused = browser.page.find(fantoccini::Locator::XPath("//h1[.='Sign-in failed']")).await;
                if refused.is_ok() {
                    let events = self.server.audit(&self.tenant).await;
                    let detail = &events[0]["detail"];
                    panic!("{what}: {} {} {}", detail["check"], detail["expected"], detail["found"]);
                }
            }
        };
        let arrived = tokio::time::timeout(crate::harness::WAIT_LIMIT, reached).await.is_ok();
        assert!(arrived, "{what}: {}", browser.text("body").await);
        browser.goto("/api/v1/me").await;
        let me: Value =
            serde_json::from_str(&browser.text("pre").await).unwrap_or_else(|e| panic!("{what}: {e}"));
        assert_eq!(me["email"], BOB, "{what}");
    }

    async fn is_out(&self, browser: &Browser, what: &str) {
        browser.goto("/api/v1/me").await;
        assert!(browser.text("body").await.contains("\"status\":401"), "{what}");
    }

    async fn sign_in(&self, browser: &Browser, what: &str) {
        self.begin(browser).await;
        self.idp.sign_in(&browser.page, BOB).await;
        self.arrived(browser, what).await;
    }

    async fn change(&self, change: Value) {
        self.api.patch(&format!("/api/v1/connections/{}", self.id), &change).await.expect(200);
    }

    /// Reads the metadata again now.
    async fn refresh(&self) {
        let mut tx = self.server.kernel.db.begin().await.expect("tx");
        sqlx::query("UPDATE saml_metadata SET next_at = 0").execute(&mut *tx).await.expect("due");
        tx.commit().await.expect("commit");
        while refresh_one(&self.server.kernel).await.expect("refreshed") {}
        let shown = self.api.get(&format!("/api/v1/connections/{}", self.id)).await.ok();
        assert!(shown["saml"]["metadata_error"].is_null(), "{shown}");
    }
}

async fn whole_life<I: SamlIdp>(backend: Backend, idp: I) {
    let site = Site::new(backend, idp).await;
    let browser = Browser::open(&site.server.url).await;
    for (sign, encrypt) in [("response", false), ("assertion", false), ("both", false), ("both", true)] {
        site.idp.mode(sign, encrypt).await;
        if encrypt && I::CBC_ONLY {
            site.begin(&browser).await;
            site.idp.sign_in(&browser.page, BOB).await;
            browser.sees("Sign-in failed").await;
            assert_eq!(site.server.last_refusal(&site.tenant).await, "saml_algorithm");
            site.change(json!({"allow_cbc": true})).await;
        }
        site.sign_in(&browser, &format!("{sign}, encrypted: {encrypt}")).await;
    }
    let events = site.server.audit(&site.tenant).await;
    assert_eq!(
        events.iter().filter(|e| e["action"] == "session.sign_in" && e["outcome"] == "success").count(),
        4
    );

    // Out here, and there.
    browser.goto("/profile").await;
    browser.click("Sign out").await;
    browser.click("Sign out here and at Company login").await;
    browser.at("/login?notice=signed_out_everywhere").await;
    site.is_out(&browser, "signed out here").await;
    browser.goto(&format!("/saml/{}/login?return_to=/profile", site.id)).await;
    // The provider asks again: its session ended too.
    site.idp.sign_in(&browser.page, BOB).await;
    site.arrived(&browser, "after the logout").await;

    // Out there, and here.
    browser.page.goto(&site.idp.logout_url(BOB)).await.expect("the provider's logout");
    let ended = async {
        // It comes back to the provider when we have answered.
        while browser.page.current_url().await.expect("address").as_str().starts_with(&site.server.url) {}
        loop {
            let events = site.server.audit(&site.tenant).await;
            if events
                .iter()
                .any(|e| e["action"] == "session.sign_out" && e["actor"]["name"] == "Company login")
            {
                return;
            }
        }
    };
    if tokio::time::timeout(crate::harness::WAIT_LIMIT, ended).await.is_err() {
        let events = site.server.audit(&site.tenant).await;
        panic!("the provider's logout: {} {}", browser.text("body").await, events[0]);
    }
    site.is_out(&browser, "signed out there").await;

    // Begun there: only where that is allowed.
    let shown = site.api.get(&format!("/api/v1/connections/{}", site.id)).await.ok();
    let start = site.idp.start_url(shown["saml"]["sp_entity_id"].as_str().expect("entity"));
    browser.page.delete_all_cookies().await.expect("cookies");
    browser.page.goto(&start).await.expect("the provider's page");
    site.idp.sign_in(&browser.page, BOB).await;
    browser.sees("Sign-in failed").await;
    site.change(json!({"allow_idp_initiated": true})).await;
    browser.page.delete_all_cookies().await.expect("cookies");
    browser.page.goto(&start).await.expect("the provider's page");
    site.idp.sign_in(&browser.page, BOB).await;
    site.arrived(&browser, "begun there").await;

    // A new key there, while somebody is on its page. What was published before is good until it is read again.
    site.begin(&browser).await;
    site.idp.rotate().await;
    site.refresh().await;
    site.idp.sign_in(&browser.page, BOB).await;
    site.arrived(&browser, "with the new key").await;
    let shown = site.api.get(&format!("/api/v1/connections/{}", site.id)).await.ok();
    assert_eq!(shown["saml"]["certificates"].as_array().expect("certificates").len(), 2, "{shown}");

    // Our keys change as well; the provider learns of them before they are used.
    let keys = format!("/api/v1/connections/{}/keys", site.id);
    site.api.post(&keys, &json!({"step": "publish"})).await.expect(204);
    let saml = &shown["saml"];
    let ours =
        site.server.client().get(saml["sp_metadata_url"].as_str().expect("url")).await.expect(200).body;
    let text = |name: &str| saml[name].as_str().expect("text").to_owned();
    site.idp.trust(&text("sp_entity_id"), &text("acs_url"), &ours).await;
    site.idp.mode("both", true).await;
    site.sign_in(&browser, "encrypted with a key that is published").await;
    site.api.post(&keys, &json!({"step": "switch"})).await.expect(204);
    site.sign_in(&browser, "after the switch").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn pysaml2_from_beginning_to_end() {
    whole_life(Backend::Sqlite, Script::pysaml2()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn samlify_from_beginning_to_end() {
    whole_life(Backend::Sqlite, Script::samlify()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn simplesamlphp_from_beginning_to_end() {
    whole_life(Backend::Postgres, SimpleSaml::start()).await;
}
