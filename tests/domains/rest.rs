//! The REST API of domains.

use serde_json::{Value, json};

use super::{connection, domain, leads_to, path};
use crate::harness::{Server, process};
use crate::on_both;

on_both! {
    async fn a_domain_is_claimed_changed_and_deleted(server: Server) {
        let (acme, globex) = (server.tenant("acme").await, server.tenant("globex").await);
        let api = server.client().bearer(&acme.token);
        let company = connection(server, &acme, "Company", &[]).await;
        let made = api.post("/api/v1/domains", &json!({"domain": "Bücher.example", "connections": [company]})).await.created();
        assert_eq!(
            (&made["domain"], &made["state"], &made["method"]),
            (&json!("xn--bcher-kva.example"), &json!("pending"), &Value::Null)
        );
        assert_eq!(made["record_name"], "_vestibule.xn--bcher-kva.example");
        let value = made["record_value"].as_str().expect("a value");
        assert!(value.starts_with("vestibule-domain-verification=") && value.len() > 60, "{value}");
        assert_eq!((&made["connections"], &made["checked_at"], &made["last_error"]), (&json!([company]), &Value::Null, &Value::Null));
        assert_eq!(api.get(&path(&made)).await.ok(), made);
        let shown = api.get(&format!("/api/v1/connections/{company}")).await.ok();
        assert_eq!(shown["email_domains"], json!(["xn--bcher-kva.example"]), "two views of one relation");

        let other = connection(server, &acme, "Partner", &[]).await;
        let changed = api.patch(&path(&made), &json!({"connections": [other, company]})).await.ok();
        assert_eq!(changed["connections"].as_array().expect("ids").len(), 2, "several connections may speak for it");
        let unchanged = api.patch(&path(&made), &json!({})).await.ok();
        assert_eq!(unchanged["connections"], changed["connections"]);

        let theirs = connection(server, &globex, "Theirs", &[]).await;
        for (body, field) in [
            (json!({"domain": "acme.test", "connections": [theirs]}), "connections"),
            (json!({"domain": "acme.test", "organization": "x"}), "organization"),
            (json!({"domain": "co.uk"}), "domain"),
            (json!({"domain": "github.io"}), "domain"),
            (json!({"domain": "GMail.com"}), "domain"),
            (json!({"domain": "192.0.2.1"}), "domain"),
            (json!({"domain": "no domain"}), "domain"),
            (json!({}), "domain"),
        ] {
            let refused = api.post("/api/v1/domains", &body).await.expect(422).value();
            assert_eq!(refused["field"], field, "{refused}");
        }
        let refused = api.post("/api/v1/domains", &json!({"domain": "outlook.com"})).await.expect(422).body;
        assert!(refused.contains("public email provider"), "{refused}");
        api.post("/api/v1/domains", &json!({"domain": "BÜCHER.example"})).await.expect(409);
        api.patch(&path(&made), &json!({"connections": ["x"]})).await.expect(422);
        api.patch(&path(&made), &json!({"state": "verified"})).await.expect(422);

        let stranger = server.client().bearer(&globex.token);
        stranger.get(&path(&made)).await.expect(404);
        stranger.patch(&path(&made), &json!({"connections": []})).await.expect(404);
        stranger.delete(&path(&made)).await.expect(404);
        stranger.post(&format!("{}/verify", path(&made)), &json!({})).await.expect(404);

        api.delete(&path(&made)).await.expect(204);
        api.get(&path(&made)).await.expect(404);
        let shown = api.get(&format!("/api/v1/connections/{company}")).await.ok();
        assert_eq!(shown["email_domains"], json!([]));
        let events = server.audit(&acme).await;
        for action in ["domain.create", "domain.update", "domain.delete"] {
            assert!(events.iter().any(|e| e["action"] == action && e["resource"]["name"] == "xn--bcher-kva.example"), "{action}");
        }
    }

    async fn a_connection_claims_the_domains_that_it_lists(server: Server) {
        let acme = server.tenant("acme").await;
        let api = server.client().bearer(&acme.token);
        let company = connection(server, &acme, "Company", &["acme.test", "ACME.test"]).await;
        let claimed = domain(server, &acme, "acme.test").await;
        assert_eq!((&claimed["state"], &claimed["connections"]), (&json!("pending"), &json!([company])));
        assert_eq!(leads_to(server, "acme", "bob@acme.test").await, "/login/password", "a claim has no effect");
        server.verify_domain("acme", "acme.test", &[]).await;
        assert_eq!(leads_to(server, "acme", "bob@acme.test").await, format!("/saml/{company}/login"));
        for listed in ["gmail.com", "co.uk", "no domain"] {
            let body = json!({"email_domains": [listed]});
            let refused = api.patch(&format!("/api/v1/connections/{company}"), &body).await.expect(422).value();
            assert_eq!(refused["field"], "email_domains", "{refused}");
        }

        let partner = connection(server, &acme, "Partner", &["acme.test"]).await;
        assert_eq!(domain(server, &acme, "acme.test").await["connections"].as_array().expect("ids").len(), 2);
        assert_eq!(leads_to(server, "acme", "bob@acme.test").await, format!("/saml/{company}/login"), "the first on the page");
        api.patch(&format!("/api/v1/connections/{partner}"), &json!({"is_default": true})).await.expect(200);
        assert_eq!(leads_to(server, "acme", "bob@acme.test").await, format!("/saml/{partner}/login"), "the default one");

        api.delete(&path(&claimed)).await.expect(204);
        assert_eq!(leads_to(server, "acme", "bob@acme.test").await, "/login/password", "deleting ends it at once");
    }

    async fn the_first_account_may_take_its_administrators_word(server: Server) {
        let (acme, globex) = (server.tenant("acme").await, server.tenant("globex").await);
        let trust = json!({"trust_administrator": true});
        for (tenant, status) in [(&acme, 200), (&globex, 409)] {
            let api = server.client().bearer(&tenant.token);
            let made = api.post("/api/v1/domains", &json!({"domain": "shared.example"})).await.created();
            if status == 409 {
                // Free again, so that only the account makes the difference.
                let first = domain(server, &acme, "shared.example").await;
                server.client().bearer(&acme.token).delete(&path(&first)).await.expect(204);
            }
            let answer = api.post(&format!("{}/verify", path(&made)), &trust).await.expect(status).value();
            if status == 200 {
                assert_eq!((&answer["state"], &answer["method"]), (&json!("verified"), &json!("operator")));
                let event = server.audit(tenant).await.into_iter().find(|e| e["action"] == "domain.verify").expect("an event");
                assert_eq!((&event["detail"]["method"], &event["actor"]["name"]), (&json!("operator"), &json!("tests")));
                let again = api.post(&format!("{}/verify", path(&made)), &json!({})).await.ok();
                assert_eq!(again["method"], "operator", "it is not looked up");
            } else {
                assert!(answer["detail"].as_str().expect("text").contains("first account"), "{answer}");
            }
        }
        let api = server.client().bearer(&acme.token);
        let made = domain(server, &globex, "globex.example").await;
        api.post(&format!("{}/verify", path(&made)), &trust).await.expect(404);
        let own = api.post("/api/v1/domains", &json!({"domain": "globex.example"})).await.created();
        let refused = api.post(&format!("{}/verify", path(&own)), &trust).await.expect(409).body;
        assert!(!refused.contains("globex\"") && refused.contains("another account"), "{refused}");
    }

    async fn one_account_of_those_that_verify_a_domain_at_once_gets_it(server: Server) {
        use vestibule::audit::Context;
        use vestibule::directory::accounts;
        use vestibule::directory::domains::{self, DomainName, NewDomain};
        for slug in ["acme", "globex", "initech"] {
            server.tenant(slug).await;
        }
        for round in 0..200 {
            let name = DomainName::parse("domain", &format!("race{round}.example")).expect("a domain");
            let barrier = tokio::sync::Barrier::new(3);
            let verify = async |slug: &str| {
                let mut tx = server.kernel.db.begin().await.expect("tx");
                let account = accounts::by_slug(&mut tx, slug).await.expect("database").expect("account");
                let context = Context::system(&account.id);
                let new = NewDomain { name: name.clone(), connections: Vec::new() };
                let made = domains::create(&mut tx, &context, new).await.expect("claimed");
                tx.commit().await.expect("commit");
                barrier.wait().await;
                let mut tx = server.kernel.db.begin().await.expect("tx");
                let done = domains::verify_by_operator(&mut tx, &context, &made.id).await;
                if done.is_ok() { tx.commit().await.is_ok() } else { false }
            };
            let (a, b, c) = tokio::join!(verify("acme"), verify("globex"), verify("initech"));
            assert_eq!([a, b, c].iter().filter(|won| **won).count(), 1, "round {round}");
        }
    }

    async fn the_operator_verifies_a_domain_on_the_command_line(server: Server) {
        let (acme, globex) = (server.tenant("acme").await, server.tenant("globex").await);
        let database = &server.kernel.config.database.url;
        let said = process::run(server.dir.path(), database, &["domain", "verify", "Brand.example", "--account", "globex"]);
        assert_eq!(said, "Verified the domain brand.example for the account globex.");
        let verified = domain(server, &globex, "brand.example").await;
        assert_eq!((&verified["state"], &verified["method"]), (&json!("verified"), &json!("operator")));
        let event = server.audit(&globex).await.into_iter().find(|e| e["action"] == "domain.verify").expect("an event");
        assert_eq!(event["actor"]["name"], "system");
        server.client().bearer(&acme.token).post("/api/v1/domains", &json!({"domain": "brand.example"})).await.created();
        for (arguments, reason) in [
            (["domain", "verify", "brand.example", "--account", "acme"], "verified by the account globex"),
            (["domain", "verify", "gmail.com", "--account", "acme"], "public email provider"),
            (["domain", "verify", "acme.test", "--account", "nobody"], "no account named nobody"),
        ] {
            let done = process::vestibule(server.dir.path(), database).args(arguments).output().expect("runs");
            let said = String::from_utf8_lossy(&done.stderr).into_owned();
            assert!(!done.status.success() && said.contains(reason), "{said}");
        }
        assert_eq!(domain(server, &acme, "brand.example").await["state"], "pending");
    }
}
