//! What changes between the first proof and the last step of a sign-in.

use serde_json::{Value, json};

use super::{create_user, saml, subjects};
use crate::harness::idp::{PERSISTENT_FORMAT, Provider, TRANSIENT_FORMAT, name_id, request_id};
use crate::harness::phone::{self, Phone};
use crate::harness::{Answer, Client, Server, Tenant};
use crate::on_both;

const ADD: &str = "/profile/two-factor/add?what=app";
const PASSWORD: &str = "a good long password";
const SETTINGS: &str = "/api/v1/authentication-settings";
const BOB: &str = "bob@acme.example";

async fn enable(api: &Client, provider: &Provider, enabled: bool) {
    let change = json!({"enabled": enabled, "override_untested": true});
    api.patch(&format!("/api/v1/connections/{}", provider.id), &change).await.expect(200);
}

/// The refused sign-in has this reason in the trail, and is over.
async fn expect_end(server: &Server, tenant: &Tenant, at: (&Client, &Answer), refused: Answer, reason: &str) {
    let (browser, waiting) = at;
    refused.expect(403);
    assert_eq!(server.last_refusal(tenant).await, reason);
    browser.get("/api/v1/me").await.expect(401);
    let again = browser.get(&waiting.location().expect("the step")).await.expect(303);
    assert_eq!(again.location().as_deref(), Some("/login?notice=expired"));
}

/// The sign-in has to be begun again.
async fn expect_expired(browser: &Client, ended: &Answer) {
    assert_eq!(ended.location().as_deref(), Some("/login?notice=expired"), "{ended:?}");
    browser.get("/api/v1/me").await.expect(401);
}

/// A password that is typed for a user whose domain leads to a provider.
async fn type_password(browser: &Client, identifier: &str) -> Answer {
    let fields = [("identifier", identifier), ("account", "acme"), ("return_to", "/profile")];
    let sent = browser.form("/login", &fields).await.expect(303).location().expect("a redirect");
    let flow = sent.split_once("flow=").expect("a flow").1.to_owned();
    browser.form("/login/password", &[("flow", &flow), ("password", PASSWORD)]).await
}

/// Rules that leave single sign-on only: for everyone, for a domain and for a group.
async fn rules(api: &Client, user: &str) -> [Value; 3] {
    let group = api.post("/api/v1/groups", &json!({"name": "Staff"})).await.created();
    let path = format!("/api/v1/groups/{}/members", group["id"].as_str().expect("id"));
    assert!(api.post(&path, &json!({"add": [user]})).await.status.is_success());
    let rule = |more: Value| {
        let mut rule = json!({"password": false, "passkey": false, "connections": null});
        rule.as_object_mut().expect("object").extend(more.as_object().expect("object").clone());
        json!({"sign_in_rules": [rule]})
    };
    [rule(json!({})), rule(json!({"domain": "acme.example"})), rule(json!({"group": group["id"]}))]
}

/// The administrator has an app, as whoever requires it of others must.
async fn with_phone(server: &Server, tenant: &Tenant) -> Phone {
    let own = server.client();
    own.sign_in("acme", &tenant.email, &tenant.password).await.expect(303);
    Phone::set_up(server, &own, ADD).await.phone
}

