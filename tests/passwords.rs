//! Passwords: rules at every entry, reset, change, expiry, history, upgrade.

use reqwest::Method;
use serde_json::{Value, json};
use vestibule::audit::Context;
use vestibule::signin::password as credentials;

use crate::harness::{Answer, Client, Server, Tenant, mail};
use crate::on_both;

const RIGHT: &str = "a good long password";
const NEW: &str = "another long password";
const DAY: u64 = 24 * 60 * 60;

async fn user(server: &Server, tenant: &Tenant, name: &str) -> String {
    let body = json!({"user_name": name, "password": RIGHT, "given_name": "Bob", "family_name": "Builder"});
    let made = server.client().bearer(&tenant.token).post("/api/v1/users", &body).await.created();
    made["id"].as_str().expect("id").to_owned()
}

async fn set(server: &Server, tenant: &Tenant, settings: Value) {
    let api = server.client().bearer(&tenant.token);
    api.patch("/api/v1/authentication-settings", &settings).await.expect(200);
}

async fn sign_in(server: &Server, name: &str, password: &str) -> (Client, Answer) {
    let browser = server.client();
    let answer = browser.sign_in("acme", name, password).await;
    (browser, answer)
}

async fn ask_for_link(client: &Client, name: &str) -> Answer {
    client.form("/login/forgot", &[("identifier", name), ("account", "acme")]).await.expect(200)
}

/// A link for a new password, from the mail.
async fn link(server: &Server, name: &str) -> String {
    ask_for_link(&server.client(), name).await;
    server.mail(name, "Reset your password").await.token()
}

