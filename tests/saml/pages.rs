//! The pages around SAML, as people see them: full, empty, and when something is wrong.

use serde_json::json;

use super::world::{ENTITY, World};
use crate::harness::browser::Browser;
use crate::harness::idp::{Idp, SLO, Sign};
use crate::harness::{Backend, Server};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_pages_of_a_connection_are_fit_to_be_seen() {
    let server = Server::start(Backend::Sqlite).await;
    let old = Idp::rsa(ENTITY);
    let more = json!({"vendor": "entra", "group_attribute": "http://schemas.microsoft.com/ws/2008/06/identity/claims/groups",
        "group_sync": true, "display_name": "Acme Germany", "sign_requests": true});
    let world = World::with(&server, "acme", old, more).await;
    let api = world.api();
    let browser = Browser::open(&server.url).await;
    browser.look("sso-sign-in", "/login?account=acme").await;
    browser.is_accessible("sso-sign-in").await;
    browser.goto("/login/local?account=acme").await;
    browser.fill("identifier", &world.tenant.email).await;
    browser.fill("password", &world.tenant.password).await;
    browser.click("Sign in").await;
    browser.at("/console").await;

    // Every vendor has its own words.
    browser.look("sso-vendors", "/console/connections/new?kind=saml").await;
    browser.is_accessible("sso-vendors").await;
    browser.click("Okta").await;
    browser.look("sso-new", "").await;
    browser.is_accessible("sso-new").await;
    browser.click("Create connection").await;
    browser.sees("is required").await;
    browser.look("sso-new-wrong", "").await;

    // Keys on their way in and certificates on their way out, groups, Graph.
    let page = format!("/console/connections/{}", world.connection);
    let next = Idp::ending(ENTITY, (2026, 12, 20));
    let change = json!({"metadata_xml": next.metadata_with(SLO), "keep_old_certificates": true,
        "graph": {"tenant_id": "7f3c1a52-95d4-4d0e-9c0a-2f6f6c1f9b11", "client_id": "client"}, "graph_client_secret": "secret"});
    world.change(change).await.expect(200);
    for (name, theirs) in [
        ("Builders", "1f0e7c3a-4a51-4c0a-8f3e-0a4f5b6c7d8e"),
        ("A group with a rather long name that goes on", "b"),
    ] {
        let group = api.post("/api/v1/groups", &json!({"name": name})).await.created();
        let link = json!({"connection_id": world.connection, "name": theirs});
        api.post(&format!("/api/v1/groups/{}/link", group["id"].as_str().expect("id")), &link)
            .await
            .created();
    }
    browser.goto(&page).await;
    browser.click("Publish new certificates").await;
    browser.sees("New certificates published").await;
    browser.look("sso-connection", "").await;
    browser.is_accessible("sso-connection").await;
    browser.click("Activate new certificates").await;
    browser.sees("New certificates activated").await;
    browser.click("Stop trusting old certificates").await;
    browser.sees("Connection saved").await;
    // What cannot be goes with its reason.
    browser.fill("landing", "https://evil.example").await;
    browser.click("Save changes").await;
    browser.sees("must be a path on this server").await;
    browser.look("sso-connection-wrong", "").await;
    browser.goto(&page).await;
    browser.fill("display_name", "Acme Europe").await;
    browser.click("Save changes").await;
    browser.sees("Connection saved").await;
    assert_eq!(world.shown().await["saml"]["display_name"], "Acme Europe");
    assert_eq!(world.shown().await["saml"]["group_sync"], true, "what is not touched stays");

    // The group's side of a link.
    let group = api.get("/api/v1/groups?q=Builders").await.ok()["items"][0]["id"].clone();
    browser.look("group-linked", &format!("/console/groups/{}", group.as_str().expect("id"))).await;
    browser.is_accessible("group-linked").await;

    // Somebody who came in through it is asked where to sign out.
    let person = Browser::open(&server.url).await;
    let guest = server.client();
    let request = world.begin(&guest).await;
    let xml = next.response(&world.says(Some(&request)), Sign::Both);
    let to = world.post(&guest, &xml).await.expect(303).location().expect("continue");
    let entered = guest.get(&to).await.expect(303);
    let cookie = entered.headers.get_all("set-cookie").iter().filter_map(|value| value.to_str().ok());
    let cookie = cookie
        .filter_map(|text| text.split(';').next()?.split_once('='))
        .find(|(name, _)| name.contains("session"));
    let (name, value) = cookie.expect("the session's cookie");
    person.goto("/login").await;
    let script = format!("document.cookie = '{name}={value}; path=/'");
    person.page.execute(&script, vec![]).await.expect("the cookie is set");
    person.look("sso-profile", "/profile").await;
    person.click("Sign out").await;
    person.sees("Sign out here only").await;
    person.look("sso-sign-out", "").await;
    person.is_accessible("sso-sign-out").await;
}
