//! Testing a connection, and what may be set.

use serde_json::json;

use super::world::{World, body, few};
use crate::harness::directory::{BASE, PASSWORD, Slapd};
use crate::harness::{Backend, Server};
use crate::on_both;

on_both! {
    with Server::inside;

    async fn a_test_shows_each_step(server: Server) {
        let slapd = Slapd::start(&few());
        let world = World::new(server, &slapd).await;
        world.change(json!({"enabled": false})).await.expect(200);
        let found = world.test().await;
        assert_eq!(found["status"], "passed", "{found}");
        let checks: Vec<&str> = found["found"]["checks"].as_array().expect("checks").iter().map(|c| c["check"].as_str().expect("name")).collect();
        assert_eq!(checks, ["connect", "bind", "users", "email", "id", "groups"]);
        assert!(found["found"]["attributes"]["groups"].to_string().contains("builders"), "{found}");
        world.change(json!({"enabled": true})).await.expect(200);
    }

    async fn a_test_names_what_is_wrong(server: Server) {
        let slapd = Slapd::start(&few());
        let world = World::new(server, &slapd).await;
        let groups = json!([{"base_dn": format!("ou=moved,{BASE}")}]);
        world.change(json!({"group_queries": groups})).await.expect(200);
        world.fails_at("groups").await;
        for (query, check) in [
            (json!({"base_dn": BASE, "filter": "(objectClass=device)"}), "users"),
            (json!({"base_dn": "ou=nowhere,dc=acme,dc=example"}), "users"),
            (json!({"base_dn": BASE, "filter": "(objectClass=inetOrgPerson)", "email_attribute": "labeledURI"}), "email"),
        ] {
            world.change(json!({"user_queries": [query]})).await.expect(200);
            world.fails_at(check).await;
        }
        world.change(json!({"bind_password": "wrong"})).await.expect(200);
        assert!(world.fails_at("bind").await.contains("invalid credentials"));
    }

    async fn settings_that_do_not_go_together_are_refused(server: Server) {
        let slapd = Slapd::start("");
        let world = World::with(server, body(&slapd), json!({})).await;
        let api = world.api();
        for (change, field) in [
            (json!({"url": "https://x"}), "url"),
            (json!({"url": ""}), "url"),
            (json!({"url": "ldap://user@x"}), "url"),
            (json!({"user_queries": []}), "user_queries"),
            (json!({"user_queries": [{"base_dn": BASE, "filter": "(uid=*"}]}), "user_queries"),
            (json!({"user_queries": [{"base_dn": "", "filter": "(uid=*)"}]}), "user_queries"),
            (json!({"user_queries": [{"base_dn": BASE, "email_attribute": "mail)(x"}]}), "user_queries"),
            (json!({"group_queries": [], "group_sync": true}), "group_queries"),
            (json!({"connect_timeout_ms": 1}), "connect_timeout_ms"),
            (json!({"max_hops": 100}), "max_hops"),
        ] {
            let mut wanted = body(&slapd);
            wanted["name"] = json!("Another");
            wanted.as_object_mut().expect("object").extend(change.as_object().expect("object").clone());
            let answer = api.post("/api/v1/connections", &wanted).await.expect(422);
            assert_eq!(answer.value()["field"], field, "{}", answer.body);
        }
        // Whoever may change the address must not have the password sent there.
        let answer = world.change(json!({"url": "ldaps://evil.example"})).await.expect(422);
        assert_eq!(answer.value()["field"], "bind_password");
        let other = server.tenant("other").await;
        let theirs = server.client().bearer(&other.token);
        theirs.post(&format!("/api/v1/connections/{}/tests", world.connection), &json!({})).await.expect(404);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn networks_that_are_not_listed_are_not_asked() {
    let slapd = Slapd::start(&few());
    let server = Server::start(Backend::Sqlite).await;
    let world = World::new(&server, &slapd).await;
    assert!(world.fails_at("connect").await.contains("private network that is not listed"));
    world.change(json!({"url": slapd.plain_url(), "bind_password": PASSWORD})).await.expect(200);
    assert!(world.fails_at("connect").await.contains("unencrypted"));
    world.try_in(&server.client(), "bob", PASSWORD).await.expect(503);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_doctor_tries_directories() {
    let server = Server::inside(Backend::Sqlite).await;
    let slapd = Slapd::start(&few());
    let world = World::new(&server, &slapd).await;
    let (is_well, text) = server.doctor();
    assert!(is_well, "{text}");
    for part in
        ["ok    Directory: A directory server is reachable", "Directory: The group searches find groups: 2"]
    {
        assert!(text.contains(part), "{part}: {text}");
    }
    world.change(json!({"bind_password": "wrong"})).await.expect(200);
    let (is_well, text) = server.doctor();
    assert!(
        !is_well && text.contains("FAIL  Directory: The directory accepts the bind DN and the bind password"),
        "{text}"
    );
    assert!(!text.contains("wrong"), "{text}");
}
