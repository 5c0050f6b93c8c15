//! Signing in with the password of a directory.

use std::fmt::Write as _;

use serde_json::json;

use super::world::{WRONG, World, body, few};
use crate::harness::Server;
use crate::harness::directory::{BASE, PASSWORD, Slapd, group, person};
use crate::on_both;

on_both! {
    with Server::inside;

    async fn somebody_signs_in(server: Server) {
        let slapd = Slapd::start(&few());
        let world = World::new(server, &slapd).await;
        let page = server.client().get("/login?account=acme").await.expect(200);
        assert!(!page.body.contains("or sign in with"), "a directory is no button: {}", page.body);
        for name in ["bob@acme.example", "Bob@ACME.example", "bob"] {
            let me = world.lets_in(name, PASSWORD).await;
            assert_eq!((&me["email"], &me["display_name"]), (&json!("bob@acme.example"), &json!("bob Builder")));
            assert_eq!(me["amr"], json!(["pwd"]));
        }
        let events = server.audit(&world.tenant).await;
        assert_eq!(events.iter().filter(|e| e["action"] == "user.create").count(), 2, "the administrator, and Bob once");
        let event = events.iter().find(|e| e["action"] == "session.sign_in").expect("the event");
        assert_eq!(event["detail"]["method"], "ldap");
        assert!(!json!(events).to_string().contains(PASSWORD));
    }

    async fn who_does_not_come_in_looks_the_same(server: Server) {
        let slapd = Slapd::start(&few());
        let world = World::new(server, &slapd).await;
        world.lets_in("bob@acme.example", PASSWORD).await;
        world.refuses("bob@acme.example", "wrong", "wrong_password").await;
        // RFC 4513 §5.1.2: a bind without a password succeeds, and proves nothing.
        let browser = server.client();
        let answer = world.try_in(&browser, "bob@acme.example", "").await.expect(401);
        assert!(answer.body.contains(WRONG));
        for name in ["nobody@acme.example", "*", "b*b@acme.example", "*)(uid=*", "bob)(|(uid=*", "bob\\2a", "(", "bob@acme.example)(objectClass=*)"] {
            let answer = world.try_in(&server.client(), name, PASSWORD).await.expect(401);
            assert!(answer.body.contains(WRONG), "{name}: {}", answer.body);
        }
        let fields = [("identifier", "bob@acme.example\0"), ("account", "acme"), ("return_to", "/")];
        server.client().form("/login", &fields).await.expect(422);
    }

    async fn guesses_are_counted(server: Server) {
        let slapd = Slapd::start(&few());
        let world = World::new(server, &slapd).await;
        world.lets_in("bob@acme.example", PASSWORD).await;
        let api = world.api();
        api.patch("/api/v1/authentication-settings", &json!({"lockout": {"attempts": 3, "duration_minutes": 5}})).await.expect(200);
        for at in 1..=3 {
            let browser = server.client().from(&format!("10.1.1.{at}"));
            world.try_in(&browser, "bob@acme.example", "wrong").await.expect(401);
        }
        // The directory is not asked any more, whatever the password.
        world.refuses("bob@acme.example", PASSWORD, "user_locked").await;
        server.clock.advance(std::time::Duration::from_mins(6));
        world.lets_in("bob@acme.example", PASSWORD).await;
    }

    async fn groups_follow_also_nested_ones(server: Server) {
        let slapd = Slapd::start(&few());
        let world = World::new(server, &slapd).await;
        let api = world.api();
        world.change(json!({"group_sync": true})).await.expect(200);
        for (name, linked) in [("Here builders", "builders"), ("Here staff", &*format!("cn=staff,ou=groups,{BASE}"))] {
            let group = api.post("/api/v1/groups", &json!({"name": name})).await.created()["id"].as_str().expect("id").to_owned();
            let link = json!({"connection_id": world.connection, "name": linked});
            api.post(&format!("/api/v1/groups/{group}/link"), &link).await.expect(201);
        }
        assert_eq!(world.lets_in("bob", PASSWORD).await["groups"], json!(["Here builders"]));
        assert_eq!(world.lets_in("dave", PASSWORD).await["groups"], json!([]));
        world.change(json!({"nested": true})).await.expect(200);
        let both = world.lets_in("bob", PASSWORD).await["groups"].clone();
        assert_eq!(both.as_array().map(Vec::len), Some(2), "{both}");
        // Where the directory does not say it at the person.
        let queries = json!([{"base_dn": BASE, "filter": "(objectClass=inetOrgPerson)", "member_of_attribute": "seeAlso"}]);
        world.change(json!({"user_queries": queries, "nested": false})).await.expect(200);
        assert_eq!(world.lets_in("bob", PASSWORD).await["groups"], json!(["Here builders"]));
    }

    async fn somebody_is_renamed_and_moved(server: Server) {
        let slapd = Slapd::start(&few());
        let world = World::new(server, &slapd).await;
        let before = world.lets_in("bob@acme.example", PASSWORD).await;
        let mut admin = slapd.admin().await;
        let (from, to) = (format!("uid=bob,ou=people,{BASE}"), format!("ou=moved,{BASE}"));
        admin.modifydn(&from, "uid=robert", true, Some(&to)).await.expect("moved").success().expect("moved");
        slapd.replace(&format!("uid=robert,{to}"), "mail", "robert@acme.example").await;
        let after = world.lets_in("robert@acme.example", PASSWORD).await;
        assert_eq!((&after["id"], &after["email"]), (&before["id"], &json!("robert@acme.example")));
        // A new person gets his old address there, and is not him.
        let entry = vec![
            ("objectClass", ["inetOrgPerson"].into()), ("sn", ["New"].into()), ("cn", ["New Bob"].into()),
            ("mail", ["bob@acme.example"].into()), ("userPassword", [PASSWORD].into()),
        ];
        admin.add(&from, entry).await.expect("added").success().expect("added");
        assert_ne!(world.lets_in("bob@acme.example", PASSWORD).await["id"], before["id"]);
        // Where the address here stays, it does not lead to him.
        let carol = world.lets_in("carol@acme.example", PASSWORD).await;
        let dn = format!("uid=carol,ou=people,{BASE}");
        admin.delete(&dn).await.expect("deleted").success().expect("deleted");
        let entry = vec![
            ("objectClass", ["inetOrgPerson"].into()), ("sn", ["New"].into()), ("cn", ["New Carol"].into()),
            ("mail", ["carol@acme.example"].into()), ("userPassword", [PASSWORD].into()),
        ];
        admin.add(&dn, entry).await.expect("added").success().expect("added");
        let answer = world.try_in(&server.client(), "carol@acme.example", PASSWORD).await.expect(401);
        assert!(answer.body.contains("is linked to another identity"), "{}", answer.body);
        assert!(carol["id"].is_string());
    }

    async fn each_domain_has_its_door(server: Server) {
        let slapd = Slapd::start(&few());
        let world = World::with(server, body(&slapd), json!({"email_domains": ["acme.example"]})).await;
        // The administrator's address is in the directory's domain, and not in the directory: the local page is there.
        let browser = server.client();
        let page = browser.get("/login/local?account=acme").await.expect(200);
        let fields = [("identifier", world.tenant.email.as_str()), ("account", "acme"), ("password", &world.tenant.password), ("return_to", &page.field("return_to"))];
        browser.form("/login/local", &fields).await.expect(303);
        // Somebody of another domain has a password here.
        let api = world.api();
        let user = json!({"user_name": "eve@other.example", "email": "eve@other.example", "password": "correct horse battery staple"});
        api.post("/api/v1/users", &user).await.created();
        world.lets_in("eve@other.example", "correct horse battery staple").await;
        world.lets_in("bob@acme.example", PASSWORD).await;
        world.lets_in("carol@acme.example", PASSWORD).await;
        // Without domains it is for everybody whom it has linked, but for those who have a password here. It brings
        // nobody new.
        world.change(json!({"email_domains": []})).await.expect(200);
        world.lets_in("eve@other.example", "correct horse battery staple").await;
        world.lets_in(&world.tenant.email, &world.tenant.password).await;
        world.lets_in("carol@acme.example", PASSWORD).await;
        world.try_in(&server.client(), "dave@acme.example", PASSWORD).await.expect(401);
        assert_eq!(server.last_refusal(&world.tenant).await, "not_in_connection_domains");
    }

    async fn one_has_to_prove_it_again_there(server: Server) {
        let slapd = Slapd::start(&few());
        let world = World::new(server, &slapd).await;
        let browser = server.client();
        world.try_in(&browser, "bob", PASSWORD).await.expect(303);
        server.clock.advance(std::time::Duration::from_hours(2));
        let sent = browser.form("/profile/tokens", &[("name", "backup")]).await.expect(303).location().expect("to confirm");
        assert!(sent.starts_with("/profile/confirm"), "{sent}");
        let to = [("return_to", "/profile"), ("password", "wrong")];
        browser.form("/profile/confirm", &to).await.expect(401);
        browser.form("/profile/confirm", &[("return_to", "/profile"), ("password", PASSWORD)]).await.expect(303);
        browser.form("/profile/tokens", &[("name", "backup")]).await.expect(200);
        // A directory that the rules do not allow confirms nothing either.
        server.clock.advance(std::time::Duration::from_hours(2));
        let rule = |connections: serde_json::Value| {
            json!({"sign_in_rules": [{"domain": "acme.example", "password": false, "passkey": false, "connections": connections}]})
        };
        let right = [("return_to", "/profile"), ("password", PASSWORD)];
        world.api().patch("/api/v1/authentication-settings", &rule(json!([]))).await.expect(200);
        browser.form("/profile/confirm", &right).await.expect(401);
        browser.form("/profile/tokens", &[("name", "backup")]).await.expect(303);
        world.api().patch("/api/v1/authentication-settings", &rule(json!([world.connection]))).await.expect(200);
        browser.form("/profile/confirm", &right).await.expect(303);
        browser.form("/profile/tokens", &[("name", "backup")]).await.expect(200);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ten_thousand_people_in_two_hundred_groups() {
    let mut ldif = String::new();
    for at in 0..10_000 {
        ldif += &person(&format!("user{at}"), &[&format!("group{}", at % 200)]);
    }
    for at in 0..200 {
        let members: Vec<String> =
            (at..10_000).step_by(200).map(|user| format!("uid=user{user},ou=people")).collect();
        ldif += &group(&format!("group{at}"), &members);
    }
    let mut all = String::new();
    write!(all, "dn: cn=all,ou=groups,{BASE}\nobjectClass: groupOfNames\ncn: all\n").expect("text");
    for at in 0..200 {
        writeln!(all, "member: cn=group{at},ou=groups,{BASE}").expect("text");
    }
    let slapd = Slapd::start(&(ldif + &all + "\n"));
    let server = Server::inside(crate::harness::Backend::Sqlite).await;
    let world = World::new(&server, &slapd).await;
    world.change(json!({"group_sync": true, "nested": true})).await.expect(200);
    let api = world.api();
    let group = api.post("/api/v1/groups", &json!({"name": "All"})).await.created()["id"]
        .as_str()
        .expect("id")
        .to_owned();
    api.post(
        &format!("/api/v1/groups/{group}/link"),
        &json!({"connection_id": world.connection, "name": "all"}),
    )
    .await
    .expect(201);
    for user in ["user0", "user9999@acme.example", "user5000"] {
        assert_eq!(world.lets_in(user, PASSWORD).await["groups"], json!(["All"]));
    }
    // The size limit of the directory, 500, keeps nobody out.
    let found = world.test().await;
    assert_eq!(found["status"], "passed", "{found}");
}
