//! Connections whose stored kind or settings cannot be read, as when a newer node wrote them during a rolling upgrade.
//! They are refused, never taken for something else, and the others keep working.

use serde_json::{Value, json};

use crate::harness::idp::{Idp, Sign};
use crate::harness::{Client, Server};
use crate::on_both;
use crate::saml::world::{ENTITY, World};

/// Writes over what is stored of a connection, as another node would.
async fn overwrite(server: &Server, connection: &str, kind: &str, settings: &str) {
    let mut tx = server.kernel.db.begin().await.expect("tx");
    sqlx::query("UPDATE connections SET kind = $1, settings = $2 WHERE id = $3")
        .bind(kind)
        .bind(settings)
        .bind(connection)
        .execute(&mut *tx)
        .await
        .expect("overwritten");
    tx.commit().await.expect("commit");
}

async fn stored_settings(server: &Server, connection: &str) -> String {
    let mut c = server.kernel.db.read().await.expect("database");
    sqlx::query_scalar("SELECT settings FROM connections WHERE id = $1")
        .bind(connection)
        .fetch_one(&mut *c)
        .await
        .expect("settings")
}

/// The same settings with a member that this version cannot read.
fn with_member(settings: &str, name: &str, value: Value) -> String {
    let mut settings: Value = serde_json::from_str(settings).expect("JSON");
    settings[name] = value;
    settings.to_string()
}

async fn listed(api: &Client, connection: &str) -> Value {
    let all = api.get("/api/v1/connections").await.ok();
    let all = all["items"].as_array().expect("items").clone();
    all.into_iter().find(|one| one["id"] == *connection).expect("listed")
}

on_both! {
    async fn saml_settings_of_a_newer_node_refuse(server: Server) {
        let world = World::new(server, Idp::rsa(ENTITY)).await;
        let api = world.api();
        let browser = server.client();
        let request = world.begin(&browser).await;
        let good = stored_settings(server, &world.connection).await;
        let newer = with_member(&good, "name_id_format", json!("pairwise"));
        for damaged in [newer.as_str(), "no JSON", "[]"] {
            overwrite(server, &world.connection, "saml", damaged).await;
            for path in ["login", "metadata"] {
                let answer = browser.get(&format!("/saml/{}/{path}", world.connection)).await;
                assert_eq!(answer.status, 503, "{path}: {answer:?}");
            }
            // A genuine response to a request from before is not judged by settings that are not known.
            let xml = world.idp.response(&world.says(Some(&request)), Sign::Both);
            world.post(&browser, &xml).await.expect(503);
            // It is no button any more, and the page is there.
            let page = browser.get("/login?account=acme").await.expect(200);
            assert!(!page.body.contains(&world.connection), "{}", page.body);
            let shown = listed(&api, &world.connection).await;
            assert_eq!((&shown["kind"], &shown["saml"]), (&json!("saml"), &Value::Null), "{shown}");
            api.get("/api/v1/connections").await.expect(200);
            assert!(world.change(json!({"landing": "/profile"})).await.status.as_u16() >= 400);
            assert_eq!(stored_settings(server, &world.connection).await, damaged, "nothing was written over it");
        }
        // Nothing was lost by it.
        overwrite(server, &world.connection, "saml", &good).await;
        world.sign_in(&browser, |_| {}).await.expect(303);
    }

    async fn a_kind_that_is_not_known_is_no_other_kind(server: Server) {
        let world = World::new(server, Idp::rsa(ENTITY)).await;
        let api = world.api();
        world.change(json!({"email_domains": ["acme.example"]})).await.expect(200);
        let settings = stored_settings(server, &world.connection).await;
        overwrite(server, &world.connection, "ws-federation", &settings).await;
        let browser = server.client();
        for path in [format!("/saml/{}/login", world.connection), format!("/oidc/{}/login", world.connection)] {
            assert_eq!(browser.get(&path).await.status, 503, "{path}");
        }
        // Its domain still leads to it: the password of this server does not take its place.
        let page = browser.get("/login?account=acme").await.expect(200);
        let fields = [("identifier", "bob@acme.example"), ("account", &page.field("account")), ("return_to", "/")];
        let to = browser.form("/login", &fields).await.location().expect("somewhere");
        assert!(!to.starts_with("/login/password"), "{to}");
        browser.get(&to).await.expect(503);
        assert_eq!(listed(&api, &world.connection).await["kind"], "ws-federation");
        // Another account's connection works, and so does this account's own page.
        let other = World::with(server, "other", Idp::rsa(ENTITY), json!({})).await;
        other.begin(&server.client()).await;
        api.delete(&format!("/api/v1/connections/{}", world.connection)).await.expect(204);
    }

    async fn a_directory_that_cannot_be_read_leaves_no_other_password(server: Server) {
        let tenant = server.tenant("acme").await;
        let api = server.client().bearer(&tenant.token);
        let directory = json!({"kind": "ldap", "name": "Directory", "url": "ldaps://localhost:1",
            "user_queries": [{"base_dn": "dc=acme,dc=example"}], "email_domains": ["acme.example"]});
        let made = api.post("/api/v1/connections", &directory).await.created();
        let id = made["id"].as_str().expect("id");
        let on = json!({"enabled": true, "override_untested": true});
        api.patch(&format!("/api/v1/connections/{id}"), &on).await.expect(200);
        let newer = with_member(&stored_settings(server, id).await, "max_hops", json!("any"));
        overwrite(server, id, "ldap", &newer).await;
        // The administrator has a password here. Whether it counts is what the settings would say.
        let page = server.client().get("/login?account=acme").await.expect(200);
        let browser = server.client();
        let fields = [("identifier", tenant.email.as_str()), ("account", &page.field("account")), ("return_to", "/")];
        let to = browser.form("/login", &fields).await.location().expect("the password page");
        assert!(to.starts_with("/login/password?flow="), "{to}");
        browser.get(&to).await.expect(503);
        let flow = to.split_once("flow=").expect("flow").1;
        let fields = [("flow", flow), ("password", tenant.password.as_str())];
        browser.form("/login/password", &fields).await.expect(503);
        browser.get("/api/v1/me").await.expect(401);
    }

    async fn provisioning_with_settings_that_cannot_be_read_refuses(server: Server) {
        let tenant = server.tenant("acme").await;
        let (broken, broken_token) = server.scim(&tenant, "Broken").await;
        let (unknown, unknown_token) = server.scim(&tenant, "Unknown").await;
        let (_, good_token) = server.scim(&tenant, "Good").await;
        let settings = stored_settings(server, &broken).await;
        // With defaults it would carry changes out that should wait for an administrator.
        overwrite(server, &broken, "scim", &with_member(&settings, "dry_run", json!("always"))).await;
        overwrite(server, &unknown, "scim3", &settings).await;
        let user = json!({"userName": "bob@acme.example", "active": true});
        for token in [&broken_token, &unknown_token] {
            let scim = server.client().bearer(token);
            let refused = scim.post("/scim/v2/Users", &user).await.expect(503);
            assert!(refused.header("content-type").starts_with("application/scim+json"), "{refused:?}");
            assert_eq!(refused.header("retry-after"), "60");
            scim.get("/scim/v2/Users").await.expect(503);
        }
        server.client().bearer(&good_token).post("/scim/v2/Users", &user).await.expect(201);
    }
}
