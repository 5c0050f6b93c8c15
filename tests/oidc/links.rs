//! Linked sign-ins: from the profile, and away again.

use std::time::Duration;

use serde_json::json;

use super::world::World;
use crate::harness::{Client, Server};
use crate::on_both;

/// Begins linking in the profile: where the browser is sent.
async fn begin(world: &World<'_>, browser: &Client) -> String {
    let sent =
        browser.form("/profile/identities/link", &[("connection", &world.connection)]).await.expect(303);
    sent.location().expect("the provider")
}

on_both! {
    with Server::inside;

    async fn from_the_profile_and_away_again(server: Server) {
        let world = World::new(server).await;
        world.provider.claim("email", json!("private@home.example"));
        world.provider.claim("email_verified", json!(false));
        let browser = server.client();
        browser.sign_in("acme", &world.tenant.email, &world.tenant.password).await.expect(303);
        assert!(browser.get("/profile").await.expect(200).body.contains("Link Company"));
        let back = world.provider.approve(&begin(&world, &browser).await);
        // Nobody else's browser can finish it, nor the same twice.
        server.client().get(&back).await.expect(403);
        let done = browser.get(&back).await.expect(303).location();
        assert_eq!(done.as_deref(), Some("/profile?notice=identity_linked"));
        let again = world.provider.approve(&begin(&world, &browser).await);
        browser.get(&again).await.expect(303);
        browser.get(&again).await.expect(403);
        let page = browser.get("/profile").await.expect(200).body;
        assert!(page.contains("private@home.example") && !page.contains("Link Company"), "{page}");

        // It is good for signing in, whatever address it has.
        let other = server.client();
        assert_eq!(world.lets_in(&other).await["email"], world.tenant.email);
        let id = server_identity(&page);
        browser.form("/profile/identities/unlink", &[("id", &id)]).await.expect(303);
        world.sign_in(&server.client()).await.expect(403);
        assert_eq!(server.last_refusal(&world.tenant).await, "address_not_verified");
        let events = server.audit(&world.tenant).await;
        for action in ["user.link", "user.unlink"] {
            assert!(events.iter().any(|e| e["action"] == action), "{action}");
        }
    }

    async fn what_belongs_to_somebody_else_stays_theirs(server: Server) {
        let world = World::new(server).await;
        world.lets_in(&server.client()).await;
        let browser = server.client();
        browser.sign_in("acme", &world.tenant.email, &world.tenant.password).await.expect(303);
        let back = world.provider.approve(&begin(&world, &browser).await);
        let done = browser.get(&back).await.expect(303).location();
        assert_eq!(done.as_deref(), Some("/profile?notice=identity_of_another"));
        let items = world.api().get(&format!("/api/v1/users/{}/identities", world.user)).await.ok()["items"].clone();
        assert_eq!(items.as_array().map(Vec::len), Some(1));
        // Bob's cannot be taken away by another user, nor another account's administrator.
        let id = items[0]["id"].as_str().expect("id");
        browser.form("/profile/identities/unlink", &[("id", id)]).await.expect(404);
        let other = server.tenant("other").await;
        let theirs = server.client().bearer(&other.token);
        theirs.get(&format!("/api/v1/users/{}/identities", world.user)).await.expect(404);
        theirs.delete(&format!("/api/v1/users/{}/identities/{id}", world.user)).await.expect(404);
        // In a session that began long ago one has to say again who one is.
        server.clock.advance(Duration::from_hours(2));
        let first = begin(&world, &browser).await;
        assert!(first.starts_with("/profile/confirm"), "{first}");
    }
}

fn server_identity(page: &str) -> String {
    let at = page.find("/profile/identities/unlink").expect("a form");
    let rest = &page[at..];
    let at = rest.find("value=\"").expect("a value") + 7;
    rest[at..].split('"').next().expect("id").to_owned()
}
