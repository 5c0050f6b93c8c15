//! Passwords, invitations, lockout and settings as people meet them: in Chromium, with mail from a real
//! SMTP server with STARTTLS and AUTH.

use serde_json::json;
use vestibule::signin::password as credentials;

use crate::harness::browser::Browser;
use crate::harness::mail::{self, Mail, Smtp};
use crate::harness::{Backend, Server, Tenant};

struct World {
    server: Server,
    smtp: Smtp,
    tenant: Tenant,
    admin: Browser,
}

impl World {
    async fn new(backend: Backend) -> Self {
        let mut smtp = Smtp::prepare();
        smtp.start();
        let (url, ca_file) = (smtp.url(), smtp.ca_file());
        let change = move |config: &mut vestibule::kernel::Config| {
            config.mail.url = Some(url);
            config.mail.ca_file = Some(ca_file);
        };
        let server = Server::start_with(backend, change).await;
        let tenant = server.tenant("acme").await;
        let admin = Browser::open(&server.url).await;
        sign_in(&admin, &tenant.email, &tenant.password).await;
        admin.at("/console").await;
        Self { server, smtp, tenant, admin }
    }

    async fn mail(&self, to: &str, about: &str) -> Mail {
        let fits = |mail: &Mail| mail.to.contains(to) && mail.subject.contains(about);
        mail::wait_for(self.smtp.folder(), 1, fits).await.pop().expect("one")
    }
}

async fn sign_in(browser: &Browser, name: &str, password: &str) {
    browser.goto("/login?account=acme").await;
    browser.fill("identifier", name).await;
    browser.click("Continue").await;
    browser.at("/login/password").await;
    browser.fill("password", password).await;
    browser.click("Sign in").await;
}

async fn invited_and_in(world: &World) -> Browser {
    let admin = &world.admin;
    admin.look("invitations-none", "/console/invitations").await;
    admin.click("Invite users").await;
    admin.at("/console/invitations/new").await;
    admin.look("invite", "").await;
    admin.fill("people", "Bob Builder <bob@acme.example>, nonsense, guest@acme.example").await;
    admin.click("Invite users").await;
    admin.sees("not invited").await;
    admin.look("invite-some", "").await;
    admin.goto("/console/invitations").await;
    admin.sees("guest@acme.example").await;
    admin.look("invitations", "").await;
    admin
        .page
        .find(fantoccini::Locator::XPath(
            "//li[contains(., 'guest@acme.example')]//form[contains(@action, '/link')]/button",
        ))
        .await
        .expect("button")
        .click()
        .await
        .expect("clicked");
    admin.sees("is not shown again").await;
    admin.look("invitation-link", "").await;

    let person = Browser::open(&world.server.url).await;
    person.goto(&world.mail("bob@acme.example", "invited").await.link()).await;
    person.sees("bob@acme.example").await;
    person.fill("password", "short").await;
    person.sees("Very weak").await;
    assert_eq!(person.text("[data-rule=min_length]").await, "have at least 10 characters");
    person
        .page
        .wait()
        .for_element(fantoccini::Locator::Css("[data-rule=min_length].unmet"))
        .await
        .expect("unmet");
    person.look("accept-weak", "").await;
    person.fill("password", "a good long password").await;
    person
        .page
        .wait()
        .for_element(fantoccini::Locator::Css("[data-rule=min_length].met"))
        .await
        .expect("met");
    person.look("accept", "").await;
    person.click("Accept invitation and sign in").await;
    person.at("/profile").await;
    person.sees("Bob Builder").await;
    person.goto(&world.mail("bob@acme.example", "invited").await.link()).await;
    person.sees("This link is no longer valid").await;
    person.look("link-spent", "").await;
    person
}

async fn forgot_and_chose_anew(world: &World) {
    let person = Browser::open(&world.server.url).await;
    person.goto("/login?account=acme").await;
    person.fill("identifier", "bob@acme.example").await;
    person.click("Continue").await;
    person.click("Forgot your password?").await;
    person.at("/login/forgot").await;
    person.look("forgot", "").await;
    person.click("Send reset link").await;
    person.sees("Check your email").await;
    person.look("forgot-sent", "").await;
    person.goto(&world.mail("bob@acme.example", "Reset your password").await.link()).await;
    person.look("reset", "").await;
    person.fill("password", "password1234").await;
    person.click("Save password and sign in").await;
    person.sees("commonly used password").await;
    person.look("reset-refused", "").await;
    person.fill("password", "a second long password").await;
    person.click("Save password and sign in").await;
    person.at("/profile").await;
    world.mail("bob@acme.example", "Your password was changed").await;
}

