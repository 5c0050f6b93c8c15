//! The pages that people have for themselves.

use serde_json::json;

use super::world::{PASSWORD, World};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_profile_with_nothing_in_it() {
    let mut world = World::empty().await;
    world.user("ada").await;
    let ada = world.person("ada").await;
    world.settle().await;
    let mut book = world.book("profile_empty");
    book.get(&ada, "profile", "/profile").await;
    book.get(&ada, "password", "/profile/password").await;
    book.get(&ada, "confirm", "/profile/confirm?return_to=/profile/password").await;
    book.get(&ada, "sign-out", "/logout").await;
    book.get(&ada, "console", "/console").await;
    for (name, notice) in [
        ("notice-password", "password_changed"),
        ("notice-confirmed", "confirmed"),
        ("notice-linked", "identity_linked"),
        ("notice-of-another", "identity_of_another"),
        ("notice-unknown", "nothing-of-this-name"),
    ] {
        book.get(&ada, name, &format!("/profile?notice={notice}")).await;
    }
    book.close();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_profile_with_everything_in_it() {
    let world = World::full().await;
    let elsewhere = world.server.client().from("192.0.2.99");
    elsewhere.sign_in("acme", "ada", PASSWORD).await.expect(303);
    world.server.advance(1);
    let ada = world.server.client();
    ada.sign_in("acme", "ada", PASSWORD).await.expect(303);
    world.settle().await;
    let mut book = world.book("profile_full");
    book.form(&ada, "token-no-name", "/profile/tokens", &[("name", ""), ("expires_on", "")]).await;
    book.form(&ada, "token-bad-date", "/profile/tokens", &[("name", "t"), ("expires_on", "soon")]).await;
    let made = book
        .form(&ada, "token", "/profile/tokens", &[("name", "Scripts"), ("expires_on", "2031-01-31")])
        .await;
    let token = made.body.split("/profile/tokens/revoke").nth(1).expect("a token");
    let token = token.split("value=\"").nth(1).expect("id").split('"').next().expect("id");
    book.get(&ada, "profile", "/profile").await;
    book.form(&ada, "token-revoked", "/profile/tokens/revoke", &[("id", token)]).await;
    book.form(&ada, "token-unknown", "/profile/tokens/revoke", &[("id", "x")]).await;
    let sent = book.form(&ada, "link", "/profile/identities/link", &[("connection", world.id("oidc"))]).await;
    let back = world.provider.approve(&sent.location().expect("to the provider"));
    book.get(&ada, "linked-to-another", &back).await;
    world.provider.claim("sub", json!("ada-1"));
    world.provider.claim("email", json!("ada@home.example"));
    let sent = ada.form("/profile/identities/link", &[("connection", world.id("oidc"))]).await.expect(303);
    let back = world.provider.approve(&sent.location().expect("to the provider"));
    book.get(&ada, "linked", &back).await;
    book.get(&ada, "linked-page", "/profile?notice=identity_linked").await;
    book.form(&ada, "link-of-saml", "/profile/identities/link", &[("connection", world.id("saml"))]).await;
    book.form(&ada, "unlink-unknown", "/profile/identities/unlink", &[("id", "x")]).await;
    for (name, password) in
        [("short", "short"), ("common", "Password1234"), ("own-name", "Ada Lovelace 1"), ("same", PASSWORD)]
    {
        book.form(&ada, &format!("password-{name}"), "/profile/password", &[("password", password)]).await;
    }
    let check = [("password", "ada"), ("own", "true")];
    book.form(&ada, "password-check", "/password/check", &check).await;
    world.server.advance(11 * 60);
    let path = "/profile/password";
    let sent = book.form(&ada, "password-after-a-while", path, &[("password", "Another long one 2")]).await;
    book.get(&ada, "confirm", &sent.location().expect("to confirm")).await;
    let fields = [("return_to", path), ("password", "wrong")];
    book.form(&ada, "confirm-wrong", "/profile/confirm", &fields).await;
    let fields = [("return_to", path), ("password", PASSWORD)];
    book.form(&ada, "confirmed", "/profile/confirm", &fields).await;
    book.form(&ada, "session-unknown", "/profile/sessions/revoke", &[("id", "x")]).await;
    book.form(&ada, "other-sessions", "/profile/sessions/revoke-others", &[]).await;
    book.form(&ada, "password-changed", path, &[("password", "Another long one 2")]).await;
    book.close();
}
