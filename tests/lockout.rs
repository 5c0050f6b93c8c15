//! Wrong passwords: what locks, what unlocks, and what a stranger cannot learn or do with it.

use std::sync::atomic::{AtomicUsize, Ordering};

use serde_json::{Value, json};

use crate::harness::{Answer, Backend, Client, Server, Tenant};
use crate::on_both;

const RIGHT: &str = "a good long password";

async fn set(server: &Server, tenant: &Tenant, settings: Value) {
    let api = server.client().bearer(&tenant.token);
    api.patch("/api/v1/authentication-settings", &settings).await.expect(200);
}

/// An address nobody has come from yet.
fn elsewhere() -> String {
    static STRANGERS: AtomicUsize = AtomicUsize::new(0);
    let n = STRANGERS.fetch_add(1, Ordering::SeqCst);
    format!("198.51.{}.{}", n / 200, n % 200 + 1)
}

/// A stranger from a network of their own.
fn stranger(server: &Server) -> Client {
    server.client().from(&elsewhere())
}

async fn attempt(server: &Server, name: &str, password: &str) -> Answer {
    stranger(server).sign_in("acme", name, password).await
}

async fn fail(server: &Server, name: &str, times: usize) {
    for _ in 0..times {
        attempt(server, name, "not the password").await.expect(401);
    }
}

