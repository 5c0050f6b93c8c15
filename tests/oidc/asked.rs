//! What a connection asks of the authentication, checked in the ID token.

use serde_json::{Value, json};

use super::world::{World, param};
use crate::harness::Server;
use crate::harness::idp::query_of;
use crate::on_both;

const GOLD: &str = "urn:acme:gold";
const DAY: i64 = 24 * 60 * 60;

on_both! {
    with Server::inside;

    async fn an_earlier_sign_in_is_no_re_authentication(server: Server) {
        let world = World::new(server).await;
        let sent = world.begin(&server.client()).await;
        assert!(query_of(&sent, "prompt").is_none() && query_of(&sent, "max_age").is_none(), "{sent}");
        let seconds = server.clock.now().0 / 1000;
        // Nobody asks for it: the session at the provider is good enough.
        world.provider.claim("auth_time", json!(seconds - 7 * DAY));
        world.lets_in(&server.client()).await;
        world.change(json!({"force_authn": true})).await.expect(200);
        let sent = world.begin(&server.client()).await;
        assert_eq!((param(&sent, "prompt").as_str(), param(&sent, "max_age").as_str()), ("login", "0"));
        assert!(query_of(&sent, "claims").is_none(), "it does not say that it reads them: {sent}");
        for (auth_time, good) in [
            (json!(seconds), true), (json!(seconds - 119), true), (json!(seconds + 60), true),
            (json!(seconds - 122), false), (json!(seconds - 7 * DAY), false), (json!(seconds + 122), false),
            (json!(seconds.to_string()), false), (Value::Null, false),
        ] {
            world.provider.claim("auth_time", auth_time);
            if good {
                world.lets_in(&server.client()).await;
            } else {
                world.refuses("auth_time").await;
            }
        }
        // What counts is what the request asked.
        let browser = server.client();
        let back = world.provider.approve(&world.begin(&browser).await);
        world.change(json!({"force_authn": false})).await.expect(200);
        let answer = browser.get(&back).await;
        world.refused(&answer, "auth_time").await;
    }

    async fn who_confirms_through_the_provider_authenticates_there_again(server: Server) {
        let world = World::new(server).await;
        let browser = server.client();
        world.lets_in(&browser).await;
        server.advance(11 * 60);
        let generate = async || browser.form("/profile/tokens", &[("name", "backup")]).await;
        let to = generate().await.expect(303).location().expect("to confirm");
        let page = browser.get(&to).await.expect(200).body;
        let again = format!("{}?return_to=%2Fprofile&reauthenticate=true", world.path("login"));
        assert!(page.contains(&again.replace('&', "&amp;")) && !page.contains("name=\"password\""), "{page}");
        browser.form("/profile/confirm", &[("return_to", "/profile"), ("password", "")]).await.expect(401);
        let begin = async || browser.get(&again).await.expect(303).location().expect("the provider");
        let sent = begin().await;
        assert_eq!((param(&sent, "prompt").as_str(), param(&sent, "max_age").as_str()), ("login", "0"));
        // The session at the provider is not enough: another person may sit at the screen.
        let seconds = server.clock.now().0 / 1000;
        for old in [json!(seconds - DAY), Value::Null] {
            world.provider.claim("auth_time", old);
            let answer = browser.get(&world.provider.approve(&begin().await)).await;
            world.refused(&answer, "auth_time").await;
            generate().await.expect(303);
        }
        world.provider.claim("auth_time", json!(seconds));
        let handed = browser.get(&world.provider.approve(&begin().await)).await.expect(303);
        let entered = browser.get(&handed.location().expect("continue")).await.expect(303);
        assert_eq!(entered.location().as_deref(), Some("/profile"));
        generate().await.expect(200);
        // A usual sign-in does not ask for it.
        let usual = world.begin(&server.client()).await;
        assert!(query_of(&usual, "prompt").is_none() && query_of(&usual, "max_age").is_none(), "{usual}");
    }

    async fn another_authentication_context_is_refused(server: Server) {
        let world = World::new(server).await;
        world.provider.says().discovery.insert("claims_parameter_supported".into(), json!(true));
        world.change(json!({"acr_values": [GOLD, "urn:acme:silver"]})).await.expect(200);
        let sent = world.begin(&server.client()).await;
        assert_eq!(param(&sent, "acr_values"), format!("{GOLD} urn:acme:silver"));
        let claims: Value = serde_json::from_str(&param(&sent, "claims")).expect("JSON");
        let essential = json!({"essential": true, "values": [GOLD, "urn:acme:silver"]});
        assert_eq!(claims, json!({"id_token": {"acr": essential}}));
        for acr in [Value::Null, json!("urn:acme:bronze"), json!("2fa"), json!([GOLD]), json!(format!("{GOLD} "))] {
            world.provider.claim("acr", acr);
            world.refuses("acr").await;
        }
        // The user info endpoint does not say how somebody signed in.
        world.provider.claim("acr", Value::Null);
        world.provider.claim("email", Value::Null);
        let userinfo = json!({"sub": "bob-1", "email": "bob@acme.example", "email_verified": true, "acr": GOLD});
        world.provider.says().userinfo.clone_from(userinfo.as_object().expect("object"));
        world.refuses("acr").await;
        world.provider.claim("acr", json!(GOLD));
        let me = world.lets_in(&server.client()).await;
        assert_eq!((&me["acr"], &me["provider_acr"]), (&json!(""), &json!(GOLD)));
        for (change, field) in [
            (json!({"acr_values": ["two words"]}), "acr_values"),
            (json!({"acr_values": vec!["x"; 11]}), "acr_values"),
        ] {
            let refused = world.change(change).await.expect(422);
            assert!(refused.body.contains(field), "{}", refused.body);
        }
    }

    async fn what_a_provider_cannot_show_is_not_a_setting(server: Server) {
        let world = World::new(server).await;
        for preset in ["github", "bitbucket", "linkedin", "google"] {
            let mut body = json!({"kind": "oidc", "name": preset, "preset": preset, "client_id": "x",
                "client_secret": "y", "force_authn": true});
            let refused = world.api().post("/api/v1/connections", &body).await.expect(422);
            assert!(refused.body.contains("does not report when"), "{preset}: {}", refused.body);
            body["force_authn"] = json!(false);
            body["acr_values"] = json!([GOLD]);
            let known = world.api().post("/api/v1/connections", &body).await;
            assert_eq!(known.status == 422, ["github", "bitbucket"].contains(&preset), "{preset}: {}", known.body);
        }
    }

    async fn a_test_says_what_was_asked_and_not_shown(server: Server) {
        let world = World::new(server).await;
        world.change(json!({"force_authn": true})).await.expect(200);
        let tests = format!("/api/v1/connections/{}/tests", world.connection);
        let begun = world.api().post(&tests, &json!({})).await.created();
        let back = world.provider.approve(begun["url"].as_str().expect("url"));
        let shown = server.client().get(&back).await.expect(303).location().expect("the result");
        let found = world.api().get(&shown.replace("/console/", "/api/v1/")).await.ok();
        let last = found["found"]["checks"].as_array().and_then(|all| all.last()).cloned().expect("a check");
        assert_eq!((&last["check"], &last["passed"]), (&json!("auth_time"), &json!(false)));
        let admin = server.client();
        let fields = [("identifier", world.tenant.email.as_str()), ("account", "acme"), ("return_to", "/console"),
            ("password", &world.tenant.password)];
        admin.form("/login/local", &fields).await.expect(303);
        let page = admin.get(&shown).await.expect(200).body;
        assert!(page.contains("an optional claim") && page.contains("auth_time at or after the request"), "{page}");
    }

    async fn a_level_of_the_provider_is_never_ours(server: Server) {
        let world = World::new(server).await;
        world.provider.claim("acr", json!("2fa"));
        let me = world.lets_in(&server.client()).await;
        assert_eq!((&me["acr"], &me["amr"]), (&json!(""), &json!([])));
        assert_eq!(me["provider_acr"], "2fa");
    }
}