on_both! {
    async fn a_disabled_connection_ends_what_waits_for_a_second_factor(server: Server) {
        let tenant = server.tenant("acme").await;
        let api = server.client().bearer(&tenant.token);
        let provider = saml(server, &tenant).await;
        let phone = with_phone(server, &tenant).await;
        // The confirmation of a first link, and then the second factor of who is linked.
        for linked in [false, true] {
            let browser = server.client();
            let waiting = provider.sign_in(server, &browser, &tenant.email).await.expect(303);
            enable(&api, &provider, false).await;
            let refused = browser.second_factor(&waiting, &phone.code(server, 0)).await;
            assert!(refused.body.contains("Sign-in method disabled"), "{}", refused.body);
            expect_end(server, &tenant, (&browser, &waiting), refused, "connection_disabled").await;
            enable(&api, &provider, true).await;
            if !linked {
                // The code was not looked at, so it is still good.
                let waiting = provider.sign_in(server, &browser, &tenant.email).await.expect(303);
                browser.second_factor(&waiting, &phone.code(server, 0)).await.expect(303);
                server.advance(30);
            }
        }
    }

    async fn a_disabled_connection_ends_what_is_on_its_way_back(server: Server) {
        let tenant = server.tenant("acme").await;
        let api = server.client().bearer(&tenant.token);
        let provider = saml(server, &tenant).await;
        let browser = server.client();
        let sent = browser.get(&format!("/saml/{}/login", provider.id)).await.expect(303);
        let request = request_id(&sent.location().expect("to the provider"));
        let handed = provider.hand_over(server, &browser, Some(request), "new@acme.example").await;
        enable(&api, &provider, false).await;
        browser.get(&handed).await.expect(403);
        assert_eq!(server.last_refusal(&tenant).await, "connection_disabled");
        let made = api.get("/api/v1/users?user_name=new@acme.example").await.ok();
        assert_eq!(made["items"], json!([]));
        enable(&api, &provider, true).await;
        browser.get(&handed).await.expect(403);
        browser.get("/api/v1/me").await.expect(401);
    }

    async fn a_disabled_connection_ends_an_enrolment(server: Server) {
        let tenant = server.tenant("acme").await;
        let api = server.client().bearer(&tenant.token);
        let provider = saml(server, &tenant).await;
        with_phone(server, &tenant).await;
        let enforce = json!({"two_factor": {"enforced": true, "grace_days": 0}});
        api.patch(SETTINGS, &enforce).await.expect(200);
        let browser = server.client();
        let waiting = provider.sign_in(server, &browser, "ada@acme.example").await.expect(303);
        let to = waiting.location().expect("to the enrolment");
        assert!(to.starts_with("/login/enrol?flow="), "{to}");
        let page = browser.get(&to).await.expect(200);
        let code = Phone::typing(&page.body).code(server, 0);
        enable(&api, &provider, false).await;
        let refused = phone::confirm(&browser, &to, &page, &code).await;
        expect_end(server, &tenant, (&browser, &waiting), refused, "connection_disabled").await;
        // No factor was added.
        enable(&api, &provider, true).await;
        let waiting = provider.sign_in(server, &browser, "ada@acme.example").await.expect(303);
        assert!(waiting.location().expect("to").starts_with("/login/enrol?flow="), "{waiting:?}");
    }

    async fn a_changed_rule_ends_what_waits_for_a_second_factor(server: Server) {
        let tenant = server.tenant("acme").await;
        let api = server.client().bearer(&tenant.token);
        let _provider = saml(server, &tenant).await;
        let bob = create_user(&api, BOB, Some(PASSWORD)).await;
        let own = server.client();
        type_password(&own, BOB).await.expect(303);
        let phone = Phone::set_up(server, &own, ADD).await.phone;
        for change in rules(&api, &bob).await {
            let browser = server.client();
            let waiting = type_password(&browser, BOB).await.expect(303);
            api.patch(SETTINGS, &change).await.expect(200);
            let refused = browser.second_factor(&waiting, &phone.code(server, 0)).await;
            assert!(refused.body.contains("Sign-in method not allowed"), "{change}: {}", refused.body);
            expect_end(server, &tenant, (&browser, &waiting), refused, "method_not_allowed").await;
            api.patch(SETTINGS, &json!({"sign_in_rules": []})).await.expect(200);
        }
    }

    async fn a_domain_that_is_not_allowed_any_more_ends_what_waits(server: Server) {
        let tenant = server.tenant("acme").await;
        let api = server.client().bearer(&tenant.token);
        create_user(&api, "eve@other.example", Some(PASSWORD)).await;
        let own = server.client();
        own.sign_in("acme", "eve@other.example", PASSWORD).await.expect(303);
        let phone = Phone::set_up(server, &own, ADD).await.phone;
        let browser = server.client();
        let waiting = browser.sign_in("acme", "eve@other.example", PASSWORD).await.expect(303);
        api.patch(SETTINGS, &json!({"email_domains": ["acme.example"]})).await.expect(200);
        let refused = browser.second_factor(&waiting, &phone.code(server, 0)).await;
        expect_end(server, &tenant, (&browser, &waiting), refused, "domain_not_allowed").await;
    }

    async fn a_changed_rule_ends_the_change_of_an_expired_password(server: Server) {
        let tenant = server.tenant("acme").await;
        let api = server.client().bearer(&tenant.token);
        let _provider = saml(server, &tenant).await;
        let bob = create_user(&api, BOB, Some(PASSWORD)).await;
        api.patch(SETTINGS, &json!({"password": {"expires_after_days": 90, "warn_before_days": 10}})).await.expect(200);
        server.advance(90 * 24 * 3600);
        let [change, ..] = rules(&api, &bob).await;
        let browser = server.client();
        let waiting = type_password(&browser, BOB).await.expect(303);
        let to = waiting.location().expect("to the new password");
        let flow = browser.get(&to).await.expect(200).field("flow");
        api.patch(SETTINGS, &change).await.expect(200);
        let fields = [("flow", flow.as_str()), ("password", "another long password")];
        let refused = browser.form("/login/new-password", &fields).await;
        expect_end(server, &tenant, (&browser, &waiting), refused, "method_not_allowed").await;
        // The password is the old one.
        api.patch(SETTINGS, &json!({"sign_in_rules": []})).await.expect(200);
        let waiting = type_password(&browser, BOB).await.expect(303);
        assert!(waiting.location().expect("to").starts_with("/login/new-password?flow="), "{waiting:?}");
    }

    async fn a_domain_that_is_lost_ends_the_confirmation_of_a_first_link(server: Server) {
        let tenant = server.tenant("acme").await;
        let api = server.client().bearer(&tenant.token);
        let mut provider = saml(server, &tenant).await;
        let bob = create_user(&api, BOB, Some(PASSWORD)).await;
        provider.name_id = Some(name_id(PERSISTENT_FORMAT, "p-1"));
        provider.attributes = vec![("email".into(), BOB.into())];
        let (directory, _) = server.scim(&tenant, "Directory").await;
        let browser = server.client();
        let waiting = provider.sign_in(server, &browser, "").await.expect(303);
        server.verify_domain("acme", "acme.example", &[&directory]).await;
        let refused = browser.confirm_link(&waiting, PASSWORD).await;
        assert!(refused.body.contains("acme.example"), "{}", refused.body);
        expect_end(server, &tenant, (&browser, &waiting), refused, "not_in_connection_domains").await;
        assert!(subjects(&api, &bob).await.is_empty());
        // Given back, and another subject is confirmed first.
        server.verify_domain("acme", "acme.example", &[&directory, &provider.id]).await;
        let waiting = provider.sign_in(server, &browser, "").await.expect(303);
        let other = server.client();
        provider.name_id = Some(name_id(PERSISTENT_FORMAT, "p-2"));
        let first = provider.sign_in(server, &other, "").await.expect(303);
        other.confirm_link(&first, PASSWORD).await.expect(303);
        let refused = browser.confirm_link(&waiting, PASSWORD).await;
        expect_end(server, &tenant, (&browser, &waiting), refused, "address_of_another").await;
        assert_eq!(subjects(&api, &bob).await, ["persistent:p-2"]);
        // Who is linked needs no domain any more, also with a step in between.
        api.patch(&format!("/api/v1/connections/{}", provider.id), &json!({"email_domains": []})).await.expect(200);
        provider.sign_in(server, &server.client(), "").await.expect(303);
    }

    async fn a_second_factor_that_is_set_up_meanwhile_confirms_a_first_link(server: Server) {
        let tenant = server.tenant("acme").await;
        let api = server.client().bearer(&tenant.token);
        let provider = saml(server, &tenant).await;
        let bob = create_user(&api, BOB, Some(PASSWORD)).await;
        let own = server.client();
        type_password(&own, BOB).await.expect(303);
        let browser = server.client();
        let waiting = provider.sign_in(server, &browser, BOB).await.expect(303);
        let phone = Phone::set_up(server, &own, ADD).await.phone;
        // The password was enough when the page was opened. Whoever has it has no second factor.
        let refused = browser.confirm_link(&waiting, PASSWORD).await;
        expect_expired(&browser, &refused).await;
        assert!(subjects(&api, &bob).await.is_empty());
        let waiting = provider.sign_in(server, &browser, BOB).await.expect(303);
        browser.second_factor(&waiting, &phone.code(server, 0)).await.expect(303);
        assert_eq!(subjects(&api, &bob).await, ["emailAddress:bob@acme.example"]);
    }

    async fn a_user_name_that_is_changed_ends_the_confirmation_of_a_first_link(server: Server) {
        let tenant = server.tenant("acme").await;
        let api = server.client().bearer(&tenant.token);
        let provider = saml(server, &tenant).await;
        let bob = json!({"user_name": BOB, "email": "robert@acme.example", "password": PASSWORD});
        let bob = api.post("/api/v1/users", &bob).await.created()["id"].as_str().expect("id").to_owned();
        let path = format!("/api/v1/users/{bob}");
        let browser = server.client();
        let waiting = provider.sign_in(server, &browser, BOB).await.expect(303);
        api.patch(&path, &json!({"user_name": "bob"})).await.expect(200);
        let refused = browser.confirm_link(&waiting, PASSWORD).await;
        expect_expired(&browser, &refused).await;
        assert!(subjects(&api, &bob).await.is_empty());
        // In another case, it is the same name.
        api.patch(&path, &json!({"user_name": BOB})).await.expect(200);
        let waiting = provider.sign_in(server, &browser, BOB).await.expect(303);
        api.patch(&path, &json!({"user_name": "Bob@ACME.example"})).await.expect(200);
        browser.confirm_link(&waiting, PASSWORD).await.expect(303);
        assert_eq!(subjects(&api, &bob).await, ["emailAddress:bob@acme.example"]);
    }

    async fn an_identity_that_is_unlinked_meanwhile_ends_what_waits(server: Server) {
        let tenant = server.tenant("acme").await;
        let api = server.client().bearer(&tenant.token);
        let mut provider = saml(server, &tenant).await;
        provider.name_id = Some(name_id(PERSISTENT_FORMAT, "p-1"));
        provider.attributes = vec![("email".into(), BOB.into())];
        let bob = create_user(&api, BOB, Some(PASSWORD)).await;
        let own = server.client();
        let waiting = provider.sign_in(server, &own, "").await.expect(303);
        own.confirm_link(&waiting, PASSWORD).await.expect(303);
        let phone = Phone::set_up(server, &own, ADD).await.phone;
        let browser = server.client();
        let waiting = provider.sign_in(server, &browser, "").await.expect(303);
        let identities = format!("/api/v1/users/{bob}/identities");
        let linked = api.get(&identities).await.ok()["items"][0]["id"].as_str().expect("id").to_owned();
        api.delete(&format!("{identities}/{linked}")).await.expect(204);
        let refused = browser.second_factor(&waiting, &phone.code(server, 0)).await;
        expect_expired(&browser, &refused).await;
        // The code was not looked at. At the next sign-in it is a first link, which is confirmed.
        let waiting = provider.sign_in(server, &browser, "").await.expect(303);
        let page = browser.get(&waiting.location().expect("to the confirmation")).await.expect(200);
        assert!(page.body.contains("Confirm that this is you"), "{}", page.body);
        assert!(subjects(&api, &bob).await.is_empty());
        browser.second_factor(&waiting, &phone.code(server, 0)).await.expect(303);
        assert_eq!(subjects(&api, &bob).await, ["persistent:p-1"]);
    }

    async fn a_person_who_is_linked_to_nobody_can_do_a_further_step(server: Server) {
        let tenant = server.tenant("acme").await;
        let api = server.client().bearer(&tenant.token);
        let mut provider = saml(server, &tenant).await;
        with_phone(server, &tenant).await;
        api.patch(SETTINGS, &json!({"two_factor": {"enforced": true, "grace_days": 0}})).await.expect(200);
        // One who is created and linked with the same sign-in, and one who has no subject.
        for (email, subject) in [("ada@acme.example", None), ("eve@acme.example", Some("t-1"))] {
            provider.name_id = subject.map(|value| name_id(TRANSIENT_FORMAT, value));
            provider.attributes = vec![("email".into(), email.into())];
            let browser = server.client();
            let waiting = provider.sign_in(server, &browser, email).await.expect(303);
            let to = waiting.location().expect("to the enrolment");
            assert!(to.starts_with("/login/enrol?flow="), "{to}");
            Phone::set_up(server, &browser, &to).await;
            let me = browser.get("/api/v1/me").await.ok();
            assert_eq!(me["email"], email);
            let linked = subjects(&api, me["id"].as_str().expect("id")).await;
            assert_eq!(linked.len(), usize::from(subject.is_none()), "{linked:?}");
        }
    }
}
