//! The approval of a pending identity, after what spoke for it has changed.

use serde_json::{Value, json};
use tokio::sync::Barrier;
use vestibule::access::Role;

use super::{bind_role, create_user, enter_as, saml, subjects};
use crate::harness::{Answer, Client, Server};
use crate::on_both;

const PASSWORD: &str = "a good long password";

/// The pending identity of a user with this subject, as the body of its approval.
async fn pending(api: &Client, user: &str, subject: &str) -> Value {
    let all = api.get(&format!("/api/v1/users/{user}/pending-identities")).await.ok();
    let found = all["items"].as_array().expect("items").iter().find(|item| item["subject"] == json!(subject));
    json!({"pending_id": found.unwrap_or_else(|| panic!("{subject} in {all}"))["id"]})
}

async fn approve(api: &Client, user: &str, body: &Value) -> Answer {
    api.post(&format!("/api/v1/users/{user}/identities"), body).await
}

async fn expect_conflict(api: &Client, user: &str, body: &Value, why: &str) {
    let refused = approve(api, user, body).await.expect(409);
    assert!(refused.body.contains(why), "{why}: {}", refused.body);
}

on_both! {
    async fn what_spoke_for_it_must_still_be_so(server: Server) {
        let tenant = server.tenant("acme").await;
        let api = server.client().bearer(&tenant.token);
        let mut provider = saml(server, &tenant).await;
        let connection = format!("/api/v1/connections/{}", provider.id);
        let bob = create_user(&api, "bob@acme.example", None).await;
        bind_role(server, "acme", &bob, Role::AccountViewer).await;
        enter_as(server, &mut provider, "p-1", "bob@acme.example").await.0.expect(403);
        let first = pending(&api, &bob, "persistent:p-1").await;
        // The connection is disabled.
        api.patch(&connection, &json!({"enabled": false})).await.expect(200);
        expect_conflict(&api, &bob, &first, "is disabled").await;
        let admin = server.client();
        admin.sign_in("acme", &tenant.email, &tenant.password).await.expect(303);
        let path = format!("/console/users/{bob}/identities/approve");
        let shown = admin.form(&path, &[("identity", first["pending_id"].as_str().expect("id"))]).await.expect(422);
        assert!(shown.body.contains("is disabled"), "{}", shown.body);
        api.patch(&connection, &json!({"enabled": true, "override_untested": true})).await.expect(200);
        // Its domain belongs to another connection.
        let (directory, _) = server.scim(&tenant, "Directory").await;
        server.verify_domain("acme", "acme.example", &[&directory]).await;
        expect_conflict(&api, &bob, &first, "no longer selected for the email domain acme.example").await;
        server.verify_domain("acme", "acme.example", &[&directory, &provider.id]).await;
        // The user has another address.
        let path = format!("/api/v1/users/{bob}");
        let renamed = json!({"email": "robert@acme.example", "user_name": "robert@acme.example"});
        api.patch(&path, &renamed).await.expect(200);
        expect_conflict(&api, &bob, &first, "bob@acme.example").await;
        let back = json!({"email": "bob@acme.example", "user_name": "bob@acme.example"});
        api.patch(&path, &back).await.expect(200);
        assert!(subjects(&api, &bob).await.is_empty());
        // Everything is as it was.
        approve(&api, &bob, &first).await.expect(204);
        assert_eq!(subjects(&api, &bob).await, ["persistent:p-1"]);
        approve(&api, &bob, &first).await.expect(404);
    }

    async fn nothing_else_was_linked_meanwhile(server: Server) {
        let tenant = server.tenant("acme").await;
        let api = server.client().bearer(&tenant.token);
        let mut provider = saml(server, &tenant).await;
        let bob = create_user(&api, "bob@acme.example", None).await;
        bind_role(server, "acme", &bob, Role::AccountViewer).await;
        for subject in ["p-1", "p-2", "p-3"] {
            enter_as(server, &mut provider, subject, "bob@acme.example").await.0.expect(403);
        }
        let [first, second, third] = [
            pending(&api, &bob, "persistent:p-1").await,
            pending(&api, &bob, "persistent:p-2").await,
            pending(&api, &bob, "persistent:p-3").await,
        ];
        // The subject was linked to another user.
        let carol = create_user(&api, "carol@acme.example", None).await;
        enter_as(server, &mut provider, "p-3", "carol@acme.example").await.0.expect(303);
        assert_eq!(subjects(&api, &carol).await, ["persistent:p-3"]);
        expect_conflict(&api, &bob, &third, "linked to another user").await;
        // Another subject was linked to the user.
        approve(&api, &bob, &first).await.expect(204);
        expect_conflict(&api, &bob, &second, "another identity of this identity provider").await;
        assert_eq!(subjects(&api, &bob).await, ["persistent:p-1"]);
        // As the text says, the administrator can unlink it.
        let linked = api.get(&format!("/api/v1/users/{bob}/identities")).await.ok()["items"][0]["id"].clone();
        let linked = linked.as_str().expect("id").to_owned();
        api.delete(&format!("/api/v1/users/{bob}/identities/{linked}")).await.expect(204);
        approve(&api, &bob, &second).await.expect(204);
        assert_eq!(subjects(&api, &bob).await, ["persistent:p-2"]);
        // With the connection, everything that waits for it is gone.
        api.delete(&format!("/api/v1/connections/{}", provider.id)).await.expect(204);
        approve(&api, &bob, &third).await.expect(404);
    }

    async fn of_two_approvals_at_once_one_links(server: Server) {
        let tenant = server.tenant("acme").await;
        let api = server.client().bearer(&tenant.token);
        let mut provider = saml(server, &tenant).await;
        let barrier = Barrier::new(2);
        for round in 0..10 {
            let email = format!("bob{round}@acme.example");
            let user = create_user(&api, &email, None).await;
            bind_role(server, "acme", &user, Role::AccountViewer).await;
            let names = [format!("a-{round}"), format!("b-{round}")];
            for name in &names {
                enter_as(server, &mut provider, name, &email).await.0.expect(403);
            }
            let first = pending(&api, &user, &format!("persistent:{}", names[0])).await;
            let second = pending(&api, &user, &format!("persistent:{}", names[1])).await;
            let send = async |body: &Value| {
                barrier.wait().await;
                approve(&api, &user, body).await.status.as_u16()
            };
            let (one, other) = tokio::join!(send(&first), send(&second));
            assert!(matches!((one, other), (204, 409) | (409, 204)), "{one} {other}");
            assert_eq!(subjects(&api, &user).await.len(), 1);
        }
    }

    async fn of_an_approval_and_a_confirmation_at_once_one_links(server: Server) {
        let tenant = server.tenant("acme").await;
        let api = server.client().bearer(&tenant.token);
        let mut provider = saml(server, &tenant).await;
        let barrier = Barrier::new(2);
        for round in 0..4 {
            let email = format!("bob{round}@acme.example");
            let user = create_user(&api, &email, Some(PASSWORD)).await;
            let names = [format!("a-{round}"), format!("b-{round}")];
            let (waiting, browser) = enter_as(server, &mut provider, &names[0], &email).await;
            let page = browser.get(&waiting.expect(303).location().expect("to confirm")).await.expect(200);
            let flow = page.field("flow");
            enter_as(server, &mut provider, &names[1], &email).await.0.expect(303);
            let body = pending(&api, &user, &format!("persistent:{}", names[1])).await;
            let (approved, confirmed) = tokio::join!(
                async {
                    barrier.wait().await;
                    approve(&api, &user, &body).await.status.as_u16()
                },
                async {
                    barrier.wait().await;
                    let fields = [("flow", flow.as_str()), ("password", PASSWORD)];
                    browser.form("/login/confirm-link", &fields).await.status.as_u16()
                }
            );
            assert!(matches!((approved, confirmed), (204, 403 | 409) | (409, 303)), "{approved} {confirmed}");
            let linked = usize::from(approved == 409);
            assert_eq!(subjects(&api, &user).await, [format!("persistent:{}", names[1 - linked])]);
        }
    }
}
