//! The first link of an identity to somebody with a role, a password or a second factor.

use serde_json::json;
use vestibule::access::Role;

use super::{bind_role, create_user, saml, subjects};
use crate::harness::idp::{PERSISTENT_FORMAT, Provider, name_id};
use crate::harness::phone::Phone;
use crate::harness::{Answer, Client, Server};
use crate::on_both;

const PASSWORD: &str = "a good long password";

/// The page that `answer` leads to.
async fn follow(browser: &Client, answer: &Answer, path: &str) -> Answer {
    let to = answer.location().unwrap_or_else(|| panic!("a redirect: {answer:?}"));
    assert!(to.starts_with(path), "{to}");
    browser.get(&to).await.expect(200)
}

async fn confirm(browser: &Client, page: &Answer, password: &str) -> Answer {
    browser.form("/login/confirm-link", &[("flow", &page.field("flow")), ("password", password)]).await
}

/// A connection of a partner, whose provider says what it likes.
async fn partner(server: &Server, tenant: &crate::harness::Tenant) -> Provider {
    let body = json!({"name": "Partner", "email_domains": ["partner.example"], "jit": {"enabled": true}});
    let provider = Provider::new(server, tenant, body).await;
    server.verify_domain("acme", "partner.example", &[]).await;
    provider
}

