//! Second factors: set up, asked for, used up, asked of everybody.

use serde_json::json;

use super::world::{ADD_APP, PASSWORD, World};
use crate::harness::phone::{Phone, SetUp, confirm};
use crate::harness::{Answer, Client};

/// Signs in up to the second factor.
async fn waiting(world: &World, name: &str) -> (Client, Answer) {
    let browser = world.server.client();
    let sent = browser.sign_in("acme", &format!("{name}@acme.example"), PASSWORD).await.expect(303);
    (browser, sent)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_app_is_set_up_and_looked_after() {
    let mut world = World::empty().await;
    world.user("ada").await;
    let ada = world.person("ada").await;
    let mut book = world.book("two_factor_own");
    book.get(&ada, "nothing-yet", "/profile/two-factor").await;
    book.get(&ada, "add", "/profile/two-factor/add").await;
    let page = book.get(&ada, "add-app", ADD_APP).await;
    let phone = Phone::typing(&page.body);
    let wrong = confirm(&ada, ADD_APP, &page, "000000").await;
    book.answer("add-app-wrong", ("POST", "/profile/two-factor/add"), &wrong);
    let done = confirm(&ada, ADD_APP, &page, &phone.code(&world.server, 0)).await;
    book.answer("recovery-codes", ("POST", "/profile/two-factor/add"), &done);
    let again = confirm(&ada, ADD_APP, &page, &phone.code(&world.server, 1)).await;
    book.answer("add-app-again", ("POST", "/profile/two-factor/add"), &again);
    world.server.advance(30);
    let list = book.get(&ada, "one", "/profile/two-factor").await;
    book.get(&ada, "few-codes", "/profile/two-factor/few-codes?return_to=/profile").await;
    let id = list.field("id");
    let path = "/profile/two-factor/rename";
    book.form(&ada, "rename-nothing", path, &[("id", &id), ("name", "")]).await;
    book.form(&ada, "renamed", path, &[("id", &id), ("name", "Old phone")]).await;
    let gone = [("id", "0195f3c0-0000-7000-8000-000000000000"), ("name", "x")];
    book.form(&ada, "rename-unknown", path, &gone).await;
    book.form(&ada, "new-codes", "/profile/two-factor/codes", &[]).await;
    book.form(&ada, "forget-browsers", "/profile/two-factor/devices/revoke", &[("id", "")]).await;
    world.server.advance(11 * 60);
    let path = "/profile/two-factor/remove";
    let sent = book.form(&ada, "remove-after-a-while", path, &[("id", &id)]).await;
    book.get(&ada, "confirm-with-factor", &sent.location().expect("to confirm")).await;
    let fields = [("return_to", "/profile/two-factor"), ("code", "000000")];
    book.form(&ada, "confirm-wrong-code", "/profile/confirm", &fields).await;
    let code = phone.code(&world.server, 0);
    let fields = [("return_to", "/profile/two-factor"), ("code", &*code)];
    book.form(&ada, "confirmed", "/profile/confirm", &fields).await;
    book.form(&ada, "removed", path, &[("id", &id)]).await;
    book.get(&ada, "removed-page", "/profile/two-factor?notice=factor_removed").await;
    book.close();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn it_is_asked_for_at_the_sign_in() {
    let mut world = World::empty().await;
    world.user("ada").await;
    let own = world.person("ada").await;
    let SetUp { phone, codes } = Phone::set_up(&world.server, &own, ADD_APP).await;
    let mut book = world.book("two_factor_asked");
    let path = "/login/second-factor";
    let (browser, sent) = waiting(&world, "ada").await;
    book.answer("to-the-second-factor", ("POST", "/login/password"), &sent);
    let to = sent.location().expect("to");
    let page = book.get(&browser, "page", &to).await;
    book.get(&browser, "page-for-recovery-code", &format!("{to}&recovery=true")).await;
    let flow = page.field("flow");
    book.form(&browser, "wrong-code", path, &[("flow", &flow), ("code", "000000")]).await;
    let recovery = [("flow", &*flow), ("recovery", "true"), ("code", "wrong")];
    book.form(&browser, "wrong-recovery-code", path, &recovery).await;
    let code = phone.code(&world.server, 0);
    let fields = [("flow", &*flow), ("code", &*code), ("remember", "on")];
    book.form(&browser, "entered", path, &fields).await;
    book.get(&browser, "remembered-browser", "/profile/two-factor").await;
    let (browser, sent) = waiting(&world, "ada").await;
    let flow = browser.get(&sent.location().expect("to")).await.field("flow");
    book.form(&browser, "used-code", path, &[("flow", &flow), ("code", &code)]).await;
    for (n, code) in codes.iter().take(7).enumerate() {
        let (browser, sent) = waiting(&world, "ada").await;
        let flow = browser.get(&sent.location().expect("to")).await.field("flow");
        let fields = [("flow", &*flow), ("recovery", "true"), ("code", code)];
        let entered = browser.form(path, &fields).await.expect(303);
        if n == 6 {
            book.answer("entered-with-few-codes", ("POST", path), &entered);
            book.get(&browser, "few-codes", &entered.location().expect("to")).await;
            book.get(&browser, "few-codes-left", "/profile/two-factor").await;
        }
    }
    let (browser, sent) = waiting(&world, "ada").await;
    let flow = browser.get(&sent.location().expect("to")).await.field("flow");
    for _ in 0..10 {
        browser.form(path, &[("flow", &flow), ("code", "000000")]).await.expect(401);
    }
    book.form(&browser, "locked", path, &[("flow", &flow), ("code", "000000")]).await;
    book.close();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn it_is_asked_of_everybody() {
    let mut world = World::empty().await;
    for name in ["ada", "bob", "carl"] {
        world.user(name).await;
    }
    let (open, late) = (world.person("carl").await, world.person("bob").await);
    world.lead().await;
    let admin = world.admin().await;
    let asked =
        json!({"two_factor": {"enforced": true, "grace_days": 1}, "session": {"inactivity_minutes": 4320}});
    world.change("/api/v1/authentication-settings", asked).await;
    world.mailed(3).await;
    let mut book = world.book("two_factor_enforced");
    book.get(&open, "grace", "/profile").await;
    let browser = world.server.client();
    let sent = browser.sign_in("acme", "ada@acme.example", PASSWORD).await.expect(303);
    book.answer("to-enrol", ("POST", "/login/password"), &sent);
    let to = sent.location().expect("to");
    let page = book.get(&browser, "enrol", &to).await;
    let app = format!("{to}&what=app");
    let page =
        if page.body.contains("id=\"seed\"") { page } else { book.get(&browser, "enrol-app", &app).await };
    let phone = Phone::typing(&page.body);
    let wrong = confirm(&browser, "/login/enrol", &page, "000000").await;
    book.answer("enrol-wrong", ("POST", "/login/enrol"), &wrong);
    let done = confirm(&browser, "/login/enrol", &page, &phone.code(&world.server, 0)).await;
    book.answer("enrolled", ("POST", "/login/enrol"), &done);
    world.server.advance(30);
    let list = book.get(&browser, "last-one", "/profile/two-factor").await;
    let last = list.field("id");
    book.form(&browser, "last-one-kept", "/profile/two-factor/remove", &[("id", &last)]).await;
    let token = world.server.mail("carl@", "Set up two-factor authentication").await.token();
    let stranger = world.server.client();
    book.get(&stranger, "link", &format!("/two-factor?token={token}")).await;
    book.get(&stranger, "link-wrong", "/two-factor?token=vst_enrol_none").await;
    book.form(&admin, "link-of-another", "/two-factor", &[("token", &token)]).await;
    book.form(&stranger, "link-followed", "/two-factor", &[("token", &token)]).await;
    book.get(&admin, "report", "/console/two-factor").await;
    book.get(&admin, "progress", "/console/two-factor/progress").await;
    world.server.advance(24 * 60 * 60);
    let sent = book.get(&late, "grace-is-over", "/profile").await;
    book.get(&late, "grace-is-over-page", &sent.location().expect("to")).await;
    let confirmed = [("return_to", ADD_APP), ("password", PASSWORD)];
    late.form("/profile/confirm", &confirmed).await.expect(303);
    book.get(&late, "enrol-in-session", ADD_APP).await;
    let admin = world.admin().await;
    book.form(&admin, "reminded", "/console/two-factor/remind", &[]).await;
    book.close();
}
