//! Which addresses a SCIM connection may give to users.

use serde_json::{Value, json};

use super::saml;
use crate::harness::{Answer, Client, Server, Tenant};
use crate::on_both;

/// A SCIM connection that lists this domain: its id, and a client with its token.
async fn directory(server: &Server, tenant: &Tenant, domain: &str) -> (String, Client) {
    let api = server.client().bearer(&tenant.token);
    let body = json!({"kind": "scim", "name": "Partner directory", "email_domains": [domain]});
    let made = api.post("/api/v1/connections", &body).await.created();
    let id = made["id"].as_str().expect("id").to_owned();
    let token = api.post(&format!("/api/v1/connections/{id}/tokens"), &json!({})).await.created();
    (id, server.client().bearer(token["token"].as_str().expect("token")))
}

fn person(user_name: &str, email: &str) -> Value {
    json!({"userName": user_name, "active": true, "emails": [{"value": email, "primary": true, "type": "work"}]})
}

fn replace(value: &Value) -> Value {
    json!({"schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"],
        "Operations": [{"op": "replace", "value": value}]})
}

/// The detail of a refusal that names the domain.
fn refused(answer: Answer, domain: &str) -> String {
    let detail = answer.expect(403).value()["detail"].as_str().expect("text").to_owned();
    assert!(detail.contains(domain) && detail.contains("select this connection for it"), "{detail}");
    detail.replace(domain, "DOMAIN")
}

async fn count(api: &Client, name: &str) -> usize {
    let found = api.get(&format!("/api/v1/users?user_name={name}")).await.ok();
    found["items"].as_array().expect("items").len()
}

