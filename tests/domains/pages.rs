//! The console's pages of domains, in a browser, with a real DNS server.

use serde_json::json;

use super::connection;
use crate::harness::browser::Browser;
use crate::harness::dns::Knot;
use crate::harness::{Backend, Server};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_administrator_verifies_a_domain() {
    let knot = Knot::start(&["brand.example"]);
    let server =
        Server::start_with(Backend::Sqlite, |config| config.dns.servers = vec![knot.address()]).await;
    let tenant = server.tenant("acme").await;
    connection(&server, &tenant, "Company", &[]).await;
    let browser = Browser::open(&server.url).await;
    browser.goto("/login?account=acme&return_to=/console/domains").await;
    browser.fill("identifier", &tenant.email).await;
    browser.click("Continue").await;
    browser.fill("password", &tenant.password).await;
    browser.click("Sign in").await;
    browser.at("/console/domains").await;
    browser.fill("domain", "gmail.com").await;
    browser.click("Add domain").await;
    browser.sees("public email provider").await;
    browser.fill("domain", "Brand.example").await;
    browser.click("Add domain").await;
    browser.sees("This domain is not verified and has no effect yet.").await;
    browser.is_accessible("a domain").await;
    browser.look("domain", "").await;
    let (name, value) = (browser.text("#record-name").await, browser.text("#record-value").await);
    assert_eq!(name, "_vestibule.brand.example");
    browser.click("Verify now").await;
    browser.sees("No TXT record exists at _vestibule.brand.example").await;
    knot.publish("brand.example", "_vestibule", &[&value]);
    browser.click("Verify now").await;
    browser.sees("This domain is verified. Keep the DNS record").await;
    browser.check("connection").await;
    browser.click("Save connections").await;
    browser.sees("Connections of the domain saved.").await;
    let shown = super::domain(&server, &tenant, "brand.example").await;
    assert_eq!(
        (&shown["state"], shown["connections"].as_array().map(Vec::len)),
        (&json!("verified"), Some(1))
    );
    browser.goto("/console/connections").await;
    let company = shown["connections"][0].as_str().expect("id");
    browser.goto(&format!("/console/connections/{company}")).await;
    browser.sees("brand.example verified").await;
    browser.click("brand.example").await;
    browser.at("/console/domains/").await;
    browser.goto("/console/domains").await;
    browser.is_accessible("domains").await;
    browser.look("domains", "").await;
    browser.click("Domains").await;
    browser.sees("brand.example").await;

    // The field for the account, where no verified domain says which.
    server.tenant("globex").await;
    super::forget(&server, &tenant).await;
    let visitor = Browser::open(&server.url).await;
    visitor.goto("/login").await;
    visitor.fill("identifier", "bob@elsewhere.example").await;
    visitor.click("Continue").await;
    visitor.sees("Account").await;
    visitor.is_accessible("the account").await;
    visitor.look("login-account", "").await;
    assert_eq!(visitor.focused().await, "account");
    visitor.fill("account", "acme").await;
    visitor.click("Continue").await;
    visitor.at("/login/password").await;
}