on_both! {
    async fn the_last_wrong_attempt_locks_and_the_owner_is_told(server: Server) {
        let tenant = server.tenant("acme").await;
        server.add_user(&tenant, "bob@acme.example", RIGHT).await;
        set(server, &tenant, json!({"lockout": {"attempts": 3, "duration_minutes": 60}})).await;
        fail(server, "bob@acme.example", 2).await;
        attempt(server, "bob@acme.example", RIGHT).await.expect(303);
        fail(server, "bob@acme.example", 2).await;
        attempt(server, "bob@acme.example", RIGHT).await.expect(303);

        fail(server, "bob@acme.example", 3).await;
        attempt(server, "bob@acme.example", RIGHT).await.expect(401);
        assert_eq!(server.last_refusal(&tenant).await, "user_locked");
        let events = server.audit(&tenant).await;
        let lock = events.iter().find(|e| e["action"] == "user.lock").expect("an event");
        assert_eq!((&lock["resource"]["name"], &lock["detail"]["factor"]), (&json!("bob@acme.example"), &json!("password")));
        let mail = server.mail("bob@acme.example", "locked").await;
        assert!(mail.text.contains("198.51.") && mail.text.contains("/login/forgot"), "{}", mail.text);

        server.advance(3600 - 1);
        attempt(server, "bob@acme.example", RIGHT).await.expect(401);
        server.advance(1);
        attempt(server, "bob@acme.example", RIGHT).await.expect(303);
    }

    async fn an_administrator_unlocks_at_once(server: Server) {
        let tenant = server.tenant("acme").await;
        let id = server.add_user(&tenant, "bob@acme.example", RIGHT).await;
        set(server, &tenant, json!({"lockout": {"attempts": 3, "duration_minutes": 43200}})).await;
        fail(server, "bob@acme.example", 3).await;
        let api = server.client().bearer(&tenant.token);
        let path = format!("/api/v1/users/{id}");
        let until = api.get(&path).await.ok()["locked_until"].clone();
        assert!(until.as_str().expect("a time") > server.clock.now().to_string().as_str());
        let console = server.client();
        console.sign_in("acme", &tenant.email, &tenant.password).await.expect(303);
        assert!(console.get(&format!("/console/users/{id}")).await.expect(200).body.contains("Unlock user"));
        console.form(&format!("/console/users/{id}/unlock"), &[]).await.expect(303);
        assert_eq!(api.get(&path).await.ok()["locked_until"], json!(null));
        attempt(server, "bob@acme.example", RIGHT).await.expect(303);
        let events = server.audit(&tenant).await;
        assert!(events.iter().any(|e| e["action"] == "user.unlock" && e["detail"]["how"] == "administrator"));

        fail(server, "bob@acme.example", 3).await;
        api.post(&format!("{path}/unlock"), &json!({})).await.expect(204);
        attempt(server, "bob@acme.example", RIGHT).await.expect(303);
    }

    async fn a_group_is_told_if_the_account_wants_it(server: Server) {
        let tenant = server.tenant("acme").await;
        server.add_user(&tenant, "bob@acme.example", RIGHT).await;
        let eve = server.add_user(&tenant, "security@acme.example", RIGHT).await;
        let api = server.client().bearer(&tenant.token);
        let group = api.post("/api/v1/groups", &json!({"name": "Security"})).await.created();
        let path = format!("/api/v1/groups/{}/members", group["id"].as_str().expect("id"));
        api.post(&path, &json!({"add": [eve]})).await.expect(200);
        let refused = json!({"lockout": {"notify_group": "nothing"}});
        api.patch("/api/v1/authentication-settings", &refused).await.expect(422);
        set(server, &tenant, json!({"lockout": {"attempts": 3, "notify_user": false, "notify_group": group["id"]}})).await;
        fail(server, "bob@acme.example", 3).await;
        let mail = server.mail("security@acme.example", "bob@acme.example is locked").await;
        assert!(mail.text.contains("/console/users/"), "{}", mail.text);
        assert_eq!(server.mails_queued().await, 1, "and nobody else");
    }

    async fn failures_of_long_ago_are_forgotten(server: Server) {
        let tenant = server.tenant("acme").await;
        server.add_user(&tenant, "bob@acme.example", RIGHT).await;
        set(server, &tenant, json!({"lockout": {"attempts": 3, "duration_minutes": 30}})).await;
        fail(server, "bob@acme.example", 2).await;
        server.advance(30 * 60);
        fail(server, "bob@acme.example", 2).await;
        attempt(server, "bob@acme.example", RIGHT).await.expect(303);
    }

    async fn one_address_takes_long_to_lock_somebody_out(server: Server) {
        let tenant = server.tenant("acme").await;
        server.add_user(&tenant, "bob@acme.example", RIGHT).await;
        let guesser = server.client().from("203.0.113.9");
        for _ in 0..5 {
            guesser.sign_in("acme", "bob@acme.example", "not the password").await.expect(401);
        }
        let answer = guesser.sign_in("acme", "bob@acme.example", RIGHT).await.expect(429);
        assert_eq!(answer.header("retry-after"), "60");
        let unknown = server.client().from("203.0.113.10");
        for _ in 0..5 {
            unknown.sign_in("acme", "nobody@acme.example", "not the password").await.expect(401);
        }
        let answer_to_unknown = unknown.sign_in("acme", "nobody@acme.example", "x").await.expect(429);
        let plain = |a: &Answer| a.body.split("Request ID").next().expect("text").to_owned();
        assert_eq!(plain(&answer), plain(&answer_to_unknown), "nobody learns who exists");
        server.client().from("203.0.113.77").sign_in("acme", "bob@acme.example", RIGHT).await.expect(303);
        server.advance(60);
        guesser.sign_in("acme", "bob@acme.example", RIGHT).await.expect(303);
    }

    async fn asking_often_for_a_name_keeps_nobody_out(server: Server) {
        let tenant = server.tenant("acme").await;
        for _ in 0..100 {
            let fields = [("identifier", tenant.email.as_str()), ("account", "acme"), ("return_to", "/")];
            stranger(server).form("/login", &fields).await.expect(303);
        }
        server.client().sign_in("acme", &tenant.email, &tenant.password).await.expect(303);
    }

    async fn a_deactivated_user_is_counted_like_any_other(server: Server) {
        let tenant = server.tenant("acme").await;
        let id = server.add_user(&tenant, "off@acme.example", RIGHT).await;
        set(server, &tenant, json!({"lockout": {"attempts": 3}})).await;
        let api = server.client().bearer(&tenant.token);
        api.patch(&format!("/api/v1/users/{id}"), &json!({"status": "inactive"})).await.expect(200);
        for _ in 0..3 {
            attempt(server, "off@acme.example", RIGHT).await.expect(401);
        }
        attempt(server, "off@acme.example", RIGHT).await.expect(401);
        assert_eq!(server.last_refusal(&tenant).await, "user_locked");
    }
}

