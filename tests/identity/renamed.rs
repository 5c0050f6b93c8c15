//! The address of a user follows the provider by whose subject they are known.

use serde_json::{Value, json};
use vestibule::access::Role;

use super::{bind_role, create_user, enter_as, saml};
use crate::harness::idp::Provider;
use crate::harness::phone::Phone;
use crate::harness::{Answer, Client, Server};
use crate::oidc::world::World;
use crate::on_both;

const PASSWORD: &str = "a good long password";
const SETTINGS: &str = "/api/v1/authentication-settings";

async fn user(api: &Client, id: &str) -> Value {
    api.get(&format!("/api/v1/users/{id}")).await.ok()
}

on_both! {
    async fn a_new_address_at_the_provider_is_the_address_here(server: Server) {
        let tenant = server.tenant("acme").await;
        let api = server.client().bearer(&tenant.token);
        let mut provider = saml(server, &tenant).await;
        let ann = create_user(&api, "ann@acme.example", None).await;
        let (entered, before) = enter_as(server, &mut provider, "p-1", "ann@acme.example").await;
        entered.expect(303);
        // The same address in another case is no other one.
        enter_as(server, &mut provider, "p-1", "Ann@ACME.example").await.0.expect(303);
        before.get("/api/v1/me").await.expect(200);
        let (entered, browser) = enter_as(server, &mut provider, "p-1", "ann.smith@acme.example").await;
        entered.expect(303);
        let me = browser.get("/api/v1/me").await.ok();
        assert_eq!((&me["id"], &me["email"]), (&json!(ann), &json!("ann.smith@acme.example")));
        assert_eq!(user(&api, &ann).await["user_name"], "ann.smith@acme.example");
        // The old address learns of it, and the sessions from before are over.
        let mail = server.mail("ann@acme.example", "Your email address was changed").await;
        assert!(mail.text.contains("ann.smith@acme.example"), "{}", mail.text);
        before.get("/api/v1/me").await.expect(401);
        let events = server.audit(&tenant).await;
        let changed = events.iter().find(|event| event["action"] == "user.update").expect("an event");
        assert_eq!(changed["detail"]["after"]["email"], "ann.smith@acme.example");
        assert_eq!(changed["actor"]["name"], "ann@acme.example");
        // Once: the next sign-in changes nothing.
        enter_as(server, &mut provider, "p-1", "ann.smith@acme.example").await.0.expect(303);
        browser.get("/api/v1/me").await.expect(200);
        // A new person with the old address is a user of their own.
        let (entered, other) = enter_as(server, &mut provider, "p-2", "ann@acme.example").await;
        entered.expect(303);
        assert_ne!(other.get("/api/v1/me").await.ok()["id"], json!(ann));
        // A user name that is no address stays.
        let bob = json!({"user_name": "bob", "email": "bob@acme.example"});
        let bob = api.post("/api/v1/users", &bob).await.created()["id"].as_str().expect("id").to_owned();
        for email in ["bob@acme.example", "robert@acme.example"] {
            enter_as(server, &mut provider, "p-3", email).await.0.expect(303);
        }
        let shown = user(&api, &bob).await;
        assert_eq!((&shown["user_name"], &shown["email"]), (&json!("bob"), &json!("robert@acme.example")));
    }

    async fn an_address_that_the_provider_does_not_decide_about_stays(server: Server) {
        let tenant = server.tenant("acme").await;
        let api = server.client().bearer(&tenant.token);
        let mut provider = saml(server, &tenant).await;
        let (directory, token) = server.scim(&tenant, "Directory").await;
        server.verify_domain("acme", "acme.example", &[&provider.id, &directory]).await;
        let stays = async |provider: &mut Provider, id: &str, email: &str| {
            let before = user(&api, id).await["email"].clone();
            let (entered, browser) = enter_as(server, provider, id, email).await;
            entered.expect(303);
            let me = browser.get("/api/v1/me").await.ok();
            assert_eq!((&me["id"], &me["email"]), (&json!(id), &before), "{email}");
        };
        // The new one is in a domain of another connection or of none, or is another user's.
        let ann = create_user(&api, "ann@acme.example", None).await;
        create_user(&api, "taken@acme.example", None).await;
        enter_as(server, &mut provider, &ann, "ann@acme.example").await.0.expect(303);
        for email in ["ann@elsewhere.example", "taken@acme.example", tenant.email.as_str()] {
            stays(&mut provider, &ann, email).await;
        }
        // The old one is. The administrator has chosen it.
        let private = json!({"email": "ann@home.example"});
        api.patch(&format!("/api/v1/users/{ann}"), &private).await.expect(200);
        stays(&mut provider, &ann, "ann.smith@acme.example").await;
        // The user has a role since.
        let bob = create_user(&api, "bob@acme.example", None).await;
        enter_as(server, &mut provider, &bob, "bob@acme.example").await.0.expect(303);
        bind_role(server, "acme", &bob, Role::AccountViewer).await;
        stays(&mut provider, &bob, "robert@acme.example").await;
        // A provisioning client manages the user.
        let scim = server.client().bearer(&token);
        let dave = json!({"userName": "dave@acme.example", "emails": [{"value": "dave@acme.example"}]});
        let dave = scim.post("/scim/v2/Users", &dave).await.created()["id"].as_str().expect("id").to_owned();
        enter_as(server, &mut provider, &dave, "dave@acme.example").await.0.expect(303);
        stays(&mut provider, &dave, "david@acme.example").await;
    }

    async fn nothing_follows_before_the_second_factor(server: Server) {
        let tenant = server.tenant("acme").await;
        let api = server.client().bearer(&tenant.token);
        let mut provider = saml(server, &tenant).await;
        let eve = create_user(&api, "eve@acme.example", Some(PASSWORD)).await;
        let (waiting, browser) = enter_as(server, &mut provider, "p-1", "eve@acme.example").await;
        browser.confirm_link(&waiting, PASSWORD).await.expect(303);
        let phone = Phone::set_up(server, &browser, "/profile/two-factor/add?what=app").await.phone;
        let (waiting, thief) = enter_as(server, &mut provider, "p-1", "eva@acme.example").await;
        thief.second_factor(&waiting, "000000").await.expect(401);
        assert_eq!(user(&api, &eve).await["email"], "eve@acme.example");
        thief.second_factor(&waiting, &phone.code(server, 0)).await.expect(303);
        assert_eq!(user(&api, &eve).await["email"], "eva@acme.example");
        assert_eq!(thief.get("/api/v1/me").await.ok()["email"], "eva@acme.example");
    }

    async fn an_address_with_which_the_user_may_not_sign_in_there_stays(server: Server) {
        let tenant = server.tenant("acme").await;
        let api = server.client().bearer(&tenant.token);
        let more = json!({"email_domains": ["acme.example", "sales.example"]});
        let mut provider = Provider::new(server, &tenant, more).await;
        let other = Provider::new(server, &tenant, json!({"name": "Other", "email_domains": []})).await;
        server.verify_domain("acme", "sales.example", &[&provider.id]).await;
        let ann = create_user(&api, "ann@acme.example", None).await;
        enter_as(server, &mut provider, "p-1", "ann@acme.example").await.0.expect(303);
        for connections in [json!([]), json!([other.id])] {
            let rule = json!({"domain": "sales.example", "password": true, "passkey": true, "connections": connections});
            api.patch(SETTINGS, &json!({"sign_in_rules": [rule]})).await.expect(200);
            // She would be locked out at her next sign-in.
            enter_as(server, &mut provider, "p-1", "ann@sales.example").await.0.expect(303);
            assert_eq!(user(&api, &ann).await["email"], "ann@acme.example");
        }
        let rule = json!({"domain": "sales.example", "password": false, "passkey": false, "connections": [provider.id]});
        api.patch(SETTINGS, &json!({"sign_in_rules": [rule]})).await.expect(200);
        for _ in 0..2 {
            enter_as(server, &mut provider, "p-1", "ann@sales.example").await.0.expect(303);
            assert_eq!(user(&api, &ann).await["email"], "ann@sales.example");
        }
    }

    async fn the_browser_is_remembered_with_the_new_address(server: Server) {
        let tenant = server.tenant("acme").await;
        let api = server.client().bearer(&tenant.token);
        let mut provider = saml(server, &tenant).await;
        api.patch(SETTINGS, &json!({"two_factor": {"remember_days": 30}})).await.expect(200);
        let eve = create_user(&api, "eve@acme.example", Some(PASSWORD)).await;
        let (waiting, browser) = enter_as(server, &mut provider, "p-1", "eve@acme.example").await;
        browser.confirm_link(&waiting, PASSWORD).await.expect(303);
        let phone = Phone::set_up(server, &browser, "/profile/two-factor/add?what=app").await.phone;
        let remember = async |browser: &Client, waiting: &Answer| {
            let flow = browser.get(&waiting.location().expect("to")).await.expect(200).field("flow");
            let fields = [("flow", flow.as_str()), ("code", &phone.code(server, 0)), ("remember", "on")];
            browser.form("/login/second-factor", &fields).await.expect(303);
            browser.form("/logout", &[]).await.expect(303);
            server.advance(30);
        };
        let to = async |provider: &Provider, browser: &Client| {
            provider.sign_in(server, browser, "").await.expect(303).location().expect("to")
        };
        let (waiting, before) = enter_as(server, &mut provider, "p-1", "eve@acme.example").await;
        remember(&before, &waiting).await;
        let (waiting, browser) = enter_as(server, &mut provider, "p-1", "eva@acme.example").await;
        remember(&browser, &waiting).await;
        assert_eq!(user(&api, &eve).await["email"], "eva@acme.example");
        assert_eq!(to(&provider, &browser).await, "/profile");
        // Other browsers are asked again: the one from before, and one that was never remembered.
        for other in [before, server.client()] {
            let asked = to(&provider, &other).await;
            assert!(asked.starts_with("/login/second-factor?flow="), "{asked}");
        }
    }
}

on_both! {
    with Server::inside;

    async fn only_an_address_that_is_verified_there_follows(server: Server) {
        let world = World::new(server).await;
        world.lets_in(&server.client()).await;
        world.provider.claim("email", json!("robert@acme.example"));
        world.provider.claim("email_verified", json!(false));
        assert_eq!(world.lets_in(&server.client()).await["email"], "bob@acme.example");
        world.provider.claim("email_verified", json!(true));
        assert_eq!(world.lets_in(&server.client()).await["email"], "robert@acme.example");
        // A user who is known at two providers has the address that they have here.
        let mut other = Provider::new(server, &world.tenant, json!({"name": "Other"})).await;
        enter_as(server, &mut other, "p-1", "robert@acme.example").await.0.expect(303);
        enter_as(server, &mut other, "p-1", "bobby@acme.example").await.0.expect(303);
        world.provider.claim("email", json!("rob@acme.example"));
        assert_eq!(world.lets_in(&server.client()).await["email"], "robert@acme.example");
    }
}
