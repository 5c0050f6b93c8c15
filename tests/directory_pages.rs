//! The administrator who sets up a directory at five in the afternoon, in a browser.

use fantoccini::Locator;
use serde_json::json;

use crate::harness::browser::Browser;
use crate::harness::{Client, Server};
use crate::on_both;

/// A browser with the administrator signed in.
async fn administrator(server: &Server, email: &str, password: &str) -> Browser {
    let browser = Browser::open(&server.url).await;
    browser.goto("/login?account=acme").await;
    browser.fill("identifier", email).await;
    browser.click("Continue").await;
    browser.fill("password", password).await;
    browser.click("Sign in").await;
    browser.at("/console").await;
    browser
}

on_both! {
    async fn a_directory_is_set_up_tried_watched_and_let_through(server: Server) {
        let tenant = server.tenant("acme").await;
        let browser = administrator(server, &tenant.email, &tenant.password).await;
        browser.goto("/console/connections/new?kind=scim").await;
        browser.fill("name", "Okta").await;
        browser.click("Create connection").await;
        browser.sees("No requests yet").await;
        browser.look("directory-empty", "").await;
        let home = browser.page.current_url().await.expect("address").path().to_owned();
        browser.click("Microsoft Entra ID").await;
        browser.sees("aadOptscim062020").await;
        browser.look("directory-entra", "").await;
        browser.click("Generate token").await;
        let first = browser.text("#secret").await;
        let directory = Client::new(&server.url).bearer(&first);

        // Tried out first.
        browser.goto(&home).await;
        browser.check("dry_run").await;
        browser.check("log_values").await;
        browser.click("Save changes").await;
        browser.sees("This connection is in a dry run").await;
        directory.get("/scim/v2/Users?startIndex=1&count=2").await.ok();
        let long = "A name that goes on and on because somebody in personnel had a very long day at the office-and-more";
        for (name, user) in [("Bob Builder", "bob@acme.example"), (long, "averyveryveryveryveryveryverylongaddress@subdomain.acme.example")] {
            let user = json!({"userName": user, "displayName": name, "active": true, "name": {"givenName": "Bob"},
                "emails": [{"value": user, "type": "work", "primary": true}]});
            directory.post("/scim/v2/Users", &user).await.expect(503);
        }
        directory.post("/scim/v2/Users", &json!({"userName": tenant.email})).await.expect(409);
        browser.goto(&home).await;
        browser.click("Review pending changes (2)").await;
        browser.sees("Each change was tried and rolled back").await;
        browser.look("directory-waiting", "").await;
        browser.click("Approve all changes").await;
        browser.sees("Applied: 2.").await;
        browser.sees("No pending changes.").await;
        browser.look("directory-nothing-waits", "").await;

        // The log tells what happened, and what to do.
        browser.goto(&home).await;
        browser.check("dry_run").await;
        browser.click("Save changes").await;
        browser.sees("Connection saved.").await;
        let bob = directory.get("/scim/v2/Users?filter=userName%20eq%20%22bob@acme.example%22").await.ok();
        let path = format!("/scim/v2/Users/{}", bob["Resources"][0]["id"].as_str().expect("id"));
        let rename = json!({"Operations": [{"op": "replace", "path": "name.givenName", "value": "Robert"}]});
        directory.patch(&path, &rename).await.ok();
        browser.goto(&home).await;
        browser.look("directory", "").await;
        browser.click("View request log").await;
        browser.sees("Map the identity provider's matching attribute to userName").await;
        browser.look("directory-log", "").await;
        browser.fill("about", "bob@").await;
        browser.click("Apply filters").await;
        browser.at(&format!("{home}/requests?about=bob")).await;
        let shown = browser.text("main").await;
        assert!(shown.contains("bob@acme.example") && !shown.contains("averyvery"), "{shown}");
        browser.fill("about", "nobody-of-this-name").await;
        browser.click("Apply filters").await;
        browser.sees("No matching requests.").await;

        // A new token beside the old one.
        browser.goto(&home).await;
        browser.page.find(Locator::Css(".rows details summary")).await.expect("replace").click().await.expect("opened");
        browser.click("Generate new token").await;
        let second = browser.text("#secret").await;
        browser.sees("valid until").await;
        assert_ne!(first, second);
        for token in [&first, &second] {
            Client::new(&server.url).bearer(token).get("/scim/v2/Users").await.ok();
        }
        browser.goto(&home).await;
        browser.click("Disable connection").await;
        browser.sees("All requests are currently rejected.").await;
        directory.get("/scim/v2/Users").await.expect(403);
    }
}
