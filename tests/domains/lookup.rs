//! Which account and which connection an address leads to, and what another account can do about it.

use serde_json::json;

use super::{connection, domain, forget, identify, leads_to, path};
use crate::harness::{Client, Server};
use crate::on_both;

/// Adds a user with a password.
async fn add_user(api: &Client, address: &str, password: &str) {
    let user = json!({"user_name": address, "email": address, "password": password});
    api.post("/api/v1/users", &user).await.created();
}

on_both! {
    async fn a_listed_domain_draws_nobody_into_another_account(server: Server) {
        let (acme, evil) = (server.tenant("acme").await, server.tenant("evil").await);
        let company = connection(server, &acme, "Company", &["acme.example"]).await;
        let phishing = connection(server, &evil, "Phishing", &["acme.example", "brand.example"]).await;
        assert_eq!(leads_to(server, "", "ada@acme.example").await, format!("/saml/{company}/login"), "the claim of another takes nothing away");
        assert_eq!(leads_to(server, "acme", "ada@acme.example").await, format!("/saml/{company}/login"));
        assert_eq!(leads_to(server, "evil", "ada@acme.example").await, "/login/password", "not even within the account");
        assert_eq!(leads_to(server, "", "ada@brand.example").await, "200", "no account has verified it, so the page asks");
        let api = server.client().bearer(&evil.token);
        let claimed = domain(server, &evil, "acme.example").await;
        let refused = api.post(&format!("{}/verify", path(&claimed)), &json!({})).await.expect(409).body;
        assert!(!refused.contains("acme\"") && !refused.contains("Company"), "whose it is stays untold: {refused}");
        server.verify_domain("evil", "brand.example", &[]).await;
        assert_eq!(leads_to(server, "", "ada@brand.example").await, format!("/saml/{phishing}/login"), "what is theirs routes");
    }

    async fn a_user_of_another_account_shuts_nobody_out(server: Server) {
        let (acme, evil) = (server.tenant("acme").await, server.tenant("evil").await);
        let attacker = server.client().bearer(&evil.token);
        add_user(&attacker, &acme.email, "an attacker's password").await;

        let browser = server.client();
        let page = identify(&browser, "", &acme.email).await.expect(303);
        let page = browser.get(&page.location().expect("the password page")).await.expect(200);
        let fields = [("flow", page.field("flow")), ("password", acme.password.clone())];
        let fields: Vec<(&str, &str)> = fields.iter().map(|(name, value)| (*name, value.as_str())).collect();
        browser.form("/login/password", &fields).await.expect(303);
        assert_eq!(browser.get("/api/v1/me").await.ok()["account"], "acme");

        let local = [("identifier", acme.email.as_str()), ("password", &acme.password), ("account", "")];
        let browser = server.client();
        browser.form("/login/local", &local).await.expect(303);
        assert_eq!(browser.get("/api/v1/me").await.ok()["account"], "acme");
        let wrong = [("identifier", acme.email.as_str()), ("password", "an attacker's password"), ("account", "")];
        server.client().form("/login/local", &wrong).await.expect(401);

        server.client().form("/login/forgot", &[("identifier", acme.email.as_str()), ("account", "")]).await.expect(200);
        let mail = server.mail(&acme.email, "Reset your password").await;
        assert!(mail.text.contains("the acme password"), "{}", mail.text);
        assert_eq!(server.mails_queued().await, 1, "the domain is acme's, so no other account writes");
    }

    async fn without_a_verified_domain_the_page_asks_for_the_account(server: Server) {
        let acme = server.tenant("acme").await;
        let api = server.client().bearer(&acme.token);
        add_user(&api, "bob@elsewhere.example", "a good long password").await;
        assert_eq!(leads_to(server, "", "bob@elsewhere.example").await, "/login/password", "one account needs no name");
        server.client().sign_in("", "bob@elsewhere.example", "a good long password").await.expect(303);

        server.tenant("globex").await;
        forget(server, &acme).await;
        let browser = server.client();
        let known = identify(&browser, "", "bob@elsewhere.example").await.expect(200);
        let unknown = identify(&browser, "", "eve@elsewhere.example").await.expect(200);
        assert_eq!(
            known.body.replace("bob@", "NAME@"),
            unknown.body.replace("eve@", "NAME@"),
            "the answer does not depend on who exists"
        );
        assert!(known.body.contains("name=\"account\" type=\"text\""), "{}", known.body);
        let name_only = identify(&browser, "", "bob").await.expect(200);
        assert!(name_only.body.contains("name=\"account\" type=\"text\""));
        let wrong = identify(&browser, "nowhere", "bob@elsewhere.example").await.expect(422);
        assert!(wrong.body.contains("No account on this server has this name"), "{}", wrong.body);
        let page = identify(&browser, " ACME ", "bob@elsewhere.example").await.expect(303);
        let page = browser.get(&page.location().expect("the password page")).await.expect(200);
        let (flow, password) = (page.field("flow"), "a good long password");
        browser.form("/login/password", &[("flow", &flow), ("password", password)]).await.expect(303);
        assert_eq!(browser.get("/api/v1/me").await.ok()["email"], "bob@elsewhere.example");

        let local = [("identifier", "bob@elsewhere.example"), ("password", "a good long password")];
        let asked = server.client().form("/login/local", &local).await.expect(200);
        assert!(asked.body.contains("name=\"account\" type=\"text\""), "{}", asked.body);
    }

    async fn a_new_password_is_mailed_from_every_account_that_has_the_address(server: Server) {
        for slug in ["acme", "globex", "initech"] {
            let tenant = server.tenant(slug).await;
            let api = server.client().bearer(&tenant.token);
            add_user(&api, "bob@elsewhere.example", "a good long password").await;
            if slug == "initech" {
                let found = api.get("/api/v1/users?user_name=bob@elsewhere.example").await.ok();
                let id = found["items"][0]["id"].as_str().expect("id").to_owned();
                api.patch(&format!("/api/v1/users/{id}"), &json!({"status": "inactive"})).await.expect(200);
            }
        }
        let before = server.mails_queued().await;
        for name in ["bob@elsewhere.example", "nobody@elsewhere.example", "bob"] {
            let page = server.client().form("/login/forgot", &[("identifier", name), ("account", "")]).await.expect(200);
            assert!(page.body.contains("Check your email"), "{}", page.body);
        }
        for slug in ["acme", "globex"] {
            server.mail_with("bob@elsewhere.example", &format!("the {slug} password")).await;
        }
        assert_eq!(server.mails_queued().await - before, 2, "one for each active user");
    }
}