/// 200 wrong guesses at once on two nodes: the limit is what gets checked, to the last one.
async fn race(backend: Backend) {
    let one = Server::start(backend).await;
    let two = Server::beside(&one).await;
    let tenant = one.tenant("acme").await;
    one.add_user(&tenant, "bob@acme.example", RIGHT).await;
    set(&one, &tenant, json!({"lockout": {"attempts": 7, "duration_minutes": 60}})).await;
    let mut guesses = tokio::task::JoinSet::new();
    for n in 0..200 {
        let node = if n % 2 == 0 { &one } else { &two };
        let mut guesser = stranger(node);
        guesses.spawn(async move {
            loop {
                let answer = guesser.sign_in("acme", "bob@acme.example", &format!("guess {n}")).await;
                // Busy is no answer to the guess; it comes again, from elsewhere: the clock stands still, so the
                // limit of one address would not end.
                if answer.status != 503 {
                    return answer.status.as_u16();
                }
                guesser = guesser.from(&elsewhere());
            }
        });
    }
    while let Some(status) = guesses.join_next().await {
        assert_eq!(status.expect("a guess"), 401);
    }
    let mut reasons = std::collections::HashMap::new();
    let mut after = String::new();
    loop {
        let api = one.client().bearer(&tenant.token);
        let page = api.get(&format!("/api/v1/audit-events?limit=200&after={after}")).await.ok();
        for event in page["items"].as_array().expect("items") {
            if event["action"] == "session.sign_in" || event["action"] == "user.lock" {
                let reason = event["reason"].as_str().unwrap_or("lock").to_owned();
                *reasons.entry(reason).or_insert(0) += 1;
            }
        }
        match page["next"].as_str() {
            Some(next) => next.clone_into(&mut after),
            None => break,
        }
    }
    assert_eq!(reasons.get("wrong_password"), Some(&7), "checked: {reasons:?}");
    assert_eq!(reasons.get("user_locked"), Some(&193), "not looked at: {reasons:?}");
    assert_eq!(reasons.get("lock"), Some(&1), "told once: {reasons:?}");
    attempt(&two, "bob@acme.example", RIGHT).await.expect(401);
    one.advance(3600);
    attempt(&two, "bob@acme.example", RIGHT).await.expect(303);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn guesses_racing_on_two_nodes_sqlite() {
    race(Backend::Sqlite).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn guesses_racing_on_two_nodes_postgres() {
    race(Backend::Postgres).await;
}

/// More sign-ins than the machine can hash: some are told to come back, and whoever is in is not held up.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn over_capacity_sign_in_says_when_to_come_back() {
    let server = Server::start(Backend::Sqlite).await;
    let tenant = server.tenant("acme").await;
    let inside = server.client();
    inside.sign_in("acme", &tenant.email, &tenant.password).await.expect(303);
    let mut flood = tokio::task::JoinSet::new();
    for n in 0..600 {
        let somebody = stranger(&server);
        flood.spawn(async move {
            let name = format!("nobody{n}@acme.example");
            let fields = [("identifier", name.as_str()), ("password", "x"), ("account", "acme")];
            somebody.form("/login/local", &fields).await
        });
    }
    let mut busy = 0;
    while let Some(answer) = flood.join_next().await {
        let answer = answer.expect("answered");
        if answer.status == 503 {
            busy += 1;
            assert!(answer.header("retry-after").parse::<u64>().expect("seconds") <= 2);
        } else {
            answer.expect(401);
        }
        inside.get("/api/v1/me").await.expect(200);
    }
    assert!(busy > 0, "nobody was turned away");
    server.client().sign_in("acme", &tenant.email, &tenant.password).await.expect(303);
}