async fn changed_after_a_while(world: &World, person: &Browser) {
    // The reset has signed this browser out.
    person.goto("/profile").await;
    person.at("/login").await;
    sign_in(person, "bob@acme.example", "a second long password").await;
    person.at("/profile").await;
    world.server.advance(11 * 60);
    person.click("change").await;
    person.at("/profile/confirm").await;
    person.look("confirm", "").await;
    person.fill("password", "not the password").await;
    person.click("Confirm").await;
    person.sees("The password is incorrect").await;
    person.look("confirm-wrong", "").await;
    person.fill("password", "a second long password").await;
    person.click("Confirm").await;
    person.at("/profile/password").await;
    person.look("profile-password", "").await;
    person.fill("password", "a third long password").await;
    person.click("Change password").await;
    person.sees("You have been signed out of all other sessions").await;
}

async fn locked_and_unlocked(world: &World, person: &Browser) {
    let admin = &world.admin;
    // The administrator's own proof is not recent any more, and a change of settings does not need it.
    admin.goto("/console/settings").await;
    admin.look("settings", "").await;
    admin.fill("attempts", "3").await;
    admin.fill("duration", "2").await;
    let unit = admin.page.find(fantoccini::Locator::Css("[name=duration_unit]")).await.expect("unit");
    unit.select_by_label("days").await.expect("days");
    admin.fill("expires_after_days", "90").await;
    admin.fill("attempts", "30").await;
    admin.click("Review changes").await;
    admin.sees("must be between 3 and 20").await;
    admin.look("settings-refused", "").await;
    admin.fill("attempts", "3").await;
    admin.click("Review changes").await;
    admin.sees("Impact").await;
    admin.look("settings-review", "").await;
    admin.click("Back to editing").await;
    admin.click("Review changes").await;
    admin.click("Save changes").await;
    admin.sees("Settings saved").await;

    for n in 0..3 {
        let stranger = world.server.client().from(&format!("203.0.113.{n}"));
        stranger.sign_in("acme", "bob@acme.example", "not the password").await.expect(401);
    }
    person.goto("/logout").await;
    person
        .page
        .find(fantoccini::Locator::Css("main button"))
        .await
        .expect("button")
        .click()
        .await
        .expect("clicked");
    person.at("/login").await;
    sign_in(person, "bob@acme.example", "a third long password").await;
    person.sees("sign-in is locked for a while").await;
    person.look("password-locked", "").await;
    let told = world.mail("bob@acme.example", "locked out").await;
    assert!(told.text.contains("203.0.113.2"), "{}", told.text);

    let api = world.server.client().bearer(&world.tenant.token);
    let found = api.get("/api/v1/users?user_name=bob@acme.example").await.ok();
    let path = format!("/console/users/{}", found["items"][0]["id"].as_str().expect("id"));
    admin.goto(&path).await;
    admin.look("user-locked", "").await;
    admin.click("Unlock user").await;
    admin.sees("User unlocked").await;
    sign_in(person, "bob@acme.example", "a third long password").await;
    person.at("/profile").await;
}

async fn ended_and_replaced(world: &World, person: &Browser) {
    world.server.advance(80 * 24 * 3600);
    assert!(credentials::mail_expiry_warnings(&world.server.kernel).await.expect("runs") >= 1);
    assert!(world.mail("bob@acme.example", "expires soon").await.html.contains("/profile/password"));
    sign_in(person, "bob@acme.example", "a third long password").await;
    person.at("/profile/password/ending").await;
    person.look("password-ending", "").await;
    person.click("Not now").await;
    person.at("/profile").await;
    world.server.advance(11 * 24 * 3600);
    sign_in(person, "bob@acme.example", "a third long password").await;
    person.at("/login/new-password").await;
    person.look("password-ended", "").await;
    person.fill("password", "a third long password").await;
    person.click("Save password and sign in").await;
    person.sees("not be your current password").await;
    person.fill("password", "a fourth long password").await;
    person.click("Save password and sign in").await;
    person.at("/profile").await;
    person.look("profile-person", "").await;
}

async fn walk(backend: Backend) {
    let world = World::new(backend).await;
    let person = invited_and_in(&world).await;
    forgot_and_chose_anew(&world).await;
    changed_after_a_while(&world, &person).await;
    locked_and_unlocked(&world, &person).await;
    ended_and_replaced(&world, &person).await;
    let api = world.server.client().bearer(&world.tenant.token);
    let events = api.get("/api/v1/audit-events?action=password.set&limit=50").await.ok();
    let ways: Vec<_> =
        events["items"].as_array().expect("items").iter().map(|e| e["detail"]["way"].clone()).collect();
    assert_eq!(ways, [json!("expired"), json!("change"), json!("reset"), json!("first"), json!("first")]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn from_the_invitation_to_the_fourth_password_on_sqlite() {
    walk(Backend::Sqlite).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn from_the_invitation_to_the_fourth_password_on_postgres() {
    walk(Backend::Postgres).await;
}
