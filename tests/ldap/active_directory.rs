//! A real domain controller: names, states of accounts, nested groups, groups with very many members.

use std::collections::HashSet;

use ldap3::{Ldap, Mod};
use serde_json::{Value, json};

use super::world::World;
use crate::harness::directory::{DC_ADMIN, DC_PASSWORD, REALM_BASE, Samba};
use crate::harness::{Backend, Server};

type Entry = Vec<(Vec<u8>, HashSet<Vec<u8>>)>;

fn entry(pairs: &[(&str, &str)]) -> Entry {
    pairs
        .iter()
        .map(|(name, value)| (name.as_bytes().to_vec(), HashSet::from([value.as_bytes().to_vec()])))
        .collect()
}

/// `unicodePwd`: quoted, UTF-16 (MS-ADTS §3.1.1.3.1.5.1).
fn password(text: &str) -> HashSet<Vec<u8>> {
    HashSet::from([format!("\"{text}\"").encode_utf16().flat_map(u16::to_le_bytes).collect()])
}

fn dn(name: &str) -> String {
    format!("CN={name},CN=Users,{REALM_BASE}")
}

async fn add_user(admin: &mut Ldap, name: &str, more: &[(&str, &str)]) {
    let (upn, mail) = (format!("{name}@acme.example"), format!("{name}@acme.example"));
    let mut pairs = vec![
        ("objectClass", "user"),
        ("sAMAccountName", name),
        ("userPrincipalName", &upn),
        ("mail", &mail),
        ("userAccountControl", "512"),
    ];
    pairs.extend_from_slice(more);
    let mut all = entry(&pairs);
    all.push((b"unicodePwd".to_vec(), password(DC_PASSWORD)));
    admin.add(&dn(name), all).await.expect("added").success().expect("added");
}

async fn replace(admin: &mut Ldap, dn: &str, name: &str, value: &str) {
    let change = vec![Mod::Replace(name.to_owned(), HashSet::from([value.to_owned()]))];
    admin.modify(dn, change).await.expect("changed").success().expect("changed");
}

async fn add_group(admin: &mut Ldap, name: &str, members: &[String]) {
    let mut all = entry(&[("objectClass", "group"), ("sAMAccountName", name)]);
    let members = members.iter().map(|dn| dn.as_bytes().to_vec()).collect();
    all.push((b"member".to_vec(), members));
    admin.add(&dn(name), all).await.expect("added").success().expect("added");
}

/// A domain controller with people in all states, and a connection to it.
async fn prepared(samba: &Samba) -> Ldap {
    let mut admin = samba.admin().await;
    add_user(&mut admin, "bob", &[]).await;
    add_user(&mut admin, "nomail", &[]).await;
    let no_mail = vec![Mod::Delete("mail", HashSet::new())];
    admin.modify(&dn("nomail"), no_mail).await.expect("changed").success().expect("changed");
    add_user(&mut admin, "disabled", &[]).await;
    replace(&mut admin, &dn("disabled"), "userAccountControl", "514").await;
    add_user(&mut admin, "expired", &[("accountExpires", "131000000000000000")]).await;
    add_user(&mut admin, "mustchange", &[("pwdLastSet", "0")]).await;
    add_user(&mut admin, "locked", &[]).await;
    admin
}

/// The users of the domain, with the attribute that has their address.
fn query(email: &str) -> Value {
    json!({"base_dn": REALM_BASE, "filter": "(&(objectClass=user)(!(objectClass=computer)))", "email_attribute": email})
}

async fn world<'s>(server: &'s Server, samba: &Samba) -> World<'s> {
    let body = json!({"kind": "ldap", "name": "Active Directory", "url": samba.url(), "ca_certificate": samba.authority.pem,
        "bind_dn": DC_ADMIN, "bind_password": DC_PASSWORD, "nested": true, "group_sync": true,
        "user_queries": [query("mail")],
        "group_queries": [{"base_dn": REALM_BASE, "filter": "(objectClass=group)"}], "jit": {"enabled": true}, "email_domains": ["acme.example"]});
    World::with(server, body, json!({})).await
}

