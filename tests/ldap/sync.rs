//! Linked groups follow the directory's.

use std::time::Duration;

use serde_json::{Value, json};

use super::world::{World, body, few};
use crate::harness::directory::{BASE, PASSWORD, Slapd, group, person};
use crate::harness::{Backend, Server};
use crate::on_both;

/// Links a group here to one there: its id.
pub async fn link(world: &World<'_>, name: &str, there: &str) -> String {
    let group = world.api().post("/api/v1/groups", &json!({"name": name})).await.created();
    let id = group["id"].as_str().expect("id").to_owned();
    let link = json!({"connection_id": world.connection, "name": there});
    world.api().post(&format!("/api/v1/groups/{id}/link"), &link).await.expect(201);
    id
}

pub async fn members(world: &World<'_>, group: &str) -> Vec<String> {
    let shown = world.api().get(&format!("/api/v1/groups/{group}/members")).await.ok();
    let name = |item: &Value| item["user_name"].as_str().expect("name").to_owned();
    let mut all: Vec<String> = shown["items"].as_array().expect("items").iter().map(name).collect();
    all.sort();
    all
}

pub async fn runs(world: &World<'_>) -> Vec<Value> {
    let shown = world.api().get(&format!("/api/v1/connections/{}/syncs", world.connection)).await.ok();
    shown["items"].as_array().expect("items").clone()
}

/// Asks for a run and waits for its end.
pub async fn sync(world: &World<'_>, wanted: Value) -> Value {
    let before = runs(world).await.len();
    let path = format!("/api/v1/connections/{}/syncs", world.connection);
    world.api().post(&path, &wanted).await.expect(202);
    let ended = async {
        loop {
            let all = runs(world).await;
            if all.len() > before && all[0]["status"] != "running" {
                return all[0].clone();
            }
            crate::harness::pause().await;
        }
    };
    tokio::time::timeout(crate::harness::WAIT_LIMIT, ended).await.expect("a run that ends")
}

async fn following<'s>(server: &'s Server, slapd: &Slapd) -> World<'s> {
    World::with(server, body(slapd), json!({"group_sync": true})).await
}

