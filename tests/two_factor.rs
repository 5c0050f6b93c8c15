//! Second factors by codes: set up, shown, used up, lost. And every way that must not lead around them.

use serde_json::{Value, json};

use crate::harness::idp::Provider;
use crate::harness::phone::{self, Phone, SetUp, codes_of};
use crate::harness::{Answer, Client, Server, Tenant};
use crate::on_both;

const ADD: &str = "/profile/two-factor/add?what=app";
const MFA: &str = "https://refeds.org/profile/mfa";

/// The administrator with an app on their phone, and the browser they set it up in.
async fn with_phone(server: &Server, tenant: &Tenant) -> (Client, SetUp) {
    let browser = server.client();
    browser.sign_in("acme", &tenant.email, &tenant.password).await.expect(303);
    let set_up = Phone::set_up(server, &browser, ADD).await;
    (browser, set_up)
}

async fn settings(server: &Server, tenant: &Tenant, two_factor: Value) -> Answer {
    let api = server.client().bearer(&tenant.token);
    api.patch("/api/v1/authentication-settings", &json!({"two_factor": two_factor})).await
}

/// Nothing but the second factor is open to this browser.
async fn is_not_in(browser: &Client) {
    browser.get("/api/v1/me").await.expect(401);
    browser.get("/forward-auth").await.expect(401);
    let sent = browser.get("/console/users").await.expect(303).location().expect("elsewhere");
    assert!(sent.starts_with("/login") || sent.starts_with("/profile/"), "{sent}");
    assert_ne!(browser.get("/profile/two-factor").await.status, 200);
}

fn waits(answer: &Answer) -> String {
    let to = answer.location().unwrap_or_else(|| panic!("a redirect: {answer:?}"));
    assert!(to.starts_with("/login/second-factor?flow="), "{to}");
    to
}

