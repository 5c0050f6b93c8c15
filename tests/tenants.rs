//! One account can neither read nor touch another's: its things do not exist.

use std::collections::HashSet;

use serde_json::json;

use crate::harness::mail::{self, Mail};
use crate::harness::phone::Phone;
use crate::harness::{Server, Tenant};
use crate::on_both;

const BOB: &str = "bob@elsewhere.example";

/// Creates Bob, and lets him and an administrator do what he is mailed about. Returns his id.
async fn mail_bob(server: &Server, slug: &str, tenant: &Tenant) -> String {
    let password = "a good long password";
    let api = server.client().bearer(&tenant.token);
    let bob = json!({"user_name": BOB, "email": BOB, "given_name": "Bob", "password": password});
    let id = api.post("/api/v1/users", &bob).await.created()["id"].as_str().expect("id").to_owned();
    let browser = server.client();
    browser.sign_in(slug, BOB, password).await.expect(303);
    let me = browser.get("/api/v1/me").await.ok();
    assert_eq!((&me["id"], &me["account"], &me["user_name"]), (&json!(id), &json!(slug), &json!(BOB)));
    browser.form("/profile/password", &[("password", "another long password")]).await.expect(303);
    browser.post("/api/v1/api-tokens", &json!({"name": "script"})).await.created();
    Phone::set_up(server, &browser, "/profile/two-factor/add?what=app").await;
    server.client().form("/login/forgot", &[("identifier", BOB), ("account", slug)]).await.expect(200);
    // The link is made after the response, and for the address that the user has then.
    let is_theirs = |mail: &Mail| mail.subject.contains("Reset") && names(mail, slug);
    mail::wait_for(&server.dir.path().join("outbox"), 1, is_theirs).await;
    api.patch(&format!("/api/v1/users/{id}"), &json!({"email": "robert@elsewhere.example"}))
        .await
        .expect(200);
    id
}

/// Whether a mail names this account, in both of its forms.
fn names(mail: &Mail, slug: &str) -> bool {
    let named = format!("(account {slug})");
    let [text, html] = [&mail.text, &mail.html].map(|form| form.replace('\n', " ").contains(&named));
    assert_eq!(text, html, "{mail:?}");
    text
}

/// The subjects of the mails that name this account.
fn subjects(mails: &[Mail], slug: &str) -> Vec<String> {
    let named = mails.iter().filter(|mail| names(mail, slug));
    let mut found: Vec<String> = named.map(|mail| mail.subject.clone()).collect();
    found.sort_unstable();
    found
}

/// The users and others that the trail of an account names.
async fn named_in_trail(server: &Server, tenant: &Tenant) -> HashSet<String> {
    let events = server.audit(tenant).await;
    let ids = events.iter().flat_map(|event| [&event["actor"]["id"], &event["resource"]["id"]]);
    ids.filter_map(|id| id.as_str().map(str::to_owned)).collect()
}

