//! Stored settings that this version cannot read, as a newer one writes them during a rolling upgrade or as they are
//! when a row is damaged: whatever depends on them is refused, and nothing is written, until they can be read.

use serde_json::{Value, json};

use super::PATH;
use crate::forward_auth::world::Site;
use crate::harness::{Answer, Server, Tenant};
use crate::on_both;

async fn stored(server: &Server, slug: &str) -> String {
    let mut c = server.kernel.db.read().await.expect("database");
    let query = sqlx::query_scalar("SELECT settings FROM accounts WHERE slug = $1").bind(slug.to_owned());
    query.fetch_one(&mut *c).await.expect("the account")
}

async fn store(server: &Server, slug: &str, settings: &str) {
    let mut tx = server.kernel.db.begin().await.expect("tx");
    let query = sqlx::query("UPDATE accounts SET settings = $1 WHERE slug = $2");
    query.bind(settings.to_owned()).bind(slug.to_owned()).execute(&mut *tx).await.expect("stored");
    tx.commit().await.expect("commit");
}

async fn rows(server: &Server) -> (i64, i64) {
    let mut c = server.kernel.db.read().await.expect("database");
    let sessions =
        sqlx::query_scalar("SELECT COUNT(*) FROM sessions").fetch_one(&mut *c).await.expect("count");
    let events =
        sqlx::query_scalar("SELECT COUNT(*) FROM audit_events").fetch_one(&mut *c).await.expect("count");
    (sessions, events)
}

#[track_caller]
fn refused(answer: Answer) {
    let answer = answer.expect(503);
    assert_eq!(answer.header("retry-after"), "30");
    assert!(answer.body.contains("settings of this account cannot be read"), "{}", answer.body);
    assert!(!answer.body.contains("later"), "nothing of the contents is told: {}", answer.body);
}

/// Posts the password on the page that `flow` leads to.
async fn password(client: &crate::harness::Client, page: &Answer, tenant: &Tenant) -> Answer {
    let fields = [("flow", &*page.field("flow")), ("password", &*tenant.password)];
    client.form("/login/password", &fields).await
}

on_both! {
    async fn settings_that_cannot_be_read_let_nobody_in(server: Server) {
        let tenant = server.tenant("acme").await;
        let other = server.tenant("globex").await;
        let site = Site::of(server, tenant, "app.test", json!({})).await;
        let (tenant, api) = (&site.tenant, &site.api);
        api.patch(PATH, &json!({"email_domains": ["acme.example"]})).await.ok();
        let good = stored(server, "acme").await;
        let browser = server.client();
        browser.sign_in("acme", &tenant.email, &tenant.password).await.expect(303);
        let sent = site.navigate(&browser, "/").await.expect(302);
        assert_eq!(site.follow(&browser, sent).await.1, site.url("/"));

        // What a newer version adds is left alone.
        let mut newer: Value = serde_json::from_str(&good).expect("JSON");
        newer["networks"] = json!(["10.0.0.0/8"]);
        newer["two_factor"]["kinds"] = json!({"passkey": true});
        store(server, "acme", &newer.to_string()).await;
        browser.get("/api/v1/me").await.expect(200);
        site.fetch(&browser, "/").await.expect(200);
        server.client().sign_in("acme", &tenant.email, &tenant.password).await.expect(303);
        api.patch(PATH, &json!({"password": {"history": 3}})).await.ok();
        newer["password"]["history"] = json!(3);
        let kept: Value = serde_json::from_str(&stored(server, "acme").await).expect("JSON");
        assert_eq!(kept, newer, "what this version does not know stays");

        let waiting = server.client();
        let page = waiting.get("/login?account=acme").await.expect(200);
        let fields = [("identifier", &*tenant.email), ("account", &*page.field("account")), ("return_to", "")];
        let to = waiting.form("/login", &fields).await.location().expect("to the password");
        let page = waiting.get(&to).await.expect(200);

        newer["sso_invitations"] = json!("later");
        let mut wrong_type: Value = serde_json::from_str(&good).expect("JSON");
        wrong_type["two_factor"]["enforced"] = json!("later");
        for unreadable in [newer.to_string(), wrong_type.to_string(), "{\"later\":".to_owned(), String::new()] {
            store(server, "acme", &unreadable).await;
            let before = rows(server).await;
            refused(browser.get("/api/v1/me").await);
            refused(browser.get("/console/settings").await);
            refused(browser.form("/console/settings", &[("min_length", "20"), ("confirmed", "yes")]).await);
            refused(browser.get("/profile").await);
            refused(site.navigate(&browser, "/").await);
            refused(site.fetch(&browser, "/").await);
            refused(browser.get(&format!("/login/apps/{}?challenge=x&host={}", site.id, site.host)).await);
            refused(password(&waiting, &page, tenant).await);
            // What an administrator sends has the server forget what it remembers of accounts for a moment.
            let other_admin = server.client().bearer(&other.token);
            other_admin.post("/api/v1/groups", &json!({})).await.expect(422);
            refused(server.client().get("/login?account=acme").await);
            refused(api.get(PATH).await);
            refused(api.patch(PATH, &json!({"password": {"min_length": 20}})).await);
            refused(api.post(&format!("{PATH}/preview"), &json!({"password": {"min_length": 20}})).await);
            assert_eq!(rows(server).await, before, "no session and no event");
            assert_eq!(stored(server, "acme").await, unreadable, "what is stored stays");
            // Nobody else is held up.
            server.client().sign_in("globex", &other.email, &other.password).await.expect(303);
        }

        store(server, "acme", &good).await;
        browser.get("/api/v1/me").await.expect(200);
        site.fetch(&browser, "/").await.expect(200);
        password(&waiting, &page, tenant).await.expect(303);
        assert_eq!(api.get(PATH).await.ok()["email_domains"], json!(["acme.example"]));
    }
}