on_both! {
    async fn an_app_is_set_up_and_asked_for(server: Server) {
        let tenant = server.tenant("acme").await;
        let browser = server.client();
        browser.sign_in("acme", &tenant.email, &tenant.password).await.expect(303);
        let page = browser.get(ADD).await.expect(200);
        assert!(page.body.contains("<svg") && page.body.contains("otpauth://totp/acme"), "{}", page.body);
        let phone = Phone::typing(&page.body);
        let wrong = phone::confirm(&browser, ADD, &page, "000000").await.expect(422);
        assert_eq!(Phone::typing(&wrong.body).seed(), phone.seed(), "the seed may be in the app by now");
        let done = phone::confirm(&browser, ADD, &page, &phone.code(server, 0)).await.expect(200);
        let codes = codes_of(&done);
        assert_eq!(codes.len(), 10);
        phone::confirm(&browser, ADD, &page, &phone.code(server, 1)).await.expect(422);
        server.mail(&tenant.email, "two-factor method was added").await;
        let me = browser.get("/api/v1/me").await.ok();
        assert_eq!((&me["amr"], &me["acr"]), (&json!(["pwd", "otp", "mfa"]), &json!("2fa")));

        let mut c = server.kernel.db.read().await.expect("database");
        let (stored,): (String,) = sqlx::query_as("SELECT secret FROM factors").fetch_one(&mut *c).await.expect("row");
        assert!(stored.starts_with("v1.") && !stored.contains(phone.seed()), "sealed: {stored}");
        let hashes: Vec<(String,)> = sqlx::query_as("SELECT hash FROM recovery_codes").fetch_all(&mut *c).await.expect("rows");
        assert_eq!(hashes.len(), 10);
        assert!(hashes.iter().all(|(hash,)| codes.iter().all(|code| !hash.contains(&code[..4]))));
        drop(c);

        let again = server.client();
        let waiting = again.sign_in("acme", &tenant.email, &tenant.password).await.expect(303);
        is_not_in(&again).await;
        server.advance(30);
        let entered = again.second_factor(&waiting, &phone.code(server, 0)).await.expect(303);
        assert_eq!(entered.location().as_deref(), Some("/"));
        assert_eq!(again.get("/api/v1/me").await.ok()["amr"], json!(["pwd", "otp", "mfa"]));
        let events = server.audit(&tenant).await;
        let sign_in = events.iter().find(|e| e["action"] == "session.sign_in").expect("event");
        assert_eq!(sign_in["detail"]["second_factor"], "totp");
        let added = events.iter().find(|e| e["action"] == "two_factor.add").expect("event");
        assert!(!added.to_string().contains(phone.seed()));
    }

    async fn codes_of_three_steps_are_taken_once_each(server: Server) {
        let tenant = server.tenant("acme").await;
        let (_, SetUp { phone, .. }) = with_phone(server, &tenant).await;
        server.advance(300);
        // Steps away from now, in this order; and whether it is the one that gets in.
        for (steps, taken) in [(-2, false), (2, false), (-1, true), (-1, false), (0, true), (0, false), (1, true), (0, false), (1, false)] {
            let browser = server.client();
            let waiting = browser.sign_in("acme", &tenant.email, &tenant.password).await.expect(303);
            let answer = browser.second_factor(&waiting, &phone.code(server, steps)).await;
            assert_eq!(answer.status == 303, taken, "{steps}: {answer:?}");
            if !taken && steps.abs() < 2 {
                assert!(answer.body.contains("already been used"), "{}", answer.body);
                assert_eq!(server.last_refusal(&tenant).await, "used_code");
            }
        }
    }

    async fn a_recovery_code_opens_once_and_new_ones_end_the_old(server: Server) {
        let tenant = server.tenant("acme").await;
        let (browser, SetUp { phone, codes }) = with_phone(server, &tenant).await;
        let try_code = async |code: &str| {
            let other = server.client();
            let waiting = other.sign_in("acme", &tenant.email, &tenant.password).await.expect(303);
            let page = other.get(&format!("{}&recovery=true", waits(&waiting))).await.expect(200);
            let fields = [("flow", page.field("flow")), ("recovery", page.field("recovery")), ("code", code.to_owned())];
            other.form("/login/second-factor", &fields.each_ref().map(|(k, v)| (*k, v.as_str()))).await
        };
        try_code(&codes[0].to_uppercase().replace('-', " ")).await.expect(303);
        assert!(server.mail(&tenant.email, "recovery code was used").await.html.contains("9 codes are left"));
        try_code(&codes[0]).await.expect(401);
        assert_eq!(server.last_refusal(&tenant).await, "wrong_code");
        let renewed = codes_of(&browser.form("/profile/two-factor/codes", &[]).await.expect(200));
        assert_eq!(renewed.len(), 10);
        server.mail(&tenant.email, "New recovery codes").await;
        try_code(&codes[1]).await.expect(401);
        for code in &renewed[..6] {
            assert_eq!(try_code(code).await.expect(303).location().as_deref(), Some("/"));
        }
        let few = try_code(&renewed[6]).await.expect(303).location().expect("to");
        assert_eq!(few, "/profile/two-factor/few-codes?return_to=%2F");
        assert!(browser.get(&few).await.expect(200).body.contains("3 recovery codes left"));
        // Codes count as a second factor only for who has one.
        assert!(!phone.seed().is_empty());
        let api = server.client().bearer(&tenant.token);
        let me = browser.get("/api/v1/me").await.ok();
        let own = api.get(&format!("/api/v1/users/{}/two-factor", me["id"].as_str().expect("id"))).await.ok();
        assert_eq!((&own["recovery_codes"], &own["factors"][0]["kind"]), (&json!(3), &json!("totp")));
    }

    async fn wrong_codes_lock_and_a_right_password_buys_no_more(server: Server) {
        let tenant = server.tenant("acme").await;
        let (_, SetUp { phone, codes }) = with_phone(server, &tenant).await;
        let browser = server.client();
        let mut waiting = browser.sign_in("acme", &tenant.email, &tenant.password).await.expect(303);
        for n in 0..10 {
            if n % 3 == 2 {
                waiting = browser.sign_in("acme", &tenant.email, &tenant.password).await.expect(303);
            }
            browser.second_factor(&waiting, "000000").await.expect(401);
        }
        let locked = browser.second_factor(&waiting, &phone.code(server, 0)).await.expect(401);
        assert!(locked.body.contains("codes are not checked for a while"), "{}", locked.body);
        assert_eq!(server.last_refusal(&tenant).await, "codes_locked");
        browser.second_factor(&waiting, &codes[0]).await.expect(401);
        let mail = server.mail(&tenant.email, "locked").await;
        assert!(mail.text.contains("someone knows your password"), "{}", mail.text);
        // The password is another matter, and a new one does not open this lock.
        waits(&server.client().sign_in("acme", &tenant.email, &tenant.password).await);
        let id = server.audit(&tenant).await.iter().find(|e| e["action"] == "user.lock").expect("event")["resource"]["id"].clone();
        let api = server.client().bearer(&tenant.token);
        api.post(&format!("/api/v1/users/{}/unlock", id.as_str().expect("id")), &json!({})).await.expect(204);
        browser.second_factor(&waiting, &phone.code(server, 0)).await.expect(303);
    }

    async fn a_race_for_the_challenge_has_one_winner_and_counts_the_losers(server: Server) {
        let tenant = server.tenant("acme").await;
        let (_, SetUp { phone, .. }) = with_phone(server, &tenant).await;
        let beside = Server::beside(server).await;
        let mut waiting = Vec::new();
        for n in 0..20 {
            let node = if n % 2 == 0 { server } else { &beside };
            let browser = node.client().from(&format!("10.1.0.{n}"));
            let sent = browser.sign_in("acme", &tenant.email, &tenant.password).await.expect(303);
            let flow = browser.get(&waits(&sent)).await.expect(200).field("flow");
            waiting.push((browser, flow));
        }
        // One code, twenty flows, two nodes.
        let code = phone.code(server, 0);
        let tries = waiting.iter().map(|(browser, flow)| {
            let (browser, flow, code) = (browser.clone(), flow.clone(), code.clone());
            tokio::spawn(async move {
                browser.form("/login/second-factor", &[("flow", &flow), ("code", &code)]).await.status == 303
            })
        });
        let mut winners = Vec::new();
        for one in tries.collect::<Vec<_>>() {
            winners.push(one.await.expect("done"));
        }
        assert_eq!(winners.iter().filter(|won| **won).count(), 1, "a code is accepted once, on all nodes together");
        let mut lost = winners.iter().map(|won| !won);
        waiting.retain(|_| lost.next().unwrap_or(false));
        // Wrong ones: never more than the limit are looked at.
        let api = server.client().bearer(&tenant.token);
        let me = server.audit(&tenant).await.iter().find(|e| e["action"] == "two_factor.add").expect("event")["resource"]["id"].clone();
        api.post(&format!("/api/v1/users/{}/unlock", me.as_str().expect("id")), &json!({})).await.expect(204);
        let before = server.audit(&tenant).await.len();
        let tries = waiting.iter().map(|(browser, flow)| {
            let (browser, flow) = (browser.clone(), flow.clone());
            tokio::spawn(async move { browser.form("/login/second-factor", &[("flow", &flow), ("code", "000000")]).await.status })
        });
        for one in tries.collect::<Vec<_>>() {
            assert_ne!(one.await.expect("done"), 303);
        }
        let events = server.audit(&tenant).await;
        let fresh = &events[..events.len() - before];
        let count = |reason: &str| fresh.iter().filter(|e| e["reason"] == reason).count();
        assert_eq!(count("wrong_code"), 10, "{fresh:#?}");
        assert_eq!(fresh.iter().filter(|e| e["action"] == "user.lock").count(), 1);
    }

    async fn one_flow_answered_twice_at_once_makes_one_session(server: Server) {
        let tenant = server.tenant("acme").await;
        let (_, SetUp { codes, .. }) = with_phone(server, &tenant).await;
        let browser = server.client();
        let sent = browser.sign_in("acme", &tenant.email, &tenant.password).await.expect(303);
        let flow = browser.get(&waits(&sent)).await.expect(200).field("flow");
        let before = server.audit(&tenant).await.iter().filter(|e| e["action"] == "session.sign_in").count();
        let tries: Vec<_> = codes.iter().take(8).map(|code| {
            let (browser, flow, code) = (browser.clone(), flow.clone(), code.clone());
            tokio::spawn(async move { browser.form("/login/second-factor", &[("flow", &flow), ("code", &code)]).await })
        }).collect();
        for one in tries {
            one.await.expect("done").expect(303);
        }
        let events = server.audit(&tenant).await;
        let entered = events.iter().filter(|e| e["action"] == "session.sign_in" && e["outcome"] == "success").count();
        assert_eq!(entered, before + 1);
    }

    async fn no_other_way_leads_around_it(server: Server) {
        let tenant = server.tenant("acme").await;
        let (_, SetUp { phone, .. }) = with_phone(server, &tenant).await;
        // The page for administrators.
        let local = server.client();
        let fields = [("identifier", tenant.email.as_str()), ("account", "acme"), ("return_to", "/console"), ("password", &tenant.password)];
        let sent = local.form("/login/local", &fields).await.expect(303);
        waits(&sent);
        is_not_in(&local).await;
        // A new password by mail.
        let mailbox = server.client();
        mailbox.form("/login/forgot", &[("identifier", &tenant.email), ("account", "acme")]).await.expect(200);
        let token = server.mail(&tenant.email, "Reset your password").await.token();
        let reset = mailbox.form("/login/reset", &[("token", &token), ("password", "another long password")]).await.expect(303);
        waits(&reset);
        is_not_in(&mailbox).await;
        // Their identity provider, asked and unasked.
        let provider = Provider::new(server, &tenant, json!({"allow_idp_initiated": true})).await;
        let saml = server.client();
        let sent = provider.sign_in(server, &saml, &tenant.email).await.expect(303);
        waits(&sent);
        is_not_in(&saml).await;
        // The first link is confirmed only where the sign-in was begun.
        let unasked = server.client();
        provider.unsolicited(server, &unasked, &tenant.email).await.expect(403);
        is_not_in(&unasked).await;
        // Each goes on with the code, in its own browser and no other.
        server.client().get(&waits(&sent)).await.expect(303);
        server.client().form("/login/second-factor", &[("flow", waits(&sent).split('=').nth(1).expect("id")), ("code", &phone.code(server, 0))]).await.expect(303);
        saml.second_factor(&sent, &phone.code(server, 0)).await.expect(303);
        let me = saml.get("/api/v1/me").await.ok();
        assert_eq!((&me["amr"], &me["acr"]), (&json!(["otp", "mfa"]), &json!("2fa")));
        let tile = provider.unsolicited(server, &unasked, &tenant.email).await.expect(303);
        waits(&tile);
        is_not_in(&unasked).await;
        server.advance(30);
        unasked.second_factor(&tile, &phone.code(server, 0)).await.expect(303);
        server.advance(30);
        mailbox.second_factor(&reset, &phone.code(server, 0)).await.expect(303);
        assert_eq!(mailbox.get("/api/v1/me").await.ok()["email"], tenant.email.as_str());
    }

    async fn a_flow_that_waits_is_good_for_nothing_else(server: Server) {
        let tenant = server.tenant("acme").await;
        let (_, SetUp { phone, .. }) = with_phone(server, &tenant).await;
        let browser = server.client();
        let sent = browser.sign_in("acme", &tenant.email, &tenant.password).await.expect(303);
        let flow = browser.get(&waits(&sent)).await.expect(200).field("flow");
        // Another factor must not be set up where one is asked for, nor a password replaced.
        for path in ["/login/enrol", "/login/new-password", "/login/password"] {
            let page = browser.get(&format!("{path}?flow={flow}")).await;
            assert!(page.status == 303 || path == "/login/password", "{path}: {page:?}");
        }
        let fields = [("flow", flow.as_str()), ("what", "app"), ("ticket", "AAAA"), ("code", "000000")];
        assert_eq!(browser.form("/login/enrol", &fields).await.location().as_deref(), Some("/login?notice=expired"));
        let fields = [("flow", flow.as_str()), ("password", "a brand new password")];
        assert_eq!(browser.form("/login/new-password", &fields).await.location().as_deref(), Some("/login?notice=expired"));
        is_not_in(&browser).await;
        browser.get(&format!("/login/continue?handover={flow}")).await.expect(403);
        let body = json!({"name": "t"});
        browser.post("/api/v1/api-tokens", &body).await.expect(401);
        browser.patch("/api/v1/authentication-settings", &json!({"two_factor": {"enforced": false}})).await.expect(401);
        // It ends with time.
        server.advance(15 * 60 + 1);
        let late = browser.form("/login/second-factor", &[("flow", &flow), ("code", &phone.code(server, 0))]).await;
        assert_eq!(late.location().as_deref(), Some("/login?notice=expired"));
    }

    async fn what_happens_meanwhile_ends_a_flow_that_waits(server: Server) {
        let tenant = server.tenant("acme").await;
        let id = server.add_user(&tenant, "ada@acme.example", "a good long password").await;
        let api = server.client().bearer(&tenant.token);
        let own = server.client();
        own.sign_in("acme", "ada@acme.example", "a good long password").await.expect(303);
        let SetUp { phone, .. } = Phone::set_up(server, &own, ADD).await;
        let path = format!("/api/v1/users/{id}");
        let thief = server.client();
        let wait = async || {
            let sent = thief.sign_in("acme", "ada@acme.example", "a good long password").await.expect(303);
            waits(&sent);
            sent
        };
        let ended = async |sent: &Answer| {
            server.advance(30);
            let flow = waits(sent).split('=').nth(1).expect("id").to_owned();
            let answer = thief.form("/login/second-factor", &[("flow", &flow), ("code", &phone.code(server, 0))]).await;
            assert_eq!(answer.location().as_deref(), Some("/login?notice=expired"), "{answer:?}");
            thief.get("/api/v1/me").await.expect(401);
        };
        // Deactivated and let back in.
        let sent = wait().await;
        api.patch(&path, &json!({"status": "inactive"})).await.expect(200);
        api.patch(&path, &json!({"status": "active"})).await.expect(200);
        ended(&sent).await;
        // Reset by an administrator.
        let sent = wait().await;
        api.post(&format!("{path}/two-factor/reset"), &json!({})).await.expect(204);
        ended(&sent).await;
        // A new password.
        let own = server.client();
        own.sign_in("acme", "ada@acme.example", "a good long password").await.expect(303);
        let SetUp { phone, .. } = Phone::set_up(server, &own, ADD).await;
        let sent = wait().await;
        own.form("/profile/password", &[("password", "a very new password")]).await.expect(303);
        server.advance(30);
        let flow = waits(&sent).split('=').nth(1).expect("id").to_owned();
        let answer = thief.form("/login/second-factor", &[("flow", &flow), ("code", &phone.code(server, 0))]).await;
        assert_eq!(answer.location().as_deref(), Some("/login?notice=expired"));
    }

    async fn a_remembered_browser_is_asked_again_when_it_should_be(server: Server) {
        let tenant = server.tenant("acme").await;
        let (own, SetUp { phone, .. }) = with_phone(server, &tenant).await;
        let remember = async |browser: &Client| {
            server.advance(30);
            let sent = browser.sign_in("acme", &tenant.email, &tenant.password).await.expect(303);
            let flow = browser.get(&waits(&sent)).await.expect(200).field("flow");
            let fields = [("flow", flow.as_str()), ("code", &phone.code(server, 0)), ("remember", "on")];
            let entered = browser.form("/login/second-factor", &fields).await.expect(303);
            browser.form("/logout", &[]).await.expect(303);
            entered
        };
        let is_asked = async |browser: &Client| {
            let sent = browser.sign_in("acme", &tenant.email, &tenant.password).await.expect(303);
            let asked = sent.location().expect("to").starts_with("/login/second-factor");
            if !asked {
                let me = browser.get("/api/v1/me").await.ok();
                assert_eq!((&me["amr"], &me["acr"]), (&json!(["pwd"]), &json!("")), "it was not shown");
                browser.form("/logout", &[]).await.expect(303);
            }
            asked
        };
        let browser = server.client();
        remember(&browser).await;
        assert!(is_asked(&browser).await, "the account does not allow it");
        settings(server, &tenant, json!({"remember_days": 30})).await.expect(200);
        let entered = remember(&browser).await;
        let cookies: Vec<_> = entered.headers.get_all("set-cookie").iter().map(|v| v.to_str().expect("text").to_owned()).collect();
        let cookie = cookies.iter().find(|c| c.starts_with("vst_device=")).expect("a cookie").clone();
        assert!(cookie.contains("HttpOnly") && cookie.contains("SameSite=Lax"), "{cookie}");
        assert!(!is_asked(&browser).await);
        assert!(is_asked(&server.client()).await, "another browser");
        // What matters asks for it all the same, however recent the password is.
        browser.sign_in("acme", &tenant.email, &tenant.password).await.expect(303);
        for (path, fields) in [("/profile/two-factor/codes", ("x", "y")), ("/profile/two-factor/remove", ("id", "x")), ("/profile/password", ("password", "x"))] {
            let sent = browser.form(path, &[fields]).await.expect(303).location().expect("to");
            assert!(sent.starts_with("/profile/confirm?"), "{path}: {sent}");
        }
        assert!(browser.get(ADD).await.expect(303).location().expect("to").starts_with("/profile/confirm?"));
        browser.form("/logout", &[]).await.expect(303);

        // The cookie in the browser of somebody else, who has a phone too.
        let id = server.add_user(&tenant, "eve@acme.example", "a good long password").await;
        let eve = server.client();
        eve.sign_in("acme", "eve@acme.example", "a good long password").await.expect(303);
        Phone::set_up(server, &eve, ADD).await;
        let copied = cookie.split(';').next().expect("pair").to_owned();
        let page = eve.get("/login?account=acme").await;
        assert_eq!(page.status, 303, "signed in");
        let thief = server.client();
        let sent = {
            let fields = [("identifier", "eve@acme.example"), ("account", "acme"), ("return_to", "/")];
            let to = thief.form("/login", &fields).await.expect(303);
            let flow_cookie = to.header("set-cookie").split(';').next().expect("pair").to_owned();
            let flow = to.location().expect("to").split("flow=").nth(1).expect("flow").to_owned();
            let request = thief.request(reqwest::Method::POST, "/login/password").header("cookie", format!("{flow_cookie}; {copied}"));
            thief.send(request.form(&[("flow", flow.as_str()), ("password", "a good long password")])).await.expect(303)
        };
        waits(&sent);

        // Forgotten by hand, by time, by the account, by a new password, by a deactivation.
        let list = own.get("/profile/two-factor").await.expect(200);
        assert!(list.body.contains("for 30 days"), "{}", list.body);
        own.form("/profile/two-factor/devices/revoke", &[("id", "")]).await.expect(303);
        assert!(is_asked(&browser).await);
        remember(&browser).await;
        server.advance(29 * 24 * 60 * 60);
        assert!(!is_asked(&browser).await);
        server.advance(24 * 60 * 60 + 60);
        assert!(is_asked(&browser).await);
        remember(&browser).await;
        settings(server, &tenant, json!({"remember_days": 0})).await.expect(200);
        assert!(is_asked(&browser).await);
        settings(server, &tenant, json!({"remember_days": 30})).await.expect(200);
        assert!(!is_asked(&browser).await, "it is computed from the setting at each use");
        let api = server.client().bearer(&tenant.token);
        assert_eq!(api.get(&format!("/api/v1/users/{id}/two-factor")).await.ok()["remembered_devices"], 0);
    }

    async fn a_provider_counts_only_where_it_is_trusted_and_says_so(server: Server) {
        let tenant = server.tenant("acme").await;
        let (_, SetUp { phone, .. }) = with_phone(server, &tenant).await;
        let mut provider = Provider::new(server, &tenant, json!({})).await;
        // The first time, it is shown here whatever the provider says, to link the identity.
        let browser = server.client();
        let waiting = provider.sign_in(server, &browser, &tenant.email).await.expect(303);
        browser.second_factor(&waiting, &phone.code(server, 0)).await.expect(303);
        MFA.clone_into(&mut provider.context);
        waits(&provider.sign_in(server, &server.client(), &tenant.email).await.expect(303));
        let api = server.client().bearer(&tenant.token);
        let path = format!("/api/v1/connections/{}", provider.id);
        api.patch(&path, &json!({"trust_mfa": true})).await.expect(200);
        let browser = server.client();
        let entered = provider.sign_in(server, &browser, &tenant.email).await.expect(303);
        assert_eq!(entered.location().as_deref(), Some("/profile"));
        let me = browser.get("/api/v1/me").await.ok();
        assert_eq!((&me["amr"], &me["acr"]), (&json!(["mfa"]), &json!("")), "not shown here");
        assert_eq!(me["provider_acr"], MFA);
        crate::harness::idp::PASSWORD.clone_into(&mut provider.context);
        waits(&provider.sign_in(server, &server.client(), &tenant.email).await.expect(303));
        let entra = "http://schemas.microsoft.com/claims/";
        provider.attributes = vec![(format!("{entra}authnmethodsreferences"), format!("{entra}multipleauthn"))];
        let entered = provider.sign_in(server, &server.client(), &tenant.email).await.expect(303);
        assert_eq!(entered.location().as_deref(), Some("/profile"), "as Entra ID says it");
    }

    async fn who_has_one_shows_it_again_for_what_matters(server: Server) {
        let tenant = server.tenant("acme").await;
        let (browser, SetUp { phone, codes }) = with_phone(server, &tenant).await;
        // A session from before the phone has to show it as well.
        let page = browser.get("/profile/two-factor").await.expect(200);
        let id = page.body.split("name=\"id\" value=\"").nth(1).expect("a factor").split('"').next().expect("id").to_owned();
        server.advance(11 * 60);
        let sent = browser.form("/profile/two-factor/remove", &[("id", &id)]).await.expect(303);
        assert_eq!(sent.location().as_deref(), Some("/profile/confirm?return_to=%2Fprofile%2Ftwo-factor"));
        browser.form("/profile/two-factor/codes", &[]).await.expect(303);
        assert_eq!(browser.get(ADD).await.expect(303).location().expect("to").split('?').next(), Some("/profile/confirm"));
        let fields = [("return_to", "/profile/two-factor"), ("password", tenant.password.as_str())];
        browser.form("/profile/confirm", &fields).await.expect(401);
        let fields = [("return_to", "/profile/two-factor"), ("code", "000000")];
        browser.form("/profile/confirm", &fields).await.expect(401);
        let code = phone.code(server, 0);
        let fields = [("return_to", "/profile/two-factor"), ("code", code.as_str())];
        let confirmed = browser.form("/profile/confirm", &fields).await.expect(303);
        assert_eq!(confirmed.location().as_deref(), Some("/profile/two-factor"));
        browser.form("/profile/confirm", &fields).await.expect(401);
        browser.form("/profile/two-factor/rename", &[("id", &id), ("name", "Old phone")]).await.expect(303);
        browser.form("/profile/two-factor/rename", &[("id", &id), ("name", "")]).await.expect(422);
        assert!(browser.get("/profile/two-factor").await.expect(200).body.contains("Old phone"));
        browser.form("/profile/two-factor/remove", &[("id", &id)]).await.expect(303);
        server.mail(&tenant.email, "two-factor method was removed").await;
        let fresh = server.client();
        fresh.sign_in("acme", &tenant.email, &tenant.password).await.expect(303);
        assert_eq!(fresh.get("/api/v1/me").await.ok()["amr"], json!(["pwd"]), "asked for no more");
        let mut c = server.kernel.db.read().await.expect("database");
        let left: i64 = sqlx::query_scalar("SELECT COUNT(*) FROM recovery_codes").fetch_one(&mut *c).await.expect("count");
        assert_eq!(left, 0, "{codes:?}");
    }

    async fn sessions_from_before_have_to_show_it(server: Server) {
        let tenant = server.tenant("acme").await;
        let before = server.client();
        before.sign_in("acme", &tenant.email, &tenant.password).await.expect(303);
        let (_, SetUp { phone, .. }) = with_phone(server, &tenant).await;
        let sent = before.get("/console/users?q=a").await.expect(303).location().expect("to");
        assert_eq!(sent, "/profile/confirm?return_to=%2Fconsole%2Fusers%3Fq%3Da");
        before.get("/api/v1/me").await.expect(401);
        before.get("/forward-auth").await.expect(401);
        // It must not set up a factor of its own instead.
        let add = before.get(ADD).await.expect(303).location().expect("to");
        assert!(add.starts_with("/profile/confirm?"), "{add}");
        let fields = [("return_to", "/"), ("what", "app"), ("ticket", "AAAA"), ("code", "000000")];
        let add = before.form("/profile/two-factor/add", &fields).await.expect(303).location().expect("to");
        assert!(add.starts_with("/profile/confirm?"), "{add}");
        let code = phone.code(server, 0);
        before.form("/profile/confirm", &[("return_to", "/console"), ("code", &code)]).await.expect(303);
        assert_eq!(before.get("/api/v1/me").await.ok()["amr"], json!(["pwd", "otp", "mfa"]));
    }

    async fn an_administrator_ends_a_lost_one(server: Server) {
        let tenant = server.tenant("acme").await;
        let id = server.add_user(&tenant, "ada@acme.example", "a good long password").await;
        let other = server.tenant("other").await;
        let api = server.client().bearer(&tenant.token);
        let ada = server.client();
        ada.sign_in("acme", "ada@acme.example", "a good long password").await.expect(303);
        let SetUp { phone, codes } = Phone::set_up(server, &ada, ADD).await;
        let reset = format!("/api/v1/users/{id}/two-factor/reset");
        server.client().bearer(&other.token).post(&reset, &json!({})).await.expect(404);
        api.post(&reset, &json!({})).await.expect(204);
        ada.get("/api/v1/me").await.expect(401);
        let mail = server.mail("ada@acme.example", "two-factor authentication was reset").await;
        assert!(!mail.text.contains(phone.seed()) && !mail.html.contains("<svg"), "no seed by mail");
        let events = server.audit(&tenant).await;
        assert!(events.iter().any(|e| e["action"] == "two_factor.reset" && e["resource"]["id"] == id.as_str()));
        // The link opens nothing by itself.
        let browser = server.client();
        let page = browser.get(&mail.link()).await.expect(200);
        assert!(page.body.contains("ada@acme.example"));
        browser.get("/api/v1/me").await.expect(401);
        let sent = browser.form("/two-factor", &[("token", &mail.token())]).await.expect(303).location().expect("to");
        assert!(sent.starts_with("/login/password?flow="), "{sent}");
        let flow = browser.get(&sent).await.expect(200).field("flow");
        let entered = browser.form("/login/password", &[("flow", &flow), ("password", "a good long password")]).await.expect(303);
        assert_eq!(entered.location().as_deref(), Some("/profile/two-factor/add"));
        let fresh = Phone::set_up(server, &browser, ADD).await;
        assert_ne!(fresh.codes, codes);
        server.client().form("/two-factor", &[("token", &mail.token())]).await.expect(410);
        // Old phone and old codes are worth nothing.
        let again = server.client();
        let waiting = again.sign_in("acme", "ada@acme.example", "a good long password").await.expect(303);
        again.second_factor(&waiting, &phone.code(server, 0)).await.expect(401);
        again.second_factor(&waiting, &codes[0]).await.expect(401);
        again.second_factor(&waiting, &fresh.phone.code(server, 0)).await.expect(303);
        // Somebody else who is signed in is told whose it is, and it is not used up.
        api.post(&reset, &json!({})).await.expect(204);
        let admin = server.client();
        admin.sign_in("acme", &tenant.email, &tenant.password).await.expect(303);
        let token = crate::harness::mail::wait_for(&server.dir.path().join("outbox"), 2, |m| m.subject == "Your two-factor authentication was reset").await;
        let token = token.iter().map(crate::harness::mail::Mail::token).find(|t| *t != mail.token()).expect("another");
        admin.form("/two-factor", &[("token", &token)]).await.expect(409);
        server.client().get(&format!("/two-factor?token={token}")).await.expect(200);
        for garbage in ["", "x", "vst_enrol_", "%00"] {
            let status = server.client().get(&format!("/two-factor?token={garbage}")).await.status;
            assert!(status == 410 || status == 400, "{garbage}: {status}");
        }
    }
}

