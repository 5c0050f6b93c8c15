//! Signing in with a password, and what keeps strangers out.

use serde_json::json;

use crate::harness::{Answer, Server};
use crate::on_both;

on_both! {
    async fn a_person_lands_where_they_wanted_to_go(server: Server) {
        let tenant = server.tenant("acme").await;
        let browser = server.client();
        let sent = browser.get("/console/audit?action=user.create").await.expect(303);
        let login = browser.get(&sent.location().expect("login")).await.expect(200);
        let fields = [("identifier", tenant.email.as_str()), ("account", ""), ("return_to", &login.field("return_to"))];
        let sent = browser.form("/login", &fields).await.expect(303);
        let page = browser.get(&sent.location().expect("password page")).await.expect(200);
        let fields = [("flow", page.field("flow")), ("password", tenant.password.clone())];
        let fields = fields.each_ref().map(|(k, v)| (*k, v.as_str()));
        let entered = browser.form("/login/password", &fields).await.expect(303);
        assert_eq!(entered.location().as_deref(), Some("/console/audit?action=user.create"));
        let me = browser.get("/api/v1/me").await.ok();
        assert_eq!(me["amr"], json!(["pwd"]));
        let events = server.audit(&tenant).await;
        let event = events.iter().find(|e| e["action"] == "session.sign_in").expect("event");
        assert_eq!((&event["outcome"], &event["detail"]["method"]), (&json!("success"), &json!("password")));
        assert_eq!(event["address"], "127.0.0.1");
        assert!(!event["request_id"].as_str().expect("id").is_empty());
    }

    async fn unknown_wrong_and_inactive_look_alike(server: Server) {
        let tenant = server.tenant("acme").await;
        let id = server.add_user(&tenant, "off@acme.example", "a good long password").await;
        let api = server.client().bearer(&tenant.token);
        api.patch(&format!("/api/v1/users/{id}"), &json!({"status": "inactive"})).await.expect(200);
        let body = |answer: Answer, name: &str| {
            let flow = answer.field("flow");
            answer.expect(401).body.replace(&flow, "FLOW").replace(name, "NAME").replace(&name.replace('@', "%40"), "NAME")
        };
        let mut bodies = Vec::new();
        for (name, password) in [
            ("nobody@acme.example", "whatever it is"),
            (tenant.email.as_str(), "not the password"),
            ("off@acme.example", "a good long password"),
            ("off@acme.example", "not the password"),
        ] {
            bodies.push(body(server.client().sign_in("acme", name, password).await, name));
        }
        assert!(bodies.iter().all(|b| *b == bodies[0]), "{bodies:#?}");
        let events = server.audit(&tenant).await;
        let refused: Vec<_> = events.iter().filter(|e| e["outcome"] == "refused").map(|e| e["reason"].clone()).collect();
        assert_eq!(refused, [json!("wrong_password"), json!("user_inactive"), json!("wrong_password")], "newest first; none for the unknown name");
    }

    async fn a_sign_in_under_way_belongs_to_its_browser(server: Server) {
        let tenant = server.tenant("acme").await;
        let mine = server.client();
        let fields = [("identifier", tenant.email.as_str()), ("account", "acme"), ("return_to", "/")];
        let sent = mine.form("/login", &fields).await.expect(303).location().expect("password page");
        let flow = mine.get(&sent).await.expect(200).field("flow");
        let other = server.client();
        let answer = other.form("/login/password", &[("flow", &flow), ("password", &tenant.password)]).await;
        assert_eq!(answer.location().as_deref(), Some("/login?notice=expired"));
        server.advance(15 * 60 + 1);
        let answer = mine.form("/login/password", &[("flow", &flow), ("password", &tenant.password)]).await;
        assert_eq!(answer.location().as_deref(), Some("/login?notice=expired"), "a quarter of an hour is enough");
    }

    async fn typing_names_writes_nothing(server: Server) {
        let tenant = server.tenant("acme").await;
        for n in 0..20 {
            let fields = [("identifier", format!("somebody{n}@acme.example")), ("account", "acme".to_owned()), ("return_to", "/".to_owned())];
            let fields = fields.each_ref().map(|(k, v)| (*k, v.as_str()));
            server.client().form("/login", &fields).await.expect(303);
        }
        let mut c = server.kernel.db.read().await.expect("database");
        let rows: i64 = sqlx::query_scalar("SELECT COUNT(*) FROM signin_flows").fetch_one(&mut *c).await.expect("count");
        assert_eq!(rows, 0);
        drop(c);
        // What the browser carries cannot be read, altered, or used with another account.
        let browser = server.client();
        let fields = [("identifier", tenant.email.as_str()), ("account", "acme"), ("return_to", "/")];
        let ticket = browser.form("/login", &fields).await.expect(303).location().expect("to").split("flow=").nth(1).expect("flow").to_owned();
        assert!(!ticket.contains("admin") && !ticket.contains("acme"), "{ticket}");
        let mut altered = ticket.clone().into_bytes();
        let last = altered.len() - 8;
        altered[last] = if altered[last] == b'A' { b'B' } else { b'A' };
        let altered = String::from_utf8(altered).expect("text");
        for flow in [altered.as_str(), "t.", "t.AAAA", &ticket[..ticket.len() / 2], ""] {
            let answer = browser.form("/login/password", &[("flow", flow), ("password", &tenant.password)]).await;
            assert_eq!(answer.location().as_deref(), Some("/login?notice=expired"), "{flow}");
        }
        browser.form("/login/password", &[("flow", &ticket), ("password", &tenant.password)]).await.expect(303);
        assert_eq!(browser.get("/api/v1/me").await.ok()["user_name"], tenant.email.as_str());
    }

    async fn a_sign_in_never_leads_to_another_site(server: Server) {
        let tenant = server.tenant("acme").await;
        for evil in ["https://evil.example", "//evil.example", "/\\evil.example"] {
            let browser = server.client();
            let fields = [("identifier", tenant.email.as_str()), ("account", "acme"), ("return_to", evil)];
            let sent = browser.form("/login", &fields).await.expect(303).location().expect("password page");
            let flow = browser.get(&sent).await.expect(200).field("flow");
            let fields = [("flow", flow.as_str()), ("password", tenant.password.as_str())];
            let entered = browser.form("/login/password", &fields).await.expect(303);
            assert_eq!(entered.location().as_deref(), Some("/"), "{evil}");
        }
    }

    async fn the_allow_list_of_domains_counts_at_every_door(server: Server) {
        let tenant = server.tenant("acme").await;
        server.add_user(&tenant, "eve@elsewhere.example", "a good long password").await;
        let api = server.client().bearer(&tenant.token);
        let list = json!({"email_domains": ["ACME.example"]});
        api.patch("/api/v1/authentication-settings", &list).await.expect(200);
        let answer = server.client().sign_in("acme", "eve@elsewhere.example", "a good long password").await;
        assert!(answer.expect(401).body.contains("domain"));
        assert_eq!(server.last_refusal(&tenant).await, "domain_not_allowed");
        server.client().sign_in("acme", &tenant.email, &tenant.password).await.expect(303);
    }

    async fn the_local_page_is_for_administrators(server: Server) {
        let tenant = server.tenant("acme").await;
        server.add_user(&tenant, "bob@acme.example", "a good long password").await;
        let try_as = async |name: &str, password: &str| {
            let fields = [("identifier", name), ("password", password), ("account", "acme")];
            server.client().form("/login/local", &fields).await
        };
        let entered = try_as(&tenant.email, &tenant.password).await.expect(303);
        assert_eq!(entered.location().as_deref(), Some("/console"));
        try_as("bob@acme.example", "a good long password").await.expect(401);
        assert_eq!(server.last_refusal(&tenant).await, "not_an_administrator");
        let api = server.client().bearer(&tenant.token);
        api.patch("/api/v1/authentication-settings", &json!({"local_login": false})).await.expect(200);
        try_as(&tenant.email, &tenant.password).await.expect(401);
        assert_eq!(server.last_refusal(&tenant).await, "local_login_off");
    }

    async fn one_persons_user_name_is_not_another_persons_address(server: Server) {
        let tenant = server.tenant("acme").await;
        let api = server.client().bearer(&tenant.token);
        let eve = json!({"user_name": tenant.email, "email": "eve@acme.example", "password": "a good long password"});
        assert_eq!(api.post("/api/v1/users", &eve).await.status, 409, "the name is taken");
        let bob = json!({"user_name": "bob", "email": "bob@acme.example", "password": "bobs long password"});
        api.post("/api/v1/users", &bob).await.created();
        let eve = json!({"user_name": "bob@acme.example", "email": "eve@acme.example", "password": "a good long password"});
        api.post("/api/v1/users", &eve).await.created();
        let browser = server.client();
        browser.sign_in("acme", "eve@acme.example", "a good long password").await.expect(303);
        assert_eq!(browser.get("/api/v1/me").await.ok()["email"], "eve@acme.example", "not Bob");
    }

    async fn an_address_in_two_accounts_needs_the_account(server: Server) {
        let acme = server.tenant("acme").await;
        let globex = server.tenant("globex").await;
        server.add_user(&acme, "ada@shared.example", "password of acme").await;
        server.add_user(&globex, "ada@shared.example", "password of globex").await;
        // The page asks for the account, whoever has the address.
        let identify = async |name: &str| {
            let fields = [("identifier", name), ("account", ""), ("return_to", "")];
            server.client().form("/login", &fields).await.expect(200).body
        };
        let asked = identify("ada@shared.example").await;
        assert!(asked.contains("name=\"account\" type=\"text\""), "{asked}");
        let nobody = identify("eve@shared.example").await;
        assert_eq!(asked.replace("ada@", "NAME@"), nobody.replace("eve@", "NAME@"));
        for account in ["acme", "globex"] {
            let browser = server.client();
            browser.sign_in(account, "ada@shared.example", &format!("password of {account}")).await.expect(303);
            assert_eq!(browser.get("/api/v1/me").await.ok()["account"], account);
        }
        let other = server.client().sign_in("globex", "ada@shared.example", "password of acme").await;
        other.expect(401);
        // Once one of them has verified the domain, its users need not name it, and the other's have to.
        server.verify_domain("globex", "shared.example", &[]).await;
        server.client().sign_in("", "ada@shared.example", "password of acme").await.expect(401);
        let browser = server.client();
        browser.sign_in("", "ada@shared.example", "password of globex").await.expect(303);
        assert_eq!(browser.get("/api/v1/me").await.ok()["account"], "globex");
        let browser = server.client();
        browser.sign_in("acme", "ada@shared.example", "password of acme").await.expect(303);
        let browser = server.client();
        browser.sign_in("", &acme.email, &acme.password).await.expect(303);
        assert_eq!(browser.get("/api/v1/me").await.ok()["account"], "acme", "the domain is verified there");
    }
}
