//! One account can neither read nor touch another's: its things do not exist.

use serde_json::json;

use crate::harness::Server;
use crate::on_both;

on_both! {
    async fn ids_of_another_account_do_not_exist(server: Server) {
        let (acme, globex) = (server.tenant("acme").await, server.tenant("globex").await);
        let (connection, scim_token) = server.scim(&acme, "Okta").await;
        let scim = server.client().bearer(&scim_token);
        let user = scim.post("/scim/v2/Users", &json!({"userName": "bob@acme.example"})).await.created();
        let group = scim.post("/scim/v2/Groups", &json!({"displayName": "Staff"})).await.created();
        let (user, group) = (user["id"].as_str().expect("id"), group["id"].as_str().expect("id"));

        let api = server.client().bearer(&globex.token);
        let robot = server.client().bearer(&acme.token).get("/api/v1/service-accounts").await.ok();
        let robot = robot["items"][0]["id"].as_str().expect("id").to_owned();
        let token = server.client().bearer(&acme.token).get("/api/v1/api-tokens").await.ok();
        let token = token["items"][0]["id"].as_str().expect("id").to_owned();
        let domain = server.client().bearer(&acme.token).get("/api/v1/domains").await.ok();
        let domain = domain["items"][0]["id"].as_str().expect("id").to_owned();
        for path in [
            format!("/api/v1/users/{user}"),
            format!("/api/v1/groups/{group}"),
            format!("/api/v1/groups/{group}/members"),
            format!("/api/v1/connections/{connection}"),
            format!("/api/v1/connections/{connection}/tokens"),
            format!("/console/users/{user}"),
            format!("/console/groups/{group}"),
            format!("/console/connections/{connection}"),
            format!("/api/v1/domains/{domain}"),
            format!("/console/domains/{domain}"),
        ] {
            assert_eq!(api.get(&path).await.status, 404, "GET {path}");
        }
        for path in [
            format!("/api/v1/users/{user}"),
            format!("/api/v1/groups/{group}"),
            format!("/api/v1/connections/{connection}"),
            format!("/api/v1/service-accounts/{robot}"),
            format!("/api/v1/api-tokens/{token}"),
        ] {
            assert_eq!(api.delete(&path).await.status, 404, "DELETE {path}");
        }
        for (path, body) in [
            (format!("/api/v1/users/{user}"), json!({"status": "inactive"})),
            (format!("/api/v1/groups/{group}"), json!({"name": "x"})),
            (format!("/api/v1/connections/{connection}"), json!({"enabled": false})),
        ] {
            assert_eq!(api.patch(&path, &body).await.status, 404, "PATCH {path}");
        }
        let path = format!("/api/v1/users/{user}/sessions/revoke");
        assert_eq!(api.post(&path, &json!({})).await.status, 404);
        let link = json!({"connection_id": connection, "name": "x"});
        for (path, body) in [
            (format!("/api/v1/connections/{connection}/tokens"), json!({})),
            (format!("/api/v1/connections/{connection}/tests"), json!({})),
            (format!("/api/v1/connections/{connection}/keys"), json!({"step": "publish"})),
            (format!("/api/v1/groups/{group}/link"), link),
        ] {
            assert_eq!(api.post(&path, &body).await.status, 404, "POST {path}");
        }
        let path = format!("/api/v1/groups/{group}/link?members=remove");
        assert_eq!(api.delete(&path).await.status, 404, "DELETE {path}");
        for (path, field) in [("keys", ("step", "publish")), ("metadata/forget", ("x", "y")), ("enabled", ("enabled", "false"))] {
            // The console asks for a session; a browser of the other account has one.
            let browser = server.client();
            browser.sign_in("globex", &globex.email, &globex.password).await.expect(303);
            let path = format!("/console/connections/{connection}/{path}");
            assert_eq!(browser.form(&path, &[field]).await.status, 404, "POST {path}");
        }
        let trail = serde_json::Value::from(server.audit(&globex).await).to_string();
        assert!(!trail.contains(user) && !trail.contains("bob@acme"), "no trace in the other's trail");
        scim.get(&format!("/scim/v2/Users/{user}")).await.expect(200);
    }

    async fn a_token_opens_only_what_it_was_made_for(server: Server) {
        let tenant = server.tenant("acme").await;
        let (connection, scim) = server.scim(&tenant, "Okta").await;
        server.client().bearer(&scim).get("/api/v1/me").await.expect(401);
        server.client().bearer(&tenant.token).get("/scim/v2/Users").await.expect(401);
        server.client().bearer("vst_scim_guess").get("/scim/v2/Users").await.expect(401);
        let api = server.client().bearer(&tenant.token);
        api.delete(&format!("/api/v1/connections/{connection}")).await.expect(204);
        server.client().bearer(&scim).get("/scim/v2/Users").await.expect(401);
    }
}
