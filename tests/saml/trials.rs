//! Trying a SAML connection before people depend on it.

use serde_json::{Value, json};

use crate::harness::browser::Browser;
use crate::harness::idp::{Idp, Provider};
use crate::harness::{Answer, Backend, Client, Server, Tenant};
use crate::on_both;

/// A connection that is off, the provider at its other end, and the administrator's browser.
async fn world(server: &Server) -> (Tenant, Provider, Client) {
    let tenant = server.tenant("acme").await;
    let provider = Provider::new(server, &tenant, json!({"email_domains": ["acme.example"]})).await;
    let api = server.client().bearer(&tenant.token);
    api.patch(&path(&provider), &json!({"enabled": false})).await.expect(200);
    let admin = server.client();
    let fields = [
        ("identifier", tenant.email.as_str()),
        ("account", "acme"),
        ("return_to", "/console"),
        ("password", &tenant.password),
    ];
    admin.form("/login/local", &fields).await.expect(303);
    (tenant, provider, admin)
}

fn path(provider: &Provider) -> String {
    format!("/api/v1/connections/{}", provider.id)
}

/// Begins a test on the page; where the browser is sent.
async fn begin(admin: &Client, provider: &Provider) -> String {
    let sent = admin.form(&format!("/console/connections/{}/tests", provider.id), &[]).await.expect(303);
    sent.location().expect("to the provider")
}

async fn result(api: &Client, answer: &Answer) -> Value {
    let to = answer.location().unwrap_or_else(|| panic!("a redirect: {answer:?}"));
    api.get(&to.replace("/console/", "/api/v1/")).await.ok()
}

