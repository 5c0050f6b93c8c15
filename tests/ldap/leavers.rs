//! People who have left the directory, and who come back.

use serde_json::{Value, json};

use super::sync::{link, sync};
use super::world::{World, body, few};
use crate::harness::directory::{BASE, PASSWORD, Slapd, group, person};
use crate::harness::{Client, Server};
use crate::on_both;

/// A person with attributes that belong to other object classes.
pub fn person_with(uid: &str, attributes: &str) -> String {
    let both = "objectClass: inetOrgPerson\nobjectClass: extensibleObject\n";
    let entry = person(uid, &[]).replace("objectClass: inetOrgPerson\n", both);
    format!("{}\n{attributes}\n\n", entry.trim_end())
}

pub async fn following<'s>(server: &'s Server, slapd: &Slapd) -> World<'s> {
    World::with(server, body(slapd), json!({"group_sync": true})).await
}

/// Signs in: a browser, and a script with an API token.
pub async fn enter(world: &World<'_>, name: &str) -> (Client, Client) {
    let browser = world.server.client();
    world.try_in(&browser, name, PASSWORD).await.expect(303);
    let made = browser.post("/api/v1/api-tokens", &json!({"name": "script"})).await.created();
    (browser, world.server.client().bearer(made["token"].as_str().expect("token")))
}

pub async fn user(world: &World<'_>, name: &str) -> Value {
    let found = world.api().get(&format!("/api/v1/users?user_name={name}@acme.example")).await.ok();
    found["items"][0].clone()
}

pub async fn modify(slapd: &Slapd, uid: &str, change: ldap3::Mod<&'static str>) {
    let mut admin = slapd.admin().await;
    let dn = format!("uid={uid},ou=people,{BASE}");
    admin.modify(&dn, vec![change]).await.expect("changed").success().expect("changed");
}

pub async fn delete(slapd: &Slapd, uid: &str) {
    let mut admin = slapd.admin().await;
    admin.delete(&format!("uid={uid},ou=people,{BASE}")).await.expect("deleted").success().expect("deleted");
}

