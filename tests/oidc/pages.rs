//! The pages around providers, as people see them: full, empty, and when something is wrong.

use serde_json::json;

use super::world::World;
use crate::harness::browser::Browser;
use crate::harness::provider::Provider;
use crate::harness::{Backend, Server};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_pages_of_a_provider_are_fit_to_be_seen() {
    let server = Server::inside(Backend::Sqlite).await;
    let world = World::with(&server, json!({"display_name": "Acme Germany", "group_sync": true})).await;
    let browser = Browser::open(&server.url).await;
    browser.look("oidc-sign-in", "/login?account=acme").await;
    browser.is_accessible("oidc-sign-in").await;
    browser.goto("/login/local?account=acme").await;
    browser.fill("identifier", &world.tenant.email).await;
    browser.fill("password", &world.tenant.password).await;
    browser.click("Sign in").await;
    browser.at("/console").await;

    // A new one, from the choice to its page: its addresses are known before it is made.
    browser.look("doors-new", "/console/connections/new").await;
    browser.is_accessible("doors-new").await;
    browser.click("Another OpenID Connect provider").await;
    browser.look("oidc-new", "").await;
    browser.is_accessible("oidc-new").await;
    let promised = browser.text("#step-2").await;
    browser.fill("name", "Second provider").await;
    browser.fill("issuer", "https://nowhere.invalid").await;
    browser.fill("client_id", "us").await;
    browser.fill("client_secret", "secret").await;
    browser.click("Create connection").await;
    browser.sees("Connection created").await;
    assert_eq!(browser.text("#step-2").await, promised);
    browser.click("Test connection").await;
    browser.sees("test failed").await;
    browser.look("oidc-test-failed", "").await;
    browser.is_accessible("oidc-test-failed").await;
    browser.goto("/console/connections/new?kind=oidc&preset=entra").await;
    browser.look("oidc-new-entra", "").await;

    // One that works.
    let page = format!("/console/connections/{}", world.connection);
    world.provider.claim("department", json!("a department with a rather long name that goes on and on"));
    let said = json!({"sub": "bob-1", "groups": ["builders", "everybody"]});
    said.as_object().expect("object").clone_into(&mut world.provider.says().userinfo);
    browser.goto(&page).await;
    browser.click("Test connection").await;
    browser.sees("test passed").await;
    browser.look("oidc-test", "").await;
    browser.look("oidc-connection", &page).await;
    browser.is_accessible("oidc-connection").await;
    browser.fill("issuer", "https://evil.example").await;
    browser.click("Save changes").await;
    browser.sees("must be entered again").await;
    browser.look("oidc-connection-wrong", "").await;
    browser.goto(&page).await;
    browser.fill("display_name", "Acme Europe").await;
    browser.click("Save changes").await;
    browser.sees("Connection saved").await;
    let shown = world.api().get(&format!("/api/v1/connections/{}", world.connection)).await.ok();
    assert_eq!(shown["oidc"]["display_name"], "Acme Europe");
    assert_eq!(shown["oidc"]["group_sync"], true, "what is not touched stays");

    // Linked, seen by its owner and by an administrator.
    browser.goto("/profile").await;
    browser.click("Link Acme Europe").await;
    browser.sees("Identity linked. You can now use it to sign in").await;
    browser.look("oidc-profile", "").await;
    browser.is_accessible("oidc-profile").await;
    let api = world.api();
    let me = api.get(&format!("/api/v1/users?user_name={}", world.tenant.email)).await.ok()["items"][0]["id"]
        .clone();
    browser.look("oidc-user", &format!("/console/users/{}", me.as_str().expect("id"))).await;

    // A provider that says no, and one that is not there.
    let stranger = Browser::open(&server.url).await;
    world.provider.claim("email_verified", json!(false));
    world.provider.claim("sub", json!("stranger"));
    world.provider.says().userinfo.insert("sub".into(), json!("stranger"));
    stranger.goto(&world.path("login")).await;
    stranger.sees("Email address not verified").await;
    stranger.look("oidc-not-verified", "").await;
    let gone = Provider::start(&server.clock).await;
    let body = json!({"kind": "oidc", "name": "Gone", "issuer": format!("{}/x", gone.url), "client_id": "a", "client_secret": "b"});
    let made = api.post("/api/v1/connections", &body).await.created()["id"].as_str().expect("id").to_owned();
    api.patch(&format!("/api/v1/connections/{made}"), &json!({"enabled": true, "override_untested": true}))
        .await
        .expect(200);
    stranger.look("oidc-unreachable", &format!("/oidc/{made}/login")).await;
    stranger.sees("Your identity provider is unavailable").await;
}