on_both! {
    async fn a_directory_gives_no_address_of_another_connection(server: Server) {
        let tenant = server.tenant("acme").await;
        let api = server.client().bearer(&tenant.token);
        let company = saml(server, &tenant).await;
        server.verify_domain("acme", "acme.example", &[&company.id]).await;
        let (id, scim) = directory(server, &tenant, "partner.example").await;
        server.verify_domain("acme", "partner.example", &[]).await;
        for (user_name, email) in [
            ("ceo@acme.example", "ceo@acme.example"),
            ("ceo", "ceo@acme.example"),
            ("ceo", "CEO@Acme.Example"),
            ("ceo@acme.example", "ceo@partner.example"),
            ("ceo@partner.example", "ceo@acme.example"),
        ] {
            refused(scim.post("/scim/v2/Users", &person(user_name, email)).await, "acme.example");
        }
        refused(scim.post("/scim/v2/Users", &json!({"userName": "ceo@acme.example"})).await, "acme.example");
        let bulk = json!({"schemas": ["urn:ietf:params:scim:api:messages:2.0:BulkRequest"], "Operations": [
            {"method": "POST", "path": "/Users", "bulkId": "a", "data": person("ceo", "ceo@acme.example")}]});
        let results = scim.post("/scim/v2/Bulk", &bulk).await.ok();
        assert_eq!(results["Operations"][0]["status"], "403", "{results}");
        assert_eq!(count(&api, "ceo").await + count(&api, "ceo@acme.example").await, 0);

        // Its own users, and those of a domain that no account has verified.
        scim.post("/scim/v2/Users", &person("dave", "dave@home.example")).await.created();
        let carol = scim.post("/scim/v2/Users", &person("carol@partner.example", "carol@partner.example")).await.created();
        let path = format!("/scim/v2/Users/{}", carol["id"].as_str().expect("id"));
        for change in [json!({"userName": "ceo@acme.example"}), json!({"emails": [{"value": "ceo@acme.example", "primary": true}]})] {
            refused(scim.patch(&path, &replace(&change)).await, "acme.example");
        }
        refused(scim.put(&path, &person("carol@partner.example", "ceo@acme.example")).await, "acme.example");
        refused(scim.put(&path, &person("ceo@acme.example", "carol@partner.example")).await, "acme.example");
        assert_eq!(scim.get(&path).await.ok()["userName"], "carol@partner.example");
        scim.put(&path, &person("carol@partner.example", "carol@home.example")).await.expect(200);
        scim.put(&path, &person("CAROL@partner.example", "carol@home.example")).await.expect(200);

        // Selected for the domain, it may.
        server.verify_domain("acme", "acme.example", &[&company.id, &id]).await;
        scim.put(&path, &person("carol", "carol@acme.example")).await.expect(200);
        scim.post("/scim/v2/Users", &person("ceo", "ceo@acme.example")).await.created();
        // Selected no more, it may still do what has nothing to do with the address.
        server.verify_domain("acme", "acme.example", &[&company.id]).await;
        scim.put(&path, &person("carol", "carol@acme.example")).await.expect(200);
        scim.patch(&path, &replace(&json!({"displayName": "Carol"}))).await.expect(200);
        refused(scim.put(&path, &person("carol", "caroline@acme.example")).await, "acme.example");
        scim.patch(&path, &replace(&json!({"active": false}))).await.expect(200);
        scim.delete(&path).await.expect(204);
    }

    async fn a_directory_gives_no_address_of_another_account(server: Server) {
        let (acme, globex) = (server.tenant("acme").await, server.tenant("globex").await);
        let api = server.client().bearer(&acme.token);
        let company = saml(server, &acme).await;
        server.verify_domain("acme", "acme.example", &[&company.id]).await;
        let (id, scim) = directory(server, &acme, "later.example").await;
        let bob = scim.post("/scim/v2/Users", &person("bob", "bob@later.example")).await.created();
        let path = format!("/scim/v2/Users/{}", bob["id"].as_str().expect("id"));
        // What waits when the other account verifies the domain is not approved any more.
        api.patch(&format!("/api/v1/connections/{id}"), &json!({"dry_run": true})).await.expect(200);
        scim.post("/scim/v2/Users", &person("held", "held@later.example")).await.expect(503);
        server.verify_domain("globex", "later.example", &[]).await;
        api.post(&format!("/api/v1/connections/{id}/pending-changes/approve"), &json!({})).await;
        assert_eq!(count(&api, "held").await, 0);
        refused(scim.post("/scim/v2/Users", &person("eve", "eve@later.example")).await, "later.example");
        let discard = format!("/api/v1/connections/{id}/pending-changes/discard");
        api.post(&discard, &json!({})).await.expect(200);
        api.patch(&format!("/api/v1/connections/{id}"), &json!({"dry_run": false})).await.expect(200);

        let theirs = refused(scim.post("/scim/v2/Users", &person("eve", "eve@later.example")).await, "later.example");
        let listed = refused(scim.post("/scim/v2/Users", &json!({"userName": "eve@globex.example"})).await, "globex.example");
        let ours = refused(scim.post("/scim/v2/Users", &person("eve", "eve@acme.example")).await, "acme.example");
        assert_eq!((&theirs, &listed), (&ours, &ours), "it does not tell why");
        assert!(!theirs.contains("account"), "{theirs}");
        refused(scim.put(&path, &person("bob", "robert@later.example")).await, "later.example");
        // Who is here stays, and can be deactivated.
        scim.put(&path, &person("bob", "bob@later.example")).await.expect(200);
        let off = scim.patch(&path, &replace(&json!({"active": false}))).await.ok();
        assert_eq!(off["active"], json!(false));
        assert_eq!(count(&api, "eve").await, 0);
        // The other account provisions in its domain, and an administrator's word counts in the own account.
        let (_, token) = server.scim(&globex, "Theirs").await;
        let other = server.client().bearer(&token);
        other.post("/scim/v2/Users", &person("eve", "eve@later.example")).await.created();
        api.post("/api/v1/users", &json!({"user_name": "guest", "email": "guest@later.example"})).await.created();
    }
}