on_both! {
    with Server::inside;

    async fn people_come_and_go(server: Server) {
        let slapd = Slapd::start(&few());
        let world = following(server, &slapd).await;
        let group = link(&world, "Builders", "builders").await;
        let preview = sync(&world, json!({"preview": true})).await;
        assert_eq!((&preview["status"], &preview["report"]["created"]), (&json!("done"), &json!(0)), "{preview}");
        assert!(members(&world, &group).await.is_empty());

        let run = sync(&world, json!({})).await;
        assert_eq!((&run["status"], &run["report"]["added"], &run["report"]["created"]), (&json!("done"), &json!(2), &json!(3)), "{run}");
        assert_eq!(members(&world, &group).await, ["bob@acme.example", "carol@acme.example"]);
        // Who signs in is the one who was made.
        world.lets_in("bob", PASSWORD).await;
        assert_eq!(members(&world, &group).await.len(), 2);

        // Nothing has changed: nothing is read, nothing is written.
        let before = server.audit(&world.tenant).await.len();
        let run = sync(&world, json!({})).await;
        assert_eq!((&run["report"]["unchanged"], &run["report"]["people"]), (&json!(1), &json!(0)), "{run}");
        assert_eq!(server.audit(&world.tenant).await.len(), before);

        let mut admin = slapd.admin().await;
        let dn = format!("cn=builders,ou=groups,{BASE}");
        let dave = format!("uid=dave,ou=people,{BASE}");
        let bob = format!("uid=bob,ou=people,{BASE}");
        let change = vec![ldap3::Mod::Add("member", [dave.as_str()].into()), ldap3::Mod::Delete("member", [bob.as_str()].into())];
        admin.modify(&dn, change).await.expect("changed").success().expect("changed");
        // A hand-made member stays.
        let hand = world.api().post("/api/v1/users", &json!({"user_name": "hand@acme.example", "email": "hand@acme.example"})).await.created();
        world.api().post(&format!("/api/v1/groups/{group}/members"), &json!({"add": [hand["id"]]})).await;
        let preview = sync(&world, json!({"preview": true})).await;
        assert_eq!((&preview["report"]["added"], &preview["report"]["removed"]), (&json!(1), &json!(1)), "{preview}");
        let run = sync(&world, json!({})).await;
        assert_eq!((&run["report"]["added"], &run["report"]["removed"]), (&json!(1), &json!(1)), "{run}");
        let now = members(&world, &group).await;
        assert!(now.contains(&"dave@acme.example".to_owned()) && !now.contains(&"bob@acme.example".to_owned()), "{now:?}");
    }

    async fn only_those_with_an_attribute_are_made(server: Server) {
        let slapd = Slapd::start(&few());
        let rule = json!({"enabled": true, "key": "employeeType", "value": "staff"});
        let world = World::with(server, body(&slapd), json!({"group_sync": true, "jit": rule})).await;
        let group = link(&world, "Builders", "builders").await;
        let mut admin = slapd.admin().await;
        for (name, kind) in [("bob", "staff"), ("carol", "guest"), ("dave", "staff")] {
            let change = vec![ldap3::Mod::Add("employeeType", [kind].into())];
            admin.modify(&format!("uid={name},ou=people,{BASE}"), change).await.expect("changed").success().expect("changed");
        }
        // By a sign-in, and by a synchronisation.
        world.lets_in("dave", PASSWORD).await;
        let run = sync(&world, json!({})).await;
        assert_eq!((&run["report"]["created"], &run["report"]["unknown"]), (&json!(1), &json!(2)), "{run}");
        assert_eq!(members(&world, &group).await, ["bob@acme.example"]);
        world.try_in(&server.client(), "carol", PASSWORD).await.expect(401);
        // Whoever is here already is known by their address, rule or not.
        world.api().post("/api/v1/users", &json!({"user_name": "carol@acme.example", "email": "carol@acme.example"})).await.created();
        slapd.replace(&format!("cn=builders,ou=groups,{BASE}"), "description", "x").await;
        let run = sync(&world, json!({})).await;
        assert_eq!((&run["report"]["created"], &run["report"]["added"]), (&json!(0), &json!(1)), "{run}");
        assert_eq!(members(&world, &group).await, ["bob@acme.example", "carol@acme.example"]);
    }

    async fn an_empty_answer_takes_nobody_out(server: Server) {
        let mut slapd = Slapd::start(&few());
        let world = following(server, &slapd).await;
        let group = link(&world, "Builders", &format!("cn=builders,ou=groups,{BASE}")).await;
        sync(&world, json!({})).await;
        assert_eq!(members(&world, &group).await.len(), 2);
        // A directory that does not answer.
        slapd.kill();
        let run = sync(&world, json!({})).await;
        assert_eq!(run["status"], "failed", "{run}");
        assert!(run["report"]["error"].as_str().expect("why").contains("localhost"), "{run}");
        assert_eq!(members(&world, &group).await.len(), 2);
        slapd.run();
        // A query that finds people no more.
        let nowhere = json!([{"base_dn": format!("ou=moved,{BASE}")}]);
        world.change(json!({"user_queries": nowhere})).await.expect(200);
        let dn = format!("cn=builders,ou=groups,{BASE}");
        slapd.replace(&dn, "description", "x").await;
        let run = sync(&world, json!({})).await;
        assert_eq!(run["report"]["held"][0]["name"], "Builders", "{run}");
        assert_eq!(members(&world, &group).await.len(), 2);
        // A group that is gone.
        world.change(json!({"user_queries": body(&slapd)["user_queries"]})).await.expect(200);
        slapd.admin().await.delete(&dn).await.expect("deleted").success().expect("deleted");
        let run = sync(&world, json!({})).await;
        assert!(run["report"]["held"][0]["reason"].as_str().expect("why").contains("has no group"), "{run}");
        assert_eq!(members(&world, &group).await.len(), 2);
        // Until somebody says that it is meant.
        let run = sync(&world, json!({"allow_empty": true})).await;
        assert_eq!(run["report"]["removed"], 2, "{run}");
        assert!(members(&world, &group).await.is_empty());
    }

    async fn several_groups_follow_one(server: Server) {
        let slapd = Slapd::start(&few());
        let world = following(server, &slapd).await;
        let groups = [link(&world, "Builders", "builders").await, link(&world, "Also builders", "builders").await];
        let run = sync(&world, json!({})).await;
        assert_eq!((&run["report"]["held"], &run["report"]["added"]), (&json!([]), &json!(4)), "{run}");
        for group in &groups {
            assert_eq!(members(&world, group).await.len(), 2);
        }
    }

    async fn groups_in_groups(server: Server) {
        let slapd = Slapd::start(&few());
        let world = following(server, &slapd).await;
        let group = link(&world, "Staff", "staff").await;
        let run = sync(&world, json!({})).await;
        assert_eq!((&run["report"]["added"], &run["report"]["unknown"]), (&json!(0), &json!(1)), "{run}");
        world.change(json!({"nested": true})).await.expect(200);
        sync(&world, json!({})).await;
        assert_eq!(members(&world, &group).await.len(), 2);
    }

    async fn one_node_at_a_time_by_the_clock(server: Server) {
        let slapd = Slapd::start(&few());
        let world = following(server, &slapd).await;
        link(&world, "Builders", "builders").await;
        let other = Server::beside(server).await;
        // Each hour, on one of two nodes.
        for hour in 1..=3 {
            server.clock.advance(Duration::from_hours(1));
            let ended = async {
                while runs(&world).await.iter().filter(|run| run["status"] == "done").count() < hour {
                    crate::harness::pause().await;
                }
            };
            tokio::time::timeout(crate::harness::WAIT_LIMIT, ended).await.expect("a run in each hour");
        }
        assert_eq!(runs(&world).await.len(), 3);
        // A node that was killed in the middle leaves its lease, and a run that goes on for ever.
        let mut tx = server.kernel.db.begin().await.expect("tx");
        let until = server.clock.now().plus(Duration::from_mins(61));
        sqlx::query("UPDATE ldap_schedules SET lease = 'gone', lease_until = $1").bind(until).execute(&mut *tx).await.expect("lease");
        sqlx::query("UPDATE ldap_runs SET status = 'running', ended_at = NULL WHERE id = (SELECT MAX(id) FROM ldap_runs)").execute(&mut *tx).await.expect("run");
        tx.commit().await.expect("commit");
        server.clock.advance(Duration::from_mins(62));
        let ended = async {
            while runs(&world).await.len() < 4 || runs(&world).await[0]["status"] != "done" {
                crate::harness::pause().await;
            }
        };
        tokio::time::timeout(crate::harness::WAIT_LIMIT, ended).await.expect("another node takes it over");
        assert_eq!(runs(&world).await[1]["status"], "failed");
        drop(other);
    }

    async fn schedules(server: Server) {
        let slapd = Slapd::start("");
        let world = following(server, &slapd).await;
        for (schedule, said) in [
            ("* * * * *", "6 or 7 fields"), ("0 0 25 * * ?", "not a valid Quartz cron expression"), ("0/5 * * * * ?", "one minute"), ("* * * * * ?", "one minute"),
        ] {
            let answer = world.change(json!({"schedule": schedule})).await.expect(422);
            assert!(answer.body.contains(said), "{schedule}: {}", answer.body);
        }
        for good in ["0 0 * * * ?", "0 30 2 ? * MON-FRI", "0 0 12 1/5 * ? 2027-2030", "0 15 10 L * ?", "0 15 10 ? * 6#3"] {
            world.change(json!({"schedule": good})).await.expect(200);
        }
        let browser = server.client();
        browser.sign_in_locally("acme", &world.tenant.email, &world.tenant.password).await.expect(303);
        world.change(json!({"schedule": "0 30 2 ? * MON-FRI"})).await.expect(200);
        let page = browser.get(&format!("/console/connections/{}", world.connection)).await.expect(200).body;
        assert!(page.contains("02:30") && page.contains("Monday"), "{page}");
        world.change(json!({"enabled": false})).await.expect(200);
        world.api().post(&format!("/api/v1/connections/{}/syncs", world.connection), &json!({})).await.expect(422);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_is_killed_in_the_middle_takes_nobody_out() {
    let many: String = (0..10_000).map(|at| person(&format!("user{at}"), &[])).collect();
    let members: Vec<String> = (0..10_000).map(|at| format!("uid=user{at},ou=people")).collect();
    let mut slapd = Slapd::start(&(few() + &many + &group("crowd", &members)));
    let server = Server::inside(Backend::Sqlite).await;
    let world = following(&server, &slapd).await;
    let builders = link(&world, "Builders", "builders").await;
    sync(&world, json!({})).await;
    assert_eq!(members_of(&world, &builders).await, 2);
    link(&world, "Crowd", "crowd").await;
    let path = format!("/api/v1/connections/{}/syncs", world.connection);
    world.api().post(&path, &json!({})).await.expect(202);
    let begun = async {
        while runs(&world).await.len() < 2 {
            crate::harness::pause().await;
        }
    };
    tokio::time::timeout(crate::harness::WAIT_LIMIT, begun).await.expect("it begins");
    slapd.kill();
    let ended = async {
        while runs(&world).await[0]["status"] == "running" {
            crate::harness::pause().await;
        }
    };
    tokio::time::timeout(crate::harness::WAIT_LIMIT, ended).await.expect("it ends");
    assert_eq!(runs(&world).await[0]["status"], "failed", "{}", runs(&world).await[0]);
    assert_eq!(members_of(&world, &builders).await, 2);
    // It comes back, and the next run does the rest.
    slapd.run();
    let run = sync(&world, json!({})).await;
    assert_eq!((&run["status"], &run["report"]["added"]), (&json!("done"), &json!(10_000)), "{run}");
}

async fn members_of(world: &World<'_>, group: &str) -> usize {
    members(world, group).await.len()
}
