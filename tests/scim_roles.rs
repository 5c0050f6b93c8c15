//! Somebody with a role: what a directory says about their address, username and status waits for an administrator.

use serde_json::{Value, json};

use crate::harness::{Client, Server, Tenant, mail};
use crate::on_both;

const USER: &str = "urn:ietf:params:scim:schemas:core:2.0:User";
const PATCH: &str = "urn:ietf:params:scim:api:messages:2.0:PatchOp";

struct World {
    tenant: Tenant,
    api: Client,
    scim: Client,
    connection: String,
    /// The paths of a provisioned user with a role, in the REST API and in SCIM.
    user: String,
    path: String,
}

fn profile(address: &str, given_name: &str) -> Value {
    json!({"schemas": [USER], "userName": "bob@acme.example", "active": true, "name": {"givenName": given_name},
        "emails": [{"primary": true, "value": address, "type": "work"}]})
}

fn replace(value: &Value) -> Value {
    json!({"schemas": [PATCH], "Operations": [{"op": "replace", "value": value}]})
}

async fn world(server: &Server, role: &str) -> World {
    let tenant = server.tenant("acme").await;
    let api = server.client().bearer(&tenant.token);
    let (connection, token) = server.scim(&tenant, "Okta").await;
    let scim = server.client().bearer(&token);
    let bob = scim.post("/scim/v2/Users", &profile("bob@acme.example", "Bob")).await.created();
    let id = bob["id"].as_str().expect("id");
    let (user, path) = (format!("/api/v1/users/{id}"), format!("/scim/v2/Users/{id}"));
    api.patch(&user, &json!({"roles": [role]})).await.expect(200);
    World { tenant, api, scim, connection: format!("/api/v1/connections/{connection}"), user, path }
}

impl World {
    async fn pending(&self) -> Vec<Value> {
        let list = self.api.get(&format!("{}/pending-changes", self.connection)).await.ok();
        list["items"].as_array().expect("items").clone()
    }
}

on_both! {
    async fn a_directory_cannot_take_over_a_role_by_way_of_an_address(server: Server) {
        let world = world(server, "account_viewer").await;
        let before = world.api.get(&world.user).await.ok();
        let thief = profile("thief@evil.example", "Bob");
        let held = world.scim.put(&world.path, &thief).await.expect(503);
        assert_eq!(held.header("retry-after"), "600");
        assert!(held.value()["detail"].as_str().expect("text").contains("an administrator can approve it"), "{}", held.body);
        for change in [json!({"userName": "thief@evil.example"}), json!({"active": false})] {
            world.scim.patch(&world.path, &replace(&change)).await.expect(503);
        }
        world.scim.delete(&world.path).await.expect(503);
        // Bulk requests are no way around.
        let bulk = json!({"schemas": ["urn:ietf:params:scim:api:messages:2.0:BulkRequest"], "Operations": [
            {"method": "DELETE", "path": world.path.trim_start_matches("/scim/v2")}]});
        let answer = world.scim.post("/scim/v2/Bulk", &bulk).await.ok();
        assert_eq!(answer["Operations"][0]["status"], "503", "{answer}");
        assert_eq!(world.api.get(&world.user).await.ok(), before);
        assert_eq!(world.pending().await.len(), 4);
        // The link for a new password does not go to the thief.
        server.client().form("/login/forgot", &[("identifier", "thief@evil.example"), ("account", "acme")]).await.expect(200);
        server.mail(&world.tenant.email, "A change to bob@acme.example needs your approval").await;
        let events = server.audit(&world.tenant).await;
        let held = events.iter().find(|event| event["action"] == "user.change_held" && event["detail"]["method"] == "PUT");
        let attributes = held.expect("an event")["detail"]["attributes"].to_string();
        assert!(attributes.contains("emails") && !attributes.contains("thief"), "{attributes}");
    }

    async fn an_administrator_approves_it_and_the_old_address_is_told(server: Server) {
        let world = world(server, "account_viewer").await;
        world.scim.put(&world.path, &profile("robert@acme.example", "Bob")).await.expect(503);
        let approved = world.api.post(&format!("{}/pending-changes/approve", world.connection), &json!({})).await.ok();
        assert_eq!((&approved["done"], &approved["refused"]), (&json!(1), &json!(0)), "{approved}");
        assert_eq!(world.api.get(&world.user).await.ok()["email"], "robert@acme.example");
        server.mail("bob@acme.example", "address was changed").await;
        // What has been done already is nothing to wait for.
        world.scim.put(&world.path, &profile("robert@acme.example", "Bob")).await.expect(200);
    }

    async fn what_an_administrator_has_not_seen_is_not_approved(server: Server) {
        let world = world(server, "account_viewer").await;
        world.scim.put(&world.path, &profile("robert@acme.example", "Bob")).await.expect(503);
        let seen = world.pending().await;
        // The same once more is the same; another address under the same key is not.
        world.scim.put(&world.path, &profile("robert@acme.example", "Bob")).await.expect(503);
        assert_eq!(world.pending().await[0]["id"], seen[0]["id"]);
        world.scim.put(&world.path, &profile("thief@evil.example", "Bob")).await.expect(503);
        let now = world.pending().await;
        assert_eq!(now.len(), 1);
        assert_ne!(now[0]["id"], seen[0]["id"]);
        let approve = format!("{}/pending-changes/approve", world.connection);
        world.api.post(&approve, &json!({"id": seen[0]["id"]})).await;
        assert_eq!(world.api.get(&world.user).await.ok()["email"], "bob@acme.example");
        let outbox = server.dir.path().join("outbox");
        mail::wait_for(&outbox, 2, |mail| mail.subject.contains("needs your approval")).await;
    }

    async fn a_directory_does_not_begin_to_manage_somebody_with_a_role(server: Server) {
        let world = world(server, "account_viewer").await;
        let made = json!({"user_name": "eve@acme.example", "email": "eve@acme.example"});
        let eve = world.api.post("/api/v1/users", &made).await.created();
        let id = eve["id"].as_str().expect("id");
        world.api.patch(&format!("/api/v1/users/{id}"), &json!({"roles": ["account_viewer"]})).await.expect(200);
        let path = format!("/scim/v2/Users/{id}");
        let same = json!({"schemas": [USER], "userName": "eve@acme.example", "active": true,
            "emails": [{"primary": true, "value": "eve@acme.example", "type": "work"}]});
        world.scim.put(&path, &same).await.expect(503);
        let after = world.api.get(&format!("/api/v1/users/{id}")).await.ok();
        assert_eq!(after["connection_id"], Value::Null);
    }

    async fn other_attributes_and_people_without_a_role_are_changed_at_once(server: Server) {
        let world = world(server, "account_viewer").await;
        world.scim.put(&world.path, &profile("bob@acme.example", "Robert")).await.expect(200);
        assert_eq!(world.api.get(&world.user).await.ok()["given_name"], "Robert");
        assert!(world.pending().await.is_empty());
        world.api.patch(&world.user, &json!({"roles": []})).await.expect(200);
        world.scim.put(&world.path, &profile("robert@acme.example", "Robert")).await.expect(200);
        server.mail("bob@acme.example", "address was changed").await;
        world.scim.patch(&world.path, &replace(&json!({"active": false}))).await.expect(200);
        world.scim.delete(&world.path).await.expect(204);
    }
}
