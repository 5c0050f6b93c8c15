//! Every mail that the server sends but those about second factors, as text and as HTML.

use serde_json::json;

use super::inside;
use super::world::{PASSWORD, World, id, idp};
use crate::harness::Client;
use crate::harness::idp::Idp;

/// Types a wrong password as often as it takes, each time from elsewhere.
async fn lock(world: &World, name: &str, times: u8) {
    for n in 0..times {
        let guesser = world.server.client().from(&format!("203.0.113.{n}"));
        guesser.sign_in("acme", name, "not the password").await.expect(401);
    }
}

async fn reset(browser: &Client, name: &str) {
    let fields = [("identifier", name), ("account", "acme")];
    browser.form("/login/forgot", &fields).await.expect(200);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn mails_to_people_about_their_sign_in() {
    let mut world = World::empty().await;
    for name in ["bob", "eve", "officer"] {
        world.user(name).await;
    }
    let mut book = world.book("mails_sign_in");
    let browser = world.server.client();
    reset(&browser, "bob@acme.example").await;
    let letter = world.server.mail("bob@", "Reset your password").await;
    book.mail("password-reset", &letter);
    let fields = [("token", &*letter.token()), ("password", "another long password")];
    browser.form("/login/reset", &fields).await.expect(303);
    book.mail("password-changed-by-link", &world.server.mail("bob@", "Your password was changed").await);
    let eve = world.person("eve").await;
    eve.form("/profile/password", &[("password", "another long password")]).await.expect(303);
    book.mail("password-changed-by-oneself", &world.server.mail("eve@", "Your password was changed").await);
    eve.form("/profile/tokens", &[("name", "Scripts & more"), ("expires_on", "")]).await.expect(200);
    book.mail("token-made", &world.server.mail("eve@", "A new API token").await);
    let moved = json!({"email": "eve@elsewhere.example"});
    world.change("/api/v1/users/{eve}", moved).await;
    book.mail("address-changed", &world.server.mail("eve@acme", "email address was changed").await);

    world.make("guards", "/api/v1/groups", json!({"name": "Guards"})).await;
    let members = json!({"add": [world.id("officer")]});
    world.make("", "/api/v1/groups/{guards}/members", members).await;
    let strict = json!({"lockout": {"attempts": 3, "notify_group": world.id("guards")},
        "mail_sender_name": "Acme & Sons"});
    world.change("/api/v1/authentication-settings", strict).await;
    lock(&world, "bob@acme.example", 3).await;
    book.mail("locked", &world.server.mail("bob@", "locked").await);
    book.mail("locked-to-group", &world.server.mail("officer@", "locked").await);

    let ends = json!({"password": {"expires_after_days": 90, "warn_before_days": 10}});
    world.change("/api/v1/authentication-settings", ends).await;
    world.server.advance(81 * 24 * 60 * 60);
    inside::warn_of_ending_passwords(&world.server).await;
    book.mail("password-ends", &world.server.mail("officer@", "expires soon").await);
    world.server.advance(10 * 24 * 60 * 60);
    let late = world.server.client();
    let sent = late.sign_in("acme", "officer@acme.example", PASSWORD).await.expect(303);
    let flow = late.get(&sent.location().expect("to")).await.field("flow");
    let fields = [("flow", &*flow), ("password", "another long password")];
    late.form("/login/new-password", &fields).await.expect(303);
    book.mail(
        "password-changed-at-its-end",
        &world.server.mail("officer@", "Your password was changed").await,
    );
    book.close();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn mails_to_people_who_come() {
    let mut world = World::empty().await;
    let mut book = world.book("mails_welcome");
    let people = json!({"emails": ["ivy@acme.example"]});
    world.make("", "/api/v1/invitations", people.clone()).await;
    book.mail("invitation", &world.server.mail("ivy@", "invited").await);
    let admin = world.admin().await;
    let form = reqwest::multipart::Form::new().text("people", "jon@acme.example");
    let request = admin.request(reqwest::Method::POST, "/console/invitations").multipart(form);
    admin.send(request).await.expect(303);
    book.mail("invitation-from-a-person", &world.server.mail("jon@", "invited").await);
    let (okta, token) = world.server.scim(&world.tenant, "Okta").await;
    let scim = world.server.client().bearer(&token);
    let make = async |name: &str| {
        scim.post("/scim/v2/Users", &json!({"userName": name, "active": true})).await.created();
    };
    make("bob@acme.example").await;
    book.mail("made-by-directory", &world.server.mail("bob@", "You now have access to acme").await);
    let saml = json!({"kind": "saml", "name": "Company", "metadata_xml": idp().metadata(),
        "email_domains": ["sso.example"]});
    world.make("saml", "/api/v1/connections", saml).await;
    world.change("/api/v1/connections/{saml}", json!({"enabled": true, "override_untested": true})).await;
    let saml = world.id("saml").to_owned();
    world.server.verify_domain("acme", "sso.example", &[&saml, &okta]).await;
    world.change("/api/v1/authentication-settings", json!({"sso_invitations": "notice"})).await;
    make("eve@sso.example").await;
    book.mail("made-by-directory-with-sso", &world.server.mail("eve@", "You now have access to acme").await);
    let people = json!({"emails": ["kim@sso.example"]});
    world.make("", "/api/v1/invitations", people).await;
    book.mail("notice", &world.server.mail("kim@", "You now have access to acme").await);
    let people = json!({"emails": ["lea@sso.example"], "landing_url": "https://app.acme.example/in"});
    world.make("", "/api/v1/invitations", people).await;
    book.mail("notice-with-landing-page", &world.server.mail("lea@", "You now have access to acme").await);
    reset(&world.server.client(), "kim@sso.example").await;
    book.mail("no-password-here", &world.server.mail("kim@", "through your identity provider").await);
    book.close();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn mails_to_administrators() {
    let mut world = World::empty().await;
    let mut book = world.book("mails_administrators");
    let to = world.tenant.email.clone();
    let admin = world.admin().await;
    admin.form("/console/settings/test-mail", &[]).await.expect(303);
    book.mail("test", &world.server.mail(&to, "Test email from Vestibule").await);
    // The clock of the test stands in 2030: a certificate that ends in three weeks.
    let ending = Idp::ending("https://idp.example/entity", (2030, 3, 25));
    let saml = json!({"kind": "saml", "name": "Company", "metadata_xml": ending.metadata()});
    world.make("saml", "/api/v1/connections", saml).await;
    world.change("/api/v1/connections/{saml}", json!({"enabled": true, "override_untested": true})).await;
    world.server.advance(7 * 60 * 60);
    inside::refresh_metadata(&world.server).await;
    book.mail("certificate-ends", &world.server.mail(&to, "certificate of Company expires").await);
    let (connection, token) = world.server.scim(&world.tenant, "Okta").await;
    let strict = json!({"removal_limit": 10});
    world.change(&format!("/api/v1/connections/{connection}"), strict).await;
    let scim = world.server.client().bearer(&token);
    let mut people = Vec::new();
    for n in 0..13 {
        let user = json!({"userName": format!("user{n}"), "active": true});
        people.push(id(&scim.post("/scim/v2/Users", &user).await.created()));
    }
    world.server.advance(61 * 60);
    let off = json!({"Operations": [{"op": "replace", "value": {"active": false}}]});
    for id in &people {
        scim.patch(&format!("/scim/v2/Users/{id}"), &off).await;
    }
    book.mail("directory-paused", &world.server.mail(&to, "is paused").await);
    let page = format!("/console/connections/{connection}");
    book.get(&world.admin().await, "directory-paused-page", &page).await;
    book.close();
}
