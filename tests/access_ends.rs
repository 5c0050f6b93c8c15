//! What ends access ends all of it, at once, and also what is just coming into being: sessions, API tokens, links.

use std::sync::Arc;

use serde_json::{Value, json};
use sqlx::{Connection as _, Executor as _};
use tokio::sync::Barrier;

use crate::harness::{Answer, Backend, Client, Server, Tenant, mail};
use crate::on_both;

const RIGHT: &str = "a good long password";
const NEW: &str = "another long password";
const BOB: &str = "bob@acme.example";

async fn user(server: &Server, tenant: &Tenant, name: &str) -> String {
    let body = json!({"user_name": name, "email": name, "password": RIGHT});
    let made = server.client().bearer(&tenant.token).post("/api/v1/users", &body).await.created();
    made["id"].as_str().expect("id").to_owned()
}

async fn entered(server: &Server, name: &str, password: &str) -> Client {
    let browser = server.client();
    browser.sign_in("acme", name, password).await.expect(303);
    browser
}

/// A client with an API token that the user of `browser` generates.
async fn script(server: &Server, browser: &Client, body: &Value) -> (Client, Value) {
    let made = browser.post("/api/v1/api-tokens", body).await.created();
    (server.client().bearer(made["token"].as_str().expect("token")), made)
}

async fn reset_link(server: &Server, name: &str) -> String {
    server.client().form("/login/forgot", &[("identifier", name), ("account", "acme")]).await.expect(200);
    server.mail(name, "Reset your password").await.token()
}

