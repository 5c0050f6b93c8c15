//! The sign-in pages, from the first to the last, for everybody who gets in and who does not.

use serde_json::json;

use super::book::Book;
use super::inside;
use super::world::{PASSWORD, World};
use crate::harness::{Answer, Client};

/// Types a name; the answer leads to the password or to a provider.
async fn identify(client: &Client, name: &str) -> Answer {
    let fields = [("identifier", name), ("account", "acme"), ("return_to", "/profile")];
    client.form("/login", &fields).await
}

/// The page for the password of this name, in a browser of an own address.
async fn at_password(world: &World, address: &str, name: &str) -> (Client, Answer) {
    let client = world.server.client().from(address);
    let sent = identify(&client, name).await.expect(303);
    let page = client.get(&sent.location().expect("to")).await;
    (client, page)
}

async fn type_password(
    book: &mut Book,
    (client, page): &(Client, Answer),
    name: &str,
    password: &str,
) -> Answer {
    let fields = [("flow", &*page.field("flow")), ("password", password)];
    book.form(client, name, "/login/password", &fields).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_sign_in_pages() {
    let world = World::full().await;
    let mut book = world.book("signin");
    let client = world.server.client();
    for (name, path) in [
        ("login", "/login?account=acme"),
        ("login-only-account", "/login"),
        ("login-unknown-account", "/login?account=nobody"),
        ("login-signed-out", "/login?account=acme&notice=signed_out"),
        ("login-signed-out-everywhere", "/login?account=acme&notice=signed_out_everywhere"),
        ("login-signed-out-here", "/login?account=acme&notice=signed_out_here"),
        ("login-expired", "/login?account=acme&notice=expired"),
        ("login-confirm", "/login?account=acme&notice=confirm"),
        ("login-return", "/login?account=acme&return_to=/console/users"),
        ("login-return-elsewhere", "/login?account=acme&return_to=https://evil.example"),
        ("password-without-flow", "/login/password?flow=none"),
        ("password-no-flow", "/login/password"),
        ("local", "/login/local?account=acme&return_to=/console"),
        ("forgot", "/login/forgot?account=acme&identifier=bob@acme.example"),
        ("new-password-without-flow", "/login/new-password?flow=none"),
        ("second-factor-without-flow", "/login/second-factor?flow=none"),
        ("enrol-without-flow", "/login/enrol?flow=none"),
        ("continue-without-handover", "/login/continue?handover=none"),
        ("page-without-sign-in", "/console/users?q=a"),
        ("page-for-nobody", "/nowhere"),
        ("page-that-is-not-understood", "/login/local?account=a&account=b"),
    ] {
        book.get(&client, name, path).await;
    }
    for (name, identifier) in [
        ("identify-nothing", ""),
        ("identify-password", "bob@acme.example"),
        ("identify-saml", "x@saml.acme.example"),
        ("identify-oidc", "x@oidc.acme.example"),
        ("identify-ldap", "x@ldap.acme.example"),
    ] {
        let fields = [("identifier", identifier), ("account", "acme"), ("return_to", "/profile")];
        let sent = book.form(&client, name, "/login", &fields).await;
        if let Some(to) = sent.location() {
            book.get(&client, &format!("{name}-page"), &to).await;
        }
    }
    refused(&mut book, &world).await;
    entered(&mut book, &world).await;
    book.close();
}

/// Those who do not get in.
async fn refused(book: &mut Book, world: &World) {
    for (n, (name, user)) in [
        ("wrong-password", "ada@acme.example"),
        ("wrong-name", "nobody@acme.example"),
        ("wrong-inactive", "carl@acme.example"),
        ("wrong-locked", "bob@acme.example"),
        ("wrong-ldap", "x@ldap.acme.example"),
    ]
    .into_iter()
    .enumerate()
    {
        let at = at_password(world, &format!("198.51.100.{}", 20 + n), user).await;
        type_password(book, &at, name, if name == "wrong-locked" { PASSWORD } else { "wrong" }).await;
    }
    let at = at_password(world, "198.51.100.40", "dora@acme.example").await;
    let fields = [("flow", &*at.1.field("flow")), ("password", "")];
    book.form(&at.0, "wrong-nothing", "/login/password", &fields).await;
    let guesser = world.server.client().from("198.51.100.41");
    let mut answer = guesser.sign_in("acme", "guessed@acme.example", "wrong").await;
    for _ in 0..10 {
        if answer.status == 401 {
            answer = guesser.sign_in("acme", "guessed@acme.example", "wrong").await;
        }
    }
    book.answer("too-many-guesses", ("POST", "/login/password"), &answer);
    for (name, user, password) in [
        ("local-wrong", world.tenant.email.as_str(), "wrong"),
        ("local-not-an-administrator", "ada@acme.example", PASSWORD),
    ] {
        let fields =
            [("identifier", user), ("password", password), ("account", "acme"), ("return_to", "/console")];
        let client = world.server.client().from("198.51.100.42");
        book.form(&client, name, "/login/local", &fields).await;
    }
    // Refused at the provider, and by us when they come back.
    for (name, change) in [
        ("oidc-refused-by-provider", "error=access_denied&error_description=no"),
        ("oidc-unknown-state", "code=x&state=x"),
    ] {
        let path = world.path(&format!("/oidc/{{oidc}}/callback?{change}"));
        book.get(&world.server.client(), name, &path).await;
    }
    world.provider.claim("email", json!("stranger@oidc.acme.example"));
    world.provider.claim("sub", json!("stranger"));
    let browser = world.server.client();
    let begin = world.path("/oidc/{oidc}/login?return_to=/profile");
    let sent = book.get(&browser, "oidc-begin", &begin).await.location().expect("to the provider");
    let back = book.get(&browser, "oidc-callback", &world.provider.approve(&sent)).await;
    book.get(&browser, "oidc-unknown-user", &back.location().expect("on")).await;
}

/// Those who do.
async fn entered(book: &mut Book, world: &World) {
    let at = at_password(world, "198.51.100.50", "ada@acme.example").await;
    type_password(book, &at, "entered", PASSWORD).await;
    book.get(&at.0, "login-when-in", "/login?return_to=/profile").await;
    book.get(&at.0, "start", "/").await;
    book.get(&at.0, "forward-auth", "/forward-auth").await;
    book.get(&world.server.client(), "forward-auth-nobody", "/forward-auth").await;
    book.get(&at.0, "sign-out-page", "/logout").await;
    book.form(&at.0, "sign-out", "/logout", &[]).await;
    // Somebody who came through a provider can leave there as well.
    world.provider.claim("sub", json!("bob-1"));
    let browser = world.server.client();
    let begin = world.path("/oidc/{oidc}/login?return_to=/profile");
    let sent = browser.get(&begin).await.expect(303).location().expect("to the provider");
    let back = browser.get(&world.provider.approve(&sent)).await.expect(303).location().expect("on");
    book.get(&browser, "oidc-entered", &back).await;
    book.get(&browser, "sign-out-page-with-provider", "/logout").await;
    book.form(&browser, "sign-out-everywhere", "/logout", &[("everywhere", "on")]).await;
    let other = at.0.request(reqwest::Method::POST, "/logout").header("sec-fetch-site", "cross-site");
    let answer = at.0.send(other).await;
    book.answer("from-another-site", ("POST", "/logout"), &answer);
    book.form(&at.0, "method-not-there", "/console", &[]).await;
    let local = world.server.client().from("198.51.100.51");
    let fields = [
        ("identifier", world.tenant.email.as_str()),
        ("password", &world.tenant.password),
        ("account", "acme"),
        ("return_to", "/console"),
    ];
    book.form(&local, "local-entered", "/login/local", &fields).await;
    first_link(book, world).await;
}

/// A user with a password comes through a provider for the first time, and confirms it.
async fn first_link(book: &mut Book, world: &World) {
    world.server.verify_domain("acme", "acme.example", &[world.id("oidc")]).await;
    world.provider.claim("email", json!("ada@acme.example"));
    world.provider.claim("sub", json!("ada-1"));
    let browser = world.server.client();
    let begin = world.path("/oidc/{oidc}/login?return_to=/profile");
    let sent = browser.get(&begin).await.expect(303).location().expect("to the provider");
    let back = browser.get(&world.provider.approve(&sent)).await.expect(303).location().expect("on");
    let asked = book.get(&browser, "first-link", &back).await.location().expect("to confirm");
    let flow = book.get(&browser, "confirm-link-page", &asked).await.field("flow");
    for (name, password) in [("confirm-link-wrong", "wrong"), ("confirm-link-confirmed", PASSWORD)] {
        let fields = [("flow", flow.as_str()), ("password", password)];
        book.form(&browser, name, "/login/confirm-link", &fields).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_password_that_ends() {
    let mut world = World::empty().await;
    world.user("bob").await;
    let ends = json!({"password": {"expires_after_days": 90, "warn_before_days": 10}});
    world.change("/api/v1/authentication-settings", ends).await;
    let mut book = world.book("signin_ending");
    world.server.advance(81 * 24 * 60 * 60);
    let browser = world.server.client();
    let sent = browser.sign_in("acme", "bob@acme.example", PASSWORD).await.expect(303);
    book.answer("ends-soon", ("POST", "/login/password"), &sent);
    book.get(&browser, "ending-page", &sent.location().expect("to")).await;
    book.get(&browser, "profile", "/profile").await;
    book.get(&browser, "profile-password", "/profile/password").await;
    world.server.advance(10 * 24 * 60 * 60);
    let browser = world.server.client();
    let sent = browser.sign_in("acme", "bob@acme.example", PASSWORD).await.expect(303);
    book.answer("has-ended", ("POST", "/login/password"), &sent);
    let page = book.get(&browser, "new-password-page", &sent.location().expect("to")).await;
    let flow = page.field("flow");
    for (name, password) in [("same", PASSWORD), ("short", "short"), ("taken", "another long password")] {
        let fields = [("flow", flow.as_str()), ("password", password)];
        book.form(&browser, &format!("new-password-{name}"), "/login/new-password", &fields).await;
    }
    book.close();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn where_passkeys_can_be_used() {
    let server = inside::on_localhost().await;
    let tenant = server.tenant("acme").await;
    let mut book = Book::of("signin_passkeys", &server);
    let browser = server.client();
    book.get(&browser, "login", "/login?account=acme").await;
    book.json(&browser, "start", ("POST", "/login/passkey/start"), &json!({})).await;
    let wrong = [("ticket", "none"), ("answer", "{}"), ("return_to", "/")];
    book.form(&browser, "refused", "/login/passkey", &wrong).await;
    browser.sign_in("acme", &tenant.email, &tenant.password).await.expect(303);
    book.get(&browser, "add", "/profile/two-factor/add").await;
    let page = book.get(&browser, "add-passkey", "/profile/two-factor/add?what=passkey").await;
    book.get(&browser, "add-key", "/profile/two-factor/add?what=key").await;
    let fields =
        [("what", "passkey"), ("ticket", &*page.field("ticket")), ("answer", "{}"), ("return_to", "/")];
    book.form(&browser, "add-refused", "/profile/two-factor/add", &fields).await;
    book.get(&browser, "two-factor", "/profile/two-factor").await;
    book.close();
}
