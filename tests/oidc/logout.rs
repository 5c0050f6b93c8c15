//! Logout in both directions.

use jsonwebtoken::Header;
use serde_json::{Value, json};

use super::world::{World, param};
use crate::harness::{Client, Server};
use crate::on_both;

const EVENT: &str = "http://schemas.openid.net/event/backchannel-logout";

/// A logout token with changes; null takes a claim away.
fn token(world: &World<'_>, changes: &Value) -> String {
    token_of_type(world, changes, Some("logout+jwt"))
}

fn token_of_type(world: &World<'_>, changes: &Value, media_type: Option<&str>) -> String {
    let mut claims = world.provider.usual();
    let id = vestibule::kernel::ids::new_id(world.server.clock.now());
    claims.extend(
        json!({"jti": id, "sub": "bob-1", "events": {EVENT: {}}}).as_object().expect("object").clone(),
    );
    for (name, value) in changes.as_object().expect("object") {
        claims.insert(name.clone(), value.clone());
    }
    claims.retain(|_, value| !value.is_null());
    let typ = media_type.map(str::to_owned);
    world.provider.sign_as(&Value::Object(claims), |header| Header { typ, ..header })
}

async fn told(world: &World<'_>, token: &str) -> u16 {
    let answer =
        world.server.client().form(&world.path("backchannel-logout"), &[("logout_token", token)]).await;
    assert_eq!(answer.header("cache-control"), "no-store");
    answer.status.as_u16()
}

async fn is_in(browser: &Client) -> bool {
    browser.get("/api/v1/me").await.status == 200
}

on_both! {
    with Server::inside;

    async fn out_here_and_there(server: Server) {
        let world = World::new(server).await;
        let browser = server.client();
        world.lets_in(&browser).await;
        assert!(browser.get("/logout").await.expect(200).body.contains("Sign out here and at Company"));
        let sent = browser.form("/logout", &[("everywhere", "on")]).await.expect(303).location().expect("away");
        assert!(sent.starts_with(&format!("{}/logout?", world.provider.url)), "{sent}");
        assert!(param(&sent, "id_token_hint").split('.').count() == 3);
        assert_eq!(param(&sent, "post_logout_redirect_uri"), format!("{}{}", server.url, world.path("signed-out")));
        assert!(!is_in(&browser).await);
        let back = browser.get(&world.path("signed-out")).await.expect(303).location();
        assert_eq!(back.as_deref(), Some("/login?notice=signed_out_everywhere"));
        // Where the provider has no such address they are out here, and told so.
        world.provider.says().discovery.insert("end_session_endpoint".into(), Value::Null);
        server.clock.advance(std::time::Duration::from_mins(61));
        world.lets_in(&browser).await;
        let sent = browser.form("/logout", &[("everywhere", "on")]).await.expect(303).location();
        assert_eq!(sent.as_deref(), Some("/login?notice=signed_out_here"));
    }

    async fn the_provider_ends_sessions(server: Server) {
        let world = World::new(server).await;
        let (first, second) = (server.client(), server.client());
        world.provider.claim("sid", json!("session-1"));
        world.lets_in(&first).await;
        world.provider.claim("sid", json!("session-2"));
        world.lets_in(&second).await;
        // One session, by its name alone.
        assert_eq!(told(&world, &token(&world, &json!({"sub": null, "sid": "session-1"}))).await, 200);
        assert!(!is_in(&first).await && is_in(&second).await);
        // All of a person.
        world.provider.claim("sid", json!("session-3"));
        world.lets_in(&first).await;
        assert_eq!(told(&world, &token(&world, &json!({}))).await, 200);
        assert!(!is_in(&first).await && !is_in(&second).await);
        let events = server.audit(&world.tenant).await;
        assert!(events.iter().any(|e| e["action"] == "session.sign_out" && e["actor"]["name"] == "Company"));
    }

    async fn logouts_that_are_none(server: Server) {
        let world = World::new(server).await;
        let browser = server.client();
        world.lets_in(&browser).await;
        let used = token(&world, &json!({"sub": "somebody else"}));
        let now = server.clock.now().0 / 1000;
        assert_eq!(told(&world, &used).await, 200);
        assert_eq!(told(&world, &used).await, 400);
        assert_eq!(server.last_refusal_of(&world.tenant, "session.sign_out").await, "oidc_replay");
        for (changes, check) in [
            (json!({"nonce": "x"}), "logout"),
            (json!({"events": {}}), "logout"),
            (json!({"events": null}), "logout"),
            (json!({"jti": null}), "replay"),
            (json!({"sub": null}), "subject"),
            (json!({"aud": "another"}), "audience"),
            (json!({"iss": "https://evil.example"}), "issuer"),
            (json!({"exp": 1}), "times"),
            // Valid for a day, and made thirteen minutes ago.
            (json!({"iat": now - 13 * 60, "exp": now + 24 * 60 * 60}), "times"),
        ] {
            assert_eq!(told(&world, &token(&world, &changes)).await, 400, "{changes}");
            assert_eq!(server.last_refusal_of(&world.tenant, "session.sign_out").await, format!("oidc_{check}"));
        }
        for media_type in ["at+jwt", "secevent+jwt", "id_token", ""] {
            let other = token_of_type(&world, &json!({}), Some(media_type));
            assert_eq!(told(&world, &other).await, 400, "{media_type}");
            assert_eq!(server.last_refusal_of(&world.tenant, "session.sign_out").await, "oidc_logout");
        }
        assert!(is_in(&browser).await);
        let (head, _) = used.rsplit_once('.').expect("parts");
        for forged in [format!("{head}.AAAA"), "x".to_owned(), String::new()] {
            assert_eq!(told(&world, &forged).await, 400);
        }
        server.client().post(&world.path("backchannel-logout"), &json!({})).await.expect(400);
        assert!(is_in(&browser).await);
        // Most providers send the general type or none, and some a token that is a few minutes old.
        for (media_type, age) in [(None, 0), (Some("JWT"), 0), (Some("application/logout+jwt"), 9 * 60)] {
            world.lets_in(&browser).await;
            let sent = token_of_type(&world, &json!({"iat": now - age}), media_type);
            assert_eq!(told(&world, &sent).await, 200, "{media_type:?}");
            assert!(!is_in(&browser).await);
        }
    }
}
