//! What ends access ends all of it, at once, and also what is just coming into being: sessions, API tokens, links.

use std::sync::Arc;

use serde_json::{Value, json};
use sqlx::{Connection as _, Executor as _};
use tokio::sync::Barrier;

use crate::harness::{Answer, Backend, Client, Server, Tenant};
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

    async fn no_api_token_that_is_being_made_outlives_a_new_password(server: Server) {
        let tenant = server.tenant("acme").await;
        user(server, &tenant, BOB).await;
        let mut total = 0;
        for round in 0..6 {
            let (old, new) = if round % 2 == 0 { (RIGHT, NEW) } else { (NEW, RIGHT) };
            let (here, there) = (entered(server, BOB, old).await, entered(server, BOB, old).await);
            let barrier = Arc::new(Barrier::new(5));
            let mut racers = Vec::new();
            for _ in 0..4 {
                let (client, barrier) = (there.clone(), barrier.clone());
                racers.push(tokio::spawn(async move {
                    let mut made = Vec::new();
                    barrier.wait().await;
                    // One after the other, until the session has ended.
                    loop {
                        let answer = client.post("/api/v1/api-tokens", &json!({"name": "racer"})).await;
                        match answer.status.as_u16() {
                            201 => made.push(answer.value()["token"].as_str().expect("token").to_owned()),
                            503 => {}
                            _ => return made,
                        }
                    }
                }));
            }
            barrier.wait().await;
            let mut changed = here.form("/profile/password", &[("password", new)]).await;
            while changed.status == 503 {
                changed = here.form("/profile/password", &[("password", new)]).await;
            }
            let to = changed.expect(303).location();
            assert_eq!(to.as_deref(), Some("/profile?notice=password_changed"));
            for racer in racers {
                let made = racer.await.expect("tokens");
                total += made.len();
                // Those that were made last met the change.
                for token in made.iter().rev().take(5) {
                    server.client().bearer(token).get("/api/v1/me").await.expect(401);
                }
            }
            there.get("/api/v1/me").await.expect(401);
        }
        assert!(total > 0, "no token met a change");
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

/// How often a password is taken away, and how many sign-ins with it are under way each time.
const ROUNDS: usize = 200;
const RACERS: usize = 4;

/// Begins a sign-in of Bob: the flow that waits for the password.
async fn begin_sign_in(client: &Client) -> String {
    loop {
        let fields = [("identifier", BOB), ("account", "acme"), ("return_to", "/")];
        let sent = client.form("/login", &fields).await;
        if sent.status != 503 {
            let to = sent.expect(303).location().expect("the password page");
            return to.split_once("flow=").expect("a flow").1.to_owned();
        }
    }
}

/// The answer to a password, from a server that may be too busy for it at first.
async fn sign_in(client: &Client, password: &str) -> Answer {
    loop {
        let flow = begin_sign_in(client).await;
        let answer = client.form("/login/password", &[("flow", &flow), ("password", password)]).await;
        if answer.status != 503 {
            return answer;
        }
    }
}

/// Whether the browser is signed in.
async fn is_in(client: &Client) -> bool {
    loop {
        let answer = client.get("/api/v1/me").await;
        if answer.status != 503 {
            return answer.status == 200;
        }
    }
}

/// A change of Bob's password.
struct Change {
    round: usize,
    old: &'static str,
    new: &'static str,
}

impl Change {
    /// Makes the change. `None` if its answer was lost in the time limit of requests, and it was made all the same.
    async fn make(&self, server: &Server, request: impl AsyncFn() -> Answer) -> Option<Answer> {
        loop {
            let answer = request().await;
            if answer.status != 503 {
                return Some(answer);
            }
            // A full queue for hashes has changed nothing. The time limit leaves that open, and the new password tells.
            if !answer.body.contains("Server busy")
                && sign_in(&server.client().from("198.51.100.8"), self.new).await.status == 303
            {
                return None;
            }
        }
    }

    /// Makes the change while these clients sign in with the old password. None of them is in afterwards.
    async fn race(
        &self,
        server: &Server,
        clients: &[Client],
        request: impl AsyncFn() -> Answer,
    ) -> RacedChange {
        let barrier = Arc::new(Barrier::new(clients.len() + 1));
        let mut racers = Vec::new();
        for (n, client) in clients.iter().cloned().enumerate() {
            let (password, barrier) = (self.old, barrier.clone());
            let mut flow = begin_sign_in(&client).await;
            racers.push(tokio::spawn(async move {
                barrier.wait().await;
                // The hashes of those that come first are computed first. The change comes among them, not after all.
                for _ in 0..n {
                    flow = begin_sign_in(&client).await;
                }
                let fields = [("flow", flow.as_str()), ("password", password)];
                (client.form("/login/password", &fields).await, client)
            }));
        }
        barrier.wait().await;
        let made = self.make(server, request).await;
        let (mut survivors, mut signed_in) = (Vec::new(), 0);
        for racer in racers {
            let (answer, client) = racer.await.expect("an answer");
            signed_in += usize::from(answer.status == 303);
            if is_in(&client).await {
                survivors.push((answer.status, answer.location()));
            }
        }
        let round = self.round;
        assert!(
            survivors.is_empty(),
            "round {round}: {survivors:?} outlived the change; its answer: {made:?}"
        );
        RacedChange { answer: made, signed_in }
    }
}

/// A change that was made while others signed in.
struct RacedChange {
    /// See [`Change::make`].
    answer: Option<Answer>,
    /// How many signed in with the old password before it was taken away.
    signed_in: usize,
}

/// A link to reset Bob's password, as it is mailed to him.
async fn new_reset_link(server: &Server, user_id: &str) -> String {
    use vestibule::directory::{accounts, users};
    use vestibule::signin::one_time_links::{self, LinkPurpose};
    let mut tx = server.kernel.db.begin().await.expect("tx");
    let account = accounts::by_slug(&mut tx, "acme").await.expect("database").expect("account");
    let user = users::by_id(&mut tx, &account.id, user_id).await.expect("database").expect("user");
    let link = one_time_links::create(&mut tx, &user, LinkPurpose::Reset).await.expect("a link");
    tx.commit().await.expect("commit");
    link
}

/// Every session of the old password has ended, also one that was made while the password changed.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_sign_in_with_the_old_password_outlives_a_new_one() {
    let server = Server::start(Backend::Postgres).await;
    let tenant = server.tenant("acme").await;
    let id = user(&server, &tenant, BOB).await;
    // The sign-ins that lose do not lock Bob: each round begins after the lockout period.
    let lenient = json!({"lockout": {"attempts": 20, "duration_minutes": 5}});
    let api = server.client().bearer(&tenant.token);
    api.patch("/api/v1/authentication-settings", &lenient).await.expect(200);
    let racers: Vec<Client> = (0..RACERS).map(|n| server.client().from(&format!("203.0.113.{n}"))).collect();
    let mut browser = server.client().from("198.51.100.7");
    let mut signed_in = 0;
    for round in 0..ROUNDS {
        let (old, new) = if round % 2 == 0 { (RIGHT, NEW) } else { (NEW, RIGHT) };
        let change = Change { round, old, new };
        server.advance(5 * 60);
        let made = if round < ROUNDS / 2 {
            browser = server.client().from("198.51.100.7");
            let token = new_reset_link(&server, &id).await;
            let fields = [("token", token.as_str()), ("password", new)];
            change.race(&server, &racers, async || browser.form("/login/reset", &fields).await).await
        } else {
            let fields = [("password", new)];
            change.race(&server, &racers, async || browser.form("/profile/password", &fields).await).await
        };
        signed_in += made.signed_in;
        match made.answer {
            // Whoever made the change stays, or comes, in.
            Some(answer) => {
                let to = answer.expect(303).location().unwrap_or_default();
                assert!(to == "/" || to == "/profile?notice=password_changed", "round {round}: {to}");
                assert!(is_in(&browser).await, "round {round}");
            }
            None => drop(sign_in(&browser, new).await.expect(303)),
        }
    }
    assert!(signed_in > 0, "no sign-in met a change");
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
            crate::harness::pause().await;
        }
        api.post(&format!("/api/v1/users/{id}/sessions/revoke"), &json!({})).await.expect(204);
        other.execute("COMMIT").await.expect("released");
        signing_in.await.expect("an answer");
        browser.get("/api/v1/me").await.expect(401);
        // The row of the session is deleted with an event, for which the next round would have to wait.
        api.post(&format!("/api/v1/users/{id}/sessions/revoke"), &json!({})).await.expect(204);
    }
}
