//! The screenshots of the README. `make screenshots` makes them again.

use std::path::Path;

use serde_json::json;

use crate::harness::browser::Browser;
use crate::harness::idp::Provider;
use crate::harness::{Backend, Server};

/// The files in `docs/screenshots`.
pub const FILES: [&str; 2] = ["connection.png", "sign-in.png"];

/// The size of a window, in pixels.
const WIDTH: u32 = 1280;
const HEIGHT: u32 = 800;

#[tokio::test(flavor = "multi_thread")]
#[ignore = "writes files of the repository: make screenshots"]
async fn of_the_readme() {
    let server = Server::on_localhost(Backend::Sqlite, |_| {}).await;
    let tenant = server.tenant("acme").await;
    let okta =
        json!({"name": "Okta", "vendor": "okta", "email_domains": ["acme.example"], "is_default": true});
    let okta = Provider::new(&server, &tenant, okta).await;
    let contractors = json!({"name": "Contractors", "display_name": "Microsoft Entra ID", "vendor": "entra"});
    Provider::new(&server, &tenant, contractors).await;
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/screenshots");
    std::fs::create_dir_all(&folder).expect("folder");

    let browser = Browser::open(&server.url).await;
    browser.goto("/login?account=acme").await;
    browser.window(WIDTH, HEIGHT, &folder.join("sign-in.png")).await;
    browser.goto("/login/local?account=acme").await;
    browser.fill("identifier", &tenant.email).await;
    browser.fill("password", &tenant.password).await;
    browser.click("Sign in").await;
    browser.goto(&format!("/console/connections/{}", okta.id)).await;
    browser.window(WIDTH, HEIGHT, &folder.join("connection.png")).await;
}