/// Leaves the administrator with a passkey and nothing else to sign in with; returns the passkey's id.
async fn passkey_only(server: &Server) -> String {
    let mut tx = server.kernel.db.begin().await.expect("tx");
    for sql in [
        "DELETE FROM passwords",
        "UPDATE factors SET kind = 'webauthn', discoverable = 1, credential_id = 'x', secret = '{}'",
    ] {
        sqlx::query(sql).execute(&mut *tx).await.expect("update");
    }
    let (id,): (String,) = sqlx::query_as("SELECT id FROM factors").fetch_one(&mut *tx).await.expect("one");
    tx.commit().await.expect("commit");
    id
}

on_both! {
    async fn the_only_key_to_an_account_is_not_taken_away(server: Server) {
        let tenant = server.tenant("acme").await;
        let (browser, _) = with_phone(server, &tenant).await;
        let passkey = passkey_only(server).await;
        let me = browser.get("/api/v1/me").await.ok();
        let path = format!("/api/v1/users/{}", me["id"].as_str().expect("id"));
        let api = server.client().bearer(&tenant.token);
        let kept = api.post(&format!("{path}/two-factor/reset"), &json!({})).await.expect(409);
        assert!(kept.body.contains("a passkey is their only sign-in method"), "{}", kept.body);
        let own = browser.form("/profile/two-factor/remove", &[("id", &passkey)]).await.expect(422);
        assert!(own.body.contains("This passkey is your only sign-in method"), "{}", own.body);
        browser.get("/api/v1/me").await.expect(200);
        // With another administrator beside them it is no way out any more, so it can be reset.
        let second = server.add_user(&tenant, "second@acme.example", "a good long password").await;
        api.patch(&format!("/api/v1/users/{second}"), &json!({"roles": ["account_admin"]})).await.expect(200);
        api.post(&format!("{path}/two-factor/reset"), &json!({})).await.expect(204);
        browser.get("/api/v1/me").await.expect(401);
    }

    async fn a_passkey_that_signs_no_one_in_can_be_removed(server: Server) {
        // By the rules of the account, and by its setting.
        let rule = json!({"sign_in_rules": [{"password": true, "passkey": false, "connections": null}]});
        for (slug, forbidden) in [("acme", rule), ("globex", json!({"two_factor": {"passkey_sign_in": false}}))] {
            let tenant = server.tenant(slug).await;
            let browser = server.client();
            browser.sign_in(slug, &tenant.email, &tenant.password).await.expect(303);
            Phone::set_up(server, &browser, ADD).await;
            let api = server.client().bearer(&tenant.token);
            api.patch("/api/v1/authentication-settings", &forbidden).await.expect(200);
            let passkey = passkey_only(server).await;
            let removed = browser.form("/profile/two-factor/remove", &[("id", &passkey)]).await.expect(303);
            let to = removed.location().expect("to the list");
            assert!(to.starts_with("/profile/two-factor"), "{to}");
        }
    }
}