on_both! {
    async fn a_test_shows_what_was_checked_and_signs_nobody_in(server: Server) {
        let (tenant, provider, admin) = world(server).await;
        let api = server.client().bearer(&tenant.token);
        let refused = api.patch(&path(&provider), &json!({"enabled": true})).await.expect(409);
        assert!(refused.body.contains("No test of this connection has succeeded"), "{}", refused.body);
        let sent = begin(&admin, &provider).await;
        // The answer comes by a cross-site POST, from a browser that brings no cookie.
        let stranger = server.client();
        let answered = provider.answer_with_relay(server, &stranger, (&sent, &tenant.email), |_| {}).await.expect(303);
        stranger.get("/api/v1/me").await.expect(401);
        let to = answered.location().expect("to the result");
        assert!(stranger.get(&to).await.expect(303).location().expect("to").starts_with("/login?"));
        let page = admin.get(&to).await.expect(200);
        assert!(page.body.contains("test passed") && page.body.contains("this is you"), "{}", page.body);
        let found = result(&api, &answered).await;
        assert_eq!((&found["status"], &found["found"]["email"]), (&json!("passed"), &json!(tenant.email)));
        let checks = found["found"]["checks"].as_array().expect("checks");
        assert!(checks.len() >= 12 && checks.iter().all(|check| check["passed"] == true), "{checks:#?}");
        let mut c = server.kernel.db.read().await.expect("database");
        let flows: i64 = sqlx::query_scalar("SELECT COUNT(*) FROM signin_flows").fetch_one(&mut *c).await.expect("count");
        assert_eq!(flows, 0);
        drop(c);
        let events = server.audit(&tenant).await;
        let event = events.iter().find(|e| e["action"] == "connection.test").expect("event");
        assert_eq!((&event["outcome"], &event["detail"]["email"]), (&json!("success"), &json!(tenant.email)));
        // Now it can be switched on, and be the only way in: this administrator has come through.
        assert!(api.get(&path(&provider)).await.ok()["tested_at"].is_string());
        api.patch(&path(&provider), &json!({"enabled": true})).await.expect(200);
        api.patch("/api/v1/authentication-settings", &json!({"local_login": false})).await.expect(200);
    }

    async fn a_test_as_somebody_else_is_no_way_in_for_administrators(server: Server) {
        let (tenant, provider, admin) = world(server).await;
        let api = server.client().bearer(&tenant.token);
        let sent = begin(&admin, &provider).await;
        let answered = provider.answer_with_relay(server, &admin, (&sent, "guest@acme.example"), |_| {}).await;
        let page = admin.get(&answered.location().expect("to")).await.expect(200);
        assert!(page.body.contains("No matching user exists"), "{}", page.body);
        api.patch(&path(&provider), &json!({"enabled": true})).await.expect(200);
        let refused = api.patch("/api/v1/authentication-settings", &json!({"local_login": false})).await.expect(409);
        assert!(refused.body.contains("test its connection as yourself"), "{}", refused.body);
    }

    async fn a_test_that_fails_says_what_to_change(server: Server) {
        let (tenant, provider, admin) = world(server).await;
        let api = server.client().bearer(&tenant.token);
        let sent = begin(&admin, &provider).await;
        let wrong = |says: &mut crate::harness::idp::Says| "https://somebody.example".clone_into(&mut says.audience);
        let answered = provider.answer_with_relay(server, &admin, (&sent, &tenant.email), wrong).await.expect(303);
        let page = admin.get(&answered.location().expect("to")).await.expect(200);
        for part in ["test failed", "Copy the SP entity ID", "https://somebody.example", "audience"] {
            assert!(page.body.contains(part), "{part}: {}", page.body);
        }
        let found = result(&api, &answered).await;
        let last = found["found"]["checks"].as_array().and_then(|all| all.last()).cloned().expect("a check");
        assert_eq!((&last["check"], &last["passed"]), (&json!("audience"), &json!(false)));
        assert!(api.get(&path(&provider)).await.ok()["tested_at"].is_null());
        let events = server.audit(&tenant).await;
        let event = events.iter().find(|e| e["action"] == "connection.test").expect("event");
        assert_eq!((&event["outcome"], &event["reason"]), (&json!("refused"), &json!("saml_audience")));
    }

    async fn a_test_names_a_domain_that_is_not_the_connections(server: Server) {
        let (tenant, provider, admin) = world(server).await;
        let api = server.client().bearer(&tenant.token);
        let listed = json!({"email_domains": ["acme.example", "pending.example"]});
        api.patch(&path(&provider), &listed).await.expect(200);
        // In no list; and in the list of this connection, but not verified.
        for domain in ["other.example", "pending.example"] {
            let sent = begin(&admin, &provider).await;
            let email = format!("bob@{domain}");
            let answered = provider.answer_with_relay(server, &admin, (&sent, &email), |_| {}).await.expect(303);
            let found = result(&api, &answered).await;
            assert_eq!(found["status"], "failed", "{found}");
            let last = found["found"]["checks"].as_array().and_then(|all| all.last()).cloned().expect("a check");
            assert_eq!((&last["check"], &last["passed"]), (&json!("connection_domain"), &json!(false)));
            assert_eq!((&last["expected"], &last["found"]), (&json!("a verified domain that is selected for this connection"), &json!(domain)));
            let page = admin.get(&answered.location().expect("to")).await.expect(200).body;
            assert!(page.contains("test failed") && page.contains("select this connection"), "{page}");
            assert!(api.get(&path(&provider)).await.ok()["tested_at"].is_null());
            let events = server.audit(&tenant).await;
            let event = events.iter().find(|e| e["action"] == "connection.test").expect("event");
            assert_eq!((&event["outcome"], &event["reason"]), (&json!("refused"), &json!("saml_connection_domain")));
        }
        server.verify_domain("acme", "pending.example", &[]).await;
        let sent = begin(&admin, &provider).await;
        let answered = provider.answer_with_relay(server, &admin, (&sent, "bob@pending.example"), |_| {}).await;
        assert_eq!(result(&api, &answered).await["status"], "passed");
    }

    async fn a_test_says_what_was_asked_and_not_shown(server: Server) {
        let (tenant, provider, admin) = world(server).await;
        let api = server.client().bearer(&tenant.token);
        api.patch(&path(&provider), &json!({"force_authn": true})).await.expect(200);
        let sent = begin(&admin, &provider).await;
        let hours = std::time::Duration::from_hours(10);
        let early = |says: &mut crate::harness::idp::Says| says.not_before = says.not_before.minus(hours);
        let answered = provider.answer_with_relay(server, &admin, (&sent, &tenant.email), early).await.expect(303);
        let found = result(&api, &answered).await;
        let last = found["found"]["checks"].as_array().and_then(|all| all.last()).cloned().expect("a check");
        assert_eq!((&last["check"], &last["passed"]), (&json!("authn_instant"), &json!(false)));
        let page = admin.get(&answered.location().expect("to")).await.expect(200).body;
        assert!(page.contains("honors ForceAuthn") && page.contains("at or after the request"), "{page}");
    }

    async fn a_test_is_good_for_nothing_else(server: Server) {
        let (tenant, provider, admin) = world(server).await;
        let other = server.tenant("other").await;
        let elsewhere = Provider::new(server, &other, json!({})).await;
        let api = server.client().bearer(&tenant.token);
        let sent = begin(&admin, &provider).await;
        // Unasked for; with the relay state of a test at another connection.
        let unasked = provider.answer_with_relay(server, &admin, (&sent, &tenant.email), |says| says.in_response_to = None).await;
        let last = result(&api, &unasked).await["found"]["checks"].as_array().and_then(|all| all.last()).cloned();
        assert_eq!(last.expect("a check")["check"], "in_response_to");
        assert!(api.get(&path(&provider)).await.ok()["tested_at"].is_null());
        // What it found is the account's own.
        let to = unasked.location().expect("to").replace("/console/", "/api/v1/");
        server.client().bearer(&other.token).get(&to).await.expect(404);
        let id = to.rsplit('/').next().expect("id");
        server.client().bearer(&other.token).get(&format!("/api/v1/connections/{}/tests/{id}", elsewhere.id)).await.expect(404);
        server.client().bearer(&other.token).post(&format!("{}/tests", path(&provider)), &json!({})).await.expect(404);
        // Each is answered once, in time, at a connection that is off.
        let again = provider.answer_with_relay(server, &admin, (&sent, &tenant.email), |_| {}).await;
        assert_eq!(again.status, 404, "{again:?}");
        let late = begin(&admin, &provider).await;
        server.advance(15 * 60 + 1);
        assert_eq!(provider.answer_with_relay(server, &admin, (&late, &tenant.email), |_| {}).await.status, 404);
        // An answer to a test signs nobody in, also where the connection is on.
        let on = json!({"enabled": true, "override_untested": true});
        api.patch(&path(&provider), &on).await.expect(200);
        let sent = begin(&admin, &provider).await;
        let stripped = sent.split("&RelayState=").next().expect("url").to_owned() + "&RelayState=vst_test_guessed";
        let refused = provider.answer_with_relay(server, &server.client(), (&stripped, &tenant.email), |_| {}).await;
        assert_eq!(refused.status, 403, "{refused:?}");
        assert_eq!(server.last_refusal(&tenant).await, "saml_in_response_to");
    }

    async fn a_change_of_what_is_trusted_forgets_the_test(server: Server) {
        let (tenant, provider, admin) = world(server).await;
        let api = server.client().bearer(&tenant.token);
        let sent = begin(&admin, &provider).await;
        provider.answer_with_relay(server, &admin, (&sent, &tenant.email), |_| {}).await.expect(303);
        api.patch(&path(&provider), &json!({"name": "Company two"})).await.expect(200);
        assert!(api.get(&path(&provider)).await.ok()["tested_at"].is_string(), "a name is nothing");
        let fresh = Idp::ec("https://idp.example/metadata");
        api.patch(&path(&provider), &json!({"metadata_xml": fresh.metadata()})).await.expect(200);
        assert!(api.get(&path(&provider)).await.ok()["tested_at"].is_null(), "another certificate");
        api.patch(&path(&provider), &json!({"enabled": true})).await.expect(409);
        // By the API, where a person follows the address.
        let begun = api.post(&format!("{}/tests", path(&provider)), &json!({})).await.created();
        assert!(begun["url"].as_str().expect("url").contains("RelayState=vst_test_"));
        let waiting = api.get(&format!("{}/tests/{}", path(&provider), begun["id"].as_str().expect("id"))).await.ok();
        assert_eq!((&waiting["status"], &waiting["found"]), (&json!("waiting"), &Value::Null));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_pages_of_a_test_are_fit_to_be_seen() {
    let server = Server::start(Backend::Sqlite).await;
    let (tenant, mut provider, admin) = world(&server).await;
    provider.attributes = vec![
        ("displayName".into(), "Ada".into()),
        ("groups".into(), "a-rather-long-name-of-a-group@acme.example".into()),
    ];
    let browser = Browser::open(&server.url).await;
    browser.goto("/login/local?account=acme").await;
    browser.fill("identifier", &tenant.email).await;
    browser.fill("password", &tenant.password).await;
    browser.click("Sign in").await;
    browser.at("/console").await;
    browser.look("connection-untested", &format!("/console/connections/{}", provider.id)).await;
    browser.is_accessible("connection-untested").await;
    let sent = begin(&admin, &provider).await;
    let wrong = |says: &mut crate::harness::idp::Says| {
        "https://somebody.example/a/long/address/that/does/not/end".clone_into(&mut says.recipient);
    };
    let failed = provider
        .answer_with_relay(&server, &admin, (&sent, &tenant.email), wrong)
        .await
        .location()
        .expect("to");
    let sent = begin(&admin, &provider).await;
    let passed = provider
        .answer_with_relay(&server, &admin, (&sent, &tenant.email), |_| {})
        .await
        .location()
        .expect("to");
    for (name, path) in [("test-failed", failed), ("test-passed", passed)] {
        browser.look(name, &path).await;
        browser.is_accessible(name).await;
    }
    browser.click("Enable connection").await;
    browser.sees("Connection saved").await;
}