on_both! {
    async fn a_new_password_ends_the_api_tokens(server: Server) {
        let tenant = server.tenant("acme").await;
        user(server, &tenant, BOB).await;
        let here = entered(server, BOB, RIGHT).await;
        let (changed, _) = script(server, &here, &json!({"name": "before the change"})).await;
        changed.get("/api/v1/me").await.expect(200);
        here.form("/profile/password", &[("password", NEW)]).await.expect(303);
        changed.get("/api/v1/me").await.expect(401);
        let listed = here.get("/api/v1/api-tokens").await.ok();
        assert!(listed["items"][0]["revoked_at"].is_string(), "{listed}");
        let (reset, _) = script(server, &here, &json!({"name": "before the reset"})).await;
        reset.get("/api/v1/me").await.expect(200);
        let token = reset_link(server, BOB).await;
        server.client().form("/login/reset", &[("token", &token), ("password", RIGHT)]).await.expect(303);
        reset.get("/api/v1/me").await.expect(401);
        here.get("/api/v1/me").await.expect(401);
    }

    async fn ending_all_sessions_leaves_tokens_and_links(server: Server) {
        let tenant = server.tenant("acme").await;
        let id = user(server, &tenant, BOB).await;
        let (here, there) = (entered(server, BOB, RIGHT).await, entered(server, BOB, RIGHT).await);
        let (mine, _) = script(server, &here, &json!({"name": "mine"})).await;
        let link = reset_link(server, BOB).await;
        here.form("/profile/sessions/revoke-others", &[]).await.expect(303);
        here.get("/api/v1/me").await.expect(200);
        there.get("/api/v1/me").await.expect(401);
        let api = server.client().bearer(&tenant.token);
        api.post(&format!("/api/v1/users/{id}/sessions/revoke"), &json!({})).await.expect(204);
        here.get("/api/v1/me").await.expect(401);
        mine.get("/api/v1/me").await.expect(200);
        server.client().get(&format!("/login/reset?token={link}")).await.expect(200);
    }

    async fn another_address_ends_sessions_tokens_and_links(server: Server) {
        let tenant = server.tenant("acme").await;
        let id = user(server, &tenant, BOB).await;
        let here = entered(server, BOB, RIGHT).await;
        let (mine, _) = script(server, &here, &json!({"name": "mine"})).await;
        let link = reset_link(server, BOB).await;
        let api = server.client().bearer(&tenant.token);
        // Another name changes nothing of it.
        api.patch(&format!("/api/v1/users/{id}"), &json!({"given_name": "Robert"})).await.expect(200);
        here.get("/api/v1/me").await.expect(200);
        api.patch(&format!("/api/v1/users/{id}"), &json!({"email": "robert@acme.example"})).await.expect(200);
        here.get("/api/v1/me").await.expect(401);
        mine.get("/api/v1/me").await.expect(401);
        server.client().get(&format!("/login/reset?token={link}")).await.expect(410);
        server.client().form("/login/reset", &[("token", &link), ("password", NEW)]).await.expect(410);
        server.mail(BOB, "address was changed").await;
        entered(server, BOB, RIGHT).await.get("/api/v1/me").await.expect(200);
    }

    async fn administrators_stay_signed_in_where_they_change_their_own_address(server: Server) {
        let tenant = server.tenant("acme").await;
        let (here, there) =
            (entered(server, &tenant.email, &tenant.password).await, entered(server, &tenant.email, &tenant.password).await);
        let id = here.get("/api/v1/me").await.ok()["id"].as_str().expect("id").to_owned();
        here.patch(&format!("/api/v1/users/{id}"), &json!({"email": "boss@acme.example"})).await.expect(200);
        here.get("/api/v1/me").await.expect(200);
        there.get("/api/v1/me").await.expect(401);
    }

    async fn a_token_that_a_token_made_is_no_more_than_that_one(server: Server) {
        let tenant = server.tenant("acme").await;
        let boss = entered(server, &tenant.email, &tenant.password).await;
        let end = server.clock.now().plus(std::time::Duration::from_mins(1)).to_string();
        let later = server.clock.now().plus(std::time::Duration::from_secs(61)).to_string();
        let (short, made) = script(server, &boss, &json!({"name": "short", "expires_at": end})).await;
        assert_eq!(made["parent_id"], Value::Null);
        let refused = short.post("/api/v1/api-tokens", &json!({"name": "longer", "expires_at": later})).await.expect(422);
        assert_eq!(refused.value()["field"], "expires_at", "{}", refused.body);
        let (child, of_short) = script(server, &short, &json!({"name": "child"})).await;
        assert_eq!((&of_short["expires_at"], &of_short["parent_id"]), (&made["expires_at"], &made["id"]));
        let robot = short.post("/api/v1/service-accounts", &json!({"name": "robot", "role": "account_admin"})).await.created();
        let (robot, _) = script(server, &child, &json!({"name": "robot", "service_account_id": robot["id"]})).await;
        for alive in [&short, &child, &robot] {
            alive.get("/api/v1/me").await.expect(200);
        }
        server.advance(60);
        for dead in [&short, &child, &robot] {
            dead.get("/api/v1/me").await.expect(401);
        }
        // Revoked with the one that it was made with, however far away that is; and with the person who made that one.
        let (parent, made) = script(server, &boss, &json!({"name": "parent"})).await;
        let (child, _) = script(server, &parent, &json!({"name": "child"})).await;
        let (grandchild, last) = script(server, &child, &json!({"name": "grandchild"})).await;
        grandchild.get("/api/v1/me").await.expect(200);
        boss.delete(&format!("/api/v1/api-tokens/{}", made["id"].as_str().expect("id"))).await.expect(204);
        grandchild.get("/api/v1/me").await.expect(401);
        let all = boss.get("/api/v1/api-tokens?limit=200").await.ok();
        let last = all["items"].as_array().expect("items").iter().find(|token| token["id"] == last["id"]).expect("listed");
        assert!(last["revoked_at"].is_string(), "{last}");
        let robots = boss.get("/api/v1/service-accounts").await.ok();
        let robot = robots["items"].as_array().expect("items").iter().find(|one| one["name"] == "robot").expect("robot")["id"].clone();
        let (parent, _) = script(server, &boss, &json!({"name": "parent"})).await;
        let (robot, _) = script(server, &parent, &json!({"name": "robot", "service_account_id": robot})).await;
        robot.get("/api/v1/me").await.expect(200);
        boss.form("/profile/password", &[("password", NEW)]).await.expect(303);
        robot.get("/api/v1/me").await.expect(401);
    }

    async fn a_token_for_a_service_account_needs_a_recent_sign_in(server: Server) {
        let tenant = server.tenant("acme").await;
        let boss = entered(server, &tenant.email, &tenant.password).await;
        let robot = boss.post("/api/v1/service-accounts", &json!({"name": "robot"})).await.created();
        let body = json!({"name": "robot", "service_account_id": robot["id"]});
        boss.post("/api/v1/api-tokens", &body).await.created();
        server.advance(10 * 60);
        boss.post("/api/v1/api-tokens", &body).await.expect(403);
        let fields = [("service_account", robot["id"].as_str().expect("id")), ("name", "robot")];
        let sent = boss.form("/console/service-accounts/token", &fields).await.expect(303);
        assert_eq!(sent.location().as_deref(), Some("/profile/confirm?return_to=%2Fconsole%2Fservice-accounts"));
    }
}

