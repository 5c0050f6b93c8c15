//! Signing in with a provider, and what it may say about people.

use std::time::Duration;

use serde_json::{Value, json};

use super::world::{World, param};
use crate::harness::provider::{Provider, SECRET};
use crate::harness::{Client, Server};
use crate::on_both;

on_both! {
    with Server::inside;

    async fn somebody_signs_in(server: Server) {
        let world = World::new(server).await;
        let browser = server.client();
        let sent = world.begin(&browser).await;
        assert_eq!(param(&sent, "code_challenge_method"), "S256");
        assert_eq!(param(&sent, "scope"), "openid email profile");
        assert!(param(&sent, "nonce").len() >= 43 && param(&sent, "code_challenge").len() == 43, "{sent}");
        let me = world.lets_in(&browser).await;
        assert_eq!((&me["email"], &me["id"]), (&json!("bob@acme.example"), &json!(world.user)));
        let events = server.audit(&world.tenant).await;
        assert!(events.iter().any(|e| e["action"] == "user.link" && e["detail"]["subject"] == "bob-1"));
        let event = events.iter().find(|e| e["action"] == "session.sign_in").expect("the event");
        assert_eq!(event["detail"]["method"], "oidc");
        assert!(!Value::from(events).to_string().contains(SECRET));
    }

    async fn the_email_address_leads_to_the_door(server: Server) {
        let world = World::with(server, json!({"email_domains": ["acme.example"]})).await;
        let browser = server.client();
        let page = browser.get("/login?account=acme").await.expect(200);
        assert!(page.body.contains(&world.path("login")) && page.body.contains(">Company</a>"), "{}", page.body);
        let fields = [("identifier", "Bob@Acme.Example"), ("account", "acme"), ("return_to", "/profile")];
        let door = browser.form("/login", &fields).await.expect(303).location().expect("a door");
        assert!(door.starts_with(&world.path("login")), "{door}");
        let sent = browser.get(&door).await.expect(303).location().expect("the provider");
        assert_eq!(param(&sent, "login_hint"), "Bob@Acme.Example");
        let handed = browser.get(&world.provider.approve(&sent)).await.expect(303).location().expect("continue");
        assert_eq!(browser.get(&handed).await.expect(303).location().as_deref(), Some("/profile"));
    }

    async fn the_client_proves_itself_in_three_ways(server: Server) {
        let world = World::new(server).await;
        world.lets_in(&server.client()).await;
        let last = |name: &str| world.provider.says().last_exchange.get(name).cloned();
        assert_eq!(last("client_secret"), None, "basic, when the provider says nothing");
        world.change(json!({"client_auth": "client_secret_post"})).await.expect(200);
        world.lets_in(&server.client()).await;
        assert_eq!(last("client_secret").as_deref(), Some(SECRET));

        world.change(json!({"client_auth": "private_key_jwt"})).await.expect(200);
        world.lets_in(&server.client()).await;
        assert_eq!(last("client_secret"), None);
        let assertion = last("client_assertion").expect("an assertion");
        let set = server.client().get(&world.path("jwks")).await.ok();
        let key = jsonwebtoken::DecodingKey::from_jwk(&serde_json::from_value(set["keys"][0].clone()).expect("a key"));
        let mut rules = jsonwebtoken::Validation::new(jsonwebtoken::Algorithm::ES256);
        rules.set_audience(&[format!("{}/token", world.provider.url)]);
        let claims: Value = jsonwebtoken::decode(&assertion, &key.expect("a public key"), &rules).expect("signed by us").claims;
        assert_eq!((&claims["iss"], &claims["sub"]), (&json!("vestibule"), &json!("vestibule")));
        assert!(set["keys"][0].get("d").is_none(), "{set}");

        world.change(json!({"client_auth": "", "client_secret": "wrong"})).await.expect(200);
        world.refuses("code").await;
    }

    async fn groups_follow_the_claim(server: Server) {
        let world = World::with(server, json!({"group_sync": true, "group_attribute": "roles"})).await;
        let api = world.api();
        let group = api.post("/api/v1/groups", &json!({"name": "Builders"})).await.created()["id"].as_str().expect("id").to_owned();
        let link = json!({"connection_id": world.connection, "name": "builders"});
        api.post(&format!("/api/v1/groups/{group}/link"), &link).await.expect(201);
        let groups = async |claims: Value| {
            world.provider.claim("roles", claims);
            world.lets_in(&server.client()).await["groups"].clone()
        };
        assert_eq!(groups(json!(["builders", "others"])).await[0], "Builders");
        assert_eq!(groups(json!("builders")).await[0], "Builders");
        // From the user info endpoint, where the token does not say.
        let said = json!({"sub": "bob-1", "roles": ["builders"]});
        said.as_object().expect("object").clone_into(&mut world.provider.says().userinfo);
        assert_eq!(groups(Value::Null).await[0], "Builders");
        assert_eq!(groups(json!([])).await, json!([]));
        // Groups of one name in different branches are different groups, where the provider sends the full path.
        let backend = api.post("/api/v1/groups", &json!({"name": "Backend"})).await.created()["id"].as_str().expect("id").to_owned();
        let link = json!({"connection_id": world.connection, "name": "/eng/backend"});
        api.post(&format!("/api/v1/groups/{backend}/link"), &link).await.expect(201);
        assert_eq!(groups(json!(["/eng2/backend", "backend", "/eng/backend/x"])).await, json!([]));
        assert_eq!(groups(json!(["/eng/backend"])).await, json!(["Backend"]));
    }

    async fn unknown_people_are_made_where_that_is_wanted(server: Server) {
        let world = World::new(server).await;
        world.provider.claim("sub", json!("carol-1"));
        world.provider.claim("email", json!("carol@acme.example"));
        let answer = world.sign_in(&server.client()).await.expect(403);
        assert!(answer.body.contains("You do not have access"), "{}", answer.body);
        world.change(json!({"jit": {"enabled": true, "key": "department", "value": "sales"}})).await.expect(200);
        world.sign_in(&server.client()).await.expect(403);
        world.provider.claim("department", json!(["it", "sales"]));
        let browser = server.client();
        assert_eq!(world.lets_in(&browser).await["display_name"], "Bob Builder");
        // Names follow.
        world.provider.claim("name", json!("Carol Baker"));
        assert_eq!(world.lets_in(&browser).await["display_name"], "Carol Baker");
    }

    async fn the_subject_decides_from_the_second_time_on(server: Server) {
        let world = World::new(server).await;
        world.lets_in(&server.client()).await;
        // Bob has another address there now, and one that is not verified.
        world.provider.claim("email", json!("robert@elsewhere.example"));
        world.provider.claim("email_verified", json!(false));
        assert_eq!(world.lets_in(&server.client()).await["email"], "bob@acme.example");
        // His old address was given to somebody else there.
        world.provider.claim("sub", json!("another-bob"));
        world.provider.claim("email", json!("bob@acme.example"));
        world.provider.claim("email_verified", json!(true));
        let answer = world.sign_in(&server.client()).await.expect(403);
        assert!(answer.body.contains("linked to another identity"), "{}", answer.body);
        assert_eq!(server.last_refusal(&world.tenant).await, "address_of_another");
    }

    async fn a_second_factor_shown_there_counts_where_it_is_trusted(server: Server) {
        let world = World::new(server).await;
        world.provider.claim("amr", json!(["pwd", "mfa"]));
        assert_eq!(world.lets_in(&server.client()).await["amr"], json!([]));
        world.change(json!({"trust_mfa": true})).await.expect(200);
        assert_eq!(world.lets_in(&server.client()).await["amr"], json!(["mfa"]));
    }

    async fn the_provider_is_read_once_for_many(server: Server) {
        let world = World::new(server).await;
        let browsers: Vec<Client> = (0..8).map(|_| server.client()).collect();
        let all = browsers.iter().map(|browser| world.begin(browser));
        futures_util::future::join_all(all).await;
        assert_eq!(world.provider.asked("/.well-known/openid-configuration"), 1);
        assert_eq!(world.provider.asked("/jwks"), 1);
        // After an hour it is read again; when it cannot be reached what is known goes on for a day.
        server.clock.advance(Duration::from_mins(61));
        world.begin(&server.client()).await;
        assert_eq!(world.provider.asked("/jwks"), 2);
        world.provider.says().discovery.insert("issuer".into(), json!("https://elsewhere.example"));
        server.clock.advance(Duration::from_mins(61));
        world.begin(&server.client()).await;
        server.clock.advance(Duration::from_hours(24));
        let answer = server.client().get(&world.path("login")).await.expect(503);
        assert!(answer.body.contains("Your identity provider is unavailable"), "{}", answer.body);
    }

    async fn settings_that_do_not_go_together_are_refused(server: Server) {
        let world = World::new(server).await;
        let api = world.api();
        for (body, field) in [
            (json!({"kind": "oidc", "name": "x", "client_id": "a", "client_secret": "b"}), "issuer"),
            (json!({"kind": "oidc", "name": "x", "preset": "google", "client_secret": "b"}), "client_id"),
            (json!({"kind": "oidc", "name": "x", "preset": "google", "client_id": "a"}), "client_secret"),
            (json!({"kind": "oidc", "name": "x", "issuer": "javascript:alert(1)", "client_id": "a", "client_secret": "b"}), "issuer"),
            (json!({"kind": "oidc", "name": "x", "preset": "github", "client_id": "a", "client_secret": "b", "trust_email": true}), "trust_email"),
            (json!({"kind": "oidc", "name": "x", "preset": "google", "client_id": "a", "client_secret": "b", "scopes": ["a b"]}), "scopes"),
        ] {
            let answer = api.post("/api/v1/connections", &body).await.expect(422);
            assert_eq!(answer.value()["field"], field, "{}", answer.body);
        }
        // Whoever may change the issuer must not have the secret sent there.
        let answer = world.change(json!({"issuer": "https://evil.example"})).await.expect(422);
        assert_eq!(answer.value()["field"], "client_secret");
        world.change(json!({"issuer": "https://id.example", "client_secret": "its own"})).await.expect(200);
    }

    async fn addresses_inside_are_not_asked(server: Server) {
        let outside = Server::start(crate::harness::Backend::Sqlite).await;
        let mut provider = Provider::start(&outside.clock).await;
        let literal = provider.url.clone();
        provider.url = literal.replace("127.0.0.1", "localhost");
        let world = World::at(&outside, "acme", provider, json!({})).await;
        let before = world.provider.asked("/.well-known/openid-configuration");
        // An address is refused when it is entered, a name when it is used.
        let refused = world.change(json!({"issuer": literal, "client_secret": SECRET})).await.expect(422);
        assert_eq!(refused.value()["field"], "issuer", "{}", refused.body);
        outside.client().get(&world.path("login")).await.expect(503);
        assert_eq!(world.provider.asked("/.well-known/openid-configuration"), before);
        // Nor does a public document lead there.
        let world = World::new(server).await;
        for (name, url) in [("jwks_uri", "http://10.1.2.3/keys"), ("authorization_endpoint", "http://10.1.2.3/"),
            ("end_session_endpoint", "javascript:alert(1)")] {
            let document = json!({name: url});
            document.as_object().expect("object").clone_into(&mut world.provider.says().discovery);
            server.client().get(&world.path("login")).await.expect(503);
            // Whoever comes right after that is told so at once, and nobody is asked.
            let asked = world.provider.asked("/.well-known/openid-configuration");
            server.client().get(&world.path("login")).await.expect(503);
            assert_eq!(world.provider.asked("/.well-known/openid-configuration"), asked);
            server.clock.advance(Duration::from_secs(4));
        }
    }
}
