//! User searches whose answer says nothing about who has left.

use serde_json::{Value, json};

use super::leavers::{delete, enter, following, modify, user};
use super::sync::{link, sync};
use super::world::{World, few};
use crate::harness::Server;
use crate::harness::directory::{BASE, PASSWORD, Slapd, group, person};
use crate::on_both;

/// A person of a department.
fn member_of(department: &str, uid: &str) -> String {
    format!("{}\ndepartmentNumber: {department}\n\n", person(uid, &[]).trim_end())
}

fn department(number: &str) -> Value {
    json!({"base_dn": BASE, "filter": format!("(&(objectClass=inetOrgPerson)(departmentNumber={number}))")})
}

async fn statuses<const N: usize>(world: &World<'_>, names: [&str; N]) -> Vec<Value> {
    let mut all = Vec::new();
    for name in names {
        all.push(user(world, name).await["status"].clone());
    }
    all
}

async fn move_to(slapd: &Slapd, uid: &str, unit: &str) {
    let mut admin = slapd.admin().await;
    let dn = format!("uid={uid},ou=people,{BASE}");
    let unit = format!("ou={unit},{BASE}");
    admin
        .modifydn(&dn, &format!("uid={uid}"), true, Some(&unit))
        .await
        .expect("moved")
        .success()
        .expect("moved");
}