on_both! {
    async fn a_connection_is_not_heard_about_addresses_outside_its_domains(server: Server) {
        let tenant = server.tenant("acme").await;
        let api = server.client().bearer(&tenant.token);
        let ours = create_user(&api, "bob@acme.example", None).await;
        let partner = partner(server, &tenant).await;
        for email in [tenant.email.as_str(), "bob@acme.example", "nobody@acme.example", "x@sub.partner.example"] {
            let browser = server.client();
            let page = partner.sign_in(server, &browser, email).await.expect(403);
            let domain = email.rsplit('@').next().expect("domain");
            assert!(page.body.contains(domain) && page.body.contains("verify the domain"), "{}", page.body);
            browser.get("/api/v1/me").await.expect(401);
            let events = server.audit(&tenant).await;
            let refused = events.iter().find(|e| e["outcome"] == "refused").expect("refused");
            assert_eq!((&refused["reason"], &refused["detail"]["domain"]), (&json!("not_in_connection_domains"), &json!(domain)));
        }
        assert!(subjects(&api, &ours).await.is_empty());
        assert_eq!(api.get("/api/v1/users?user_name=nobody@acme.example").await.ok()["items"], json!([]));
        // Its own people it brings along.
        let browser = server.client();
        partner.sign_in(server, &browser, "carol@partner.example").await.expect(303);
        assert_eq!(browser.get("/api/v1/me").await.ok()["email"], "carol@partner.example");
        // Whom a directory of the partner provisions is theirs, whatever the address.
        let body = json!({"kind": "scim", "name": "Partner directory", "email_domains": ["partner.example"]});
        let made = api.post("/api/v1/connections", &body).await.created();
        let path = format!("/api/v1/connections/{}/tokens", made["id"].as_str().expect("id"));
        let token = api.post(&path, &json!({})).await.created()["token"].as_str().expect("token").to_owned();
        let scim = server.client().bearer(&token);
        let dave = json!({"userName": "dave", "emails": [{"value": "dave@home.example"}]});
        scim.post("/scim/v2/Users", &dave).await.created();
        let browser = server.client();
        partner.sign_in(server, &browser, "dave@home.example").await.expect(303);
        assert_eq!(browser.get("/api/v1/me").await.ok()["user_name"], "dave");
        // But it makes nobody of a domain that the account has verified for other connections.
        let forged = json!({"userName": "ceo", "emails": [{"value": "ceo@acme.example"}]});
        scim.post("/scim/v2/Users", &forged).await.created();
        let browser = server.client();
        partner.sign_in(server, &browser, "ceo@acme.example").await.expect(403);
        browser.get("/api/v1/me").await.expect(401);
        // A domain that is lost, or that names the connection no more, links nobody new; who is linked stays.
        api.patch(&format!("/api/v1/connections/{}", partner.id), &json!({"email_domains": []})).await.expect(200);
        partner.sign_in(server, &server.client(), "erin@partner.example").await.expect(403);
        partner.sign_in(server, &server.client(), "carol@partner.example").await.expect(303);
    }

    async fn who_has_a_password_confirms_with_it(server: Server) {
        let tenant = server.tenant("acme").await;
        let api = server.client().bearer(&tenant.token);
        let mut provider = saml(server, &tenant).await;
        let bob = create_user(&api, "bob@acme.example", Some(PASSWORD)).await;
        provider.name_id = Some(name_id(PERSISTENT_FORMAT, "p-1"));
        provider.attributes = vec![("email".into(), "bob@acme.example".into()), ("givenName".into(), "Evil".into())];
        let browser = server.client();
        let waiting = provider.sign_in(server, &browser, "").await.expect(303);
        let page = follow(&browser, &waiting, "/login/confirm-link?flow=").await;
        for text in ["Company", "bob@acme.example", "first time"] {
            assert!(page.body.contains(text), "{text}: {}", page.body);
        }
        // Nothing is linked, changed or open before.
        browser.get("/api/v1/me").await.expect(401);
        assert!(subjects(&api, &bob).await.is_empty());
        let shown = api.get(&format!("/api/v1/users/{bob}")).await.ok();
        assert_ne!(shown["given_name"], "Evil");
        confirm(&browser, &page, "not the password").await.expect(401);
        assert_eq!(server.last_refusal(&tenant).await, "wrong_password");
        // Another browser, and another step, get nowhere with the flow.
        let to = confirm(&server.client(), &page, PASSWORD).await.expect(303).location().expect("to");
        assert!(to.starts_with("/login?notice=expired"), "{to}");
        let fields = [("flow", page.field("flow")), ("code", "000000".to_owned())];
        let fields = fields.each_ref().map(|(name, value)| (*name, value.as_str()));
        let to = browser.form("/login/second-factor", &fields).await.expect(303).location().expect("to");
        assert!(to.starts_with("/login?notice=expired"), "{to}");
        let entered = confirm(&browser, &page, PASSWORD).await.expect(303);
        assert_eq!(entered.location().as_deref(), Some("/profile"));
        assert_eq!(browser.get("/api/v1/me").await.ok()["id"], json!(bob));
        assert_eq!(subjects(&api, &bob).await, ["persistent:p-1"]);
        assert_eq!(api.get(&format!("/api/v1/users/{bob}")).await.ok()["given_name"], "Evil");
        // Once is enough, and a flow is good once.
        assert_eq!(provider.sign_in(server, &server.client(), "").await.expect(303).location().as_deref(), Some("/profile"));
        let to = confirm(&browser, &page, PASSWORD).await.expect(303).location().expect("to");
        assert!(to.starts_with("/login?notice=expired"), "{to}");
        let events = server.audit(&tenant).await;
        let linked = events.iter().find(|e| e["action"] == "user.link").expect("linked");
        assert_eq!((&linked["detail"]["subject"], &linked["resource"]["name"]), (&json!("persistent:p-1"), &json!("bob@acme.example")));
        assert_eq!(events.iter().filter(|e| e["action"] == "user.link_request").count(), 1);
    }

    async fn wrong_confirmations_lock_the_user(server: Server) {
        let tenant = server.tenant("acme").await;
        let api = server.client().bearer(&tenant.token);
        let provider = saml(server, &tenant).await;
        let bob = create_user(&api, "bob@acme.example", Some(PASSWORD)).await;
        let lock = json!({"lockout": {"attempts": 3}});
        api.patch("/api/v1/authentication-settings", &lock).await.expect(200);
        let browser = server.client();
        let waiting = provider.sign_in(server, &browser, "bob@acme.example").await.expect(303);
        let page = follow(&browser, &waiting, "/login/confirm-link?flow=").await;
        // From one address, the guesses are slowed down before they lock the user.
        for n in 0..3 {
            let guesser = browser.clone().from(&format!("203.0.113.{n}"));
            confirm(&guesser, &page, "wrong").await.expect(401);
        }
        confirm(&browser.clone().from("10.1.2.3"), &page, PASSWORD).await.expect(401);
        assert_eq!(server.last_refusal(&tenant).await, "user_locked");
        browser.get("/api/v1/me").await.expect(401);
        assert!(subjects(&api, &bob).await.is_empty());
    }

    async fn who_has_a_second_factor_confirms_with_it(server: Server) {
        let tenant = server.tenant("acme").await;
        let api = server.client().bearer(&tenant.token);
        let provider = saml(server, &tenant).await;
        let own = server.client();
        own.sign_in("acme", &tenant.email, &tenant.password).await.expect(303);
        let set_up = Phone::set_up(server, &own, "/profile/two-factor/add?what=app").await;
        let browser = server.client();
        let waiting = provider.sign_in(server, &browser, &tenant.email).await.expect(303);
        let page = follow(&browser, &waiting, "/login/second-factor?flow=").await;
        assert!(page.body.contains("Confirm that this is you") && page.body.contains("Company"), "{}", page.body);
        let me = own.get("/api/v1/me").await.ok()["id"].as_str().expect("id").to_owned();
        // The password is not enough for who has a second factor.
        let to = confirm(&browser, &page, &tenant.password).await.expect(303).location().expect("to");
        assert!(to.starts_with("/login?notice=expired"), "{to}");
        assert!(subjects(&api, &me).await.is_empty());
        let fields = |code: String| [("flow", page.field("flow")), ("code", code)];
        let send = async |code: String| {
            let fields = fields(code);
            browser.form("/login/second-factor", &fields.each_ref().map(|(name, value)| (*name, value.as_str()))).await
        };
        send("000000".into()).await.expect(401);
        let entered = send(set_up.phone.code(server, 0)).await.expect(303);
        assert_eq!(entered.location().as_deref(), Some("/profile"));
        assert_eq!(browser.get("/api/v1/me").await.ok()["acr"], "2fa");
        assert_eq!(subjects(&api, &me).await.len(), 1);
    }

    async fn who_has_a_role_and_nothing_to_confirm_with_needs_an_administrator(server: Server) {
        let tenant = server.tenant("acme").await;
        let api = server.client().bearer(&tenant.token);
        let provider = saml(server, &tenant).await;
        let bob = create_user(&api, "bob@acme.example", None).await;
        bind_role(server, "acme", &bob, Role::AccountViewer).await;
        let page = provider.sign_in(server, &server.client(), "bob@acme.example").await.expect(403);
        assert!(page.body.contains("Approval required"), "{}", page.body);
        assert_eq!(server.last_refusal(&tenant).await, "link_needs_approval");
        let pending = format!("/api/v1/users/{bob}/pending-identities");
        let items = api.get(&pending).await.ok()["items"].clone();
        assert_eq!((items.as_array().map(Vec::len), &items[0]["name"]), (Some(1), &json!("bob@acme.example")));
        let approval = json!({"pending_id": items[0]["id"]});
        // Not by another account, nor about another user.
        let other = server.tenant("globex").await;
        let theirs = server.client().bearer(&other.token);
        theirs.get(&pending).await.expect(404);
        let path = format!("/api/v1/users/{bob}/identities");
        theirs.post(&path, &approval).await.expect(404);
        let carol = create_user(&api, "carol@acme.example", None).await;
        api.post(&format!("/api/v1/users/{carol}/identities"), &approval).await.expect(404);
        // Discarded, and asked for again.
        api.delete(&format!("{pending}/{}", items[0]["id"].as_str().expect("id"))).await.expect(204);
        api.post(&path, &approval).await.expect(404);
        provider.sign_in(server, &server.client(), "bob@acme.example").await.expect(403);
        let admin = server.client();
        admin.sign_in("acme", &tenant.email, &tenant.password).await.expect(303);
        let page = admin.get(&format!("/console/users/{bob}")).await.expect(200);
        assert!(page.body.contains("Pending identities"), "{}", page.body);
        let id = api.get(&pending).await.ok()["items"][0]["id"].as_str().expect("id").to_owned();
        admin.form(&format!("/console/users/{bob}/identities/approve"), &[("identity", &id)]).await.expect(303);
        assert_eq!(api.get(&pending).await.ok()["items"], json!([]));
        let browser = server.client();
        provider.sign_in(server, &browser, "bob@acme.example").await.expect(303);
        assert_eq!(browser.get("/api/v1/me").await.ok()["id"], json!(bob));
        let events = server.audit(&tenant).await;
        let linked = events.iter().find(|e| e["action"] == "user.link").expect("linked");
        assert_eq!((&linked["actor"]["name"], &linked["resource"]["name"]), (&json!(tenant.email), &json!("bob@acme.example")));
        assert!(events.iter().any(|e| e["action"] == "user.link_discard"));
        // What waits for too long cannot be approved any more.
        let dave = create_user(&api, "dave@acme.example", None).await;
        bind_role(server, "acme", &dave, Role::AccountAdmin).await;
        provider.sign_in(server, &server.client(), "dave@acme.example").await.expect(403);
        server.advance(8 * 24 * 3600);
        assert_eq!(api.get(&format!("/api/v1/users/{dave}/pending-identities")).await.ok()["items"], json!([]));
    }
}
