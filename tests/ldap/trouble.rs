//! Servers that fail, certificates that do not fit, and other servers that are named.

use serde_json::json;

use super::world::{World, body, few};
use crate::harness::directory::{Authority, BASE, PASSWORD, Slapd, person};
use crate::harness::{Backend, Server};

async fn server() -> Server {
    Server::inside(Backend::Sqlite).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn certificates_that_do_not_fit() {
    let server = server().await;
    let slapd = Slapd::start(&few());
    let world = World::new(&server, &slapd).await;
    assert_eq!(world.test().await["status"], "passed");
    let change = |ca: &str| json!({"ca_certificate": ca, "bind_password": PASSWORD});
    world.change(change(&Authority::new().pem)).await.expect(200);
    assert!(world.fails_at("connect").await.contains("certificate"));
    world.change(change("")).await.expect(200);
    assert!(world.fails_at("connect").await.contains("certificate"));
    world.change(change("not PEM")).await.expect(200);
    assert!(world.fails_at("connect").await.contains("PEM format"));
    world.try_in(&server.client(), "bob", PASSWORD).await.expect(503);
    for (host, year, said) in
        [("localhost", 2021, "certificate expired"), ("other.example", 2120, "not valid for name")]
    {
        let slapd = Slapd::start_as(host, year, &few());
        let there =
            json!({"url": slapd.url(), "ca_certificate": slapd.authority.pem, "bind_password": PASSWORD});
        world.change(there).await.expect(200);
        let found = world.fails_at("connect").await;
        assert!(found.contains(said), "{found}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn tls_that_begins_later() {
    let server = server().await;
    let slapd = Slapd::start(&few());
    let world =
        World::with(&server, body(&slapd), json!({"url": slapd.plain_url(), "start_tls": true})).await;
    world.lets_in("bob", PASSWORD).await;
    let other = json!({"ca_certificate": Authority::new().pem, "bind_password": PASSWORD});
    world.change(other).await.expect(200);
    assert!(world.fails_at("connect").await.contains("certificate"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_is_killed_and_comes_back() {
    let server = server().await;
    let mut slapd = Slapd::start(&few());
    let world = World::new(&server, &slapd).await;
    world.lets_in("bob", PASSWORD).await;
    slapd.kill();
    let answer = world.try_in(&server.client(), "bob", PASSWORD).await.expect(503);
    assert!(
        answer.body.contains("directory is unavailable") && !answer.body.contains("localhost"),
        "{}",
        answer.body
    );
    slapd.run();
    // The connections of before are dead, and nobody notices.
    world.lets_in("bob", PASSWORD).await;
    slapd.kill();
    slapd.run();
    world.lets_in("carol", PASSWORD).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_next_server_is_asked() {
    let server = server().await;
    let mut slapd = Slapd::start(&few());
    let second = Slapd::start(&few());
    let both = [slapd.authority.pem.as_str(), &second.authority.pem].concat();
    let more = json!({"url": format!("{} {}", slapd.url(), second.url()), "ca_certificate": both});
    let world = World::with(&server, body(&slapd), more).await;
    world.lets_in("bob", PASSWORD).await;
    slapd.kill();
    world.lets_in("carol", PASSWORD).await;
    assert_eq!(world.test().await["status"], "passed");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn another_server_has_the_rest() {
    let server = server().await;
    let partners = Slapd::start(&person("paula", &[]));
    let port = partners.url();
    let referral = format!(
        "dn: ou=partners,{BASE}\nobjectClass: referral\nobjectClass: extensibleObject\nou: partners\nref: {port}/ou=people,{BASE}\n\n"
    );
    let slapd = Slapd::start(&(few() + &referral));
    let both = [slapd.authority.pem.as_str(), &partners.authority.pem].concat();
    let world = World::with(&server, body(&slapd), json!({"ca_certificate": both})).await;
    let paula = "paula@acme.example";
    world.try_in(&server.client(), paula, PASSWORD).await.expect(401);
    world.change(json!({"referrals": true, "bind_password": PASSWORD})).await.expect(200);
    world.lets_in("bob", PASSWORD).await;
    assert_eq!(world.lets_in(paula, PASSWORD).await["email"], paula);
    world.try_in(&server.client(), paula, "wrong").await.expect(401);
}
