//! The browser's half, in Chromium behind nginx.

use serde_json::{Value, json};

use super::neighbours::{Neighbour, Upstream, free_port};
use super::world::Site;
use crate::harness::browser::Browser;
use crate::harness::{Backend, Server};

/// Runs a script in the page and returns what it promises.
async fn run(browser: &Browser, body: &str) -> Value {
    let script = format!(
        "const done = arguments[0]; (async () => {{ {body} }})().then(done, (e) => done('error: ' + e))"
    );
    browser.page.execute_async(&script, vec![]).await.expect("the script runs")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_page_of_an_application_reaches_nothing_of_the_console() {
    let server = Server::on_localhost(Backend::Sqlite, |_| {}).await;
    let upstream = Upstream::start().await;
    let port = free_port();
    let tenant = server.tenant("acme").await;
    let site = Site::at(&server, tenant, format!("app.localhost:{port}"), json!({})).await;
    let proxy = Neighbour::nginx(&site, port, &upstream);
    proxy.is_ready(port).await;
    let browser = Browser::open(&server.url).await;
    // A deep address comes back whole, with its fragment, through the forms of the sign-in.
    let deep = site.url("/page?a=1&b=2#section-3");
    browser.goto(&deep).await;
    browser.fill("identifier", &site.tenant.email).await;
    browser.click("Continue").await;
    browser.fill("password", &site.tenant.password).await;
    browser.click("Sign in").await;
    browser.sees("Application").await;
    assert_eq!(browser.page.current_url().await.expect("url").as_str(), deep);

    // The administrator is signed in at the console, and a script of the application's page tries to act there.
    let attempts = format!(
        "const base = {:?}; const out = [];
         for (const [path, options] of [
            ['/api/v1/me', {{}}],
            ['/api/v1/users', {{}}],
            ['/api/v1/api-tokens', {{method: 'POST', headers: {{'content-type': 'application/json'}}, body: '{{\"name\":\"x\"}}'}}],
            ['/api/v1/users', {{method: 'POST', headers: {{'content-type': 'text/plain'}}, body: '{{\"user_name\":\"mallory\",\"roles\":[\"account_admin\"]}}'}}],
         ]) {{
            try {{ const answer = await fetch(base + path, {{credentials: 'include', ...options}}); out.push(answer.status); }}
            catch (e) {{ out.push('blocked'); }}
         }}
         try {{ await fetch(base + '/console/users', {{method: 'POST', mode: 'no-cors', credentials: 'include',
            body: new URLSearchParams({{user_name: 'mallory', email: 'mallory@acme.example', role: 'account_admin'}})}}); }} catch (e) {{}}
         return out;",
        server.url
    );
    assert_eq!(run(&browser, &attempts).await, json!(["blocked", "blocked", "blocked", "blocked"]));
    // On its own host nothing of the console answers.
    let own = "const out = []; for (const path of ['/api/v1/me', '/console', '/.vestibule/../api/v1/me'])
               { const text = await (await fetch(path)).text(); out.push(text.includes('account_admin')); } return out;";
    assert_eq!(run(&browser, own).await, json!([false, false, false]));
    let users = site.api.get("/api/v1/users").await.ok();
    assert!(!users.to_string().contains("mallory"), "{users}");
    let tokens = site.api.get("/api/v1/api-tokens").await.ok();
    assert_eq!(tokens["items"].as_array().map(Vec::len), Some(1));

    // Cookies that the page plants do not count at the console, and its session is still the administrator's.
    let plant = "for (const name of ['vst_session', 'vst_flow', '__Host-vst_session'])
                 for (const domain of ['', '; domain=localhost', '; domain=app.localhost'])
                 document.cookie = `${name}=vst_session_planted${domain}; path=/`; return document.cookie.length >= 0";
    run(&browser, plant).await;
    browser.goto("/profile").await;
    browser.sees(&site.tenant.email).await;
    // The script cannot read the session's cookie.
    browser.goto(&site.url("/page")).await;
    let cookies = run(&browser, "return document.cookie").await;
    assert!(!cookies.as_str().expect("text").contains("vst_app="), "{cookies}");
    browser.goto(&site.url("/.vestibule/sign-out")).await;
    browser.look("application-sign-out", "").await;
    browser.is_accessible("sign-out at an application").await;
    browser.click("Sign out").await;
    browser.at("/login").await;
    browser.sees("You have signed out.").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_application_is_registered_in_the_console() {
    let server = Server::on_localhost(Backend::Sqlite, |_| {}).await;
    let tenant = server.tenant("acme").await;
    let api = server.client().bearer(&tenant.token);
    api.post("/api/v1/groups", &json!({"name": "Readers"})).await.created();
    let browser = Browser::open(&server.url).await;
    browser.goto("/console/apps").await;
    browser.fill("identifier", &tenant.email).await;
    browser.click("Continue").await;
    browser.fill("password", &tenant.password).await;
    browser.click("Sign in").await;
    browser.sees("No applications yet.").await;
    browser.look("applications-empty", "").await;
    browser.click("Register application").await;
    browser.fill("name", "Reports").await;
    browser.fill("hosts", "localhost").await;
    browser.is_accessible("registering an application").await;
    browser.click("Register application").await;
    browser.sees("host name of this server").await;
    browser.fill("hosts", "reports.example").await;
    browser.look("application-new", "").await;
    browser.click("Register application").await;
    browser.sees("Application registered.").await;
    browser.look("application", "").await;
    browser.is_accessible("an application").await;
    let apps = api.get("/api/v1/apps").await.ok();
    assert_eq!(apps["items"][0]["hosts"], json!(["reports.example"]));
    let page = browser.page.source().await.expect("the page");
    let id = apps["items"][0]["id"].as_str().expect("id");
    assert!(page.contains(&format!("/forward-auth/{id};")) && page.contains("server_name reports.example;"));
}
