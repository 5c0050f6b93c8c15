//! The command line and the process.

use std::process::Stdio;

use serde_json::json;

use crate::harness::process::{self, Process};
use crate::harness::{Backend, Client};

async fn walk(backend: Backend) {
    let dir = tempfile::tempdir().expect("dir");
    let database = backend.fresh(&dir).await;
    let mut server = Process::start(dir.path(), &database, None);
    let link = server.link.clone().expect("the first-run link is printed");
    assert!(link.starts_with(&format!("{}/setup?token=vst_setup_", server.url)), "{link}");

    let made = process::run(
        dir.path(),
        &database,
        &["account", "create", "acme", "--admin-email", "ada@acme.example"],
    );
    let choose = made.lines().find(|l| l.trim().starts_with("http")).expect("a link").trim().to_owned();
    let token = choose.split("token=").nth(1).expect("token").to_owned();
    let browser = server.client();
    let page = browser.get(&format!("/setup?token={token}")).await.expect(200);
    assert!(page.body.contains("ada@acme.example"));
    let fields = [("token", token.as_str()), ("password", "a good long password")];
    browser.form("/setup", &fields).await.expect(303);
    assert_eq!(browser.get("/api/v1/me").await.ok()["roles"], json!(["account_admin"]));
    assert_eq!(server.client().form("/setup", &fields).await.status, 410, "once");
    assert_eq!(
        server.client().get(&link[server.url.len()..]).await.status,
        200,
        "the first-run link is shown"
    );

    let token = process::run(dir.path(), &database, &["api-token", "create", "--account", "acme"]);
    assert_eq!(token.lines().count(), 1);
    let api = server.client().bearer(&token);
    assert_eq!(api.get("/api/v1/me").await.ok()["account"], "acme");
    let arguments = ["scim-token", "create", "--account", "acme", "--connection", "Okta"];
    let scim = process::run(dir.path(), &database, &arguments);
    let user = json!({"userName": "bob@acme.example"});
    server.client().bearer(&scim).post("/scim/v2/Users", &user).await.created();

    assert_eq!(server.terminate(), Some(0), "a clean end");
    let again = Process::start(dir.path(), &database, None);
    assert!(again.link.is_none());
    let found =
        Client::new(&again.url).bearer(&token).get("/api/v1/users?user_name=BOB@acme.example").await.ok();
    assert_eq!(found["items"].as_array().expect("items").len(), 1, "everything is there after a restart");
}

#[tokio::test(flavor = "multi_thread")]
async fn from_nothing_to_a_token_on_sqlite() {
    walk(Backend::Sqlite).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn from_nothing_to_a_token_on_postgres() {
    walk(Backend::Postgres).await;
}

#[test]
fn mistakes_are_told_with_what_to_write_instead() {
    let dir = tempfile::tempdir().expect("dir");
    let fails = |arguments: &[&str], variable: (&str, &str)| {
        let mut command = process::vestibule(dir.path(), "sqlite://v.db");
        let output =
            command.args(arguments).env(variable.0, variable.1).stdin(Stdio::null()).output().expect("runs");
        assert!(!output.status.success());
        String::from_utf8(output.stderr).expect("text")
    };
    let said = fails(&["serve"], ("VESTIBULE_SERVER__LISTENN", "1"));
    assert!(said.contains("server.listenn: unknown key; did you mean server.listen?"), "{said}");
    let said = fails(&["serve"], ("VESTIBULE_SERVER__LISTEN", "0.0.0.0:0"));
    assert!(said.contains("server.public_url"), "{said}");
    let said = fails(&["api-token", "create", "--account", "nobody"], ("X", ""));
    assert!(said.contains("vestibule account create nobody"), "{said}");
    let arguments = ["account", "create", "acme", "--admin-email", "a@b.example", "--admin-password-stdin"];
    let said = fails(&arguments, ("X", ""));
    assert!(said.contains("at least 10 characters"), "{said}");
}
