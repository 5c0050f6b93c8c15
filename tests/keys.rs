//! Second factors as people meet them, in Chromium with its virtual authenticators and with oathtool for the
//! phone: set up, used, lost; finished on a phone and with a screen reader's structure; and what a key must
//! not be good for.

use serde_json::{Value, json};

use crate::harness::browser::{Authenticator, Browser};
use crate::harness::phone::Phone;
use crate::harness::{Backend, Server, Tenant};

async fn identify(browser: &Browser, name: &str, password: &str) {
    browser.goto("/login?account=acme").await;
    browser.fill("identifier", name).await;
    browser.click("Continue").await;
    browser.at("/login/password").await;
    browser.fill("password", password).await;
    browser.click("Sign in").await;
}

async fn sign_out(browser: &Browser) {
    browser.goto("/logout").await;
    browser.click("Sign out").await;
    browser.at("/login").await;
}

/// A picture at two widths and a check of the page's structure.
async fn inspect(browser: &Browser, name: &str) {
    browser.look(name, "").await;
    browser.is_accessible(name).await;
}

/// Types the seed of the page into a phone and confirms it.
async fn set_up_app(server: &Server, browser: &Browser) -> Phone {
    browser
        .page
        .find(fantoccini::Locator::Css("summary"))
        .await
        .expect("typed seed")
        .click()
        .await
        .expect("open");
    let phone = Phone::typing(&browser.page.source().await.expect("page"));
    browser.fill("code", &phone.code(server, 0)).await;
    browser.fill("name", "My phone").await;
    browser.click("Verify code").await;
    browser.sees("I have saved my recovery codes").await;
    server.advance(30);
    phone
}

async fn world(backend: Backend) -> (Server, Tenant, Browser) {
    let server = Server::on_localhost(backend, |_| {}).await;
    let tenant = server.tenant("acme").await;
    let browser = Browser::open(&server.url).await;
    identify(&browser, &tenant.email, &tenant.password).await;
    browser.at("/console").await;
    (server, tenant, browser)
}

async fn user(server: &Server, tenant: &Tenant, name: &str) -> String {
    let body = json!({"user_name": name, "email": name, "password": "a good long password", "given_name": "Ada", "family_name": "Lovelace"});
    let made = server.client().bearer(&tenant.token).post("/api/v1/users", &body).await.created();
    made["id"].as_str().expect("id").to_owned()
}

