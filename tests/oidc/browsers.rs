//! Chromium, the server, and two providers of different lineage that others have made.

use fantoccini::Locator;
use serde_json::{Value, json};

use crate::harness::browser::Browser;
use crate::harness::peers::OpenIdProvider;
use crate::harness::{Backend, Client, Server, Tenant};

const BOB: &str = "bob@acme.example";
const PASSWORD: &str = "a good long password";

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

    /// Creates a user; returns their id.
    async fn create_user(&self, email: &str, password: Option<&str>) -> String {
        let mut body = json!({"user_name": email, "email": email});
        if let Some(password) = password {
            body["password"] = json!(password);
        }
        let made = self.api.post("/api/v1/users", &body).await.created();
        made["id"].as_str().expect("id").to_owned()
    }

    /// How many identities are linked to a user.
    async fn links_of(&self, id: &str) -> usize {
        let all = self.api.get(&format!("/api/v1/users/{id}/identities")).await.ok();
        all["items"].as_array().expect("items").len()
    }

    async fn is_out(&self, browser: &Browser) {
        browser.goto("/api/v1/me").await;
        let text = browser.text("body").await;
        assert!(text.contains("\"status\":401"), "{text}");
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
        if tokio::time::timeout(crate::harness::WAIT_LIMIT, reached).await.is_err() {
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

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn single_sign_on_is_the_only_way_in() {
    let site = Site::new(Backend::Sqlite, OpenIdProvider::npm()).await;
    site.create_user(BOB, Some(PASSWORD)).await;
    let carol = site.create_user("carol@acme.example", None).await;
    let rule =
        json!({"domain": "acme.example", "password": false, "passkey": false, "connections": [site.id]});
    site.api.patch("/api/v1/authentication-settings", &json!({"sign_in_rules": [rule]})).await.expect(200);

    let browser = Browser::open(&site.server.url).await;
    browser.goto("/login?account=acme&return_to=/profile").await;
    let passwords = browser.page.find_all(Locator::Css("input[type=password]")).await.expect("a page");
    assert!(passwords.is_empty(), "{}", browser.text("body").await);
    site.sign_in(&browser, "carol@acme.example").await;
    assert_eq!(site.arrived(&browser).await["id"], json!(carol));

    // A script that begins like a page, and then sends the right password in place of going to the provider.
    let script = site.server.client();
    let fields = [("identifier", BOB), ("account", "acme"), ("return_to", "/profile")];
    let sent = script.form("/login", &fields).await.expect(303).location().expect("the provider");
    assert!(sent.starts_with(&format!("/oidc/{}/login?flow=", site.id)), "{sent}");
    let flow = sent.split_once("flow=").expect("a flow").1;
    let refused = script.form("/login/password", &[("flow", flow), ("password", PASSWORD)]).await.expect(401);
    assert!(refused.body.contains("does not allow you to sign in with a password"), "{}", refused.body);
    assert_eq!(site.server.last_refusal(&site.tenant).await, "method_not_allowed");
    script.get("/api/v1/me").await.expect(401);

    // The page for administrators is the exception, for them alone.
    browser.page.delete_all_cookies().await.expect("cookies");
    for (name, password) in [(BOB, PASSWORD), (site.tenant.email.as_str(), site.tenant.password.as_str())] {
        browser.goto("/login/local?account=acme").await;
        browser.fill("identifier", name).await;
        browser.fill("password", password).await;
        browser.click("Sign in").await;
        if name == BOB {
            browser.sees("This page is for administrators of the account").await;
            site.is_out(&browser).await;
        }
    }
    browser.at("/console").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_first_link_is_confirmed_with_the_password() {
    let site = Site::new(Backend::Postgres, OpenIdProvider::npm()).await;
    let bob = site.create_user(BOB, Some(PASSWORD)).await;
    let browser = Browser::open(&site.server.url).await;
    site.sign_in(&browser, BOB).await;
    browser.at("/login/confirm-link?flow=").await;
    for text in ["Company login says that you are", "for the first time", BOB] {
        browser.sees(text).await;
    }
    assert_eq!(site.links_of(&bob).await, 0);
    browser.fill("password", PASSWORD).await;
    browser.click("Link and sign in").await;
    assert_eq!(site.arrived(&browser).await["id"], json!(bob));
    assert_eq!(site.links_of(&bob).await, 1);
    // Once is enough.
    browser.page.delete_all_cookies().await.expect("cookies");
    site.sign_in(&browser, BOB).await;
    assert_eq!(site.arrived(&browser).await["id"], json!(bob));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_first_link_that_is_not_confirmed_is_not_made() {
    let site = Site::new(Backend::Sqlite, OpenIdProvider::authlib()).await;
    let bob = site.create_user(BOB, Some(PASSWORD)).await;
    let browser = Browser::open(&site.server.url).await;
    site.sign_in(&browser, BOB).await;
    browser.at("/login/confirm-link?flow=").await;
    browser.fill("password", "not the password").await;
    browser.click("Link and sign in").await;
    browser.sees("do not match an active user").await;
    assert_eq!(site.links_of(&bob).await, 0);
    // The page that says so asks again, and offers to give up.
    browser.click("cancel").await;
    browser.sees("Email or username").await;
    site.is_out(&browser).await;
    assert_eq!(site.links_of(&bob).await, 0);
    // Nothing is lost: the next time the question comes again, and the right answer counts.
    browser.page.delete_all_cookies().await.expect("cookies");
    site.sign_in(&browser, BOB).await;
    browser.at("/login/confirm-link?flow=").await;
    browser.fill("password", PASSWORD).await;
    browser.click("Link and sign in").await;
    assert_eq!(site.arrived(&browser).await["id"], json!(bob));
    assert_eq!(site.links_of(&bob).await, 1);
}