on_both! {
    async fn the_rules_count_at_every_entry(server: Server) {
        let tenant = server.tenant("acme").await;
        user(server, &tenant, "bob@acme.example").await;
        let rules = json!({"password": {"min_length": 12, "require_upper": true, "require_digit": true, "require_special": true}});
        set(server, &tenant, rules).await;
        let api = server.client().bearer(&tenant.token);
        let said = |answer: Answer| {
            for part in ["at least 12 characters", "an uppercase letter", "a digit"] {
                assert!(answer.body.contains(part), "{part} in {}", answer.body);
            }
        };
        let body = json!({"user_name": "eve@acme.example", "password": "short-one"});
        let refused = api.post("/api/v1/users", &body).await.expect(422);
        assert_eq!(refused.value()["field"], "password");
        said(refused);
        let (console, _) = sign_in(server, &tenant.email, &tenant.password).await;
        let fields = [("email", "eve@acme.example"), ("password", "short-one")];
        said(console.form("/console/users", &fields).await.expect(422));
        let token = link(server, "bob@acme.example").await;
        said(server.client().form("/login/reset", &[("token", &token), ("password", "short-one")]).await.expect(422));
        said(console.form("/profile/password", &[("password", "short-one")]).await.expect(422));
        api.post("/api/v1/invitations", &json!({"emails": ["new@acme.example"]})).await.created();
        let invite = server.mail("new@acme.example", "invited").await.token();
        let fields = [("token", invite.as_str()), ("given_name", "N"), ("family_name", "W"), ("password", "short-one")];
        said(server.client().form("/invite", &fields).await.expect(422));
        let good = [("token", invite.as_str()), ("given_name", "N"), ("family_name", "W"), ("password", "Long enough 4 you")];
        server.client().form("/invite", &good).await.expect(303);
    }

    async fn common_and_personal_passwords_are_refused_unless_switched_off(server: Server) {
        let tenant = server.tenant("acme").await;
        let api = server.client().bearer(&tenant.token);
        let body = |password: &str| json!({"user_name": "bob.builder@acme.example", "password": password});
        let refused = api.post("/api/v1/users", &body("Password123!")).await.expect(422);
        assert!(refused.body.contains("commonly used password"), "{}", refused.body);
        assert!(api.post("/api/v1/users", &body("bob-builder!")).await.expect(422).body.contains("own name"));
        set(server, &tenant, json!({"password": {"refuse_common": false}})).await;
        api.post("/api/v1/users", &body("Password123!")).await.created();
    }

    async fn what_is_missing_is_told_while_typing(server: Server) {
        let tenant = server.tenant("acme").await;
        user(server, &tenant, "bob@acme.example").await;
        set(server, &tenant, json!({"password": {"min_length": 14}})).await;
        let token = link(server, "bob@acme.example").await;
        let ask = async |client: &Client, fields: &[(&str, &str)]| client.form("/password/check", fields).await.ok();
        let codes = |v: &Value| v["unmet"].as_array().expect("list").iter().map(|u| u["code"].clone()).collect::<Vec<_>>();
        let stranger = server.client();
        let said = ask(&stranger, &[("password", "bob-builder"), ("token", &token)]).await;
        assert_eq!(codes(&said), [json!("min_length"), json!("personal")]);
        assert!(said["strength"]["score"].as_u64() <= Some(2), "{said}");
        let said = ask(&stranger, &[("password", "bob-builder"), ("token", "vst_reset_nothing")]).await;
        assert!(codes(&said).is_empty(), "a stranger learns of nobody: the default rules");
        let (browser, _) = sign_in(server, "bob@acme.example", RIGHT).await;
        let said = ask(&browser, &[("password", "four random words here"), ("own", "true")]).await;
        assert!(codes(&said).is_empty() && said["strength"]["score"].as_u64() >= Some(3), "{said}");
    }

    async fn a_link_sets_a_new_password_once_and_ends_everything_old(server: Server) {
        let tenant = server.tenant("acme").await;
        user(server, &tenant, "bob@acme.example").await;
        let (elsewhere, _) = sign_in(server, "bob@acme.example", RIGHT).await;
        elsewhere.get("/api/v1/me").await.expect(200);
        let (first, second) = (link(server, "bob@acme.example").await, {
            ask_for_link(&server.client(), "BOB@acme.example").await;
            let two = mail::wait_for(&server.dir.path().join("outbox"), 2, |m| m.subject.contains("Reset your password")).await;
            two.into_iter().map(|m| m.token()).collect::<Vec<_>>()
        });
        let page = server.client().get(&format!("/login/reset?token={first}")).await.expect(200);
        assert!(page.body.contains("bob@acme.example"));
        let browser = server.client();
        let fields = [("token", first.as_str()), ("password", NEW)];
        browser.form("/login/reset", &fields).await.expect(303);
        assert_eq!(browser.get("/api/v1/me").await.ok()["user_name"], "bob@acme.example", "signed in");
        elsewhere.get("/api/v1/me").await.expect(401);
        for token in &second {
            let fields = [("token", token.as_str()), ("password", "one more long password")];
            server.client().form("/login/reset", &fields).await.expect(410);
        }
        sign_in(server, "bob@acme.example", RIGHT).await.1.expect(401);
        sign_in(server, "bob@acme.example", NEW).await.1.expect(303);
        let told = server.mail("bob@acme.example", "Your password was changed").await;
        assert!(told.html.contains("with a password reset link") && told.text.contains("127.0.0.1"), "{}", told.text);
        let events = server.audit(&tenant).await;
        assert!(events.iter().any(|e| e["action"] == "password.set" && e["detail"]["way"] == "reset"));
        assert!(events.iter().any(|e| e["action"] == "password.reset_request"));
    }

    async fn a_link_ends_after_an_hour_and_cannot_be_guessed_or_misused(server: Server) {
        let tenant = server.tenant("acme").await;
        let id = user(server, &tenant, "bob@acme.example").await;
        let token = link(server, "bob@acme.example").await;
        for wrong in ["", "vst_reset_", "vst_reset_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA", &token[..token.len() - 1], &id] {
            server.client().get(&format!("/login/reset?token={wrong}")).await.expect(410);
            server.client().form("/login/reset", &[("token", wrong), ("password", NEW)]).await.expect(410);
        }
        // A link is for one thing.
        for path in ["/invite", "/setup"] {
            server.client().form(path, &[("token", &token), ("password", NEW), ("given_name", "x"), ("family_name", "y")]).await.expect(410);
        }
        server.advance(3600);
        server.client().form("/login/reset", &[("token", &token), ("password", NEW)]).await.expect(410);
        sign_in(server, "bob@acme.example", RIGHT).await.1.expect(303);
    }

    async fn two_requests_with_one_link_set_one_password(server: Server) {
        let tenant = server.tenant("acme").await;
        user(server, &tenant, "bob@acme.example").await;
        let token = link(server, "bob@acme.example").await;
        let (a, b) = (server.client(), server.client());
        let (one, two) = ([("token", token.as_str()), ("password", "first long password")], [("token", token.as_str()), ("password", "second long password")]);
        let (a, b) = tokio::join!(a.form("/login/reset", &one), b.form("/login/reset", &two));
        let mut statuses = [a.status.as_u16(), b.status.as_u16()];
        statuses.sort_unstable();
        assert_eq!(statuses, [303, 410]);
    }

    async fn asking_for_a_link_tells_nothing_and_fills_no_mailbox(server: Server) {
        let tenant = server.tenant("acme").await;
        let id = user(server, &tenant, "bob@acme.example").await;
        user(server, &tenant, "eve@acme.example").await;
        let body = |answer: Answer, name: &str| answer.body.replace(name, "NAME");
        let known = body(ask_for_link(&server.client(), "bob@acme.example").await, "bob@acme.example");
        let unknown = body(ask_for_link(&server.client(), "nobody@acme.example").await, "nobody@acme.example");
        assert_eq!(known, unknown);
        server.mail("bob@acme.example", "Reset your password").await;
        for _ in 0..5 {
            ask_for_link(&server.client(), "bob@acme.example").await;
        }
        // Eve's mail is queued after all of Bob's.
        let three = mail::wait_for(&server.dir.path().join("outbox"), 3, |m| m.to.contains("bob")).await;
        ask_for_link(&server.client(), "eve@acme.example").await;
        server.mail("eve@acme.example", "Reset your password").await;
        assert_eq!(three.len(), 3, "three an hour");
        assert_eq!(server.mails_queued().await, 4);
        let api = server.client().bearer(&tenant.token);
        api.patch(&format!("/api/v1/users/{id}"), &json!({"status": "inactive"})).await.expect(200);
        let token = three[0].token();
        server.client().form("/login/reset", &[("token", &token), ("password", NEW)]).await.expect(410);
        server.advance(3600);
        ask_for_link(&server.client(), "bob@acme.example").await;
        ask_for_link(&server.client(), "eve@acme.example").await;
        mail::wait_for(&server.dir.path().join("outbox"), 2, |m| m.to.contains("eve")).await;
        assert_eq!(server.mails_queued().await, 5, "none for the deactivated");
    }

    async fn used_links_count_towards_the_mails_of_an_hour(server: Server) {
        let tenant = server.tenant("acme").await;
        user(server, &tenant, "bob@acme.example").await;
        for (round, new) in [RIGHT, NEW, RIGHT].into_iter().enumerate() {
            ask_for_link(&server.client(), "bob@acme.example").await;
            let outbox = server.dir.path().join("outbox");
            let links = mail::wait_for(&outbox, round + 1, |mail| mail.subject.contains("Reset your password"));
            let token = links.await.pop().expect("a mail").token();
            server.client().form("/login/reset", &[("token", &token), ("password", new)]).await.expect(303);
        }
        user(server, &tenant, "eve@acme.example").await;
        ask_for_link(&server.client(), "bob@acme.example").await;
        // An administrator cannot fill the mailbox either, and is told.
        let bob = server.client().bearer(&tenant.token).get("/api/v1/users?user_name=bob%40acme.example").await.ok();
        let path = format!("/api/v1/users/{}/password/reset", bob["items"][0]["id"].as_str().expect("id"));
        server.client().bearer(&tenant.token).post(&path, &json!({})).await.expect(409);
        link(server, "eve@acme.example").await;
        let to_bob = |mail: &mail::Mail| mail.to.contains("bob") && mail.subject.contains("Reset");
        assert_eq!(mail::wait_for(&server.dir.path().join("outbox"), 3, to_bob).await.len(), 3);
    }

    async fn requests_at_the_same_time_share_the_limit(server: Server) {
        let tenant = server.tenant("acme").await;
        user(server, &tenant, "bob@acme.example").await;
        user(server, &tenant, "eve@acme.example").await;
        let client = server.client();
        let requests = (0..30).map(|_| ask_for_link(&client, "bob@acme.example"));
        futures_util::future::join_all(requests).await;
        let to_bob = |mail: &mail::Mail| mail.to.contains("bob");
        let outbox = server.dir.path().join("outbox");
        mail::wait_for(&outbox, 3, to_bob).await;
        link(server, "eve@acme.example").await;
        assert_eq!(mail::wait_for(&outbox, 3, to_bob).await.len(), 3);
    }

    async fn links_lead_to_the_configured_address_whatever_the_host_header_says(server: Server) {
        let tenant = server.tenant("acme").await;
        user(server, &tenant, "bob@acme.example").await;
        let client = server.client();
        let request = client.request(Method::POST, "/login/forgot").header("host", "evil.example");
        let request = request.header("x-forwarded-host", "evil.example").header("forwarded", "host=evil.example");
        let fields = [("identifier", "bob@acme.example"), ("account", "acme")];
        client.send(request.form(&fields)).await;
        // Sent with our own Host as well, should the server have refused the other.
        ask_for_link(&client, "bob@acme.example").await;
        let mail = server.mail("bob@acme.example", "Reset your password").await;
        assert!(mail.link().starts_with(&format!("{}/login/reset?token=vst_reset_", server.url)), "{}", mail.link());
        assert!(!mail.raw.contains("evil.example") && !mail.html.contains("evil.example"));
    }

    async fn a_reset_unlocks(server: Server) {
        let tenant = server.tenant("acme").await;
        user(server, &tenant, "bob@acme.example").await;
        set(server, &tenant, json!({"lockout": {"attempts": 3, "duration_minutes": 43200}})).await;
        for n in 0..3 {
            server.client().from(&format!("203.0.113.{n}")).sign_in("acme", "bob@acme.example", "wrong one").await.expect(401);
        }
        sign_in(server, "bob@acme.example", RIGHT).await.1.expect(401);
        let token = link(server, "bob@acme.example").await;
        server.client().form("/login/reset", &[("token", &token), ("password", NEW)]).await.expect(303);
        sign_in(server, "bob@acme.example", NEW).await.1.expect(303);
        let events = server.audit(&tenant).await;
        assert!(events.iter().any(|e| e["action"] == "user.unlock" && e["detail"]["how"] == "reset"));
    }

    async fn changing_needs_a_recent_proof_and_ends_other_sessions(server: Server) {
        let tenant = server.tenant("acme").await;
        user(server, &tenant, "bob@acme.example").await;
        let (here, entered) = sign_in(server, "bob@acme.example", RIGHT).await;
        let old_cookie = entered.header("set-cookie").split(';').next().expect("cookie").to_owned();
        let (there, _) = sign_in(server, "bob@acme.example", RIGHT).await;
        server.advance(10 * 60);
        let sent = here.form("/profile/password", &[("password", NEW)]).await.expect(303);
        assert_eq!(sent.location().as_deref(), Some("/profile/confirm?return_to=%2Fprofile%2Fpassword"));
        here.post("/api/v1/api-tokens", &json!({"name": "t"})).await.expect(403);
        let page = here.get(&sent.location().expect("confirm")).await.expect(200);
        let fields = [("password", "not the password"), ("return_to", &page.field("return_to"))];
        here.form("/profile/confirm", &fields).await.expect(401);
        let fields = [("password", RIGHT), ("return_to", &page.field("return_to"))];
        let confirmed = here.form("/profile/confirm", &fields).await.expect(303);
        assert_eq!(confirmed.location().as_deref(), Some("/profile/password"));
        let stolen = server.client();
        let request = stolen.request(Method::GET, "/api/v1/me").header("cookie", &old_cookie);
        assert_eq!(stolen.send(request).await.status, 401, "a new secret with the new proof");

        let changed = here.form("/profile/password", &[("password", NEW)]).await.expect(303);
        assert_eq!(changed.location().as_deref(), Some("/profile?notice=password_changed"));
        here.get("/api/v1/me").await.expect(200);
        there.get("/api/v1/me").await.expect(401);
        server.mail("bob@acme.example", "Your password was changed").await;
        sign_in(server, "bob@acme.example", NEW).await.1.expect(303);
        here.post("/api/v1/api-tokens", &json!({"name": "t"})).await.created();
        server.mail("bob@acme.example", "A new API token").await;
    }

    async fn wrong_confirmations_count_into_the_lockout(server: Server) {
        let tenant = server.tenant("acme").await;
        user(server, &tenant, "bob@acme.example").await;
        set(server, &tenant, json!({"lockout": {"attempts": 3}})).await;
        let (here, _) = sign_in(server, "bob@acme.example", RIGHT).await;
        for n in 0..3 {
            let thief = here.clone().from(&format!("203.0.113.{n}"));
            thief.form("/profile/confirm", &[("password", "not the password")]).await.expect(401);
        }
        here.form("/profile/confirm", &[("password", RIGHT)]).await.expect(401);
        assert_eq!(server.last_refusal(&tenant).await, "user_locked");
        here.get("/api/v1/me").await.expect(200);
    }

    async fn a_session_planted_before_sign_in_is_not_used(server: Server) {
        let tenant = server.tenant("acme").await;
        let victim = server.client();
        let planted = "vst_session_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";
        let page = victim.form("/login", &[("identifier", &tenant.email), ("account", "acme"), ("return_to", "/")]).await.expect(303);
        let flow = page.location().expect("to").split("flow=").nth(1).expect("flow").to_owned();
        let cookie = page.header("set-cookie").split(';').next().expect("cookie").to_owned();
        let request = victim.request(Method::POST, "/login/password").header("cookie", format!("{cookie}; vst_session={planted}"));
        let entered = victim.send(request.form(&[("flow", flow.as_str()), ("password", &tenant.password)])).await.expect(303);
        let fresh = entered.header("set-cookie").to_owned();
        assert!(fresh.contains("vst_session=") && !fresh.contains(planted), "{fresh}");
        let attacker = server.client();
        let request = attacker.request(Method::GET, "/api/v1/me").header("cookie", format!("vst_session={planted}"));
        assert_eq!(attacker.send(request).await.status, 401);
    }

    async fn an_ended_password_only_opens_the_page_for_a_new_one(server: Server) {
        let tenant = server.tenant("acme").await;
        user(server, &tenant, "bob@acme.example").await;
        set(server, &tenant, json!({"password": {"expires_after_days": 90, "warn_before_days": 10}})).await;
        server.advance(90 * DAY);
        let (browser, answer) = sign_in(server, "bob@acme.example", RIGHT).await;
        let to = answer.expect(303).location().expect("to");
        assert!(to.starts_with("/login/new-password?flow="), "{to}");
        browser.get("/api/v1/me").await.expect(401);
        let page = browser.get(&to).await.expect(200);
        let flow = page.field("flow");
        let other = server.client();
        other.form("/login/new-password", &[("flow", &flow), ("password", NEW)]).await.expect(303);
        other.get("/api/v1/me").await.expect(401);
        let again = browser.form("/login/new-password", &[("flow", &flow), ("password", RIGHT)]).await.expect(422);
        assert!(again.body.contains("not be your current password"), "{}", again.body);
        browser.form("/login/new-password", &[("flow", &flow), ("password", NEW)]).await.expect(303);
        browser.get("/api/v1/me").await.expect(200);
        sign_in(server, "bob@acme.example", NEW).await.1.expect(303);
        let events = server.audit(&tenant).await;
        assert!(events.iter().any(|e| e["action"] == "password.set" && e["detail"]["way"] == "expired"));
        // Without the right password there is no such page.
        let (_, answer) = sign_in(server, &tenant.email, "not the password").await;
        answer.expect(401);
    }

    async fn an_ended_password_does_not_undo_what_its_owner_did_meanwhile(server: Server) {
        let tenant = server.tenant("acme").await;
        user(server, &tenant, "bob@acme.example").await;
        set(server, &tenant, json!({"password": {"expires_after_days": 90, "warn_before_days": 10}})).await;
        server.advance(90 * DAY);
        // Somebody who knows the old password waits at the page for a new one.
        let (thief, answer) = sign_in(server, "bob@acme.example", RIGHT).await;
        let flow = answer.expect(303).location().expect("to").split("flow=").nth(1).expect("flow").to_owned();
        let token = link(server, "bob@acme.example").await;
        server.client().form("/login/reset", &[("token", &token), ("password", NEW)]).await.expect(303);
        thief.form("/login/new-password", &[("flow", &flow), ("password", "the thief's long password")]).await.expect(409);
        thief.get("/api/v1/me").await.expect(401);
        sign_in(server, "bob@acme.example", NEW).await.1.expect(303);
    }

    async fn people_are_warned_by_mail_once_and_at_sign_in(server: Server) {
        let tenant = server.tenant("acme").await;
        user(server, &tenant, "bob@acme.example").await;
        user(server, &tenant, "eve@acme.example").await;
        set(server, &tenant, json!({"password": {"expires_after_days": 90, "warn_before_days": 10}})).await;
        server.advance(80 * DAY - 1);
        assert_eq!(credentials::mail_expiry_warnings(&server.kernel).await.expect("runs"), 0);
        server.advance(1);
        // Two nodes at once.
        let (a, b) = tokio::join!(credentials::mail_expiry_warnings(&server.kernel), credentials::mail_expiry_warnings(&server.kernel));
        assert_eq!(a.expect("runs") + b.expect("runs"), 3, "the administrator, Bob and Eve, each once");
        assert_eq!(credentials::mail_expiry_warnings(&server.kernel).await.expect("runs"), 0);
        let mail = server.mail("bob@acme.example", "expires soon").await;
        assert!(mail.text.contains("/profile/password"), "{}", mail.text);
        let (browser, answer) = sign_in(server, "bob@acme.example", RIGHT).await;
        let to = answer.expect(303).location().expect("to");
        assert_eq!(to, "/profile/password/ending?return_to=%2F");
        let page = browser.get(&to).await.expect(200);
        assert!(page.body.contains("expires in 10 days"), "{}", page.body);
        browser.form("/profile/password", &[("password", NEW)]).await.expect(303);
        let (_, answer) = sign_in(server, "bob@acme.example", NEW).await;
        assert_eq!(answer.expect(303).location().as_deref(), Some("/"), "a new password is not warned of");
    }

    async fn the_last_passwords_cannot_be_chosen_again(server: Server) {
        let tenant = server.tenant("acme").await;
        user(server, &tenant, "bob@acme.example").await;
        set(server, &tenant, json!({"password": {"history": 3}})).await;
        let (browser, _) = sign_in(server, "bob@acme.example", RIGHT).await;
        let change = async |password: &str| browser.form("/profile/password", &[("password", password)]).await;
        assert!(change(RIGHT).await.expect(422).body.contains("not be one of your last 3 passwords"));
        change("second long password").await.expect(303);
        change("third long password").await.expect(303);
        change(RIGHT).await.expect(422);
        change("second long password").await.expect(422);
        change("fourth long password").await.expect(303);
        change(RIGHT).await.expect(303);
    }

    async fn a_foreign_hash_lets_its_owner_in_and_is_replaced(server: Server) {
        let tenant = server.tenant("acme").await;
        let id = user(server, &tenant, "bob@acme.example").await;
        // "correct horse battery" by bcrypt with cost 4.
        let foreign = "$2b$04$abcdefghijklmnopqrstuuTVQzYl0yQX0sJ3Y8QkQxk3hP0V5yEba";
        let real = bcrypt::hash("correct horse battery", 4).expect("hash");
        assert_eq!(foreign.len(), real.len());
        let mut tx = server.kernel.db.begin().await.expect("tx");
        sqlx::query("UPDATE passwords SET hash = $1 WHERE user_id = $2").bind(&real).bind(&id).execute(&mut *tx).await.expect("put");
        tx.commit().await.expect("commit");
        sign_in(server, "bob@acme.example", "not the password").await.1.expect(401);
        sign_in(server, "bob@acme.example", "correct horse battery").await.1.expect(303);
        let mut c = server.kernel.db.read().await.expect("read");
        let hash: String = sqlx::query_scalar("SELECT hash FROM passwords WHERE user_id = $1").bind(&id).fetch_one(&mut *c).await.expect("hash");
        assert!(hash.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{hash}");
        sign_in(server, "bob@acme.example", "correct horse battery").await.1.expect(303);
        assert!(server.audit(&tenant).await.iter().filter(|e| e["action"] == "password.set").count() <= 2, "no change of password");
    }

    async fn an_administrator_sends_a_link(server: Server) {
        let tenant = server.tenant("acme").await;
        let id = user(server, &tenant, "bob@acme.example").await;
        let api = server.client().bearer(&tenant.token);
        api.post(&format!("/api/v1/users/{id}/password/reset"), &json!({})).await.expect(202);
        let token = server.mail("bob@acme.example", "Reset your password").await.token();
        server.client().form("/login/reset", &[("token", &token), ("password", NEW)]).await.expect(303);
        let (console, _) = sign_in(server, &tenant.email, &tenant.password).await;
        console.form(&format!("/console/users/{id}/password/reset"), &[]).await.expect(303);
        api.patch(&format!("/api/v1/users/{id}"), &json!({"status": "inactive"})).await.expect(200);
        api.post(&format!("/api/v1/users/{id}/password/reset"), &json!({})).await.expect(409);
    }

    async fn a_changed_address_is_told_to_the_old_one(server: Server) {
        let tenant = server.tenant("acme").await;
        let id = user(server, &tenant, "bob@acme.example").await;
        let api = server.client().bearer(&tenant.token);
        api.patch(&format!("/api/v1/users/{id}"), &json!({"email": "robert@acme.example"})).await.expect(200);
        let mail = server.mail("bob@acme.example", "address was changed").await;
        assert!(mail.text.contains("robert@acme.example"));
    }

    async fn what_is_written_down_has_no_password_in_it(server: Server) {
        let tenant = server.tenant("acme").await;
        let id = user(server, &tenant, "bob@acme.example").await;
        let token = link(server, "bob@acme.example").await;
        server.client().form("/login/reset", &[("token", &token), ("password", NEW)]).await.expect(303);
        let mut c = server.kernel.db.read().await.expect("read");
        let trail: Vec<String> = sqlx::query_scalar("SELECT COALESCE(detail, '') FROM audit_events").fetch_all(&mut *c).await.expect("trail");
        assert!(trail.iter().all(|detail| !detail.contains(NEW) && !detail.contains("argon2") && !detail.contains(&token)));
        let links: Vec<String> = sqlx::query_scalar("SELECT hash FROM links").fetch_all(&mut *c).await.expect("links");
        assert!(links.iter().all(|hash| !token.contains(hash.as_str())), "only hashes are stored");
        drop(Context::system(id));
    }
}
