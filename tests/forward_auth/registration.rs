//! `/api/v1/apps`.

use serde_json::{Value, json};

use super::world::{Site, text};
use crate::harness::Server;
use crate::on_both;

on_both! {
    async fn an_application_is_registered_changed_and_deleted(server: Server) {
        let site = Site::with(server, json!({"allow_tokens": true})).await;
        let path = format!("/api/v1/apps/{}", site.id);
        let app = site.api.get(&path).await.ok();
        assert_eq!(app["kind"], "forward_auth");
        assert_eq!(app["hosts"], json!([site.host]));
        assert_eq!((&app["groups"], &app["allow_tokens"]), (&Value::Null, &json!(true)));
        assert_eq!(app["forward_auth_url"], format!("{}/forward-auth/{}", server.url, site.id));
        let group = site.group("Readers", &[]).await;
        let change = json!({"name": "Books", "groups": [group], "hosts": ["Books.Example:443", "b.example:8443"]});
        let app = site.api.patch(&path, &change).await.ok();
        assert_eq!(app["hosts"], json!(["b.example:8443", "books.example"]));
        assert_eq!((&app["name"], &app["groups"]), (&json!("Books"), &json!([group])));
        let app = site.api.patch(&path, &json!({"groups": null})).await.ok();
        assert_eq!((&app["name"], &app["groups"]), (&json!("Books"), &Value::Null));
        assert_eq!(site.api.get("/api/v1/apps").await.ok()["items"].as_array().map(Vec::len), Some(1));
        site.api.delete(&path).await.expect(204);
        site.api.get(&path).await.expect(404);
        let events = server.audit(&site.tenant).await;
        for action in ["app.create", "app.update", "app.delete"] {
            assert!(events.iter().any(|event| event["action"] == action), "{action}");
        }
        // The host is free again.
        let again = json!({"kind": "forward_auth", "name": "Again", "hosts": ["books.example"]});
        site.api.post("/api/v1/apps", &again).await.created();
    }

    async fn a_host_belongs_to_one_application_and_never_to_the_console(server: Server) {
        let site = Site::with(server, json!({})).await;
        let globex = server.tenant("globex").await;
        let other = server.client().bearer(&globex.token);
        let own = server.url.trim_start_matches("http://");
        let refused = async |hosts: Value| {
            let body = json!({"kind": "forward_auth", "name": "x", "hosts": hosts});
            let answer = other.post("/api/v1/apps", &body).await;
            assert_eq!(answer.status, 422, "{hosts}: {}", answer.body);
            assert_eq!(answer.value()["field"], "hosts", "{hosts}");
        };
        for host in [own, "127.0.0.1", "127.0.0.1:1", &site.host, "APP.test", "app.test:1", "*.example.com", "",
            "https://a.example", "a.example/x", "a b"] {
            refused(json!([host])).await;
        }
        refused(json!([])).await;
        refused(json!(["a.example", "a.example:8443"])).await;
        let group = site.group("Readers", &[]).await;
        for (field, body) in [
            ("kind", json!({"kind": "oidc", "name": "x", "hosts": ["a.example"]})),
            ("name", json!({"kind": "forward_auth", "name": " ", "hosts": ["a.example"]})),
            ("rules", json!({"kind": "forward_auth", "name": "x", "hosts": ["a.example"], "rules": []})),
            ("groups", json!({"kind": "forward_auth", "name": "x", "hosts": ["a.example"], "groups": []})),
            // A group of another account.
            ("groups", json!({"kind": "forward_auth", "name": "x", "hosts": ["a.example"], "groups": [group]})),
        ] {
            let answer = other.post("/api/v1/apps", &body).await.expect(422).value();
            assert_eq!(answer["field"], field, "{body}");
        }
        assert_eq!(other.get("/api/v1/apps").await.ok()["items"], json!([]));
    }

    async fn an_application_of_another_account_does_not_exist(server: Server) {
        let site = Site::with(server, json!({"allow_tokens": true})).await;
        let globex = server.tenant("globex").await;
        let other = server.client().bearer(&globex.token);
        let path = format!("/api/v1/apps/{}", site.id);
        other.get(&path).await.expect(404);
        other.patch(&path, &json!({"name": "x"})).await.expect(404);
        other.delete(&path).await.expect(404);
        other.post("/api/v1/api-tokens", &json!({"name": "x", "application": site.id})).await.expect(404);
        let in_their_domain = json!({"kind": "forward_auth", "name": "x", "hosts": ["payroll.acme.example"]});
        let refused = other.post("/api/v1/apps", &in_their_domain).await.expect(422).value();
        assert_eq!(refused["field"], "hosts", "{refused}");
        let viewer = json!({"name": "v", "role": "account_viewer"});
        let viewer = site.api.post("/api/v1/service-accounts", &viewer).await.created();
        let token = json!({"name": "v", "service_account_id": text(&viewer["id"])});
        let token = text(&site.api.post("/api/v1/api-tokens", &token).await.created()["token"]);
        let viewer = server.client().bearer(&token);
        viewer.get(&path).await.expect(200);
        viewer.patch(&path, &json!({"name": "x"})).await.expect(403);
        viewer.post("/api/v1/signing-keys/rotate", &json!({})).await.expect(403);
    }
}
