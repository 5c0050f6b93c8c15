//! Users of two directories, or of a directory and a SCIM connection.

use serde_json::json;

use super::leavers::{delete, enter, following, modify, person_with, user};
use super::sync::{link, members, sync};
use super::world::{World, body, few};
use crate::harness::Server;
use crate::harness::directory::{BASE, PASSWORD, Slapd, group, person};
use crate::on_both;

/// A second connection of the account, which links its users at once.
async fn second<'s>(first: &World<'s>, slapd: &Slapd) -> World<'s> {
    let mut wanted = body(slapd);
    wanted["name"] = json!("Second");
    wanted["group_sync"] = json!(true);
    let made = first.api().post("/api/v1/connections", &wanted).await.created();
    let connection = made["id"].as_str().expect("id").to_owned();
    let on = json!({"enabled": true, "override_untested": true});
    first.api().patch(&format!("/api/v1/connections/{connection}"), &on).await.expect(200);
    let world = World { server: first.server, tenant: first.tenant.clone(), connection };
    link(&world, "Builders of the second", "builders").await;
    sync(&world, json!({})).await;
    world
}

on_both! {
    with Server::inside;

    async fn who_leaves_one_of_two_directories_loses_its_link_only(server: Server) {
        let ldif = few() + &person_with("erin", "description: works here");
        let (one, two) = (Slapd::with_closed_accounts(&ldif), Slapd::start(&(few() + &person_with("erin", "description: x"))));
        let first = following(server, &one).await;
        let (browser, script) = enter(&first, "bob").await;
        let (erin, _) = enter(&first, "erin").await;
        first.lets_in("carol", PASSWORD).await;
        sync(&first, json!({})).await;
        let second = second(&first, &two).await;
        delete(&one, "bob").await;
        modify(&one, "erin", ldap3::Mod::Replace("nsAccountLock", ["TRUE"].into())).await;

        let preview = sync(&first, json!({"preview": true})).await;
        assert_eq!(preview["report"]["links_ended"], 2, "{preview}");
        browser.get("/api/v1/me").await.expect(200);
        let run = sync(&first, json!({})).await;
        assert_eq!((&run["report"]["links_ended"], &run["report"]["deactivated"]), (&json!(2), &json!(0)), "{run}");
        assert_eq!(run["report"]["leavers"][0]["link_ended"], true, "{run}");
        assert_eq!(user(&first, "bob").await["status"], "active");
        browser.get("/api/v1/me").await.expect(401);
        erin.get("/api/v1/me").await.expect(401);
        script.get("/api/v1/me").await.expect(200);
        let events = server.audit(&first.tenant).await;
        let left = events.iter().find(|event| event["action"] == "user.left_directory").expect("an event");
        assert_eq!(left["detail"]["active"], true, "{left}");
        // Once is enough.
        let run = sync(&first, json!({})).await;
        assert_eq!(run["report"]["links_ended"], 0, "{run}");

        // Back in the first directory, then gone from the second: active.
        modify(&one, "erin", ldap3::Mod::Replace("nsAccountLock", ["FALSE"].into())).await;
        sync(&first, json!({})).await;
        delete(&two, "erin").await;
        delete(&two, "bob").await;
        let run = sync(&second, json!({})).await;
        assert_eq!((&run["report"]["links_ended"], &run["report"]["deactivated"]), (&json!(1), &json!(1)), "{run}");
        assert_eq!(user(&first, "erin").await["status"], "active");
        assert_eq!(user(&first, "bob").await["status"], "inactive", "no directory has him any more");
        script.get("/api/v1/me").await.expect(401);
    }

    async fn an_ended_link_takes_the_groups_along_and_a_new_start_brings_them_back(server: Server) {
        let (one, two) = (Slapd::with_closed_accounts(&few()), Slapd::start(&few()));
        let first = following(server, &one).await;
        let builders = link(&first, "Builders", "builders").await;
        sync(&first, json!({})).await;
        assert_eq!(members(&first, &builders).await, ["bob@acme.example", "carol@acme.example"]);
        let second = second(&first, &two).await;
        // Disabled, with an entry that stays in its group, which changes at the same time.
        modify(&one, "bob", ldap3::Mod::Add("objectClass", ["extensibleObject"].into())).await;
        modify(&one, "bob", ldap3::Mod::Replace("nsAccountLock", ["TRUE"].into())).await;
        let dave = format!("uid=dave,ou=people,{BASE}");
        let change = vec![ldap3::Mod::Add("member", [dave.as_str()].into())];
        let mut admin = one.admin().await;
        admin.modify(&format!("cn=builders,ou=groups,{BASE}"), change).await.expect("changed").success().expect("changed");
        for ended in [1, 0] {
            let run = sync(&first, json!({})).await;
            assert_eq!(run["report"]["links_ended"], ended, "{run}");
            assert_eq!(members(&first, &builders).await, ["carol@acme.example", "dave@acme.example"]);
        }
        assert_eq!(user(&first, "bob").await["status"], "active", "the second directory has him");
        // Enabled again: the group has not changed since.
        modify(&one, "bob", ldap3::Mod::Replace("nsAccountLock", ["FALSE"].into())).await;
        let run = sync(&first, json!({})).await;
        assert_eq!((&run["report"]["added"], &run["report"]["unchanged"]), (&json!(1), &json!(0)), "{run}");
        assert_eq!(members(&first, &builders).await, ["bob@acme.example", "carol@acme.example", "dave@acme.example"]);
        let run = sync(&first, json!({})).await;
        assert_eq!(run["report"]["unchanged"], 1, "read again only once: {run}");
        // The link counts again.
        delete(&two, "bob").await;
        let run = sync(&second, json!({})).await;
        assert_eq!((&run["report"]["links_ended"], &run["report"]["deactivated"]), (&json!(1), &json!(0)), "{run}");
    }

    async fn links_that_have_ended_do_not_count_towards_the_limit(server: Server) {
        let names: Vec<String> = (0..45).map(|n| format!("worker{n}")).collect();
        let crowd: String = names.iter().map(|name| person(name, &[])).collect();
        let all = few() + &crowd + &group("crowd", &[format!("uid={},ou=people", names[0])]);
        let (one, two) = (Slapd::start(&all), Slapd::start(&all));
        let first = following(server, &one).await;
        link(&first, "Crowd", "crowd").await;
        let run = sync(&first, json!({})).await;
        assert_eq!(run["report"]["created"], 48, "{run}");
        second(&first, &two).await;
        for name in &names[..30] {
            delete(&one, name).await;
        }
        let run = sync(&first, json!({})).await;
        assert_eq!(run["report"]["links_ended"], 0, "{run}");
        assert!(run["report"]["leavers_skipped"].as_str().expect("a reason").contains("30 of 48 users who are also"), "{run}");
        let run = sync(&first, json!({"allow_empty": true})).await;
        assert_eq!(run["report"]["links_ended"], 30, "{run}");
        for name in &names[30..41] {
            delete(&one, name).await;
        }
        let run = sync(&first, json!({})).await;
        assert_eq!(run["report"]["links_ended"], 0, "{run}");
        assert!(run["report"]["leavers_skipped"].as_str().expect("a reason").contains("11 of 18 users who are also"), "{run}");
    }

    async fn a_directory_that_is_disabled_has_no_users(server: Server) {
        let (one, two) = (Slapd::start(&few()), Slapd::start(&few()));
        let first = following(server, &one).await;
        for name in ["bob", "carol"] {
            first.lets_in(name, PASSWORD).await;
        }
        sync(&first, json!({})).await;
        let second = second(&first, &two).await;
        second.change(json!({"enabled": false})).await.expect(200);
        delete(&one, "bob").await;
        let run = sync(&first, json!({})).await;
        assert_eq!((&run["report"]["links_ended"], &run["report"]["deactivated"]), (&json!(0), &json!(1)), "{run}");
    }

    async fn scim_says_whether_its_users_are_active(server: Server) {
        let slapd = Slapd::start(&few());
        let world = following(server, &slapd).await;
        let (browser, _) = enter(&world, "bob").await;
        world.lets_in("carol", PASSWORD).await;
        sync(&world, json!({})).await;
        let (_, token) = server.scim(&world.tenant, "Provisioning").await;
        let scim = server.client().bearer(&token);
        let path = format!("/scim/v2/Users/{}", user(&world, "bob").await["id"].as_str().expect("id"));
        let replace = |name: &str, value: serde_json::Value| {
            json!({"schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"],
                "Operations": [{"op": "replace", "path": name, "value": value}]})
        };
        scim.patch(&path, &replace("displayName", json!("Bob"))).await.expect(200);
        delete(&slapd, "bob").await;
        let run = sync(&world, json!({})).await;
        assert_eq!((&run["report"]["links_ended"], &run["report"]["deactivated"]), (&json!(1), &json!(0)), "{run}");
        assert_eq!(user(&world, "bob").await["status"], "active");
        browser.get("/api/v1/me").await.expect(401);
        scim.patch(&path, &replace("active", json!(false))).await.expect(200);
        assert_eq!(user(&world, "bob").await["status"], "inactive");
        let run = sync(&world, json!({})).await;
        assert_eq!((&run["report"]["reactivated"], &run["report"]["links_ended"]), (&json!(0), &json!(0)), "{run}");
    }

    async fn another_way_to_sign_in_keeps_no_user_active(server: Server) {
        let slapd = Slapd::start(&few());
        let world = following(server, &slapd).await;
        for name in ["bob", "carol"] {
            world.lets_in(name, PASSWORD).await;
        }
        sync(&world, json!({})).await;
        // An identity of a connection that is no directory.
        let (other, _) = server.scim(&world.tenant, "Provider").await;
        let bob = user(&world, "bob").await["id"].as_str().expect("id").to_owned();
        let mut tx = server.kernel.db.begin().await.expect("tx");
        sqlx::query(
            "INSERT INTO user_identities (id, account_id, user_id, connection_id, issuer, subject, name, created_at, last_used_at) \
             SELECT 'of-a-provider', account_id, id, $1, 'https://idp.example', 'bob', 'bob', 0, 0 FROM users WHERE id = $2",
        )
        .bind(&other)
        .bind(&bob)
        .execute(&mut *tx)
        .await
        .expect("linked");
        tx.commit().await.expect("commit");
        delete(&slapd, "bob").await;
        let run = sync(&world, json!({})).await;
        assert_eq!(run["report"]["deactivated"], 1, "{run}");
        assert_eq!(user(&world, "bob").await["status"], "inactive");
    }
}
