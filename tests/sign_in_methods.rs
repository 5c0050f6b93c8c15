//! Ways in: which methods an account allows, for everyone, for a domain and for a group.

use serde_json::{Value, json};

use crate::harness::idp::{Provider, message};
use crate::harness::phone::Phone;
use crate::harness::{Answer, Client, Server, Tenant, mail};
use crate::on_both;

const SETTINGS: &str = "/api/v1/authentication-settings";
const BOB: &str = "bob@acme.example";
const PASSWORD: &str = "a good long password";
const ONLY_SSO: &str = "does not allow you to sign in with a password";
const WRONG: &str = "do not match an active user";

struct World<'s> {
    server: &'s Server,
    tenant: Tenant,
    provider: Provider,
    bob: String,
}

impl<'s> World<'s> {
    async fn new(server: &'s Server) -> Self {
        let tenant = server.tenant("acme").await;
        let provider = Provider::new(server, &tenant, json!({"email_domains": ["acme.example"]})).await;
        let api = server.client().bearer(&tenant.token);
        let bob = json!({"user_name": BOB, "email": BOB, "password": PASSWORD});
        let bob = api.post("/api/v1/users", &bob).await.created()["id"].as_str().expect("id").to_owned();
        Self { server, tenant, provider, bob }
    }

    fn api(&self) -> Client {
        self.server.client().bearer(&self.tenant.token)
    }

    async fn rules(&self, rules: Value) -> Answer {
        self.api().patch(SETTINGS, &json!({"sign_in_rules": rules})).await
    }

    /// A flow as the sign-in page begins it for Bob, which leads to the provider, and then a password for it.
    async fn type_password(&self, browser: &Client, identifier: &str, password: &str) -> Answer {
        let fields = [("identifier", identifier), ("account", "acme"), ("return_to", "/profile")];
        let sent = browser.form("/login", &fields).await.expect(303).location().expect("a redirect");
        let flow = sent.split_once("flow=").expect("a flow").1;
        browser.form("/login/password", &[("flow", flow), ("password", password)]).await
    }

    /// Bob comes through the provider for the first time.
    async fn lets_in_by_provider(&self) {
        let browser = self.server.client();
        let waiting = self.provider.sign_in(self.server, &browser, BOB).await.expect(303);
        browser.confirm_link(&waiting, PASSWORD).await.expect(303);
        browser.get("/api/v1/me").await.expect(200);
    }
}

/// A step that needs a recent proof, which the session has not: where it leads to.
async fn needs_confirmation(browser: &Client) -> String {
    let sent = browser.form("/profile/tokens", &[("name", "backup")]).await.expect(303);
    let to = sent.location().expect("to confirm");
    assert!(to.starts_with("/profile/confirm?"), "{to}");
    to
}

async fn confirm(browser: &Client, fields: &[(&str, &str)]) -> Answer {
    browser.form("/profile/confirm", &[&[("return_to", "/profile")][..], fields].concat()).await
}

fn only_sso(more: &Value) -> Value {
    let mut rule = json!({"password": false, "passkey": false, "connections": null});
    rule.as_object_mut().expect("object").extend(more.as_object().expect("object").clone());
    rule
}

