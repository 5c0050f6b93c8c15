//! Bad input gets a clear answer and loses nothing.

use reqwest::Method;
use serde_json::json;
use vestibule::access::Guard;

use crate::harness::Server;
use crate::on_both;

on_both! {
    async fn no_route_breaks_on_garbage(server: Server) {
        let tenant = server.tenant("acme").await;
        let (connection, scim) = server.scim(&tenant, "Okta").await;
        let browser = server.client();
        browser.sign_in("acme", &tenant.email, &tenant.password).await.expect(303);
        let before = server.client().bearer(&tenant.token).get("/api/v1/users").await.ok();
        let deep = "[".repeat(5000);
        for (n, (method, path, guard)) in server.table.iter().enumerate() {
            if path == "/logout" {
                continue;
            }
            let path: String =
                path.split('/').map(|p| if p.starts_with('{') { "%00%ff'\"--" } else { p }).collect::<Vec<_>>().join("/");
            for (m, body) in ["", "{", "null", "[]", "\u{0}\u{1}", "identifier=%00&flow=%00&token=%00&account=%00&id=%00&password=x&add=%00&name=%00", "{\"user_name\":\"\\u0000\",\"name\":\"\\u0000\",\"userName\":\"\\u0000\",\"kind\":\"scim\"}", "{\"a\":", deep.as_str(), "a=%ff&b"].into_iter().enumerate() {
                let client = if *guard == Guard::Scim { server.client().bearer(&scim) } else { browser.clone() };
                let client = client.from(&format!("10.{n}.{m}.1"));
                let method: Method = method.parse().expect("method");
                for kind in ["application/json", "application/x-www-form-urlencoded", "multipart/form-data"] {
                    let request = client.request(method.clone(), &path).header("content-type", kind);
                    let answer = client.send(request.body(body.to_owned())).await;
                    let said = answer.status == 501 && path.ends_with("/Me");
                    assert!(said || answer.status.as_u16() < 500, "{method} {path} {kind} {body:?}: {answer:?}");
                }
            }
        }
        let after = server.client().bearer(&tenant.token).get("/api/v1/users").await.ok();
        assert_eq!(before, after, "nothing was lost");
        server.client().bearer(&tenant.token).get(&format!("/api/v1/connections/{connection}")).await.expect(200);
    }

    async fn a_nul_is_refused_and_not_an_error_of_ours(server: Server) {
        let tenant = server.tenant("acme").await;
        let (_, scim) = server.scim(&tenant, "Okta").await;
        let (api, scim) = (server.client().bearer(&tenant.token), server.client().bearer(&scim));
        for path in ["/api/v1/users/%00", "/api/v1/users?q=%00", "/saml/%00/login", "/login?account=%00"] {
            api.get(path).await.expect(400);
        }
        let nul = json!({"userName": "bob@acme.example", "externalId": "a\u{0}b", "title": "x\u{0}y"});
        scim.post("/scim/v2/Users", &nul).await.expect(400);
        let member = json!({"displayName": "Staff", "members": [{"value": "\u{0}"}]});
        scim.post("/scim/v2/Groups", &member).await.expect(400);
        let fields = [("identifier", "\u{0}@acme.example"), ("account", "acme"), ("return_to", "/")];
        assert!(server.client().form("/login", &fields).await.status.as_u16() < 500);
    }

    async fn too_much_is_refused_before_it_is_read(server: Server) {
        let tenant = server.tenant("acme").await;
        let (_, scim) = server.scim(&tenant, "Okta").await;
        let large = json!({"userName": "x".repeat(2 * 1024 * 1024)});
        let answer = server.client().bearer(&scim).post("/scim/v2/Users", &large).await.expect(413);
        assert_eq!(answer.value()["schemas"][0], "urn:ietf:params:scim:api:messages:2.0:Error");
        let answer = server.client().bearer(&tenant.token).post("/api/v1/users", &large).await.expect(413);
        assert_eq!(answer.header("content-type"), "application/problem+json");
    }

    async fn an_unknown_member_is_named(server: Server) {
        let tenant = server.tenant("acme").await;
        let api = server.client().bearer(&tenant.token);
        let answer = api.post("/api/v1/users", &json!({"user_name": "x", "nickname": "y"})).await.expect(422);
        assert_eq!(answer.value()["errors"], json!([{"field": "nickname", "message": "is not a field of this request"}]));
        assert_eq!(answer.value()["field"], "nickname", "as before");
        assert!(!answer.value()["request_id"].as_str().expect("id").is_empty());
        api.patch("/api/v1/authentication-settings", &json!({"sessions": {}})).await.expect(422);
        let answer = api.patch("/api/v1/authentication-settings", &json!({"session": {"inactivity_minutes": 5}})).await;
        assert!(answer.expect(422).body.contains("between 30 and 4320"));
        let own = api.patch("/api/v1/authentication-settings", &json!({"email_domains": ["no domain"]})).await;
        own.expect(422);
    }

    async fn every_member_that_is_wrong_is_named(server: Server) {
        let tenant = server.tenant("acme").await;
        let api = server.client().bearer(&tenant.token);
        for (path, body, fields) in [
            ("users", json!({}), &["user_name"][..]),
            ("users", json!({"nickname": "y", "age": 7}), &["age", "nickname", "user_name"][..]),
            ("users", json!({"user_name": 7}), &["user_name"][..]),
            ("users", json!({"user_name": 7, "zodiac": "y"}), &["user_name", "zodiac"][..]),
            ("users", json!({"user_name": "x", "roles": ["account_admin", 7]}), &["roles[1]"][..]),
            ("users", json!({"user_name": "x", "email": "nonsense"}), &["email"][..]),
            ("apps", json!({"nonsense": 1}), &["hosts", "kind", "name", "nonsense"][..]),
            ("connections", json!({"kind": "magic", "name": "x"}), &["kind"][..]),
            ("users", json!([]), &[][..]),
            ("users", json!("user_name"), &[][..]),
        ] {
            let problem = api.post(&format!("/api/v1/{path}"), &body).await.expect(422).value();
            let errors = problem["errors"].as_array().unwrap_or_else(|| panic!("{body}: {problem}"));
            let mut named: Vec<&str> = errors.iter().map(|error| error["field"].as_str().expect("a field")).collect();
            assert_eq!(problem["field"].as_str(), named.first().copied(), "{body}: {problem}");
            named.sort_unstable();
            assert_eq!(named, fields, "{body}: {problem}");
            assert!(errors.iter().all(|error| !error["message"].as_str().expect("a message").is_empty()), "{problem}");
        }
        // A member twice, which is no JSON value of ours.
        let twice = api.request(reqwest::Method::POST, "/api/v1/users").header("content-type", "application/json");
        let answer = api.send(twice.body(r#"{"user_name": "x", "user_name": "y"}"#)).await.expect(422).value();
        assert_eq!(answer["errors"][0]["field"], "user_name", "{answer}");
        // Names that are taken are named as well; an error about no member names none.
        api.post("/api/v1/users", &json!({"user_name": "x"})).await.created();
        let taken = api.post("/api/v1/users", &json!({"user_name": "X"})).await.expect(409).value();
        assert_eq!(taken["errors"], json!([{"field": "user_name", "message": "is already taken"}]));
        let missing = api.get("/api/v1/users/x").await.expect(404).value();
        assert_eq!((&missing["errors"], &missing["field"]), (&json!(null), &json!(null)));
    }

    async fn an_error_says_what_to_do_and_nothing_else(server: Server) {
        let page = server.client().get("/nowhere").await.expect(404);
        assert!(page.body.contains("Go to home page") && page.body.contains("Request ID"), "{}", page.body);
        for name in ["content-security-policy", "x-content-type-options", "x-frame-options", "referrer-policy"] {
            assert!(!page.header(name).is_empty(), "{name}");
        }
        let problem = server.client().get("/api/v1/nowhere").await.expect(404);
        assert_eq!(problem.header("content-type"), "application/problem+json");
    }
}
