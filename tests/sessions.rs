//! Sessions and tokens: their ends.

use serde_json::json;

use crate::harness::Server;
use crate::on_both;

on_both! {
    async fn a_session_ends_for_want_of_use(server: Server) {
        let tenant = server.tenant("acme").await;
        let browser = server.client();
        browser.sign_in("acme", &tenant.email, &tenant.password).await.expect(303);
        server.advance(1439 * 60);
        browser.get("/api/v1/me").await.expect(200);
        server.advance(1439 * 60);
        browser.get("/api/v1/me").await.expect(200);
        server.advance(1440 * 60);
        browser.get("/api/v1/me").await.expect(401);
    }

    async fn a_session_ends_at_its_absolute_limit_however_busy(server: Server) {
        let tenant = server.tenant("acme").await;
        let api = server.client().bearer(&tenant.token);
        let settings = json!({"session": {"absolute_minutes": 60}});
        api.patch("/api/v1/authentication-settings", &settings).await.expect(200);
        let browser = server.client();
        browser.sign_in("acme", &tenant.email, &tenant.password).await.expect(303);
        for _ in 0..3 {
            server.advance(1199);
            browser.get("/api/v1/me").await.expect(200);
        }
        server.advance(3);
        browser.get("/api/v1/me").await.expect(401);
    }

    async fn signing_out_ends_the_session_on_the_server(server: Server) {
        let tenant = server.tenant("acme").await;
        let browser = server.client();
        let entered = browser.sign_in("acme", &tenant.email, &tenant.password).await.expect(303);
        let cookie = entered.header("set-cookie").split(';').next().expect("cookie").to_owned();
        assert!(entered.header("set-cookie").contains("HttpOnly; SameSite=Lax"), "{cookie}");
        browser.form("/logout", &[]).await.expect(303);
        let stolen = server.client();
        let request = stolen.request(reqwest::Method::GET, "/api/v1/me").header("cookie", cookie);
        assert_eq!(stolen.send(request).await.status, 401, "the old cookie is worth nothing");
    }

    async fn a_session_is_opened_by_its_own_secret_only(server: Server) {
        let tenant = server.tenant("acme").await;
        let cookie = async || {
            let entered = server.client().sign_in("acme", &tenant.email, &tenant.password).await.expect(303);
            entered.header("set-cookie").split(';').next().expect("cookie").to_owned()
        };
        let (one, other) = (cookie().await, cookie().await);
        let (id, secret) = one.split_once('.').expect("an id and a secret");
        let (other_id, others_secret) = other.split_once('.').expect("an id and a secret");
        let shorter = &secret[1..];
        let status = async |cookie: &str| {
            let nobody = server.client();
            let request = nobody.request(reqwest::Method::GET, "/api/v1/me").header("cookie", cookie);
            nobody.send(request).await.status
        };
        for forged in [
            format!("{other_id}.{secret}"),
            format!("{id}.{others_secret}"),
            format!("{id}.{shorter}"),
            format!("{id}."),
            id.to_owned(),
            format!("vst_session=vst_session_.{secret}"),
            format!("vst_session=vst_session_%00.{secret}"),
            format!("vst_session={secret}"),
        ] {
            assert_eq!(status(&forged).await, 401, "{forged}");
        }
        for own in [one, other] {
            assert_eq!(status(&own).await, 200);
        }
    }

    async fn a_person_sees_their_sessions_and_ends_them(server: Server) {
        let tenant = server.tenant("acme").await;
        let (here, there) = (server.client(), server.client());
        here.sign_in("acme", &tenant.email, &tenant.password).await.expect(303);
        there.sign_in("acme", &tenant.email, &tenant.password).await.expect(303);
        let profile = here.get("/profile").await.expect(200);
        assert!(profile.body.contains("this browser"));
        here.form("/profile/sessions/revoke", &[("id", &profile.field("id"))]).await.expect(303);
        there.get("/api/v1/me").await.expect(401);
        here.get("/api/v1/me").await.expect(200);
    }

    async fn an_administrator_ends_all_sessions_of_a_user(server: Server) {
        let tenant = server.tenant("acme").await;
        let browser = server.client();
        browser.sign_in("acme", &tenant.email, &tenant.password).await.expect(303);
        let id = browser.get("/api/v1/me").await.ok()["id"].as_str().expect("id").to_owned();
        let api = server.client().bearer(&tenant.token);
        api.post(&format!("/api/v1/users/{id}/sessions/revoke"), &json!({})).await.expect(204);
        browser.get("/api/v1/me").await.expect(401);
    }

    async fn deactivation_voids_sessions_and_tokens_and_reactivation_gives_none_back(server: Server) {
        let tenant = server.tenant("acme").await;
        let api = server.client().bearer(&tenant.token);
        let body = json!({"user_name": "bob@acme.example", "password": "a good long password"});
        let id = api.post("/api/v1/users", &body).await.created()["id"].as_str().expect("id").to_owned();
        let browser = server.client();
        browser.sign_in("acme", "bob@acme.example", "a good long password").await.expect(303);
        let token = browser.post("/api/v1/api-tokens", &json!({"name": "mine"})).await.created();
        let script = server.client().bearer(token["token"].as_str().expect("token"));
        assert_eq!(script.get("/api/v1/me").await.ok()["user_name"], "bob@acme.example");

        let user = format!("/api/v1/users/{id}");
        api.patch(&user, &json!({"status": "inactive"})).await.expect(200);
        browser.get("/api/v1/me").await.expect(401);
        script.get("/api/v1/me").await.expect(401);
        // The clock stands still: no comparison of times could tell old from new here.
        api.patch(&user, &json!({"status": "active"})).await.expect(200);
        browser.get("/api/v1/me").await.expect(401);
        script.get("/api/v1/me").await.expect(401);
        server.client().sign_in("acme", "bob@acme.example", "a good long password").await.expect(303);
    }

    async fn a_token_ends_at_its_expiry_and_when_revoked(server: Server) {
        let tenant = server.tenant("acme").await;
        let api = server.client().bearer(&tenant.token);
        let end = server.clock.now().plus(std::time::Duration::from_mins(1)).to_string();
        let short = api.post("/api/v1/api-tokens", &json!({"name": "short", "expires_at": end})).await.created();
        let long = api.post("/api/v1/api-tokens", &json!({"name": "long"})).await.created();
        let client = |made: &serde_json::Value| server.client().bearer(made["token"].as_str().expect("token"));
        client(&short).get("/api/v1/me").await.expect(200);
        server.advance(60);
        client(&short).get("/api/v1/me").await.expect(401);
        client(&long).get("/api/v1/me").await.expect(200);
        api.delete(&format!("/api/v1/api-tokens/{}", long["id"].as_str().expect("id"))).await.expect(204);
        client(&long).get("/api/v1/me").await.expect(401);
        let past = json!({"name": "past", "expires_at": "2020-01-01T00:00:00Z"});
        api.post("/api/v1/api-tokens", &past).await.expect(422);
        let listed = api.get("/api/v1/api-tokens").await.expect(200).body;
        assert!(!listed.contains(long["token"].as_str().expect("token")), "a secret is shown once");
    }

    async fn the_last_administrator_stays(server: Server) {
        let tenant = server.tenant("acme").await;
        let browser = server.client();
        browser.sign_in("acme", &tenant.email, &tenant.password).await.expect(303);
        let id = browser.get("/api/v1/me").await.ok()["id"].as_str().expect("id").to_owned();
        let user = format!("/api/v1/users/{id}");
        let api = server.client().bearer(&tenant.token);
        for answer in [
            api.patch(&user, &json!({"status": "inactive"})).await,
            api.patch(&user, &json!({"roles": []})).await,
            api.delete(&user).await,
        ] {
            assert!(answer.expect(409).body.contains("last active administrator"));
        }
        let second = json!({"user_name": "second@acme.example", "roles": ["account_admin"]});
        api.post("/api/v1/users", &second).await.created();
        api.delete(&user).await.expect(204);
    }
}
