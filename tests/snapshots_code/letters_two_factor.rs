//! Every mail about second factors, as text and as HTML.

use serde_json::json;

use super::world::{ADD_APP, PASSWORD, World};
use crate::harness::mail;
use crate::harness::phone::{Phone, SetUp, codes_of, confirm};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn mails_about_an_own_second_factor() {
    let mut world = World::empty().await;
    world.user("ada").await;
    let ada = world.person("ada").await;
    let mut book = world.book("mails_two_factor_own");
    let SetUp { codes, .. } = Phone::set_up(&world.server, &ada, ADD_APP).await;
    book.mail("added", &world.server.mail("ada@", "two-factor method was added").await);
    let path = "/login/second-factor";
    for (n, code) in codes.iter().enumerate() {
        let browser = world.server.client();
        let sent = browser.sign_in("acme", "ada@acme.example", PASSWORD).await.expect(303);
        let flow = browser.get(&sent.location().expect("to")).await.field("flow");
        let fields = [("flow", &*flow), ("recovery", "true"), ("code", code)];
        browser.form(path, &fields).await.expect(303);
        let left = match 9 - n {
            0 => "It was your last code".to_owned(),
            1 => "1 code is left".to_owned(),
            left => format!("{left} codes are left"),
        };
        let fits = |mail: &mail::Mail| mail.text.replace('\n', " ").contains(&left);
        let letter = mail::wait_for(&world.server.dir.path().join("outbox"), 1, fits).await.remove(0);
        if [0, 7, 8, 9].contains(&n) {
            book.mail(&format!("code-used-{}-left", 9 - n), &letter);
        }
    }
    assert_eq!(codes_of(&ada.form("/profile/two-factor/codes", &[]).await.expect(200)).len(), 10);
    book.mail("codes-renewed", &world.server.mail("ada@", "New recovery codes").await);
    let id = ada.get("/profile/two-factor").await.field("id");
    let page = ada.get(ADD_APP).await.expect(200);
    let phone = Phone::typing(&page.body);
    confirm(&ada, ADD_APP, &page, &phone.code(&world.server, 0)).await.expect(303);
    let second = ada.get("/profile/two-factor").await;
    let ids = second.body.split("/two-factor/remove").skip(1);
    let ids: Vec<String> = ids
        .map(|form| form.split("value=\"").nth(1).expect("id").split('"').next().expect("id").to_owned())
        .collect();
    let other = ids.iter().find(|one| **one != id).expect("two").clone();
    ada.form("/profile/two-factor/remove", &[("id", &other)]).await.expect(303);
    book.mail("removed", &world.server.mail("ada@", "two-factor method was removed").await);
    world.server.advance(1);
    ada.form("/profile/two-factor/remove", &[("id", &id)]).await.expect(303);
    let last = |mail: &mail::Mail| mail.text.replace('\n', " ").contains("It was your last method");
    let letter = mail::wait_for(&world.server.dir.path().join("outbox"), 1, last).await.remove(0);
    book.mail("last-removed", &letter);
    book.close();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn mails_about_what_the_account_asks() {
    let mut world = World::empty().await;
    for name in ["ada", "bob"] {
        world.user(name).await;
    }
    let mut book = world.book("mails_two_factor_asked");
    let ada = world.person("ada").await;
    Phone::set_up(&world.server, &ada, ADD_APP).await;
    world.lead().await;
    world.change("/api/v1/authentication-settings", json!({"two_factor": {"enforced": true}})).await;
    book.mail("enforced", &world.server.mail("bob@", "Set up two-factor authentication").await);
    world.mailed(1).await;
    world.server.advance(25 * 60 * 60);
    world.api.post("/api/v1/two-factor/remind", &json!({})).await.expect(202);
    book.mail("reminder", &world.server.mail("bob@", "Reminder").await);
    world.make("", "/api/v1/users/{ada}/two-factor/reset", json!({})).await;
    book.mail("reset", &world.server.mail("ada@", "two-factor authentication was reset").await);

    // Wrong codes lock as wrong passwords do.
    let to = world.tenant.email.clone();
    let browser = world.server.client();
    let sent = browser.sign_in("acme", &to, &world.tenant.password).await.expect(303);
    for _ in 0..10 {
        browser.second_factor(&sent, "000000").await.expect(401);
    }
    book.mail("codes-locked", &world.server.mail(&to, "locked").await);
    book.close();
}