/// Takes a password away while eight sign-ins with it are under way. Returns whoever is still in afterwards.
async fn race(
    server: &Server,
    old_password: &'static str,
    end: impl AsyncFn() -> Answer,
    barrier: &Arc<Barrier>,
) -> usize {
    let mut racers = Vec::new();
    for n in 0..8 {
        let (client, barrier) = (server.client().from(&format!("203.0.113.{n}")), barrier.clone());
        racers.push(tokio::spawn(async move {
            let page = client.get("/login?account=acme").await;
            let (account, return_to) = (page.field("account"), page.field("return_to"));
            let fields =
                [("identifier", BOB), ("account", account.as_str()), ("return_to", return_to.as_str())];
            let sent = client.form("/login", &fields).await;
            let page = client.get(&sent.location().expect("the password page")).await;
            let flow = page.field("flow");
            barrier.wait().await;
            client.form("/login/password", &[("flow", &flow), ("password", old_password)]).await;
            client
        }));
    }
    barrier.wait().await;
    let mut ended = end().await;
    // The queue for hashes refuses what it cannot serve in time, and nothing has changed then.
    while ended.status == 503 {
        ended = end().await;
    }
    ended.expect(303);
    let mut survivors = 0;
    for racer in racers {
        let client = racer.await.expect("a client");
        survivors += usize::from(client.get("/api/v1/me").await.status == 200);
    }
    survivors
}

/// Every session of the old password has ended, also one that was made while the password changed.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_sign_in_with_the_old_password_outlives_a_new_one() {
    let server = Server::start(Backend::Postgres).await;
    let tenant = server.tenant("acme").await;
    user(&server, &tenant, BOB).await;
    let lenient = json!({"lockout": {"attempts": 20}});
    let api = server.client().bearer(&tenant.token);
    api.patch("/api/v1/authentication-settings", &lenient).await.expect(200);
    let barrier = Arc::new(Barrier::new(9));
    let mut survivors = 0;
    for round in 0..20 {
        let (old, new) = if round % 2 == 0 { (RIGHT, NEW) } else { (NEW, RIGHT) };
        let browser = server.client().from("198.51.100.7");
        server.advance(3600);
        if round < 10 {
            let fields = [("identifier", BOB), ("account", "acme")];
            browser.form("/login/forgot", &fields).await.expect(200);
            let outbox = server.dir.path().join("outbox");
            let links =
                mail::wait_for(&outbox, round + 1, |mail| mail.subject.contains("Reset your password"));
            let token = links.await.pop().expect("a link").token();
            let fields = [("token", token.as_str()), ("password", new)];
            survivors +=
                race(&server, old, async || browser.form("/login/reset", &fields).await, &barrier).await;
        } else {
            browser.sign_in("acme", BOB, old).await.expect(303);
            let fields = [("password", new)];
            survivors +=
                race(&server, old, async || browser.form("/profile/password", &fields).await, &barrier).await;
            browser.get("/api/v1/me").await.expect(200);
        }
    }
    assert_eq!(survivors, 0);
}

/// A sign-in that has made its session and not committed it, while all sessions are ended.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ending_all_sessions_also_ends_the_one_that_is_being_made() {
    let server = Server::start(Backend::Postgres).await;
    let tenant = server.tenant("acme").await;
    let id = user(&server, &tenant, BOB).await;
    let api = server.client().bearer(&tenant.token);
    sqlx::any::install_default_drivers();
    let mut other =
        sqlx::AnyConnection::connect(&server.kernel.config.database.url).await.expect("PostgreSQL");
    for _ in 0..5 {
        // The sign-in writes its session before its event, for which it has to wait here.
        other.execute("BEGIN").await.expect("begun");
        other.execute("LOCK TABLE audit_events IN EXCLUSIVE MODE").await.expect("locked");
        let browser = server.client();
        let racer = browser.clone();
        let signing_in = tokio::spawn(async move { racer.sign_in("acme", BOB, RIGHT).await });
        // The tables of other tests' databases have the same numbers.
        let waits = "SELECT COUNT(*) FROM pg_locks WHERE NOT granted AND relation = 'audit_events'::regclass \
            AND database = (SELECT oid FROM pg_database WHERE datname = current_database())";
        while sqlx::query_scalar::<_, i64>(waits).fetch_one(&mut other).await.expect("a count") == 0 {
            tokio::task::yield_now().await;
        }
        api.post(&format!("/api/v1/users/{id}/sessions/revoke"), &json!({})).await.expect(204);
        other.execute("COMMIT").await.expect("released");
        signing_in.await.expect("an answer");
        browser.get("/api/v1/me").await.expect(401);
        // The row of the session is deleted with an event, for which the next round would have to wait.
        api.post(&format!("/api/v1/users/{id}/sessions/revoke"), &json!({})).await.expect(204);
    }
}