async fn link(world: &World<'_>, name: &str, there: &str) -> String {
    let group = world.api().post("/api/v1/groups", &json!({"name": name})).await.created();
    let id = group["id"].as_str().expect("id").to_owned();
    let link = json!({"connection_id": world.connection, "name": there});
    world.api().post(&format!("/api/v1/groups/{id}/link"), &link).await.expect(201);
    id
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn names_and_states() {
    let samba = Samba::start();
    let server = Server::inside(Backend::Sqlite).await;
    let mut admin = prepared(&samba).await;
    let world = world(&server, &samba).await;
    let found = world.test().await;
    assert_eq!(found["status"], "passed", "{found}");
    assert_eq!(found["found"]["checks"][0]["found"], "Active Directory");

    for name in ["bob@acme.example", "bob", "BOB"] {
        assert_eq!(world.lets_in(name, DC_PASSWORD).await["email"], "bob@acme.example", "{name}");
    }
    world.refuses("bob", "wrong", "wrong_password").await;
    // The sign-in name is no address, unless the connection says that it is.
    let answer = world.try_in(&server.client(), "nomail", "wrong").await.expect(401);
    assert!(answer.body.contains(super::world::WRONG), "{}", answer.body);
    let answer = world.try_in(&server.client(), "nomail", DC_PASSWORD).await.expect(401);
    assert!(answer.body.contains("does not contain your email address"), "{}", answer.body);
    assert_eq!(server.last_refusal(&world.tenant).await, "no_address");
    world.change(json!({"user_queries": [query("userPrincipalName")]})).await.expect(200);
    assert_eq!(world.lets_in("nomail", DC_PASSWORD).await["email"], "nomail@acme.example");
    for (name, reason, said) in [
        ("disabled", "directory_disabled", "is disabled"),
        ("expired", "directory_expired", "has expired"),
        ("mustchange", "directory_must_change_password", "must change your directory password"),
    ] {
        let answer = world.try_in(&server.client(), name, DC_PASSWORD).await.expect(401);
        assert!(answer.body.contains(said), "{name}: {}", answer.body);
        assert_eq!(server.last_refusal(&world.tenant).await, reason);
        // Whoever does not know the password learns nothing of it.
        let answer = world.try_in(&server.client(), name, "wrong").await.expect(401);
        assert!(answer.body.contains(super::world::WRONG), "{name}: {}", answer.body);
    }
    // Whoever is disabled or gone is out at the next synchronisation.
    let mut inside = Vec::new();
    for name in ["bob", "nomail"] {
        let browser = server.client();
        world.try_in(&browser, name, DC_PASSWORD).await.expect(303);
        inside.push(browser);
    }
    replace(&mut admin, &dn("bob"), "userAccountControl", "514").await;
    let run = super::sync::sync(&world, json!({})).await;
    assert_eq!(run["report"]["deactivated"], 1, "{run}");
    assert_eq!(run["report"]["leavers"][0]["reason"], "disabled in the directory", "{run}");
    inside[0].get("/api/v1/me").await.expect(401);
    inside[1].get("/api/v1/me").await.expect(200);
    admin.delete(&dn("nomail")).await.expect("deleted").success().expect("deleted");
    replace(&mut admin, &dn("bob"), "userAccountControl", "512").await;
    let run = super::sync::sync(&world, json!({})).await;
    assert_eq!(
        (&run["report"]["deactivated"], &run["report"]["reactivated"]),
        (&json!(1), &json!(1)),
        "{run}"
    );
    inside[1].get("/api/v1/me").await.expect(401);
    // Locked there: no password is looked at, so nothing is said.
    replace(&mut admin, REALM_BASE, "lockoutThreshold", "2").await;
    for at in 0..3 {
        let browser = server.client().from(&format!("10.2.2.{at}"));
        world.try_in(&browser, "locked", "wrong").await.expect(401);
    }
    let answer = world.try_in(&server.client(), "locked", DC_PASSWORD).await.expect(401);
    assert!(answer.body.contains(super::world::WRONG), "{}", answer.body);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn groups_and_moves() {
    let samba = Samba::start();
    let server = Server::inside(Backend::Sqlite).await;
    let mut admin = prepared(&samba).await;
    let world = world(&server, &samba).await;

    // Groups in groups, by the matching rule.
    add_group(&mut admin, "inner", &[dn("bob")]).await;
    add_group(&mut admin, "middle", &[dn("inner")]).await;
    add_group(&mut admin, "outer", &[dn("middle")]).await;
    link(&world, "Outer", "outer").await;
    assert_eq!(world.lets_in("bob", DC_PASSWORD).await["groups"], json!(["Outer"]));

    // Renamed, and moved to a unit of their own: the same person, by objectGUID.
    let before = world.lets_in("bob", DC_PASSWORD).await;
    let unit = format!("OU=Moved,{REALM_BASE}");
    admin
        .add(&unit, entry(&[("objectClass", "organizationalUnit")]))
        .await
        .expect("added")
        .success()
        .expect("added");
    admin
        .modifydn(&dn("bob"), "CN=Robert", true, Some(&unit))
        .await
        .expect("moved")
        .success()
        .expect("moved");
    let robert = format!("CN=Robert,{unit}");
    replace(&mut admin, &robert, "mail", "robert@acme.example").await;
    replace(&mut admin, &robert, "userPrincipalName", "robert@acme.example").await;
    assert_eq!(world.lets_in("robert@acme.example", DC_PASSWORD).await["id"], before["id"]);

    // More members than are given at once: 1,500, then the rest (MS-ADTS §3.1.1.3.1.3.3).
    world.change(json!({"nested": false})).await.expect(200);
    let mut members = vec![robert];
    for at in 0..1_600 {
        let name = format!("contact{at}");
        let mail = format!("{name}@acme.example");
        admin
            .add(&dn(&name), entry(&[("objectClass", "contact"), ("mail", &mail)]))
            .await
            .expect("added")
            .success()
            .expect("added");
        members.push(dn(&name));
    }
    add_group(&mut admin, "crowd", &members).await;
    let crowd = link(&world, "Crowd", "crowd").await;
    let queries = json!([{"base_dn": REALM_BASE, "filter": "(|(objectClass=contact)(objectClass=user))"}]);
    world.change(json!({"user_queries": queries})).await.expect(200);
    let run = super::sync::sync(&world, json!({})).await;
    assert_eq!(run["status"], "done", "{run}");
    assert_eq!(run["report"]["added"], 1_601, "{run}");
    assert_eq!(run["report"]["changes"][0]["group_id"], crowd.as_str(), "{run}");
}
