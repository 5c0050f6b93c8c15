//! Somebody with a role: what a directory says about their address, username and status waits for an administrator.

use serde_json::{Value, json};

use crate::harness::{Client, Server, Tenant};
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
        let problem = world.api.post(&approve, &json!({"id": seen[0]["id"]})).await.expect(409);
        assert!(problem.body.contains("Okta has sent another change in its place"), "{}", problem.body);
        assert_eq!(world.api.get(&world.user).await.ok()["email"], "bob@acme.example");
        assert_eq!(world.pending().await, now, "what is pending now is still to be decided");
    }

    async fn an_approval_without_effect_says_why(server: Server) {
        let world = world(server, "account_viewer").await;
        let approve = format!("{}/pending-changes/approve", world.connection);
        let browser = server.client();
        browser.sign_in("acme", &world.tenant.email, &world.tenant.password).await.expect(303);
        let page = approve.replace("/api/v1/", "/console/");
        // Already in effect, because an administrator was faster: one alone, and among all.
        for is_alone in [true, false] {
            let address = format!("robert{is_alone}@acme.example");
            world.scim.put(&world.path, &profile(&address, "Bob")).await.expect(503);
            world.api.patch(&world.user, &json!({"roles": []})).await.expect(200);
            world.scim.put(&world.path, &profile(&address, "Bob")).await.expect(200);
            world.api.patch(&world.user, &json!({"roles": ["account_viewer"]})).await.expect(200);
            if is_alone {
                let id = world.pending().await[0]["id"].clone();
                let problem = world.api.post(&approve, &json!({"id": id})).await.expect(409).value();
                assert!(problem["detail"].as_str().expect("text").contains("already has the values"), "{problem}");
                // It is dealt with, which the second approval is told.
                let id = id.as_str().expect("id");
                let told = browser.form(&page, &[("chosen", id)]).await.expect(200);
                assert!(told.body.contains("no longer pending: it was approved or discarded"), "{}", told.body);
            } else {
                let result = world.api.post(&approve, &json!({})).await.ok();
                assert_eq!(result, json!({"done": 0, "outdated": 1, "refused": 0, "left": 0}));
            }
            assert!(world.pending().await.is_empty());
            assert_eq!(world.api.get(&world.user).await.ok()["email"], address.as_str());
        }
        // The user is gone: the change stays with the reason, in both places.
        world.scim.patch(&world.path, &replace(&json!({"active": false}))).await.expect(503);
        world.api.patch(&world.user, &json!({"roles": []})).await.expect(200);
        world.scim.delete(&world.path).await.expect(204);
        let id = world.pending().await[0]["id"].clone();
        let problem = world.api.post(&approve, &json!({"id": id})).await.expect(409).value();
        let detail = problem["detail"].as_str().expect("text");
        assert!(detail.contains("not applied and is still pending") && detail.contains("not found"), "{problem}");
        let told = browser.form(&page, &[("chosen", id.as_str().expect("id"))]).await.expect(200);
        assert!(told.body.contains("not applied and is still pending"), "{}", told.body);
        assert!(world.pending().await[0]["refusal"].as_str().expect("why").contains("not found"));
    }

    async fn a_change_that_alternates_mails_administrators_once_a_day(server: Server) {
        const DAY: u64 = 24 * 60 * 60;
        let world = world(server, "account_viewer").await;
        let alternate = async |times: usize| {
            for n in 0..times {
                let address = if n.is_multiple_of(2) { "robert@acme.example" } else { "bobby@acme.example" };
                world.scim.put(&world.path, &profile(address, "Bob")).await.expect(503);
            }
        };
        // The mail to a new user is queued after a while.
        server.mail("bob@acme.example", "You now have access to acme").await;
        let before = server.mails_queued().await;
        alternate(6).await;
        let pending = world.pending().await;
        assert_eq!(pending.len(), 1);
        assert!(pending[0]["changes"].to_string().contains("bobby@acme.example"), "the newest: {pending:?}");
        assert_eq!(server.mails_queued().await - before, 1);
        server.mail(&world.tenant.email, "A change to bob@acme.example needs your approval").await;
        // No mail was about the content of now: it is due once the day is over, although it is only a retry.
        let retry = profile("bobby@acme.example", "Bob");
        for (seconds, mails) in [(DAY - 60, 1), (120, 2), (2 * DAY, 2)] {
            server.advance(seconds);
            world.scim.put(&world.path, &retry).await.expect(503);
            assert_eq!(server.mails_queued().await - before, mails, "after {seconds} seconds");
        }
        alternate(5).await;
        assert_eq!(server.mails_queued().await - before, 3);
        // Another held change has a mail of its own.
        world.scim.delete(&world.path).await.expect(503);
        assert_eq!(server.mails_queued().await - before, 4);
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
