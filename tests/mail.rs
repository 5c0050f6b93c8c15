//! Mail leaves after the commit that caused it, over a real SMTP server with STARTTLS and AUTH.

use serde_json::json;
use vestibule::kernel::Config;

use crate::harness::mail::{self, Smtp};
use crate::harness::{Backend, Server};
use crate::on_both;

on_both! {
    async fn a_test_mail_reaches_the_folder(server: Server) {
        let tenant = server.tenant("acme").await;
        let browser = server.client();
        browser.sign_in("acme", &tenant.email, &tenant.password).await.expect(303);
        browser.form("/console/settings/test-mail", &[]).await.expect(303);
        let mail = server.mail("admin@acme.example", "Test email from Vestibule").await;
        assert!(mail.text.contains("settings of acme") && mail.html.contains("<h1"), "{mail:?}");
        assert!(mail.text.lines().all(|line| line.chars().count() <= 78 || line.contains("http")), "{}", mail.text);
    }

    async fn the_outbox_forgets_what_is_done(server: Server) {
        let tenant = server.tenant("acme").await;
        let browser = server.client();
        browser.sign_in("acme", &tenant.email, &tenant.password).await.expect(303);
        browser.form("/console/settings/test-mail", &[]).await.expect(303);
        server.mail("admin@acme.example", "Test email from Vestibule").await;
        let forget = async || {
            let mut tx = server.kernel.db.begin().await.expect("tx");
            let deleted = vestibule::kernel::mail::delete_old(&mut tx).await.expect("delete");
            tx.commit().await.expect("commit");
            deleted
        };
        server.advance(29 * 24 * 60 * 60);
        assert_eq!((forget().await, server.mails_queued().await), (0, 1));
        server.advance(2 * 24 * 60 * 60);
        // That it was sent is noted a moment after it is there.
        let forgotten = async { while forget().await == 0 {} };
        tokio::time::timeout(crate::harness::WAIT_LIMIT, forgotten).await.expect("forgotten");
        assert_eq!(server.mails_queued().await, 0);
    }

    async fn names_cannot_add_headers_or_markup(server: Server) {
        let tenant = server.tenant("acme").await;
        let api = server.client().bearer(&tenant.token);
        let name = "Acme <script>alert(1)</script> \"& Sons\"";
        api.patch("/api/v1/authentication-settings", &json!({"mail_sender_name": name})).await.expect(200);
        for evil in ["Eve\r\nBcc: all@acme.example", "Eve\nX-Evil: 1"] {
            let body = json!({"user_name": "eve@acme.example", "given_name": evil});
            api.post("/api/v1/users", &body).await.expect(422);
            let body = json!({"emails": [format!("eve@acme.example{}", &evil[3..])]});
            assert_eq!(api.post("/api/v1/invitations", &body).await.created()["items"][0]["status"], "refused");
            let body = json!({"name": evil});
            api.post("/api/v1/api-tokens", &body).await.expect(422);
        }
        api.post("/api/v1/invitations", &json!({"emails": ["bob@acme.example"]})).await.created();
        let mail = server.mail("bob@acme.example", "invited").await;
        assert!(mail.from.contains("Acme") && mail.from.ends_with("<vestibule@localhost>"), "{}", mail.from);
        assert!(!mail.html.contains("<script>") && mail.html.contains("&#60;script&#62;"), "{}", mail.html);
        let head = mail.raw.split("\r\n\r\n").next().expect("headers");
        assert!(!head.contains("X-Evil") && !head.contains("Bcc"), "{head}");
    }
}

fn with(smtp: &Smtp) -> impl FnOnce(&mut Config) {
    let (url, ca_file) = (smtp.url(), smtp.ca_file());
    move |config| {
        config.mail.url = Some(url);
        config.mail.ca_file = Some(ca_file);
    }
}