on_both! {
    with Server::inside;

    async fn who_is_deleted_locked_disabled_or_expired_is_out_at_the_next_sync(server: Server) {
        let ldif = few()
            + &person_with("erin", "description: works here")
            + &person_with("frank", "description: works here")
            + &person_with("grace", "description: works here");
        let slapd = Slapd::with_closed_accounts(&ldif);
        let world = following(server, &slapd).await;
        let mut people = Vec::new();
        for name in ["bob", "carol", "erin", "frank", "grace"] {
            people.push((name, enter(&world, name).await));
        }
        let run = sync(&world, json!({})).await;
        assert_eq!((&run["report"]["deactivated"], &run["report"]["leavers"]), (&json!(0), &json!([])), "{run}");
        delete(&slapd, "bob").await;
        modify(&slapd, "erin", ldap3::Mod::Replace("shadowExpire", ["19000"].into())).await;
        modify(&slapd, "frank", ldap3::Mod::Replace("nsAccountLock", ["TRUE"].into())).await;
        // Not yet, and for a while only.
        modify(&slapd, "grace", ldap3::Mod::Replace("shadowExpire", ["99999"].into())).await;

        let preview = sync(&world, json!({"preview": true})).await;
        assert_eq!(preview["report"]["deactivated"], 3, "{preview}");
        for (_, (browser, script)) in &people {
            browser.get("/api/v1/me").await.expect(200);
            script.get("/api/v1/me").await.expect(200);
        }
        let run = sync(&world, json!({})).await;
        assert_eq!(run["report"]["deactivated"], 3, "{run}");
        for (name, (browser, script)) in &people {
            let stays = matches!(*name, "carol" | "grace");
            let (status, expected) = if stays { ("active", 200) } else { ("inactive", 401) };
            assert_eq!(user(&world, name).await["status"], status, "{name}");
            browser.get("/api/v1/me").await.expect(expected);
            script.get("/api/v1/me").await.expect(expected);
        }
        let events = server.audit(&world.tenant).await;
        let reason = |name: &str| {
            let left = events.iter().find(|event| {
                event["action"] == "user.left_directory" && event["resource"]["name"] == format!("{name}@acme.example")
            });
            left.map(|event| event["detail"]["reason"].as_str().expect("a reason").to_owned())
        };
        let reasons = ["bob", "erin", "frank", "grace"].map(reason);
        let expected = [Some("missing"), Some("expired"), Some("disabled"), None];
        assert_eq!(reasons, expected.map(|reason| reason.map(str::to_owned)), "{events:?}");

        // Who is back comes in again; a session of before does not.
        modify(&slapd, "frank", ldap3::Mod::Replace("nsAccountLock", ["FALSE"].into())).await;
        let run = sync(&world, json!({})).await;
        assert_eq!((&run["report"]["reactivated"], &run["report"]["deactivated"]), (&json!(1), &json!(0)), "{run}");
        people[3].1.0.get("/api/v1/me").await.expect(401);
        world.lets_in("frank", PASSWORD).await;
    }

    async fn who_was_locked_for_good_is_out_and_who_is_locked_for_a_while_is_not(server: Server) {
        let ldif = few()
            + &person_with("heidi", "pwdAccountLockedTime: 000001010000Z")
            + &person_with("ivan", "pwdAccountLockedTime: 20260101000000Z");
        let slapd = Slapd::with_closed_accounts(&ldif);
        let world = following(server, &slapd).await;
        world.lets_in("bob", PASSWORD).await;
        for name in ["heidi", "ivan"] {
            world.lets_in(name, PASSWORD).await;
        }
        let run = sync(&world, json!({})).await;
        assert_eq!(run["report"]["deactivated"], 1, "{run}");
        assert_eq!(run["report"]["leavers"][0]["reason"], "locked in the directory", "{run}");
        assert_eq!(user(&world, "ivan").await["status"], "active");
    }

    async fn somebody_with_a_role_stays_and_the_administrators_decide(server: Server) {
        let slapd = Slapd::start(&few());
        let world = following(server, &slapd).await;
        world.lets_in("carol", PASSWORD).await;
        let (browser, _) = enter(&world, "bob").await;
        let bob = format!("/api/v1/users/{}", user(&world, "bob").await["id"].as_str().expect("id"));
        world.api().patch(&bob, &json!({"roles": ["account_viewer"]})).await.expect(200);
        delete(&slapd, "bob").await;
        for _ in 0..2 {
            let run = sync(&world, json!({})).await;
            assert_eq!((&run["report"]["deactivated"], &run["report"]["leavers"][0]["held"]), (&json!(0), &json!(true)), "{run}");
        }
        browser.get("/api/v1/me").await.expect(200);
        server.mail(&world.tenant.email, "bob@acme.example may have left").await;
        let events = server.audit(&world.tenant).await;
        assert_eq!(events.iter().filter(|event| event["action"] == "user.change_held").count(), 1, "told once");
        // Without the role it is for the directory to say.
        world.api().patch(&bob, &json!({"roles": []})).await.expect(200);
        sync(&world, json!({})).await;
        browser.get("/api/v1/me").await.expect(401);
    }

    async fn users_with_a_role_do_not_count_towards_the_limit_of_the_others(server: Server) {
        let names: Vec<String> = (0..14).map(|n| format!("worker{n}")).collect();
        let crowd: String = names.iter().map(|name| person(name, &["crowd"])).collect();
        let members: Vec<String> = names.iter().map(|name| format!("uid={name},ou=people")).collect();
        let slapd = Slapd::start(&(few() + &crowd + &group("crowd", &members)));
        let world = following(server, &slapd).await;
        link(&world, "Crowd", "crowd").await;
        sync(&world, json!({})).await;
        for name in &names[..12] {
            let path = format!("/api/v1/users/{}", user(&world, name).await["id"].as_str().expect("id"));
            world.api().patch(&path, &json!({"roles": ["account_viewer"]})).await.expect(200);
        }
        for name in &names[..13] {
            delete(&slapd, name).await;
        }
        let run = sync(&world, json!({})).await;
        assert_eq!((&run["report"]["deactivated"], &run["report"]["leavers_skipped"]), (&json!(1), &Value::Null), "{run}");
        let held = |leaver: &&Value| leaver["held"] == true;
        assert_eq!(run["report"]["leavers"].as_array().expect("leavers").iter().filter(held).count(), 12, "{run}");
        assert_eq!(user(&world, "worker0").await["status"], "active");
        assert_eq!(user(&world, "worker12").await["status"], "inactive");
        assert_eq!(user(&world, "worker13").await["status"], "active");
    }

    async fn an_administrators_own_decision_stays(server: Server) {
        let slapd = Slapd::with_closed_accounts(&few());
        let world = following(server, &slapd).await;
        world.lets_in("carol", PASSWORD).await;
        world.lets_in("bob", PASSWORD).await;
        let bob = format!("/api/v1/users/{}", user(&world, "bob").await["id"].as_str().expect("id"));
        modify(&slapd, "bob", ldap3::Mod::Add("objectClass", ["extensibleObject"].into())).await;
        modify(&slapd, "bob", ldap3::Mod::Replace("nsAccountLock", ["TRUE"].into())).await;
        sync(&world, json!({})).await;
        assert_eq!(world.api().get(&bob).await.ok()["status"], "inactive");
        // Activated and deactivated by hand: the sync is not asked any more.
        for status in ["active", "inactive"] {
            world.api().patch(&bob, &json!({"status": status})).await.expect(200);
        }
        modify(&slapd, "bob", ldap3::Mod::Replace("nsAccountLock", ["FALSE"].into())).await;
        let run = sync(&world, json!({})).await;
        assert_eq!(run["report"]["reactivated"], 0, "{run}");
        assert_eq!(world.api().get(&bob).await.ok()["status"], "inactive");
    }

    async fn an_empty_or_doubtful_answer_deactivates_nobody(server: Server) {
        let crowd: String = (0..12).map(|n| person(&format!("worker{n}"), &["crowd"])).collect();
        let members: Vec<String> = (0..12).map(|n| format!("uid=worker{n},ou=people")).collect();
        let mut slapd = Slapd::start(&(few() + &crowd + &group("crowd", &members)));
        let world = following(server, &slapd).await;
        link(&world, "Crowd", "crowd").await;
        let run = sync(&world, json!({})).await;
        assert_eq!(run["report"]["created"], 15, "{run}");
        // Nobody at all, because of a wrong query.
        let queries = |filter: &str| json!({"user_queries": [{"base_dn": BASE, "filter": filter}]});
        world.change(queries("(objectClass=device)")).await.expect(200);
        let run = sync(&world, json!({})).await;
        assert_eq!(run["report"]["deactivated"], 0, "{run}");
        assert!(run["report"]["leavers_skipped"].as_str().expect("a reason").contains("no users"), "{run}");
        // Very few of many.
        world.change(queries("(uid=bob)")).await.expect(200);
        let run = sync(&world, json!({})).await;
        assert_eq!((&run["status"], &run["report"]["deactivated"]), (&json!("done"), &json!(0)), "{run}");
        assert!(run["report"]["leavers_skipped"].as_str().expect("a reason").contains("14 of 15"), "{run}");
        // No answer.
        slapd.kill();
        let run = sync(&world, json!({})).await;
        assert_eq!((&run["status"], &run["report"]["deactivated"]), (&json!("failed"), &json!(0)), "{run}");
        slapd.run();
        assert_eq!(user(&world, "worker1").await["status"], "active");
        // Unless an administrator says that it is right.
        let run = sync(&world, json!({"allow_empty": true})).await;
        assert_eq!(run["report"]["deactivated"], 14, "{run}");
        assert_eq!(user(&world, "bob").await["status"], "active");
    }
}
