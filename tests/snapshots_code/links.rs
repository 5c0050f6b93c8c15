//! Pages that a link leads to, from a mail or from the first start, and what comes of a forgotten password.

use serde_json::json;

use super::book::Book;
use super::inside;
use super::world::{PASSWORD, World};

const SET_UP: [(&str, &str); 5] = [
    ("account_name", "Acme Inc."),
    ("slug", "acme"),
    ("email", "ada@acme.example"),
    ("given_name", "Ada"),
    ("family_name", "Lovelace"),
];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_first_start() {
    let server = inside::server().await;
    let mut book = Book::of("first_start", &server);
    let link = inside::first_run(&server).await;
    book.take("link", &link);
    let token = link.split("token=").nth(1).expect("token").to_owned();
    let browser = server.client();
    book.get(&browser, "login-without-account", "/login").await;
    book.get(&browser, "page", &format!("/setup?token={token}")).await;
    book.get(&browser, "no-token", "/setup").await;
    let with = |more: &[(&'static str, &'static str)]| {
        let mut fields: Vec<(&str, String)> =
            SET_UP.iter().map(|(name, value)| (*name, (*value).to_owned())).collect();
        fields.retain(|(name, _)| !more.iter().any(|(changed, _)| changed == name));
        fields.extend(more.iter().map(|(name, value)| (*name, (*value).to_owned())));
        fields.push(("token", token.clone()));
        fields
    };
    for (name, more) in [
        ("short-password", &[("password", "short")][..]),
        ("bad-slug", &[("password", PASSWORD), ("slug", "Not A Slug")]),
        ("bad-email", &[("password", PASSWORD), ("email", "nonsense")]),
        ("no-name", &[("password", PASSWORD), ("account_name", "")]),
        ("done", &[("password", PASSWORD)]),
        ("again", &[("password", PASSWORD)]),
    ] {
        let fields = with(more);
        let fields: Vec<(&str, &str)> = fields.iter().map(|(name, value)| (*name, value.as_str())).collect();
        book.form(&browser, name, "/setup", &fields).await;
    }
    book.get(&browser, "welcome", "/console?notice=welcome").await;
    book.close();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn invitations() {
    let mut world = World::empty().await;
    let saml = json!({"kind": "saml", "name": "Company", "metadata_xml": super::world::idp().metadata(),
        "email_domains": ["sso.example"]});
    world.make("saml", "/api/v1/connections", saml).await;
    world.change("/api/v1/connections/{saml}", json!({"enabled": true, "override_untested": true})).await;
    let people = json!({"emails": ["bob@acme.example", "eve@sso.example", "off@acme.example"]});
    let made = world.make("", "/api/v1/invitations", people).await;
    let mut book = world.book("invite");
    let token = async |to: &str| world.server.mail(to, "invited").await.token();
    let (bob, eve, off) = (token("bob@").await, token("eve@").await, token("off@").await);
    let browser = world.server.client();
    book.get(&browser, "page", &format!("/invite?token={bob}")).await;
    book.get(&browser, "page-with-provider", &format!("/invite?token={eve}")).await;
    book.get(&browser, "no-token", "/invite").await;
    book.get(&browser, "wrong-token", "/invite?token=vst_invite_none").await;
    let fields = |password: &'static str, given: &'static str| {
        [
            ("token", bob.clone()),
            ("given_name", given.into()),
            ("family_name", "Builder".into()),
            ("password", password.into()),
        ]
    };
    for (name, fields) in [
        ("short-password", fields("short", "Bob")),
        ("no-name", fields(PASSWORD, "")),
        ("accepted", fields(PASSWORD, "Bob")),
        ("spent", fields(PASSWORD, "Bob")),
    ] {
        let fields = fields.each_ref().map(|(name, value)| (*name, value.as_str()));
        book.form(&browser, name, "/invite", &fields).await;
    }
    let eves = world.server.client();
    book.form(&eves, "to-provider", "/invite/provider", &[("token", &eve)]).await;
    let off_id = made["items"][2]["user_id"].as_str().expect("id");
    world.change(&format!("/api/v1/users/{off_id}"), json!({"status": "inactive"})).await;
    book.get(&world.server.client(), "inactive", &format!("/invite?token={off}")).await;
    let checks = [("password", "bob"), ("token", "none")];
    book.form(&world.server.client(), "password-check", "/password/check", &checks).await;
    book.close();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_forgotten_password() {
    let mut world = World::empty().await;
    world.user("bob").await;
    let mut book = world.book("forgot");
    let browser = world.server.client();
    let path = "/login/forgot";
    book.get(&browser, "page", "/login/forgot?account=acme").await;
    book.form(&browser, "nobody", path, &[("identifier", ""), ("account", "acme")]).await;
    let fields = [("identifier", "bob@acme.example"), ("account", "acme")];
    book.form(&browser, "sent", path, &fields).await;
    let token = world.server.mail("bob@", "Reset your password").await.token();
    book.get(&browser, "link", &format!("/login/reset?token={token}")).await;
    book.get(&browser, "wrong-link", "/login/reset?token=vst_reset_none").await;
    for (name, password) in [
        ("short-password", "short"),
        ("common-password", "password1234"),
        ("done", "another long password"),
        ("spent", PASSWORD),
    ] {
        book.form(&browser, name, "/login/reset", &[("token", &token), ("password", password)]).await;
    }
    book.close();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn somebody_whom_a_directory_made_chooses_a_password() {
    let world = World::empty().await;
    let (_, token) = world.server.scim(&world.tenant, "Okta").await;
    let scim = world.server.client().bearer(&token);
    scim.post("/scim/v2/Users", &json!({"userName": "bob@acme.example", "active": true})).await.created();
    let token = world.server.mail("bob@", "You now have access to acme").await.token();
    let mut book = world.book("setup_link");
    let browser = world.server.client();
    book.get(&browser, "page", &format!("/setup?token={token}")).await;
    book.form(&browser, "short-password", "/setup", &[("token", &token), ("password", "short")]).await;
    book.form(&browser, "done", "/setup", &[("token", &token), ("password", PASSWORD)]).await;
    book.get(&browser, "profile-of-somebody-managed", "/profile").await;
    book.close();
}
