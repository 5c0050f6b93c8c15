//! The signed statement about a user, and the keys that it is checked with.

use jsonwebtoken::jwk::JwkSet;
use jsonwebtoken::{Algorithm, DecodingKey, Validation};
use serde_json::{Value, json};
use vestibule::apps::signing_keys::SigningKeys;
use vestibule::directory::accounts;

use super::world::{Site, text};
use crate::harness::Server;
use crate::on_both;

/// What a back end learns from a signed statement: its claims and the key's id.
async fn verify(site: &Site<'_>, token: &str, audience: &str) -> Result<(Value, String), String> {
    let issuer = format!("{}/a/acme", site.server.url);
    let client = site.server.client();
    let document = client.get(&format!("{issuer}/.well-known/openid-configuration")).await.ok();
    assert_eq!(document, json!({"issuer": issuer, "jwks_uri": format!("{issuer}/jwks")}));
    let keys = client.get(&text(&document["jwks_uri"])).await.expect(200);
    assert_eq!(keys.header("access-control-allow-origin"), "*");
    assert!(!keys.body.contains("\"d\""), "public keys only");
    let keys: JwkSet = serde_json::from_str(&keys.body).expect("a JWK set");
    let header = jsonwebtoken::decode_header(token).expect("a header");
    if header.typ.as_deref() != Some("vestibule-forward-auth+jwt") {
        return Err("another type of token".to_owned());
    }
    let kid = header.kid.expect("a key id");
    let key = keys.find(&kid).ok_or("the key is not published")?;
    let mut validation = Validation::new(Algorithm::ES256);
    validation.set_audience(&[audience]);
    validation.set_issuer(&[issuer]);
    validation.validate_exp = false;
    let key = DecodingKey::from_jwk(key).expect("a key");
    let decoded =
        jsonwebtoken::decode::<Value>(token, &key, &validation).map_err(|error| error.to_string())?;
    Ok((decoded.claims, kid))
}

on_both! {
    async fn a_back_end_can_check_who_sent_a_request(server: Server) {
        let site = Site::with(server, json!({})).await;
        let id = site.user("ada").await;
        let browser = site.person("ada").await;
        let token = site.navigate(&browser, "/").await.expect(200).header("x-vestibule-jwt").to_owned();
        let (claims, _) = verify(&site, &token, &site.id).await.expect("valid");
        assert_eq!((&claims["sub"], &claims["account"]), (&json!(id), &json!("acme")));
        assert_eq!(claims["email"], "ada@acme.example");
        let (from, until) = (claims["iat"].as_i64().expect("iat"), claims["exp"].as_i64().expect("exp"));
        assert_eq!(until - from, 120);
        assert!(verify(&site, &token, "another-application").await.is_err());
        for path in [
            "/a/acme/.well-known/oauth-authorization-server",
            "/.well-known/openid-configuration/a/acme",
            "/.well-known/oauth-authorization-server/a/acme",
        ] {
            assert_eq!(server.client().get(path).await.ok()["issuer"], format!("{}/a/acme", server.url), "{path}");
        }
        server.client().get("/a/nobody/jwks").await.expect(404);
        server.client().get("/a/nobody/.well-known/openid-configuration").await.expect(404);
    }

    async fn no_other_token_of_the_account_passes_for_a_statement_about_a_request(server: Server) {
        let site = Site::with(server, json!({})).await;
        let browser = site.admin().await;
        let token = site.navigate(&browser, "/").await.expect(200).header("x-vestibule-jwt").to_owned();
        let (claims, _) = verify(&site, &token, &site.id).await.expect("valid");
        let mut c = server.kernel.db.read().await.expect("connection");
        let account = accounts::by_slug(&mut c, "acme").await.expect("query").expect("account");
        drop(c);
        // The same claims and the same key, in what the account signs for another purpose.
        let keys = SigningKeys::default();
        let sign = async |typ: &str| {
            let signed = keys.sign(&server.kernel, &account.id, typ, &claims).await;
            verify(&site, &signed.expect("signed"), &site.id).await
        };
        for typ in ["JWT", "at+jwt", "logout+jwt", "secevent+jwt", "Vestibule-Forward-Auth", ""] {
            assert!(sign(typ).await.is_err(), "{typ}");
        }
        sign("vestibule-forward-auth+jwt").await.expect("the type alone tells them apart");
    }

    async fn keys_rotate_and_what_was_signed_stays_valid(server: Server) {
        let site = Site::with(server, json!({})).await;
        let browser = site.admin().await;
        let sign = async || {
            let answer = site.navigate(&browser, "/").await.expect(200);
            answer.header("x-vestibule-jwt").to_owned()
        };
        let states = async || {
            let list = site.api.get("/api/v1/signing-keys").await.ok();
            let items = list["items"].as_array().expect("items").clone();
            items.iter().map(|key| (text(&key["id"]), text(&key["state"]))).collect::<Vec<_>>()
        };
        let first = sign().await;
        let (_, first_kid) = verify(&site, &first, &site.id).await.expect("valid");
        let before = states().await;
        assert_eq!(before.iter().filter(|(_, state)| state == "active").count(), 1);
        let next = before.iter().find(|(_, state)| state == "next").expect("published ahead").0.clone();
        site.api.post("/api/v1/signing-keys/rotate", &json!({})).await.ok();
        let (_, kid) = verify(&site, &sign().await, &site.id).await.expect("valid");
        assert_eq!(kid, next, "the key that was published ahead signs");
        verify(&site, &first, &site.id).await.expect("still valid");
        let after = states().await;
        assert!(after.contains(&(first_kid, "retired".to_owned())), "{after:?}");
        assert_eq!(after.len(), 3);
        // Retired keys go when the next rotation finds them old.
        server.advance(3 * 24 * 3600);
        site.api.post("/api/v1/signing-keys/rotate", &json!({})).await.ok();
        assert!(verify(&site, &first, &site.id).await.is_err());
        let events = server.audit(&site.tenant).await;
        assert_eq!(events.iter().filter(|event| event["action"] == "signing_keys.rotate").count(), 2);
        // By themselves, when they are old.
        server.advance(91 * 24 * 3600);
        vestibule::apps::signing_keys::rotate_due(&server.kernel).await.expect("rotates");
        vestibule::apps::signing_keys::rotate_due(&server.kernel).await.expect("and not twice");
        let events = server.audit(&site.tenant).await;
        assert_eq!(events.iter().filter(|event| event["action"] == "signing_keys.rotate").count(), 3);
    }
}
