//! Whom an application hears about: users by tokens of their own, groups by what they are and not by what they
//! are called, and signed-in users whatever their browser sends.

use reqwest::Method;
use serde_json::{Value, json};

use super::world::{PASSWORD, Site, text};
use crate::harness::Server;
use crate::harness::phone::Phone;
use crate::on_both;

on_both! {
    async fn a_token_of_a_user_is_worth_what_the_user_is(server: Server) {
        let site = Site::with(server, json!({"allow_tokens": true})).await;
        let ada = site.user("ada").await;
        let readers = site.group("Readers", &[&ada]).await;
        site.api.patch(&format!("/api/v1/apps/{}", site.id), &json!({"groups": [readers]})).await.expect(200);
        let browser = server.client();
        browser.sign_in("acme", "ada@acme.example", PASSWORD).await.expect(303);
        let make = async |body: Value| text(&browser.post("/api/v1/api-tokens", &body).await.created()["token"]);
        let token = make(json!({"name": "script", "application": site.id})).await;
        let of_the_api = make(json!({"name": "api"})).await;
        let ask = async |token: &str| {
            let client = server.client();
            client.send(site.question(&client, Method::GET, "/").bearer_auth(token)).await
        };
        let answer = ask(&token).await.expect(200);
        assert_eq!(answer.header("x-vestibule-user"), ada);
        let named = (answer.header("x-vestibule-account"), answer.header("x-vestibule-groups"));
        assert_eq!(named, ("acme", "Readers"));
        ask(&of_the_api).await.expect(401);
        // It has the access that its user has.
        let members = format!("/api/v1/groups/{readers}/members");
        site.api.post(&members, &json!({"remove": [ada]})).await.expect(200);
        ask(&token).await.expect(403);
        site.api.post(&members, &json!({"add": [ada]})).await.expect(200);
        ask(&token).await.expect(200);
        // It was made without the second factor that the account demands by now.
        let admin = server.client();
        admin.sign_in("acme", &site.tenant.email, &site.tenant.password).await.expect(303);
        Phone::set_up(server, &admin, "/profile/two-factor/add?what=app").await;
        let demand = json!({"two_factor": {"groups": [readers], "grace_days": 0}});
        site.api.patch("/api/v1/authentication-settings", &demand).await.expect(200);
        let refused = ask(&token).await.expect(401);
        assert!(refused.body.contains("Two-factor"), "{}", refused.body);
        site.api.patch("/api/v1/authentication-settings", &json!({"two_factor": {"groups": []}})).await.expect(200);
        ask(&token).await.expect(200);
        site.api.patch(&format!("/api/v1/users/{ada}"), &json!({"status": "inactive"})).await.expect(200);
        ask(&token).await.expect(401);
    }

    async fn a_group_of_the_same_name_gives_no_access(server: Server) {
        let site = Site::with(server, json!({})).await;
        let (ada, eve) = (site.user("ada").await, site.user("eve").await);
        let own = site.group("admins", &[&ada]).await;
        let (admin, other) = (site.person("ada").await, site.person("eve").await);
        let (_, token) = server.scim(&site.tenant, "Directory").await;
        let body = json!({"displayName": "admins", "members": [{"value": eve}]});
        let twin = text(&server.client().bearer(&token).post("/scim/v2/Groups", &body).await.created()["id"]);
        let path = format!("/api/v1/apps/{}", site.id);
        site.api.patch(&path, &json!({"groups": [own]})).await.expect(200);
        assert_eq!(site.navigate(&admin, "/").await.expect(200).header("x-vestibule-groups"), "admins");
        site.navigate(&other, "/").await.expect(403);
        // Where both groups have access, the application can tell them apart.
        site.api.patch(&path, &json!({"groups": [own, twin]})).await.expect(200);
        let answer = site.navigate(&other, "/").await.expect(200);
        for name in ["x-vestibule-groups", "x-forwarded-groups"] {
            assert!(!answer.header(name).is_empty(), "{name}");
            assert!(answer.header(name).split(',').all(|group| group != "admins"), "{}", answer.header(name));
        }
    }

    async fn every_method_of_a_signed_in_user_passes(server: Server) {
        let site = Site::with(server, json!({})).await;
        let ada = site.user("ada").await;
        let browser = site.person("ada").await;
        for method in ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "PROPFIND"] {
            for path in ["", "/save?x=1"] {
                for origin in [site.url(""), "https://evil.test".to_owned(), "null".to_owned()] {
                    let url = site.url(&format!("/forward-auth/{}{path}", site.id));
                    let method: Method = method.parse().expect("method");
                    let request = browser.request(method.clone(), &url).header("x-forwarded-host", &site.host);
                    let mut request = request.build().expect("request");
                    // Whether a page may send this is for the application to decide.
                    request.headers_mut().insert("origin", origin.parse().expect("origin"));
                    let answer = browser.send_built(request).await.expect(200);
                    assert_eq!(answer.header("x-vestibule-user"), ada, "{method} {path} {origin}");
                }
            }
        }
    }
}