async fn codes_on(browser: &Browser) -> Vec<String> {
    browser.text("#codes").await.split_whitespace().map(str::to_owned).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_person_sets_up_an_app_and_finds_every_way_back_in() {
    let (server, tenant, browser) = world(Backend::Sqlite).await;
    browser.goto("/profile/two-factor").await;
    inspect(&browser, "two-factor-none").await;
    browser.click("Set up 2FA").await;
    browser.at("/profile/two-factor/add").await;
    inspect(&browser, "enrol-app").await;
    browser.fill("code", "123456").await;
    browser.click("Verify code").await;
    browser.sees("The code is incorrect").await;
    assert_eq!(browser.focused().await, "code", "the field that is wrong has the focus");
    inspect(&browser, "enrol-app-wrong").await;
    let phone = set_up_app(&server, &browser).await;
    inspect(&browser, "recovery-codes").await;
    let codes = codes_on(&browser).await;
    assert_eq!(codes.len(), 10, "{codes:?}");
    browser.click("I have saved my recovery codes").await;
    browser.sees("My phone").await;
    browser.sees("10 left").await;
    inspect(&browser, "two-factor-app").await;

    let settings = json!({"two_factor": {"remember_days": 30}});
    let api = server.client().bearer(&tenant.token);
    api.patch("/api/v1/authentication-settings", &settings).await.expect(200);
    sign_out(&browser).await;
    identify(&browser, &tenant.email, &tenant.password).await;
    browser.at("/login/second-factor").await;
    inspect(&browser, "second-factor").await;
    let right = phone.code(&server, 0);
    for (code, said) in [("000000", "The code is incorrect"), (right.as_str(), "")] {
        browser.fill("code", code).await;
        if said.is_empty() {
            browser.check("remember").await;
        }
        browser.click("Continue").await;
        if !said.is_empty() {
            browser.sees(said).await;
            inspect(&browser, "second-factor-wrong").await;
        }
    }
    browser.at("/console").await;
    browser.goto("/profile/two-factor").await;
    browser.sees("for 30 days").await;
    inspect(&browser, "two-factor-remembered").await;
    sign_out(&browser).await;
    identify(&browser, &tenant.email, &tenant.password).await;
    browser.at("/console").await;

    let other = other_ways_in(&server, &tenant, (&phone, &codes, &right)).await;
    // A while later, what matters is asked for again.
    server.advance(11 * 60);
    other.goto("/profile/two-factor").await;
    other.click("Generate new codes").await;
    other.at("/profile/confirm").await;
    inspect(&other, "confirm-factor").await;
    other.fill("code", &phone.code(&server, 0)).await;
    other.click("Continue").await;
    other.at("/profile/two-factor").await;
    other.click("Generate new codes").await;
    other.sees("Your new recovery codes").await;
    assert!(codes_on(&other).await.iter().all(|code| !codes.contains(code)));
}

/// Another browser: the code that was used, the next one; then codes from paper, one of them twice.
async fn other_ways_in(
    server: &Server,
    tenant: &Tenant,
    (phone, codes, right): (&Phone, &[String], &str),
) -> Browser {
    let other = Browser::open(&server.url).await;
    identify(&other, &tenant.email, &tenant.password).await;
    other.at("/login/second-factor").await;
    other.fill("code", right).await;
    other.click("Continue").await;
    other.sees("has already been used").await;
    other.fill("code", &phone.code(server, 1)).await;
    other.click("Continue").await;
    other.at("/console").await;
    for (turn, code) in [&codes[0], &codes[0], &codes[1]].into_iter().enumerate() {
        sign_out(&other).await;
        identify(&other, &tenant.email, &tenant.password).await;
        other.click("Use a recovery code").await;
        other.sees("a code that you have not used yet").await;
        if turn == 0 {
            inspect(&other, "second-factor-recovery").await;
        }
        other.fill("code", code).await;
        other.click("Continue").await;
        if turn == 1 {
            other.sees("The code is incorrect").await;
            other.goto("/login").await;
            identify(&other, &tenant.email, &tenant.password).await;
            other.at("/login/second-factor").await;
            // The code of the step before is good too, for whom the clock has overtaken.
            server.advance(90);
            other.fill("code", &phone.code(server, -1)).await;
            other.click("Continue").await;
        }
        other.at("/console").await;
    }
    other
}

/// Makes a key through the page at `/profile/two-factor/add`.
async fn add_key(browser: &Browser, what: &str, name: &str) {
    browser.goto(&format!("/profile/two-factor/add?what={what}")).await;
    browser.fill("name", name).await;
    browser.click(if what == "passkey" { "Create passkey" } else { "Add security key" }).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn passkeys_and_security_keys_open_the_door() {
    let (server, tenant, browser) = world(Backend::Postgres).await;
    let api = server.client().bearer(&tenant.token);
    let laptop = browser.plug_in(true).await;
    browser.goto("/profile/two-factor/add?what=passkey").await;
    inspect(&browser, "enrol-passkey").await;
    add_key(&browser, "passkey", "My laptop").await;
    browser.sees("I have saved my recovery codes").await;
    browser.click("I have saved my recovery codes").await;
    browser.sees("My laptop").await;
    // The same again is not taken; the browser itself says so.
    add_key(&browser, "passkey", "Twice").await;
    browser.sees("This key is already registered").await;
    inspect(&browser, "enrol-passkey-twice").await;
    browser.pull_out(&laptop).await;
    let stick = browser.plug_in(false).await;
    browser.goto("/profile/two-factor/add?what=key").await;
    inspect(&browser, "enrol-key").await;
    add_key(&browser, "key", "Key ring").await;
    browser.sees("Key ring").await;
    inspect(&browser, "two-factor-keys").await;
    let id = server.client();
    drop(id);

    // The security key as the second of two factors.
    sign_out(&browser).await;
    identify(&browser, &tenant.email, &tenant.password).await;
    browser.at("/login/second-factor").await;
    inspect(&browser, "second-factor-key").await;
    browser.click("Use your passkey or security key").await;
    browser.at("/console").await;
    let me = |browser: &Browser| {
        let page = browser.page.clone();
        async move {
            let script = "const done = arguments[0]; fetch('/api/v1/me').then((a) => a.json()).then(done)";
            page.execute_async(script, vec![]).await.expect("me")
        }
    };
    let seen = me(&browser).await;
    assert_eq!((&seen["amr"], &seen["acr"]), (&json!(["pwd", "hwk", "user", "mfa"]), &json!("2fa")));
    let user_id = seen["id"].as_str().expect("id").to_owned();
    let own = api.get(&format!("/api/v1/users/{user_id}/two-factor")).await.ok();
    let kinds: Vec<(&Value, &Value)> =
        own["factors"].as_array().expect("factors").iter().map(|f| (&f["name"], &f["passkey"])).collect();
    assert_eq!(kinds, [(&json!("My laptop"), &json!(true)), (&json!("Key ring"), &json!(false))]);
    assert!(
        own["factors"][1]["last_used_at"].is_string() && own["factors"][0]["last_used_at"].is_null(),
        "{own}"
    );

    // The passkey alone, in a browser that knows nothing.
    browser.pull_out(&stick).await;
    passkey_alone(&server, &tenant, &browser).await;
    let seen = me(&browser).await;
    assert_eq!(seen["email"], tenant.email.as_str());
    assert!(seen["amr"].as_array().expect("amr").contains(&json!("mfa")) && seen["acr"] == "2fa", "{seen}");
    let events = server.audit(&tenant).await;
    let event = events.iter().find(|e| e["action"] == "session.sign_in").expect("event");
    assert_eq!((&event["detail"]["method"], &event["outcome"]), (&json!("passkey"), &json!("success")));

    // Where the account does not allow it, or a company signs its people in, it is a second factor only.
    sign_out(&browser).await;
    let off = json!({"two_factor": {"passkey_sign_in": false}});
    api.patch("/api/v1/authentication-settings", &off).await.expect(200);
    browser.goto("/login").await;
    assert!(!browser.text("body").await.contains("Sign in with a passkey"));
    let on = json!({"two_factor": {"passkey_sign_in": true}});
    api.patch("/api/v1/authentication-settings", &on).await.expect(200);
    let only_password =
        json!([{"domain": "acme.example", "password": true, "passkey": false, "connections": null}]);
    api.patch("/api/v1/authentication-settings", &json!({"sign_in_rules": only_password})).await.expect(200);
    browser.goto("/login").await;
    browser.click("Sign in with a passkey").await;
    browser.sees("requires another sign-in method").await;
    assert_eq!(server.last_refusal(&tenant).await, "method_not_allowed");
    api.patch("/api/v1/authentication-settings", &json!({"sign_in_rules": []})).await.expect(200);
    let sso = json!({"email_domains": ["acme.example"]});
    crate::harness::idp::Provider::new(&server, &tenant, sso).await;
    browser.goto("/login").await;
    browser.click("Sign in with a passkey").await;
    browser.sees("sign in through Company").await;
    inspect(&browser, "passkey-refused").await;
}

/// Adds a passkey to a fresh authenticator and signs in with nothing else.
async fn passkey_alone(server: &Server, tenant: &Tenant, browser: &Browser) -> Authenticator {
    let phone = browser.plug_in(true).await;
    add_key(browser, "passkey", "Phone").await;
    browser.sees("Phone").await;
    sign_out(browser).await;
    browser.goto("/login").await;
    inspect(browser, "sign-in-passkey").await;
    // Somebody else holds it: it does not open.
    browser.verifies(&phone, false).await;
    browser.click("Sign in with a passkey").await;
    browser.sees("The request timed out or was canceled").await;
    inspect(browser, "sign-in-passkey-cancelled").await;
    browser.verifies(&phone, true).await;
    browser.click("Sign in with a passkey").await;
    browser.at("/console").await;
    assert!(!server.last_refusal(tenant).await.contains("key"));
    phone
}

/// Lets the page's key answer its challenge without sending it: (ticket, answer).
async fn captured(browser: &Browser) -> (String, String) {
    let script = "const done = arguments[0]; const form = document.querySelector('form[data-key]'); \
                  navigator.credentials.get({ publicKey: withBytes(JSON.parse(form.dataset.options)) }) \
                  .then((c) => done([form.elements.ticket.value, answerOf(c)])).catch((e) => done([e.name, e.message]))";
    let both = browser.page.execute_async(script, vec![]).await.expect("an answer");
    let text = |n: usize| both[n].as_str().expect("text").to_owned();
    (text(0), text(1))
}

/// Posts a form from the page; the address it leads to.
async fn post(browser: &Browser, path: &str, fields: Value) -> String {
    let script = "const done = arguments[2]; fetch(arguments[0], { method: 'POST', body: new URLSearchParams(arguments[1]) }) \
                  .then((a) => done(`${a.status} ${a.url}`))";
    let done = browser.page.execute_async(script, vec![json!(path), fields]).await.expect("an answer");
    done.as_str().expect("text").to_owned()
}

async fn flow_on(browser: &Browser) -> String {
    let url = browser.page.current_url().await.expect("address");
    url.query_pairs().find(|(name, _)| name == "flow").expect("flow").1.into_owned()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_answer_of_a_key_is_good_once_and_for_its_own_challenge() {
    let (server, tenant, browser) = world(Backend::Sqlite).await;
    let eve = user(&server, &tenant, "eve@acme.example").await;
    let laptop = browser.plug_in(true).await;
    add_key(&browser, "passkey", "Laptop").await;
    browser.sees("I have saved my recovery codes").await;
    let wait = async |name: &str, password: &str| {
        sign_out(&browser).await;
        identify(&browser, name, password).await;
        browser.at("/login/second-factor").await;
        flow_on(&browser).await
    };
    // Replayed: into another flow of the same person, and with the challenge of that flow.
    let first = wait(&tenant.email, &tenant.password).await;
    let (ticket, answer) = captured(&browser).await;
    let fields =
        |flow: &str, ticket: &str, answer: &str| json!({"flow": flow, "ticket": ticket, "answer": answer});
    let second = wait_again(&browser, &tenant).await;
    let (fresh, _) = captured(&browser).await;
    let refused = post(&browser, "/login/second-factor", fields(&second, &ticket, &answer)).await;
    assert!(refused.starts_with("401"), "another flow's ticket: {refused}");
    let refused = post(&browser, "/login/second-factor", fields(&second, &fresh, &answer)).await;
    assert!(refused.starts_with("401"), "another challenge's answer: {refused}");
    for garbage in ["{}", "null", "x", "[]", "{\"id\":1}"] {
        let refused = post(&browser, "/login/second-factor", fields(&second, &fresh, garbage)).await;
        assert!(refused.starts_with("401"), "{garbage}: {refused}");
    }
    let mut altered: Value = serde_json::from_str(&answer).expect("JSON");
    altered["response"]["signature"] = json!("MEUCIQDaltered");
    let refused = post(&browser, "/login/second-factor", fields(&first, &ticket, &altered.to_string())).await;
    assert!(refused.starts_with("401"), "{refused}");
    let late = fields(&first, &ticket, &answer);
    server.advance(5 * 60 + 1);
    let refused = post(&browser, "/login/second-factor", late).await;
    assert!(refused.starts_with("401"), "too late: {refused}");
    browser.goto(&format!("/login/second-factor?flow={first}")).await;
    let (ticket, answer) = captured(&browser).await;
    let entered = post(&browser, "/login/second-factor", fields(&first, &ticket, &answer)).await;
    assert!(entered.starts_with("200") && entered.ends_with("/console"), "{entered}");
    let replayed = post(&browser, "/login/second-factor", fields(&first, &ticket, &answer)).await;
    assert!(
        !replayed.contains("second-factor?") && !replayed.starts_with("401"),
        "the flow is over: {replayed}"
    );

    // A passkey sign-in, replayed in the same browser.
    sign_out(&browser).await;
    browser.goto("/login").await;
    let (ticket, answer) = passkey_answer(&browser).await;
    let once = json!({"ticket": ticket, "answer": answer, "return_to": "/console"});
    let entered = post(&browser, "/login/passkey", once.clone()).await;
    assert!(entered.starts_with("200") && entered.ends_with("/console"), "{entered}");
    sign_out(&browser).await;
    // Also where the key does not count, as many passkeys do not.
    forget_counters(&server).await;
    let replayed = post(&browser, "/login/passkey", once.clone()).await;
    assert!(replayed.starts_with("401"), "{replayed}");
    // In another browser; with another person's name in it.
    browser.goto("/login").await;
    let (ticket, answer) = passkey_answer(&browser).await;
    let fields = [("ticket", ticket.as_str()), ("answer", answer.as_str())];
    server.client().form("/login/passkey", &fields).await.expect(401);
    let mut swapped: Value = serde_json::from_str(&answer).expect("JSON");
    swapped["response"]["userHandle"] = json!("AAAAAAAAAAAAAAAAAAAAAA");
    let refused =
        post(&browser, "/login/passkey", json!({"ticket": ticket, "answer": swapped.to_string()})).await;
    assert!(refused.starts_with("401"), "{refused}");

    left_behind(&browser, laptop, json!({"ticket": ticket, "answer": answer, "return_to": "/console"})).await;
    of_somebody_else(&server, &tenant, (&browser, &eve)).await;
}

/// Makes the stored keys look as if they never counted.
async fn forget_counters(server: &Server) {
    let mut tx = server.kernel.db.begin().await.expect("tx");
    let stored: Vec<(String, String)> =
        sqlx::query_as("SELECT id, secret FROM factors").fetch_all(&mut *tx).await.expect("keys");
    for (id, secret) in stored {
        let mut credential: Value = serde_json::from_str(&secret).expect("a credential");
        credential["counter"] = json!(0);
        sqlx::query("UPDATE factors SET counter = 0, secret = $1 WHERE id = $2")
            .bind(credential.to_string())
            .bind(id)
            .execute(&mut *tx)
            .await
            .expect("update");
    }
    tx.commit().await.expect("commit");
}

/// A copy of the key that has been left behind by the original: its counter gives it away.
async fn left_behind(browser: &Browser, laptop: Authenticator, good: Value) {
    let key = browser.keys(&laptop).await.remove(0);
    let ahead = post(browser, "/login/passkey", good).await;
    assert!(ahead.starts_with("200"), "{ahead}");
    sign_out(browser).await;
    browser.pull_out(&laptop).await;
    let copy = browser.plug_in(true).await;
    let mut stale = key.clone();
    stale["signCount"] = json!(1);
    browser.copy_key(&copy, &stale).await;
    browser.goto("/login").await;
    browser.click("Sign in with a passkey").await;
    browser.sees("Passkey sign-in failed").await;
    browser.pull_out(&copy).await;
}

/// Somebody else's key does not answer for a person.
async fn of_somebody_else(server: &Server, tenant: &Tenant, (browser, eve): (&Browser, &str)) {
    let theirs = browser.plug_in(true).await;
    identify(browser, "eve@acme.example", "a good long password").await;
    browser.at("/profile").await;
    add_key(browser, "passkey", "Eve").await;
    browser.sees("I have saved my recovery codes").await;
    sign_out(browser).await;
    let flow = wait_again(browser, tenant).await;
    let (name, _) = captured(browser).await;
    assert_eq!(name, "NotAllowedError", "the browser offers no key of Eve's");
    let options = "const form = document.querySelector('form[data-key]'); const o = JSON.parse(form.dataset.options); \
                   delete o.allowCredentials; form.dataset.options = JSON.stringify(o)";
    browser.page.execute(options, vec![]).await.expect("script");
    let (ticket, answer) = captured(browser).await;
    let refused =
        post(browser, "/login/second-factor", json!({"flow": flow, "ticket": ticket, "answer": answer}))
            .await;
    assert!(refused.starts_with("401"), "{refused}");

    // It opens the door for Eve alone, until she is deactivated.
    browser.goto("/login").await;
    browser.click("Sign in with a passkey").await;
    browser.at("/profile").await;
    sign_out(browser).await;
    let api = server.client().bearer(&tenant.token);
    let off = json!({"status": "inactive"});
    api.patch(&format!("/api/v1/users/{eve}"), &off).await.expect(200);
    browser.goto("/login").await;
    browser.click("Sign in with a passkey").await;
    browser.sees("Your access is not active").await;
    browser.pull_out(&theirs).await;
}

async fn wait_again(browser: &Browser, tenant: &Tenant) -> String {
    identify(browser, &tenant.email, &tenant.password).await;
    browser.at("/login/second-factor").await;
    flow_on(browser).await
}

/// Lets a passkey answer a challenge of the sign-in page without sending it: (ticket, answer).
async fn passkey_answer(browser: &Browser) -> (String, String) {
    let script = "const done = arguments[0]; fetch('/login/passkey/start', { method: 'POST' }).then((a) => a.json()) \
                  .then(async ({ options, ticket }) => done([ticket, answerOf(await navigator.credentials.get({ publicKey: withBytes(JSON.parse(options)) }))]))";
    let both = browser.page.execute_async(script, vec![]).await.expect("an answer");
    let text = |n: usize| both[n].as_str().expect("text").to_owned();
    (text(0), text(1))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_period_of_grace_is_seen_and_ends() {
    let (server, tenant, admin) = world(Backend::Sqlite).await;
    user(&server, &tenant, "ada@acme.example").await;
    let person = Browser::open(&server.url).await;
    identify(&person, "ada@acme.example", "a good long password").await;
    person.at("/profile").await;
    admin.goto("/profile/two-factor/add").await;
    set_up_app(&server, &admin).await;
    let on =
        json!({"two_factor": {"enforced": true, "grace_days": 1}, "session": {"inactivity_minutes": 4320}});
    let api = server.client().bearer(&tenant.token);
    api.patch("/api/v1/authentication-settings", &on).await.expect(200);
    person.goto("/profile").await;
    person.sees("Your account requires two-factor authentication").await;
    inspect(&person, "grace").await;
    server.advance(24 * 60 * 60 - 60);
    person.goto("/profile").await;
    person.sees("Active sessions").await;
    server.advance(60);
    person.goto("/profile").await;
    // The sign-in was a day ago: first the password again, then the second factor.
    person.at("/profile/confirm").await;
    person.fill("password", "a good long password").await;
    person.click("Confirm").await;
    person.at("/profile/two-factor/add").await;
    set_up_app(&server, &person).await;
    person.click("I have saved my recovery codes").await;
    person.at("/profile").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_administrator_asks_everybody_while_somebody_is_signed_in() {
    let (server, tenant, admin) = world(Backend::Postgres).await;
    let ada = user(&server, &tenant, "ada@acme.example").await;
    user(&server, &tenant, "bob.with-a-rather-long-name-that-has-to-go-somewhere@acme.example").await;
    let person = Browser::open(&server.url).await;
    identify(&person, "ada@acme.example", "a good long password").await;
    person.at("/profile").await;

    admin.goto("/console/two-factor").await;
    inspect(&admin, "report-none").await;
    admin.goto("/console/settings").await;
    admin.sees("for yourself before you require it for others").await;
    admin.check("enforced").await;
    admin.click("Review changes").await;
    admin.sees("Set up two-factor authentication for yourself at /profile/two-factor").await;
    admin.click("Set up 2FA").await;
    admin.at("/profile/two-factor/add").await;
    let own = set_up_app(&server, &admin).await;
    admin.click("I have saved my recovery codes").await;
    admin.at("/console/settings").await;
    admin.check("enforced").await;
    admin.click("Review changes").await;
    admin.sees("2 users have not set up two-factor authentication").await;
    inspect(&admin, "enforce-review").await;
    admin.click("Save changes").await;
    admin.sees("Settings saved").await;
    admin.goto("/console/two-factor").await;
    admin.sees("required for all users").await;
    admin.sees("2 of 2 emails sent").await;
    inspect(&admin, "report").await;

    // The other browser: at the next click, on a phone, without a mouse.
    person.picture(390, &std::env::temp_dir().join("vestibule-narrow.png")).await;
    person.goto("/profile").await;
    person.at("/profile/two-factor/add").await;
    person.sees("acme requires two-factor authentication").await;
    inspect(&person, "enrol-asked").await;
    let phone = Phone::typing(&person.page.source().await.expect("page"));
    let mut order = Vec::new();
    for _ in 0..12 {
        person.press_tab().await;
        let at = person.focused().await;
        order.push(at.clone());
        if at == "code" {
            break;
        }
    }
    let place = |what: &str| {
        order.iter().position(|at| at.contains(what)).unwrap_or_else(|| panic!("{what} in {order:?}"))
    };
    let manual = place("Enter the key manually");
    assert!(place("Authenticator app") < manual && manual < place("code"), "{order:?}");
    let field = person.page.active_element().await.expect("the field");
    field.send_keys(&phone.code(&server, 0)).await.expect("typed");
    field.send_keys("\u{e007}").await.expect("enter");
    person.sees("I have saved my recovery codes").await;
    person.click("I have saved my recovery codes").await;
    person.at("/profile").await;
    server.advance(30);

    // The phone is lost: an administrator ends it, the person follows the link.
    admin.goto(&format!("/console/users/{ada}")).await;
    admin.sees("authenticator app").await;
    let summary = fantoccini::Locator::XPath("//summary[contains(., 'Reset two-factor authentication')]");
    admin.page.find(summary).await.expect("summary").click().await.expect("open");
    inspect(&admin, "user-two-factor").await;
    admin.click("Reset and email setup link").await;
    admin.sees("will receive an email with a setup link").await;
    person.goto("/profile").await;
    person.at("/login").await;
    person.goto(&server.mail("ada@acme.example", "two-factor authentication was reset").await.link()).await;
    inspect(&person, "enrol-link").await;
    person.click("Start setup").await;
    person.at("/login/password").await;
    person.fill("password", "a good long password").await;
    person.click("Sign in").await;
    person.at("/login/enrol").await;
    let fresh = set_up_app(&server, &person).await;
    person.click("I have saved my recovery codes").await;
    person.at("/profile/two-factor/add").await;
    assert_ne!(fresh.seed(), phone.seed());
    admin.goto("/console/two-factor?show=all").await;
    inspect(&admin, "report-all").await;
    assert!(!own.seed().is_empty());
}