on_both! {
    async fn single_sign_on_can_be_the_only_way(server: Server) {
        let world = World::new(server).await;
        world.type_password(&server.client(), BOB, PASSWORD).await.expect(303);
        world.rules(json!([only_sso(&json!({"domain": "acme.example"}))])).await.expect(200);
        // The flow that leads to the provider is good for no password.
        let browser = server.client();
        let refused = world.type_password(&browser, BOB, PASSWORD).await.expect(401);
        assert!(refused.body.contains(ONLY_SSO) && refused.body.contains("Continue with Company"), "{}", refused.body);
        assert_eq!(server.last_refusal(&world.tenant).await, "method_not_allowed");
        browser.get("/api/v1/me").await.expect(401);
        // Whoever does not know the password learns nothing of the rule.
        let wrong = world.type_password(&server.client(), BOB, "wrong").await.expect(401);
        assert!(wrong.body.contains(WRONG) && !wrong.body.contains(ONLY_SSO), "{}", wrong.body);
        let nobody = world.type_password(&server.client(), "nobody@acme.example", "wrong").await.expect(401);
        assert!(nobody.body.contains(WRONG), "{}", nobody.body);
        world.lets_in_by_provider().await;
        // The page for administrators is the one exception, and for them alone.
        let admin = server.client();
        let tenant = &world.tenant;
        world.type_password(&server.client(), &tenant.email, &tenant.password).await.expect(401);
        let local = |name: &str, password: &str| {
            [("identifier", name.to_owned()), ("account", "acme".to_owned()), ("password", password.to_owned())]
        };
        let by_local = async |browser: &Client, name: &str, password: &str| {
            let fields = local(name, password);
            let fields: Vec<(&str, &str)> = fields.iter().map(|(name, text)| (*name, text.as_str())).collect();
            browser.form("/login/local", &fields).await
        };
        by_local(&admin, &tenant.email, &tenant.password).await.expect(303);
        admin.get("/api/v1/me").await.expect(200);
        by_local(&server.client(), BOB, PASSWORD).await.expect(401);
        // Another domain of the account is free.
        let eve = json!({"user_name": "eve@other.example", "email": "eve@other.example", "password": PASSWORD});
        world.api().post("/api/v1/users", &eve).await.created();
        world.type_password(&server.client(), "eve@other.example", PASSWORD).await.expect(303);
    }

    async fn a_group_comes_before_a_domain_and_a_connection_can_be_named(server: Server) {
        let world = World::new(server).await;
        let other = Provider::new(server, &world.tenant, json!({"name": "Partners"})).await;
        let group = world.api().post("/api/v1/groups", &json!({"name": "Staff"})).await.created();
        let group = group["id"].as_str().expect("id").to_owned();
        let rules = json!([
            only_sso(&json!({"domain": "acme.example"})),
            {"group": group, "password": true, "passkey": false, "connections": [other.id]},
            {"password": true, "passkey": true, "connections": null},
        ]);
        let saved = world.rules(rules.clone()).await.ok();
        assert_eq!(saved["sign_in_rules"], rules);
        world.lets_in_by_provider().await;
        world.type_password(&server.client(), BOB, PASSWORD).await.expect(401);
        let members = json!({"add": [world.bob]});
        let joined = world.api().post(&format!("/api/v1/groups/{group}/members"), &members).await;
        assert!(joined.status.is_success(), "{}", joined.body);
        world.type_password(&server.client(), BOB, PASSWORD).await.expect(303);
        let refused = world.provider.sign_in(server, &server.client(), BOB).await.expect(403);
        assert!(refused.body.contains("requires another sign-in method"), "{}", refused.body);
        assert_eq!(server.last_refusal(&world.tenant).await, "method_not_allowed");
        let browser = server.client();
        let waiting = other.sign_in(server, &browser, BOB).await.expect(303);
        browser.confirm_link(&waiting, PASSWORD).await.expect(303);
        browser.get("/api/v1/me").await.expect(200);
    }

    async fn a_connection_that_a_rule_forbids_has_no_button(server: Server) {
        let world = World::new(server).await;
        let partners = Provider::new(server, &world.tenant, json!({"name": "Partners"})).await;
        let group = world.api().post("/api/v1/groups", &json!({"name": "Staff"})).await.created();
        let group = group["id"].as_str().expect("id").to_owned();
        // The buttons after this was entered: whether Company is among them, and whether Partners is.
        let buttons = async |identifier: &str| {
            let browser = server.client();
            let fields = [("identifier", identifier), ("account", "acme"), ("return_to", "/profile")];
            let sent = browser.form("/login", &fields).await.expect(303).location().expect("a redirect");
            let flow = sent.split_once("flow=").expect("a flow").1;
            let page = browser.get(&format!("/login/password?flow={flow}")).await.expect(200);
            ["Company", "Partners"].map(|name| page.body.contains(&format!("Continue with {name}")))
        };
        let domain = json!({"domain": "acme.example", "password": true, "passkey": true, "connections": [world.provider.id]});
        let everyone = json!({"password": true, "passkey": true, "connections": []});
        let of_group = json!({"group": group, "password": true, "passkey": true, "connections": [partners.id]});
        for (rules, acme, other) in [
            (json!([]), [true, true], [true, true]),
            (json!([domain]), [true, false], [true, true]),
            (json!([domain, everyone]), [true, false], [false, false]),
            // Members of the group may use it, and the page does not tell who is one.
            (json!([domain, everyone, of_group]), [true, true], [false, true]),
        ] {
            world.rules(rules.clone()).await.expect(200);
            for identifier in [BOB, "BOB@Acme.Example", "no-such-user@acme.example"] {
                assert_eq!(buttons(identifier).await, acme, "{identifier}: {rules}");
            }
            assert_eq!(buttons("no-such-user@other.example").await, other, "{rules}");
            // A username does not tell the domain.
            for identifier in ["bob", "no-such-user"] {
                assert_eq!(buttons(identifier).await, [true, true], "{identifier}: {rules}");
            }
        }
        // The group decides for Bob, and nothing of it shows.
        let joined = world.api().post(&format!("/api/v1/groups/{group}/members"), &json!({"add": [world.bob]})).await;
        assert!(joined.status.is_success(), "{}", joined.body);
        assert_eq!(buttons(BOB).await, buttons("no-such-user@acme.example").await);
    }

    async fn no_password_is_mailed_or_set_where_it_is_no_way_in(server: Server) {
        let world = World::new(server).await;
        let forgot = [("identifier", BOB), ("account", "acme")];
        server.client().form("/login/forgot", &forgot).await.expect(200);
        let token = server.mail(BOB, "password").await.token();
        world.rules(json!([only_sso(&json!({"domain": "acme.example"}))])).await.expect(200);
        // A link from before sets no password, and is not used up.
        let fields = [("token", token.as_str()), ("password", "another good password")];
        for _ in 0..2 {
            server.client().form("/login/reset", &fields).await.expect(403);
        }
        world.rules(json!([])).await.expect(200);
        world.type_password(&server.client(), BOB, PASSWORD).await.expect(303);
        world.rules(json!([only_sso(&json!({"domain": "acme.example"}))])).await.expect(200);
        let path = format!("/api/v1/users/{}/password/reset", world.bob);
        let refused = world.api().post(&path, &json!({})).await.expect(409);
        assert!(refused.body.contains("signs in through Company"), "{}", refused.body);
        // Mails without a link fill a mailbox as well: two are left of this hour's three.
        for _ in 0..5 {
            server.client().form("/login/forgot", &forgot).await.expect(200);
        }
        let outbox = server.dir.path().join("outbox");
        let without_link = |mail: &mail::Mail| mail.subject.contains("through your identity provider");
        mail::wait_for(&outbox, 2, without_link).await;
        // An administrator still has the page for administrators.
        server.client().form("/login/forgot", &[("identifier", &world.tenant.email), ("account", "acme")]).await.expect(200);
        server.mail(&world.tenant.email, "password").await;
        assert_eq!(mail::wait_for(&outbox, 2, without_link).await.len(), 2);
    }

    async fn a_password_that_is_no_way_in_confirms_nothing(server: Server) {
        let world = World::new(server).await;
        world.lets_in_by_provider().await;
        let browser = server.client();
        world.type_password(&browser, BOB, PASSWORD).await.expect(303);
        world.rules(json!([only_sso(&json!({"domain": "acme.example"}))])).await.expect(200);
        server.advance(11 * 60);
        let page = browser.get(&needs_confirmation(&browser).await).await.expect(200).body;
        assert!(page.contains("Continue with Company") && !page.contains("name=\"password\""), "{page}");
        // Right or wrong, the password is not even checked.
        for password in [PASSWORD, "wrong", ""] {
            let refused = confirm(&browser, &[("password", password)]).await.expect(401);
            assert!(refused.body.contains(ONLY_SSO) && refused.body.contains("Continue with Company"), "{}", refused.body);
        }
        needs_confirmation(&browser).await;
        // Bob signs in again at the provider, which is asked for a new authentication.
        let again = format!("/saml/{}/login?return_to=%2Fprofile&reauthenticate=true", world.provider.id);
        assert!(page.contains(&again.replace('&', "&amp;")), "{page}");
        let sent = browser.get(&again).await.expect(303).location().expect("to the provider");
        assert!(message(&sent, "SAMLRequest").contains("ForceAuthn=\"true\""), "{sent}");
        let usual = again.replace("&reauthenticate=true", "");
        let sent = browser.get(&usual).await.expect(303).location().expect("to the provider");
        assert!(!message(&sent, "SAMLRequest").contains("ForceAuthn=\"true\""), "{sent}");
        let entered = world.provider.answer(server, &browser, &again, BOB).await.expect(303);
        assert_eq!(entered.location().as_deref(), Some("/profile"));
        browser.form("/profile/tokens", &[("name", "backup")]).await.expect(200);
        // Once the password is a way in again, it confirms again.
        world.rules(json!([])).await.expect(200);
        server.advance(11 * 60);
        needs_confirmation(&browser).await;
        confirm(&browser, &[("password", "wrong")]).await.expect(401);
        confirm(&browser, &[("password", PASSWORD)]).await.expect(303);
        browser.form("/profile/tokens", &[("name", "restore")]).await.expect(200);
    }

    async fn a_provider_that_is_no_way_in_is_not_offered_to_confirm(server: Server) {
        let world = World::new(server).await;
        world.lets_in_by_provider().await;
        let other = Provider::new(server, &world.tenant, json!({"name": "Partners"})).await;
        let browser = server.client();
        let waiting = other.sign_in(server, &browser, BOB).await.expect(303);
        browser.confirm_link(&waiting, PASSWORD).await.expect(303);
        // The address leads to either; Bob may use one of them only.
        for (allowed, offered, hidden) in [(&world.provider.id, "Company", "Partners"), (&other.id, "Partners", "Company")] {
            world.rules(json!([only_sso(&json!({"domain": "acme.example", "connections": [allowed]}))])).await.expect(200);
            server.advance(11 * 60);
            let page = browser.get(&needs_confirmation(&browser).await).await.expect(200).body;
            assert!(page.contains(&format!("Continue with {offered}")), "{page}");
            assert!(!page.contains(&format!("Continue with {hidden}")), "{page}");
        }
        // Without any, a new sign-in is the way, if there is one.
        let none = json!({"domain": "acme.example", "password": false, "passkey": true, "connections": []});
        world.rules(json!([none])).await.expect(200);
        let page = browser.get(&needs_confirmation(&browser).await).await.expect(200).body;
        assert!(page.contains("Sign out, sign in again") && !page.contains("Continue with"), "{page}");
        assert!(!page.contains("password reset") && !page.contains("name=\"password\""), "{page}");
        confirm(&browser, &[("password", PASSWORD)]).await.expect(401);
    }

    async fn a_second_factor_and_the_page_for_administrators_confirm_whatever_the_rules(server: Server) {
        let world = World::new(server).await;
        let tenant = &world.tenant;
        let (bob, admin) = (server.client(), server.client());
        world.type_password(&bob, BOB, PASSWORD).await.expect(303);
        let phone = Phone::set_up(server, &bob, "/profile/two-factor/add?what=app").await.phone;
        admin.sign_in_locally("acme", &tenant.email, &tenant.password).await.expect(303);
        world.rules(json!([only_sso(&json!({}))])).await.expect(200);
        server.advance(11 * 60);
        let page = bob.get(&needs_confirmation(&bob).await).await.expect(200).body;
        assert!(page.contains("name=\"code\"") && !page.contains("name=\"password\""), "{page}");
        confirm(&bob, &[("password", PASSWORD)]).await.expect(401);
        confirm(&bob, &[("code", &phone.code(server, 0))]).await.expect(303);
        bob.form("/profile/tokens", &[("name", "backup")]).await.expect(200);
        // The password of an administrator still signs in, on a page of its own.
        let page = admin.get(&needs_confirmation(&admin).await).await.expect(200).body;
        assert!(page.contains("name=\"password\""), "{page}");
        confirm(&admin, &[("password", "wrong")]).await.expect(401);
        confirm(&admin, &[("password", &tenant.password)]).await.expect(303);
        admin.form("/profile/tokens", &[("name", "backup")]).await.expect(200);
    }

    async fn rules_that_shut_every_administrator_out_are_refused(server: Server) {
        let world = World::new(server).await;
        let everyone = only_sso(&json!({}));
        let wanted = json!({"sign_in_rules": [everyone], "local_login": false});
        let refused = world.api().patch(SETTINGS, &wanted).await.expect(409);
        assert!(refused.body.contains("no administrator can sign in"), "{}", refused.body);
        world.rules(json!([everyone])).await.expect(200);
        let refused = world.api().patch(SETTINGS, &json!({"local_login": false})).await.expect(409);
        assert!(refused.body.contains("no administrator can sign in"), "{}", refused.body);
        // Once an administrator has come through the provider, the local page can be closed.
        let browser = server.client();
        let waiting = world.provider.sign_in(server, &browser, &world.tenant.email).await.expect(303);
        browser.confirm_link(&waiting, &world.tenant.password).await.expect(303);
        world.api().patch(SETTINGS, &json!({"local_login": false})).await.expect(200);
        let none = json!([{"password": false, "passkey": false, "connections": []}]);
        world.rules(none).await.expect(409);
    }

    async fn rules_name_what_the_account_has(server: Server) {
        let world = World::new(server).await;
        let other = server.tenant("other").await;
        let theirs = Provider::new(server, &other, json!({})).await;
        for rule in [
            only_sso(&json!({"group": "no such group"})),
            only_sso(&json!({"connections": [theirs.id]})),
            only_sso(&json!({"domain": "no domain"})),
            only_sso(&json!({"domain": "acme.example", "group": "x"})),
        ] {
            let refused = world.rules(json!([rule])).await.expect(422).value();
            assert_eq!(refused["field"], "sign_in_rules", "{rule}: {refused}");
        }
        world.rules(json!([only_sso(&json!({"code": true}))])).await.expect(422);
        // In words, on the page.
        let admin = server.client();
        let waiting = world.provider.sign_in(server, &admin, &world.tenant.email).await.expect(303);
        admin.confirm_link(&waiting, &world.tenant.password).await.expect(303);
        let page = async |text: &str| {
            let fields = [("sign_in_rules", text), ("local_login", "on"), ("refuse_common", "on"), ("notify_user", "on"), ("passkey_sign_in", "on")];
            admin.form("/console/settings", &fields).await
        };
        for wrong in ["acme.example: sso", "domain acme.example", "group Nobody: sso", "everyone: carrier pigeon"] {
            assert!(page(wrong).await.expect(422).body.contains("Sign-in methods"), "{wrong}");
        }
        let review = page("domain acme.example: sso\neveryone: password, Company").await.expect(200).body;
        assert!(review.contains("domain acme.example: sso; everyone: password, Company"), "{review}");
        assert!(review.contains("apply from the next sign-in"), "{review}");
    }
}
