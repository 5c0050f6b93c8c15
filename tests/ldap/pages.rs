//! The pages around a directory, as people see them.

use serde_json::json;

use super::sync::{link, sync};
use super::world::{World, body, few};
use crate::harness::browser::Browser;
use crate::harness::directory::{BASE, PASSWORD, Slapd};
use crate::harness::{Backend, Server};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_pages_of_a_directory_are_fit_to_be_seen() {
    let server = Server::inside(Backend::Sqlite).await;
    let slapd = Slapd::start(&few());
    let world =
        World::with(&server, body(&slapd), json!({"group_sync": true, "email_domains": ["acme.example"]}))
            .await;
    let browser = Browser::open(&server.url).await;
    browser.goto("/login?account=acme").await;
    browser.fill("identifier", "bob@acme.example").await;
    browser.click("Continue").await;
    browser.sees("for Directory").await;
    browser.look("ldap-password", "").await;
    browser.is_accessible("ldap-password").await;
    browser.fill("password", "wrong").await;
    browser.click("Sign in").await;
    browser.sees(super::world::WRONG).await;
    browser.fill("password", PASSWORD).await;
    browser.click("Sign in").await;
    browser.at("/profile").await;

    let browser = Browser::open(&server.url).await;
    browser.goto("/login/local?account=acme").await;
    browser.fill("identifier", &world.tenant.email).await;
    browser.fill("password", &world.tenant.password).await;
    browser.click("Sign in").await;
    browser.at("/console").await;
    browser.goto("/console/connections/new?kind=ldap").await;
    browser.look("ldap-new", "").await;
    browser.is_accessible("ldap-new").await;
    browser.fill("name", "Second").await;
    browser.fill("url", "ldaps://127.0.0.1:1").await;
    browser.fill("base_dn", BASE).await;
    browser.click("Create connection").await;
    browser.sees("Connection created").await;
    browser.click("Test connection").await;
    browser.sees("No server could be reached").await;
    browser.look("ldap-test-failed", "").await;

    // One that works, with groups that followed, and some that were left as they are.
    let page = format!("/console/connections/{}", world.connection);
    browser.look("ldap-connection-empty", &page).await;
    link(&world, "Builders", "builders").await;
    link(
        &world,
        "A group with a rather long name that goes on",
        &format!("cn=nobody has this,ou=groups,{BASE}"),
    )
    .await;
    browser.goto(&page).await;
    browser.click("Test connection").await;
    browser.sees("test passed").await;
    browser.look("ldap-test", "").await;
    sync(&world, json!({"preview": true})).await;
    sync(&world, json!({})).await;
    browser.look("ldap-connection", &page).await;
    browser.is_accessible("ldap-connection").await;
    browser.sees("has no group").await;
    browser.fill("url", "https://evil.example").await;
    browser.click("Save changes").await;
    browser.sees("must be entered again").await;
    browser.goto(&page).await;
    browser.fill("display_name", "Acme").await;
    browser.click("Save changes").await;
    browser.sees("Connection saved").await;
    let shown = world.api().get(&format!("/api/v1/connections/{}", world.connection)).await.ok();
    assert_eq!(
        (&shown["ldap"]["display_name"], &shown["ldap"]["group_sync"]),
        (&json!("Acme"), &json!(true))
    );
    assert_eq!(
        shown["ldap"]["user_queries"],
        body(&slapd)["user_queries"]
            .as_array()
            .map(|all| {
                let mut query = all[0].clone();
                query["name_attribute"] = json!("cn");
                query["email_attribute"] = json!("mail");
                query["member_of_attribute"] = json!("memberOf");
                json!([query])
            })
            .expect("queries"),
        "what is not touched stays"
    );
}