on_both! {
    with Server::inside;

    async fn a_search_that_finds_no_users_any_more_is_held_and_the_others_are_not(server: Server) {
        let ldif = member_of("1", "bob") + &member_of("1", "erin") + &member_of("2", "carol") + &member_of("2", "dave");
        let slapd = Slapd::start(&ldif);
        let world = following(server, &slapd).await;
        world.change(json!({"user_queries": [department("1"), department("2")]})).await.expect(200);
        for name in ["bob", "erin", "carol", "dave"] {
            world.lets_in(name, PASSWORD).await;
        }
        let run = sync(&world, json!({})).await;
        assert_eq!(run["report"]["held_searches"], json!([]), "{run}");
        // Bob leaves, and the departments get other numbers: the second search does not know them.
        delete(&slapd, "bob").await;
        for name in ["carol", "dave"] {
            modify(&slapd, name, ldap3::Mod::Replace("departmentNumber", ["B2"].into())).await;
        }
        for _ in 0..2 {
            sync(&world, json!({})).await;
        }
        let run = sync(&world, json!({})).await;
        let held = &run["report"]["held_searches"];
        assert_eq!(held.as_array().map(Vec::len), Some(1), "{run}");
        assert_eq!((&held[0]["filter"], &held[0]["users"]), (&department("2")["filter"], &json!(2)), "{run}");
        let reason = held[0]["reason"].as_str().expect("a reason");
        assert!(reason.contains("returned no users (last time: 2)") && reason.contains("Check the base DN"), "{run}");
        assert!(run["report"]["leavers_skipped"].as_str().expect("a reason").contains("not deactivated: 2"), "{run}");
        assert_eq!(statuses(&world, ["bob", "erin", "carol", "dave"]).await, ["inactive", "active", "active", "active"]);
        let browser = server.client();
        browser.sign_in_locally("acme", &world.tenant.email, &world.tenant.password).await.expect(303);
        let page = browser.get(&format!("/console/connections/{}", world.connection)).await.expect(200).body;
        assert!(page.contains("Held user searches") && page.contains("Deactivate these users"), "{page}");
        // A preview and an approval: it is right.
        let preview = sync(&world, json!({"preview": true, "allow_empty": true})).await;
        assert_eq!((&preview["report"]["deactivated"], &preview["report"]["held_searches"]), (&json!(2), &json!([])), "{preview}");
        let run = sync(&world, json!({"allow_empty": true})).await;
        assert_eq!(run["report"]["deactivated"], 2, "{run}");
        let run = sync(&world, json!({})).await;
        assert_eq!(run["report"]["held_searches"], json!([]), "an empty search that was approved is not held: {run}");
        // The search is corrected.
        world.change(json!({"user_queries": [department("1"), department("B2")]})).await.expect(200);
        let run = sync(&world, json!({})).await;
        assert_eq!((&run["report"]["reactivated"], &run["report"]["deactivated"]), (&json!(2), &json!(0)), "{run}");
    }

    async fn the_last_of_a_search_leaves_when_an_administrator_says_so(server: Server) {
        let slapd = Slapd::start(&few());
        let world = following(server, &slapd).await;
        for name in ["bob", "carol", "dave"] {
            world.lets_in(name, PASSWORD).await;
        }
        sync(&world, json!({})).await;
        for name in ["bob", "carol"] {
            delete(&slapd, name).await;
            let run = sync(&world, json!({})).await;
            assert_eq!(run["report"]["deactivated"], 1, "{name}: {run}");
        }
        delete(&slapd, "dave").await;
        let run = sync(&world, json!({})).await;
        assert_eq!((&run["report"]["deactivated"], &run["report"]["held_searches"][0]["users"]), (&json!(0), &json!(1)), "{run}");
        let run = sync(&world, json!({"allow_empty": true})).await;
        assert_eq!(run["report"]["deactivated"], 1, "{run}");
    }

    async fn who_moves_from_one_search_base_to_another_stays(server: Server) {
        let slapd = Slapd::start(&few());
        let world = following(server, &slapd).await;
        let below = |unit: &str| json!({"base_dn": format!("ou={unit},{BASE}"), "filter": "(objectClass=inetOrgPerson)"});
        world.change(json!({"user_queries": [below("people"), below("moved")]})).await.expect(200);
        let (browser, _) = enter(&world, "bob").await;
        world.lets_in("carol", PASSWORD).await;
        let run = sync(&world, json!({})).await;
        assert_eq!(run["report"]["held_searches"], json!([]), "a base that was always empty: {run}");
        move_to(&slapd, "bob", "moved").await;
        let run = sync(&world, json!({})).await;
        assert_eq!((&run["report"]["deactivated"], &run["report"]["held_searches"]), (&json!(0), &json!([])), "{run}");
        browser.get("/api/v1/me").await.expect(200);
        // All others follow: the first base is empty, and every user is found.
        for name in ["carol", "dave"] {
            move_to(&slapd, name, "moved").await;
        }
        let run = sync(&world, json!({})).await;
        assert_eq!((&run["report"]["deactivated"], &run["report"]["held_searches"]), (&json!(0), &json!([])), "{run}");
        browser.get("/api/v1/me").await.expect(200);
    }

    async fn a_wrong_base_is_held_and_no_approval_changes_that(server: Server) {
        let slapd = Slapd::start(&few());
        let world = following(server, &slapd).await;
        link(&world, "Builders", "builders").await;
        sync(&world, json!({})).await;
        let wrong = json!([{"base_dn": format!("ou=gone,{BASE}"), "filter": "(objectClass=inetOrgPerson)"}]);
        world.change(json!({"user_queries": wrong})).await.expect(200);
        for wanted in [json!({}), json!({"allow_empty": true})] {
            let run = sync(&world, wanted).await;
            assert_eq!((&run["status"], &run["report"]["deactivated"]), (&json!("done"), &json!(0)), "{run}");
            assert!(run["report"]["held_searches"][0]["reason"].as_str().expect("a reason").contains("no such object"), "{run}");
            assert_eq!(run["report"]["held_searches"][0]["users"], 3, "{run}");
        }
        assert_eq!(statuses(&world, ["bob", "carol", "dave"]).await, ["active", "active", "active"]);
    }

    async fn an_answer_that_was_cut_adds_members_and_removes_nobody(server: Server) {
        let crowd: String = (0..520).map(|n| person(&format!("worker{n}"), &[])).collect();
        let slapd = Slapd::start(&(few() + &crowd + &group("empty", &["cn=reader".into()])));
        let world = following(server, &slapd).await;
        for name in ["bob", "carol", "worker519"] {
            world.lets_in(name, PASSWORD).await;
        }
        let id = link(&world, "Builders", "builders").await;
        sync(&world, json!({})).await;
        // Another bind DN, which gets 500 entries at most.
        let reader = json!({"bind_dn": format!("uid=dave,ou=people,{BASE}"), "bind_password": PASSWORD});
        world.change(reader).await.expect(200);
        delete(&slapd, "worker519").await;
        let mut admin = slapd.admin().await;
        let [bob, dave] = ["bob", "dave"].map(|name| format!("uid={name},ou=people,{BASE}"));
        let change = vec![ldap3::Mod::Delete("member", [bob.as_str()].into()), ldap3::Mod::Add("member", [dave.as_str()].into())];
        admin.modify(&format!("cn=builders,ou=groups,{BASE}"), change).await.expect("changed").success().expect("changed");
        let run = sync(&world, json!({})).await;
        assert_eq!((&run["status"], &run["report"]["deactivated"]), (&json!("done"), &json!(0)), "{run}");
        let reason = run["report"]["held_searches"][0]["reason"].as_str().expect("a reason");
        assert!(reason.contains("did not answer completely") && reason.contains("raise the limit"), "{run}");
        assert_eq!((&run["report"]["added"], &run["report"]["removed"]), (&json!(1), &json!(0)), "{run}");
        assert_eq!(user(&world, "worker519").await["status"], "active");
        // The limit is gone, and what was put off is done.
        let reader = json!({"bind_dn": format!("cn=reader,{BASE}"), "bind_password": PASSWORD});
        world.change(reader).await.expect(200);
        let run = sync(&world, json!({})).await;
        assert_eq!((&run["report"]["deactivated"], &run["report"]["removed"]), (&json!(1), &json!(1)), "{run}");
        let members = world.api().get(&format!("/api/v1/groups/{id}/members")).await.ok();
        assert_eq!(members["items"].as_array().map(Vec::len), Some(2), "{members}");
    }
}
