//! Connections without group sync: users who have left are found all the same.

use std::time::Duration;

use serde_json::json;

use super::leavers::{delete, enter, user};
use super::sync::{runs, sync};
use super::world::{World, body, few};
use crate::harness::Server;
use crate::harness::directory::{PASSWORD, Slapd};
use crate::on_both;
use vestibule::kernel::Timestamp;

on_both! {
    with Server::inside;

    async fn leavers_are_found_on_the_schedule_without_group_searches(server: Server) {
        let slapd = Slapd::start(&few());
        let world = World::with(server, body(&slapd), json!({"group_queries": []})).await;
        let (browser, _) = enter(&world, "bob").await;
        world.lets_in("carol", PASSWORD).await;
        let run = sync(&world, json!({})).await;
        assert_eq!((&run["status"], &run["report"]["deactivated"]), (&json!("done"), &json!(0)), "{run}");
        delete(&slapd, "bob").await;
        server.clock.advance(Duration::from_hours(1));
        let gone = async {
            while user(&world, "bob").await["status"] == "active" {
                crate::harness::pause().await;
            }
        };
        tokio::time::timeout(crate::harness::WAIT_LIMIT, gone).await.expect("a run in each hour");
        browser.get("/api/v1/me").await.expect(401);
        assert_eq!(user(&world, "carol").await["status"], "active");
        let admin = server.client();
        admin.sign_in_locally("acme", &world.tenant.email, &world.tenant.password).await.expect(303);
        let page = admin.get(&format!("/console/connections/{}", world.connection)).await.expect(200).body;
        assert!(page.contains("User sync") && page.contains("next sync"), "{page}");
    }

    async fn a_connection_that_an_upgrade_puts_on_a_schedule_is_first_checked_a_day_later(server: Server) {
        let slapd = Slapd::start(&few());
        let world = World::with(server, body(&slapd), json!({"group_queries": []})).await;
        for name in ["bob", "carol"] {
            world.lets_in(name, PASSWORD).await;
        }
        delete(&slapd, "bob").await;
        let planned = async {
            loop {
                let mut c = server.kernel.db.read().await.expect("database");
                let next = sqlx::query_scalar("SELECT next_at FROM ldap_schedules").fetch_one(&mut *c).await;
                if let next @ 1.. = next.expect("a schedule") {
                    return Timestamp(next);
                }
                drop(c);
                crate::harness::pause().await;
            }
        };
        let day = server.clock.now().plus(Duration::from_hours(24));
        // As the migration leaves it.
        let mut tx = server.kernel.db.begin().await.expect("tx");
        sqlx::query("UPDATE ldap_schedules SET next_at = 0").execute(&mut *tx).await.expect("schedule");
        tx.commit().await.expect("commit");
        let next = tokio::time::timeout(crate::harness::WAIT_LIMIT, planned).await.expect("a plan");
        assert!(next >= day && next <= day.plus(Duration::from_hours(1)), "the first full hour after a day: {next:?}");
        assert!(runs(&world).await.is_empty());
        // A preview shows who would be deactivated, and leaves everybody as they are.
        let preview = sync(&world, json!({"preview": true})).await;
        assert_eq!(preview["report"]["deactivated"], 1, "{preview}");
        assert_eq!(user(&world, "bob").await["status"], "active");
        let run = sync(&world, json!({})).await;
        assert_eq!(run["report"]["deactivated"], 1, "{run}");
        assert_eq!(user(&world, "bob").await["status"], "inactive");
    }

    async fn an_anonymous_directory_without_group_sync_is_not_synced(server: Server) {
        let slapd = Slapd::start(&few());
        let world = World::with(server, body(&slapd), json!({"bind_dn": ""})).await;
        let path = format!("/api/v1/connections/{}/syncs", world.connection);
        let answer = world.api().post(&path, &json!({})).await.expect(422);
        assert!(answer.body.contains("must have a bind DN or group sync"), "{}", answer.body);
        world.change(json!({"group_sync": true})).await.expect(200);
        world.api().post(&path, &json!({})).await.expect(202);
    }
}
