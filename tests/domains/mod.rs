//! Email domains: claimed, verified, lost, and what they decide.

mod lookup;
mod pages;
mod records;
mod rest;
mod upgrade;

use serde_json::{Value, json};

use crate::harness::idp::Idp;
use crate::harness::{Answer, Client, Server, Tenant};

/// Creates a SAML connection that is enabled and lists these domains; returns its id.
async fn connection(server: &Server, tenant: &Tenant, name: &str, domains: &[&str]) -> String {
    let api = server.client().bearer(&tenant.token);
    let idp = Idp::rsa(&format!("https://{name}.idp.example"));
    let body =
        json!({"kind": "saml", "name": name, "metadata_xml": idp.metadata(), "email_domains": domains});
    let made = api.post("/api/v1/connections", &body).await.created();
    let id = made["id"].as_str().expect("id").to_owned();
    let on = json!({"enabled": true, "override_untested": true});
    api.patch(&format!("/api/v1/connections/{id}"), &on).await.expect(200);
    id
}

/// The answer to a name on the sign-in page.
async fn identify(browser: &Client, account: &str, identifier: &str) -> Answer {
    let fields = [("identifier", identifier), ("account", account), ("return_to", "/profile")];
    browser.form("/login", &fields).await
}

/// Where a name on the sign-in page leads, or the status of the page that answers instead.
async fn leads_to(server: &Server, account: &str, identifier: &str) -> String {
    let answer = identify(&server.client(), account, identifier).await;
    let to = answer.location().unwrap_or_else(|| answer.status.as_u16().to_string());
    to.split('?').next().unwrap_or_default().to_owned()
}

/// Lets the server forget what it keeps for a moment about accounts and domains, as every change through it does.
async fn forget(server: &Server, tenant: &Tenant) {
    let api = server.client().bearer(&tenant.token);
    api.patch("/api/v1/authentication-settings", &json!({})).await.expect(200);
}

/// The account's domain with this name, as the API shows it.
async fn domain(server: &Server, tenant: &Tenant, name: &str) -> Value {
    let list = server.client().bearer(&tenant.token).get("/api/v1/domains").await.ok();
    let found = list["items"].as_array().expect("items").iter().find(|one| one["domain"] == name).cloned();
    found.unwrap_or_else(|| panic!("no domain {name} in {list}"))
}

fn path(domain: &Value) -> String {
    format!("/api/v1/domains/{}", domain["id"].as_str().expect("id"))
}