on_both! {
    async fn ids_of_another_account_do_not_exist(server: Server) {
        let (acme, globex) = (server.tenant("acme").await, server.tenant("globex").await);
        let (connection, scim_token) = server.scim(&acme, "Okta").await;
        let scim = server.client().bearer(&scim_token);
        let user = scim.post("/scim/v2/Users", &json!({"userName": "bob@acme.example"})).await.created();
        let group = scim.post("/scim/v2/Groups", &json!({"displayName": "Staff"})).await.created();
        let (user, group) = (user["id"].as_str().expect("id"), group["id"].as_str().expect("id"));

        let api = server.client().bearer(&globex.token);
        let robot = server.client().bearer(&acme.token).get("/api/v1/service-accounts").await.ok();
        let robot = robot["items"][0]["id"].as_str().expect("id").to_owned();
        let token = server.client().bearer(&acme.token).get("/api/v1/api-tokens").await.ok();
        let token = token["items"][0]["id"].as_str().expect("id").to_owned();
        let domain = server.client().bearer(&acme.token).get("/api/v1/domains").await.ok();
        let domain = domain["items"][0]["id"].as_str().expect("id").to_owned();
        for path in [
            format!("/api/v1/users/{user}"),
            format!("/api/v1/groups/{group}"),
            format!("/api/v1/groups/{group}/members"),
            format!("/api/v1/connections/{connection}"),
            format!("/api/v1/connections/{connection}/tokens"),
            format!("/console/users/{user}"),
            format!("/console/groups/{group}"),
            format!("/console/connections/{connection}"),
            format!("/api/v1/domains/{domain}"),
            format!("/console/domains/{domain}"),
        ] {
            assert_eq!(api.get(&path).await.status, 404, "GET {path}");
        }
        for path in [
            format!("/api/v1/users/{user}"),
            format!("/api/v1/groups/{group}"),
            format!("/api/v1/connections/{connection}"),
            format!("/api/v1/service-accounts/{robot}"),
            format!("/api/v1/api-tokens/{token}"),
        ] {
            assert_eq!(api.delete(&path).await.status, 404, "DELETE {path}");
        }
        for (path, body) in [
            (format!("/api/v1/users/{user}"), json!({"status": "inactive"})),
            (format!("/api/v1/groups/{group}"), json!({"name": "x"})),
            (format!("/api/v1/connections/{connection}"), json!({"enabled": false})),
        ] {
            assert_eq!(api.patch(&path, &body).await.status, 404, "PATCH {path}");
        }
        let path = format!("/api/v1/users/{user}/sessions/revoke");
        assert_eq!(api.post(&path, &json!({})).await.status, 404);
        let link = json!({"connection_id": connection, "name": "x"});
        for (path, body) in [
            (format!("/api/v1/connections/{connection}/tokens"), json!({})),
            (format!("/api/v1/connections/{connection}/tests"), json!({})),
            (format!("/api/v1/connections/{connection}/keys"), json!({"step": "publish"})),
            (format!("/api/v1/groups/{group}/link"), link),
        ] {
            assert_eq!(api.post(&path, &body).await.status, 404, "POST {path}");
        }
        let path = format!("/api/v1/groups/{group}/link?members=remove");
        assert_eq!(api.delete(&path).await.status, 404, "DELETE {path}");
        for (path, field) in [("keys", ("step", "publish")), ("metadata/forget", ("x", "y")), ("enabled", ("enabled", "false"))] {
            // The console asks for a session; a browser of the other account has one.
            let browser = server.client();
            browser.sign_in("globex", &globex.email, &globex.password).await.expect(303);
            let path = format!("/console/connections/{connection}/{path}");
            assert_eq!(browser.form(&path, &[field]).await.status, 404, "POST {path}");
        }
        let trail = serde_json::Value::from(server.audit(&globex).await).to_string();
        assert!(!trail.contains(user) && !trail.contains("bob@acme"), "no trace in the other's trail");
        scim.get(&format!("/scim/v2/Users/{user}")).await.expect(200);
    }

    async fn users_of_the_same_name_are_told_apart(server: Server) {
        use vestibule::audit::Context;
        use vestibule::directory::accounts;
        let acme = server.tenant("acme").await;
        // The name of an account is not unique, so an account can take that of another one.
        let mut tx = server.kernel.db.begin().await.expect("tx");
        accounts::create(&mut tx, "evil", "acme", |id| Context::system(id)).await.expect("account");
        tx.commit().await.expect("commit");
        let evil = server.furnish("evil").await;
        let (ours, theirs) = (mail_bob(server, "acme", &acme).await, mail_bob(server, "evil", &evil).await);
        assert_ne!(ours, theirs);
        let queued = usize::try_from(server.mails_queued().await).expect("a count");
        let outbox = server.dir.path().join("outbox");
        let mails = mail::wait_for(&outbox, queued, |_| true).await;
        assert!(mails.iter().all(|mail| mail.to.contains(BOB)), "{mails:#?}");
        let (from_acme, from_evil) = (subjects(&mails, "acme"), subjects(&mails, "evil"));
        assert_eq!(from_acme, from_evil);
        assert!(from_acme.len() >= 5 && 2 * from_acme.len() == mails.len(), "{from_acme:?}");
        // The name that mails come from does not tell them apart.
        assert!(mails.iter().all(|mail| mail.from == mails[0].from), "{mails:#?}");
        assert!(named_in_trail(server, &acme).await.is_disjoint(&named_in_trail(server, &evil).await));
    }

    async fn a_token_opens_only_what_it_was_made_for(server: Server) {
        let tenant = server.tenant("acme").await;
        let (connection, scim) = server.scim(&tenant, "Okta").await;
        server.client().bearer(&scim).get("/api/v1/me").await.expect(401);
        server.client().bearer(&tenant.token).get("/scim/v2/Users").await.expect(401);
        server.client().bearer("vst_scim_guess").get("/scim/v2/Users").await.expect(401);
        let api = server.client().bearer(&tenant.token);
        api.delete(&format!("/api/v1/connections/{connection}")).await.expect(204);
        server.client().bearer(&scim).get("/scim/v2/Users").await.expect(401);
    }
}
