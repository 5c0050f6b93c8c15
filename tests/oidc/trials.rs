//! Testing a connection.

use serde_json::{Value, json};

use super::world::World;
use crate::harness::{Backend, Server};
use crate::on_both;

/// Begins a test by the API and answers it: what it found.
async fn test(world: &World<'_>) -> Value {
    let tests = format!("/api/v1/connections/{}/tests", world.connection);
    let begun = world.api().post(&tests, &json!({})).await.created();
    if let Some(url) = begun["url"].as_str() {
        // In any browser: nobody is signed in by it.
        let browser = world.server.client();
        let shown =
            browser.get(&world.provider.approve(url)).await.expect(303).location().expect("the result");
        assert!(shown.starts_with("/console/connections/"), "{shown}");
        browser.get("/api/v1/me").await.expect(401);
    }
    world.api().get(&format!("{tests}/{}", begun["id"].as_str().expect("id"))).await.ok()
}

fn failed(test: &Value) -> &str {
    assert_eq!(test["status"], "failed", "{test}");
    let checks = test["found"]["checks"].as_array().expect("checks");
    checks.last().expect("a check")["check"].as_str().expect("name")
}

on_both! {
    with Server::inside;

    async fn a_test_shows_each_step(server: Server) {
        let world = World::new(server).await;
        world.change(json!({"enabled": false})).await.expect(200);
        world.provider.claim("department", json!("sales"));
        let found = test(&world).await;
        assert_eq!(found["status"], "passed", "{found}");
        let checks: Vec<&str> = found["found"]["checks"].as_array().expect("checks").iter().map(|c| c["check"].as_str().expect("name")).collect();
        let wanted = ["discovery", "answer", "code", "token", "algorithm", "key", "signature", "issuer", "audience",
            "authorized_party", "times", "nonce", "access_token", "subject", "email", "request", "email_verified", "domain",
            "connection_domain"];
        assert_eq!(checks, wanted);
        assert_eq!(found["found"]["attributes"]["department"][0], "sales");
        // It may be switched on now, without saying that it is untested.
        world.change(json!({"enabled": true})).await.expect(200);
        // Nobody has come into being, and nothing is linked.
        let events = server.audit(&world.tenant).await;
        assert!(events.iter().all(|e| e["action"] != "user.link"));
        // What is trusted has changed: the test says nothing about that.
        world.change(json!({"enabled": false, "client_id": "vestibule-2"})).await.expect(200);
        world.change(json!({"enabled": true})).await.expect(409);
    }

    async fn a_test_names_what_is_wrong(server: Server) {
        let world = World::new(server).await;
        world.change(json!({"client_secret": "wrong"})).await.expect(200);
        assert_eq!(failed(&test(&world).await), "code");
        world.change(json!({"client_secret": crate::harness::provider::SECRET})).await.expect(200);
        world.provider.claim("email_verified", json!(false));
        assert_eq!(failed(&test(&world).await), "email_verified");
        world.provider.claim("email_verified", json!(true));
        let api = world.api();
        api.patch("/api/v1/authentication-settings", &json!({"email_domains": ["acme.example"]})).await.expect(200);
        world.provider.claim("email", json!("bob@other.example"));
        assert_eq!(failed(&test(&world).await), "domain");
        // A provider that is not there is a finding as well.
        world.change(json!({"issuer": format!("{}/nowhere", world.provider.url), "client_secret": "x"})).await.expect(200);
        let found = test(&world).await;
        assert_eq!(failed(&found), "discovery");
        let said = found["found"]["checks"][0]["found"].as_str().expect("text");
        assert!(said.contains("the provider states the issuer"), "{said}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_doctor_asks_providers() {
    let server = Server::inside(Backend::Sqlite).await;
    let world = World::new(&server).await;
    let (is_well, text) = server.doctor();
    assert!(is_well && text.contains("Company: the provider can be reached; its keys: 2"), "{text}");
    world.provider.says().discovery.insert("issuer".into(), json!("https://elsewhere.example"));
    let (is_well, text) = server.doctor();
    assert!(
        !is_well && text.contains("FAIL  Company: the provider states the issuer https://elsewhere.example"),
        "{text}"
    );
}
