//! Chromium, the server, and two providers of different lineage that others have made.

use serde_json::{Value, json};

use crate::harness::browser::Browser;
use crate::harness::peers::OpenIdProvider;
use crate::harness::{Backend, Client, Server, Tenant};

struct Site {
    server: Server,
    tenant: Tenant,
    api: Client,
    id: String,
    provider: OpenIdProvider,
}

impl Site {
    async fn new(backend: Backend, provider: OpenIdProvider) -> Self {
        let server = Server::in_real_time(backend, |config| {
            config.outgoing.allowed_networks = vec!["127.0.0.0/8".parse().expect("network")];
        })
        .await;
        let tenant = server.tenant("acme").await;
        let api = server.client().bearer(&tenant.token);
        let body = json!({"kind": "oidc", "name": "Company login", "issuer": provider.issuer, "client_id": "vestibule",
            "client_secret": "a secret that is long enough", "email_domains": ["acme.example"], "jit": {"enabled": true}});
        let made = api.post("/api/v1/connections", &body).await.created();
        let id = made["id"].as_str().expect("id").to_owned();
        provider.trust(&made["oidc"]).await;
        let on = json!({"enabled": true, "override_untested": true});
        api.patch(&format!("/api/v1/connections/{id}"), &on).await.expect(200);
        Self { server, tenant, api, id, provider }
    }

    async fn sign_in(&self, browser: &Browser, who: &str) {
        browser.goto("/login?account=acme&return_to=/profile").await;
        browser.fill("identifier", who).await;
        browser.click("Continue").await;
        self.provider.sign_in(browser, who).await;
    }

    async fn arrived(&self, browser: &Browser) -> Value {
        let there = format!("{}/profile", self.server.url);
        let reached = async {
            while !browser.page.current_url().await.expect("address").as_str().starts_with(&there) {}
        };
        if tokio::time::timeout(std::time::Duration::from_secs(20), reached).await.is_err() {
            let events = self.server.audit(&self.tenant).await;
            panic!("{} {}", events[0], browser.text("body").await);
        }
        browser.goto("/api/v1/me").await;
        serde_json::from_str(&browser.text("pre").await).expect("JSON")
    }
}

async fn begins_and_ends(backend: Backend, provider: OpenIdProvider) -> (Site, Browser) {
    let site = Site::new(backend, provider).await;
    let browser = Browser::open(&site.server.url).await;
    site.sign_in(&browser, "bob@acme.example").await;
    let me = site.arrived(&browser).await;
    assert_eq!((&me["email"], &me["display_name"]), (&json!("bob@acme.example"), &json!("Bob Builder")));

    // Out here, and there.
    browser.goto("/logout").await;
    browser.click("Sign out here and at Company login").await;
    site.provider.confirm_logout(&browser).await;
    browser.at("/login?notice=signed_out_everywhere").await;
    site.sign_in(&browser, "bob@acme.example").await;
    site.arrived(&browser).await;
    (site, browser)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn oidc_provider_from_beginning_to_end() {
    let (site, browser) = begins_and_ends(Backend::Sqlite, OpenIdProvider::npm()).await;
    // A new key, which nobody here has seen yet.
    browser.page.delete_all_cookies().await.expect("cookies");
    site.provider.rotate().await;
    site.sign_in(&browser, "bob@acme.example").await;
    site.arrived(&browser).await;
    // Whose address it does not vouch for does not come in.
    browser.page.delete_all_cookies().await.expect("cookies");
    site.sign_in(&browser, "unverified@acme.example").await;
    browser.sees("Email address not verified").await;
    // With our own key instead of a secret.
    let change = json!({"client_auth": "private_key_jwt"});
    let shown = site.api.patch(&format!("/api/v1/connections/{}", site.id), &change).await.ok();
    site.provider.trust(&shown["oidc"]).await;
    browser.page.delete_all_cookies().await.expect("cookies");
    site.sign_in(&browser, "bob@acme.example").await;
    site.arrived(&browser).await;
    // Out there, and here: the provider tells us behind the browser's back.
    browser.goto(&format!("{}/session/end", site.provider.issuer)).await;
    site.provider.confirm_logout(&browser).await;
    browser.sees("Sign-out Success").await;
    browser.goto("/api/v1/me").await;
    assert!(browser.text("body").await.contains("\"status\":401"), "{}", browser.text("body").await);
    let events = site.server.audit(&site.tenant).await;
    assert_eq!(events.iter().filter(|e| e["action"] == "user.link").count(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn authlib_from_beginning_to_end() {
    begins_and_ends(Backend::Postgres, OpenIdProvider::authlib()).await;
}
