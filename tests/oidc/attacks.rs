//! What an attacker could send, and where it ends.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use serde_json::{Value, json};

use super::world::{World, param, with_query};
use crate::harness::Server;
use crate::harness::provider::Provider;
use crate::on_both;

fn parts(token: &str) -> (Value, Value) {
    let read =
        |part: &str| serde_json::from_slice(&URL_SAFE_NO_PAD.decode(part).expect("base64")).expect("JSON");
    let mut all = token.split('.');
    (read(all.next().expect("header")), read(all.next().expect("payload")))
}

type Forge = fn(&Provider, &str) -> String;

fn unsigned(_: &Provider, token: &str) -> String {
    let payload = token.split('.').nth(1).expect("payload");
    format!("{}.{payload}.", URL_SAFE_NO_PAD.encode(r#"{"alg":"none","typ":"JWT"}"#))
}

fn by_public_key(provider: &Provider, token: &str) -> String {
    let (header, claims) = parts(token);
    let header = Header { kid: header["kid"].as_str().map(str::to_owned), ..Header::new(Algorithm::HS256) };
    let key = EncodingKey::from_secret(provider.public_key().as_bytes());
    jsonwebtoken::encode(&header, &claims, &key).expect("signed")
}

fn with_other_claims(_: &Provider, token: &str) -> String {
    let mut all: Vec<String> = token.split('.').map(str::to_owned).collect();
    let (_, mut claims) = parts(token);
    claims["email"] = json!("admin@acme.example");
    all[1] = URL_SAFE_NO_PAD.encode(claims.to_string());
    all.join(".")
}

fn with_own_key(_: &Provider, token: &str) -> String {
    let pair = rcgen::KeyPair::generate_for(&rcgen::PKCS_ECDSA_P256_SHA256).expect("key");
    let key = EncodingKey::from_ec_der(&pair.serialize_der());
    let (header, claims) = parts(token);
    let mut header =
        Header { kid: header["kid"].as_str().map(str::to_owned), ..Header::new(Algorithm::ES256) };
    header.jwk = jsonwebtoken::jwk::Jwk::from_encoding_key(&key, Algorithm::ES256).ok();
    jsonwebtoken::encode(&header, &claims, &key).expect("signed")
}

fn garbage(_: &Provider, _: &str) -> String {
    "a.b.c".to_owned()
}

fn critical(provider: &Provider, token: &str) -> String {
    let (mut header, claims) = parts(token);
    header["crit"] = json!(["exp"]);
    let body = format!(
        "{}.{}",
        URL_SAFE_NO_PAD.encode(header.to_string()),
        URL_SAFE_NO_PAD.encode(claims.to_string())
    );
    format!("{body}.{}", provider.sign(&claims).rsplit('.').next().expect("signature"))
}

on_both! {
    with Server::inside;

    async fn forged_tokens(server: Server) {
        let world = World::new(server).await;
        world.lets_in(&server.client()).await;
        let forgeries: [(Forge, &str); 6] = [
            (unsigned, "algorithm"), (by_public_key, "algorithm"), (with_other_claims, "signature"),
            (with_own_key, "signature"), (garbage, "token"), (critical, "token"),
        ];
        for (forge, check) in forgeries {
            world.provider.says().forge = Some(forge);
            world.refuses(check).await;
        }
    }

    async fn claims_that_do_not_fit(server: Server) {
        let world = World::new(server).await;
        let seconds = server.clock.now().0 / 1000;
        for (claim, value, check) in [
            ("iss", json!("https://evil.example"), "issuer"),
            ("iss", Value::Null, "issuer"),
            ("aud", json!("another-client"), "audience"),
            ("aud", json!(["another-client", "vestibule"]), "authorized_party"),
            ("azp", json!("another-client"), "authorized_party"),
            ("exp", json!(seconds - 200), "times"),
            ("exp", Value::Null, "times"),
            ("exp", json!("soon"), "times"),
            ("iat", json!(seconds + 200), "times"),
            ("nbf", json!(seconds + 200), "times"),
            ("exp", json!(1e300), "times"),
            ("nonce", json!("another"), "nonce"),
            ("nonce", Value::Null, "nonce"),
            ("at_hash", json!("another"), "access_token"),
            ("sub", json!(""), "subject"),
            ("sub", json!(7), "subject"),
            ("email", json!("nobody"), "email"),
        ] {
            let before = world.provider.says().claims.clone();
            world.provider.says().claims.insert(claim.into(), value);
            world.refuses(check).await;
            world.provider.says().claims = before;
        }
        // Clocks may differ a little, and a token for several may be made for us.
        world.provider.claim("exp", json!(seconds - 100));
        world.provider.claim("aud", json!(["another-client", "vestibule"]));
        world.provider.claim("azp", json!("vestibule"));
        world.lets_in(&server.client()).await;
    }

    async fn a_key_that_is_replaced_under_way(server: Server) {
        let world = World::new(server).await;
        let browser = server.client();
        let sent = world.begin(&browser).await;
        world.provider.rotate();
        let handed = browser.get(&world.provider.approve(&sent)).await.expect(303).location().expect("continue");
        browser.get(&handed).await.expect(303);
        assert_eq!(world.provider.asked("/jwks"), 2);
        // Invented key ids make nobody ask again and again.
        world.provider.rotate();
        world.provider.says().hides_key = true;
        for _ in 0..5 {
            world.refuses("key").await;
        }
        assert_eq!(world.provider.asked("/jwks"), 2);
        server.clock.advance(Duration::from_secs(31));
        world.refuses("key").await;
        assert_eq!(world.provider.asked("/jwks"), 3);
    }

    async fn an_address_that_is_not_verified_takes_nobody_over(server: Server) {
        let world = World::with(server, json!({"jit": {"enabled": true}})).await;
        for claim in [json!(false), json!("false"), json!("yes"), Value::Null] {
            world.provider.claim("email_verified", claim);
            let answer = world.sign_in(&server.client()).await.expect(403);
            assert!(answer.body.contains("Email address not verified"), "{}", answer.body);
            assert_eq!(server.last_refusal(&world.tenant).await, "address_not_verified");
        }
        // Nor is anybody made of it.
        world.provider.claim("email", json!("new@acme.example"));
        world.sign_in(&server.client()).await.expect(403);
        let found = world.api().get("/api/v1/users?user_name=new@acme.example").await.ok();
        assert_eq!(found["items"], json!([]));
        // One's own provider may be trusted.
        world.change(json!({"trust_email": true})).await.expect(200);
        world.provider.claim("email", json!("bob@acme.example"));
        world.lets_in(&server.client()).await;
    }

    async fn answers_in_the_wrong_place(server: Server) {
        let world = World::new(server).await;
        let (browser, other) = (server.client(), server.client());
        let back = world.provider.approve(&world.begin(&browser).await);
        // In another browser, with a cookie of its own and without.
        let answer = other.get(&back).await.expect(403);
        assert!(answer.body.contains("Sign-in cannot be completed"), "{}", answer.body);
        let own = world.begin(&other).await;
        other.get(&back).await.expect(403);
        // With another sign-in's state: its code belongs to another verifier, and its token to another nonce.
        let mixed = with_query(&back, "state", Some(&param(&own, "state")));
        let answer = other.get(&mixed).await;
        world.refused(&answer, "code").await;
        // Altered, missing.
        for state in [Some("x"), Some(""), None] {
            browser.get(&with_query(&back, "state", state)).await.expect(403);
        }
        // At another connection of the same provider.
        let body = json!({"kind": "oidc", "name": "Twin", "issuer": world.provider.url, "client_id": "vestibule", "client_secret": "x"});
        let twin = world.api().post("/api/v1/connections", &body).await.created()["id"].as_str().expect("id").to_owned();
        browser.get(&back.replace(&world.connection, &twin)).await.expect(403);
        assert_eq!(world.provider.asked("/token"), 1);
    }

    async fn an_answer_that_comes_twice(server: Server) {
        let world = World::new(server).await;
        let browser = server.client();
        let back = world.provider.approve(&world.begin(&browser).await);
        let both = tokio::join!(browser.get(&back), browser.get(&back));
        let good = [&both.0, &both.1].into_iter().filter(|answer| answer.status == 303).count();
        assert_eq!(good, 1, "{both:?}");
        let exchanges = world.provider.asked("/token");
        let answer = browser.get(&back).await;
        world.refused(&answer, "request").await;
        assert_eq!(world.provider.asked("/token"), exchanges, "a code that comes again is not tried");
        let late = world.provider.approve(&world.begin(&browser).await);
        server.clock.advance(Duration::from_mins(16));
        browser.get(&late).await.expect(403);
    }

    async fn a_code_of_somebody_else(server: Server) {
        // The attacker's own code, put into the victim's answer: it was made for another verifier and nonce.
        let world = World::new(server).await;
        let (attacker, victim) = (server.client(), server.client());
        let stolen = param(&world.provider.approve(&world.begin(&attacker).await), "code");
        let back = world.provider.approve(&world.begin(&victim).await);
        let answer = victim.get(&with_query(&back, "code", Some(&stolen))).await;
        world.refused(&answer, "code").await;
    }

    async fn an_answer_of_another_provider(server: Server) {
        // Mix-up (RFC 9207): the answer says whose it is.
        let world = World::new(server).await;
        let browser = server.client();
        let back = world.provider.approve(&world.begin(&browser).await);
        let answer = browser.get(&with_query(&back, "iss", Some("https://evil.example"))).await;
        world.refused(&answer, "issuer_parameter").await;
        assert_eq!(world.provider.asked("/token"), 0);
        let back = world.provider.approve(&world.begin(&browser).await);
        browser.get(&with_query(&back, "iss", Some(&world.provider.url))).await.expect(303);
        // A provider that says it always names itself must do so, with errors too.
        let honest = Provider::start(&server.clock).await;
        honest.says().discovery.insert("authorization_response_iss_parameter_supported".into(), json!(true));
        let world = World::at(server, "other", honest, json!({})).await;
        let back = world.provider.approve(&world.begin(&browser).await);
        let answer = browser.get(&back).await;
        world.refused(&answer, "issuer_parameter").await;
        let back = world.provider.approve(&world.begin(&browser).await);
        let error = with_query(&with_query(&back, "code", None), "error", Some("access_denied"));
        let answer = browser.get(&error).await;
        world.refused(&answer, "issuer_parameter").await;
    }

    async fn a_provider_that_says_no(server: Server) {
        let world = World::new(server).await;
        let browser = server.client();
        let back = world.provider.approve(&world.begin(&browser).await);
        let back = with_query(&with_query(&back, "code", None), "error", Some("access_denied"));
        let answer = browser.get(&with_query(&back, "error_description", Some("<b>call 0800</b>"))).await;
        assert!(answer.body.contains("denied the sign-in") && !answer.body.contains("0800"), "{}", answer.body);
        world.refused(&answer, "answer").await;
        world.provider.says().no_id_token = true;
        world.refuses("token").await;
    }

    async fn somebody_elses_user_info(server: Server) {
        let world = World::new(server).await;
        world.provider.claim("email", Value::Null);
        let says = |value: Value| value.as_object().expect("object").clone();
        world.provider.says().userinfo = says(json!({"sub": "alice-1", "email": "bob@acme.example", "email_verified": true}));
        world.refuses("userinfo").await;
        world.provider.says().userinfo = says(json!({"sub": "bob-1", "email": "bob@acme.example", "email_verified": true}));
        world.lets_in(&server.client()).await;
    }

    async fn nobody_is_sent_elsewhere(server: Server) {
        let world = World::new(server).await;
        for evil in ["https://evil.example", "//evil.example", "/\\evil.example", "javascript:alert(1)"] {
            let browser = server.client();
            let path = format!("{}?return_to={}", world.path("login"), vestibule::kernel::urls::query_value(evil));
            let sent = browser.get(&path).await.expect(303).location().expect("the provider");
            let handed = browser.get(&world.provider.approve(&sent)).await.expect(303).location().expect("continue");
            assert_eq!(browser.get(&handed).await.expect(303).location().as_deref(), Some("/"), "{evil}");
        }
    }

    async fn other_accounts_and_doors_that_are_shut(server: Server) {
        let world = World::new(server).await;
        let browser = server.client();
        let back = world.provider.approve(&world.begin(&browser).await);
        world.change(json!({"enabled": false})).await.expect(200);
        browser.get(&back).await.expect(404);
        browser.get(&world.path("login")).await.expect(404);
        let other = server.tenant("other").await;
        let theirs = server.client().bearer(&other.token);
        let path = format!("/api/v1/connections/{}", world.connection);
        theirs.get(&path).await.expect(404);
        theirs.patch(&path, &json!({"enabled": true, "override_untested": true})).await.expect(404);
        theirs.post(&format!("{path}/tests"), &json!({})).await.expect(404);
        for garbage in ["?state=%00", "?code[]=1", "?state=a&state=b", &format!("?state={}", "x".repeat(60_000))] {
            let status = browser.get(&format!("{}{garbage}", world.path("callback"))).await.status.as_u16();
            assert!((400..500).contains(&status), "{garbage:.20}: {status}");
        }
    }
}
