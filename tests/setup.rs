//! The first run.

use crate::harness::Server;
use crate::on_both;

const FORM: [(&str, &str); 5] = [
    ("account_name", "Acme Inc."),
    ("slug", "acme"),
    ("email", "ada@acme.example"),
    ("given_name", "Ada"),
    ("family_name", "Lovelace"),
];

async fn token(server: &Server) -> String {
    let link = vestibule::web::ensure_setup_link(&server.kernel).await.expect("database").expect("a link");
    link.split("token=").nth(1).expect("token").to_owned()
}

on_both! {
    async fn the_link_makes_one_account_and_signs_its_administrator_in(server: Server) {
        let token = token(server).await;
        let browser = server.client();
        browser.get(&format!("/setup?token={token}")).await.expect(200);
        let fields = [&FORM[..], &[("token", token.as_str()), ("password", "a good long password")]].concat();
        let answer = browser.form("/setup", &fields).await.expect(303);
        assert_eq!(answer.location().as_deref(), Some("/console?notice=welcome"));
        let me = browser.get("/api/v1/me").await.ok();
        assert_eq!((me["email"].as_str(), me["account"].as_str()), (Some("ada@acme.example"), Some("acme")));
        let console = browser.get("/console").await.expect(200);
        assert!(console.body.contains("Acme Inc."));

        let again = server.client().form("/setup", &fields).await;
        assert_eq!(again.status, 410, "a link works once");
        assert!(vestibule::web::ensure_setup_link(&server.kernel).await.expect("database").is_none());
    }

    async fn two_browsers_with_one_link_make_one_account(server: Server) {
        let token = token(server).await;
        let fields = [&FORM[..], &[("token", token.as_str()), ("password", "a good long password")]].concat();
        let (a, b) = (server.client(), server.client());
        let (a, b) = tokio::join!(a.form("/setup", &fields), b.form("/setup", &fields));
        let mut statuses = [a.status.as_u16(), b.status.as_u16()];
        statuses.sort_unstable();
        assert_eq!(statuses, [303, 410]);
    }

    async fn what_cannot_be_used_is_shown_again_with_the_reason(server: Server) {
        let token = token(server).await;
        let short = [&FORM[..], &[("token", token.as_str()), ("password", "short")]].concat();
        let answer = server.client().form("/setup", &short).await.expect(422);
        assert!(answer.body.contains("at least 10 characters"), "{}", answer.body);
        assert!(answer.body.contains("Acme Inc."), "what was typed is kept");
        let mut bad = FORM;
        bad[1].1 = "Not A Slug";
        let bad = [&bad[..], &[("token", token.as_str()), ("password", "a good long password")]].concat();
        let answer = server.client().form("/setup", &bad).await.expect(422);
        assert!(answer.body.contains("Slug: must be"), "{}", answer.body);
        server.client().get(&format!("/setup?token={token}")).await.expect(200);
    }

    async fn a_wrong_or_old_link_opens_nothing(server: Server) {
        let token = token(server).await;
        assert_eq!(server.client().get("/setup?token=vst_setup_guess").await.status, 410);
        assert_eq!(server.client().get("/setup").await.status, 410);
        server.advance(24 * 3600 + 1);
        assert_eq!(server.client().get(&format!("/setup?token={token}")).await.status, 410, "expired");
    }
}