/// Something like what a browser sends for a key, with everything in it made up.
fn made_up(turn: usize) -> String {
    use base64::Engine as _;
    use base64::engine::general_purpose::URL_SAFE_NO_PAD;
    let bytes = vestibule::kernel::random::bytes::<200>();
    let random = |length: usize| URL_SAFE_NO_PAD.encode(&bytes[..length.min(200)]);
    // CBOR that begins like an attestation object and goes on at random.
    let mut object = b"\xa3cfmtdnonegattStmt\xa0hauthDataX".to_vec();
    object.extend(&bytes[..turn % 200]);
    let client = json!({"type": "webauthn.create", "challenge": random(32), "origin": "http://localhost"});
    let client = if turn.is_multiple_of(3) { bytes.to_vec() } else { client.to_string().into_bytes() };
    json!({"id": random(20), "rawId": random(turn % 64), "type": "public-key", "extensions": {}, "response": {
        "clientDataJSON": URL_SAFE_NO_PAD.encode(client),
        "attestationObject": URL_SAFE_NO_PAD.encode(object),
        "authenticatorData": random(turn % 200), "signature": random(turn % 80), "userHandle": random(16),
        "transports": ["usb"]}})
    .to_string()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whatever_a_key_answers_it_is_refused_in_words() {
    let server = Server::on_localhost(crate::harness::Backend::Sqlite, |_| {}).await;
    let tenant = server.tenant("acme").await;
    let browser = server.client();
    browser.sign_in("acme", &tenant.email, &tenant.password).await.expect(303);
    let page = browser.get("/profile/two-factor/add?what=passkey").await.expect(200);
    assert!(page.body.contains("&#34;residentKey&#34;:&#34;required&#34;"), "{}", page.body);
    let ticket = page.field("ticket");
    let started = browser.post("/login/passkey/start", &json!({})).await.ok();
    let challenge = started["ticket"].as_str().expect("ticket");
    for turn in 0..200 {
        let from = browser.clone().from(&format!("10.2.0.{turn}"));
        let answer = made_up(turn);
        let fields =
            [("what", "passkey"), ("ticket", ticket.as_str()), ("answer", &answer), ("return_to", "/")];
        let refused = from.form("/profile/two-factor/add", &fields).await;
        assert_eq!(refused.status, 422, "{answer}: {refused:?}");
        let fields = [("ticket", challenge), ("answer", &answer), ("return_to", "/")];
        assert_eq!(from.form("/login/passkey", &fields).await.status, 401, "{answer}");
    }
    // At an address without a host name keys are not offered.
    let by_number = Server::start(crate::harness::Backend::Sqlite).await;
    let page = by_number.client().get("/login").await.expect(200);
    assert!(!page.body.contains("passkey"));
    by_number.client().post("/login/passkey/start", &json!({})).await.expect(401);
}