/// The server is down for an hour and more; when it is back, every mail comes, and comes once.
async fn outage(backend: Backend) {
    let mut smtp = Smtp::prepare();
    let server = Server::start_with(backend, with(&smtp)).await;
    let tenant = server.tenant("acme").await;
    let api = server.client().bearer(&tenant.token);
    let emails: Vec<String> = (0..30).map(|n| format!("person{n}@acme.example")).collect();
    api.post("/api/v1/invitations", &json!({"emails": emails})).await.created();
    // Until each has been tried and put back.
    let tried = async || {
        let list = api.get("/api/v1/invitations?limit=200").await.ok();
        let all = list["items"].as_array().expect("items").clone();
        all.iter().all(|i| i["mail_error"].is_string() && i["mail_status"] == "queued")
    };
    while !tried().await {
        crate::harness::pause().await;
    }
    let console = server.client();
    console.sign_in("acme", &tenant.email, &tenant.password).await.expect(303);
    let page = console.get("/console/invitations").await.expect(200);
    assert!(
        page.body.contains("email delayed") && page.body.contains("The mail server responded"),
        "an administrator sees it"
    );
    for _ in 0..3 {
        server.advance(1800);
        server.kernel.mail_wake.notify_one();
    }
    smtp.start();
    server.advance(3600);
    server.kernel.mail_wake.notify_one();
    mail::wait_for(smtp.folder(), 30, |_| true).await;
    let sent = async || {
        let list = api.get("/api/v1/invitations?limit=200").await.ok();
        list["items"]
            .as_array()
            .expect("items")
            .iter()
            .all(|i| i["mail_status"] == "sent" && i["mail_error"].is_null())
    };
    while !sent().await {
        crate::harness::pause().await;
    }
    // More hours pass; nothing comes again.
    server.advance(7200);
    server.kernel.mail_wake.notify_one();
    console.form("/console/settings/test-mail", &[]).await.expect(303);
    let all = mail::wait_for(smtp.folder(), 31, |_| true).await;
    assert_eq!(all.len(), 31);
    let ids: std::collections::HashSet<_> = all.iter().map(|mail| mail.message_id.clone()).collect();
    assert_eq!(ids.len(), 31, "each once");
    for email in &emails {
        assert_eq!(all.iter().filter(|mail| mail.to == *email).count(), 1, "{email}");
        assert_eq!(
            all.iter().filter(|mail| mail.raw.contains(&format!("X-Rcpt: {email}\r\n"))).count(),
            1,
            "{email}"
        );
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_mail_server_that_was_down_gets_every_mail_once_sqlite() {
    outage(Backend::Sqlite).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_mail_server_that_was_down_gets_every_mail_once_postgres() {
    outage(Backend::Postgres).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_refused_mail_is_shown_to_who_invited() {
    let mut smtp = Smtp::prepare();
    smtp.start();
    let server = Server::start_with(Backend::Sqlite, with(&smtp)).await;
    let tenant = server.tenant("acme").await;
    let api = server.client().bearer(&tenant.token);
    let emails = json!({"emails": ["refused.person@acme.example", "bob@acme.example"]});
    api.post("/api/v1/invitations", &emails).await.created();
    let both = async || {
        let list = api.get("/api/v1/invitations").await.ok();
        let items = list["items"].as_array().expect("items").clone();
        (items[0]["mail_status"].clone(), items[1]["mail_status"].clone(), items[0]["mail_error"].clone())
    };
    let mut now = both().await;
    while now.0 == "queued" || now.1 == "queued" {
        crate::harness::pause().await;
        now = both().await;
    }
    assert_eq!((&now.0, &now.1), (&json!("failed"), &json!("sent")));
    assert!(now.2.as_str().expect("words").contains("no such mailbox"), "{}", now.2);
    let console = server.client();
    console.sign_in("acme", &tenant.email, &tenant.password).await.expect(303);
    assert!(console.get("/console/invitations").await.expect(200).body.contains("email failed"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn mail_does_not_go_to_a_server_nobody_vouches_for() {
    let mut smtp = Smtp::prepare();
    smtp.start();
    let url = smtp.url();
    let server = Server::start_with(Backend::Sqlite, move |config| config.mail.url = Some(url)).await;
    let tenant = server.tenant("acme").await;
    let api = server.client().bearer(&tenant.token);
    api.post("/api/v1/invitations", &json!({"emails": ["bob@acme.example"]})).await.created();
    let error = async || api.get("/api/v1/invitations").await.ok()["items"][0]["mail_error"].clone();
    while error().await.is_null() {
        crate::harness::pause().await;
    }
    assert!(mail::all(smtp.folder()).is_empty(), "its certificate is not trusted");
}
