//! Two-factor that an administrator asks of everybody: who goes first, who is asked when, who is told, and
//! what a script can do.

use serde_json::{Value, json};

use crate::harness::idp::Provider;
use crate::harness::mail::{self, Mail};
use crate::harness::phone::{Phone, SetUp};
use crate::harness::process::{Process, vestibule};
use crate::harness::{Answer, Backend, Client, Server, Tenant};
use crate::on_both;

const ADD: &str = "/profile/two-factor/add?what=app";
const PASSWORD: &str = "a good long password";

async fn enforce(server: &Server, tenant: &Tenant, two_factor: Value) -> Answer {
    let api = server.client().bearer(&tenant.token);
    api.patch("/api/v1/authentication-settings", &json!({"two_factor": two_factor})).await
}

/// The administrator's browser, with a second factor.
async fn lead(server: &Server, tenant: &Tenant) -> Client {
    let admin = server.client();
    admin.sign_in("acme", &tenant.email, &tenant.password).await.expect(303);
    Phone::set_up(server, &admin, ADD).await;
    admin
}

/// Where somebody goes on who has to set up a second factor before they are in.
fn to_enrol(answer: &Answer) -> String {
    let to = answer.location().unwrap_or_else(|| panic!("a redirect: {answer:?}"));
    assert!(to.starts_with("/login/enrol?flow="), "{to}");
    to
}

on_both! {
    async fn administrators_go_first(server: Server) {
        let tenant = server.tenant("acme").await;
        let admin = server.client();
        admin.sign_in("acme", &tenant.email, &tenant.password).await.expect(303);
        let on = json!({"two_factor": {"enforced": true}});
        let refused = admin.patch("/api/v1/authentication-settings", &on).await.expect(409);
        assert!(refused.body.contains("Set up two-factor authentication for yourself"), "{}", refused.body);
        let script = enforce(server, &tenant, json!({"enforced": true})).await.expect(409);
        assert!(script.body.contains("No administrator"), "{}", script.body);
        let api = server.client().bearer(&tenant.token);
        api.post("/api/v1/authentication-settings/preview", &on).await.expect(409);
        assert_eq!(server.mails_queued().await, 0);
        Phone::set_up(server, &admin, ADD).await;
        server.add_user(&tenant, "ada@acme.example", PASSWORD).await;
        server.add_user(&tenant, "bob@acme.example", PASSWORD).await;
        let preview = api.post("/api/v1/authentication-settings/preview", &on).await.ok();
        assert_eq!(preview["changes"], json!({"two_factor.enforced": {"before": false, "after": true}}));
        assert_eq!(preview["effects"][0]["count"], 2, "{preview}");
        let saved = admin.patch("/api/v1/authentication-settings", &on).await.ok();
        assert!(saved["two_factor"]["enforced_since"].is_string(), "{saved}");
        for name in ["ada", "bob"] {
            let mail = server.mail(&format!("{name}@acme.example"), "Set up two-factor authentication").await;
            assert!(mail.link().contains("/two-factor?token=vst_enrol_"), "{}", mail.text);
        }
        assert_eq!(server.mails_queued().await, 3, "the administrator, who has one, was told of that only");
        // What the server keeps is not for others to set.
        api.patch("/api/v1/authentication-settings", &json!({"two_factor": {"enforced_since": null}})).await.expect(422);
        api.patch("/api/v1/authentication-settings", &json!({"two_factor": {"grace_days": 91}})).await.expect(422);
        api.patch("/api/v1/authentication-settings", &json!({"two_factor": {"groups": ["nonsense"]}})).await.expect(422);
    }

    async fn everybody_sets_one_up_before_they_are_in(server: Server) {
        let tenant = server.tenant("acme").await;
        lead(server, &tenant).await;
        server.add_user(&tenant, "ada@acme.example", PASSWORD).await;
        enforce(server, &tenant, json!({"enforced": true, "grace_days": 30})).await.expect(200);
        let token = server.mail("ada@acme.example", "Set up two-factor authentication").await.token();
        // The grace is for open sessions: a new sign-in is asked at once.
        let ada = server.client();
        let sent = ada.sign_in("acme", "ada@acme.example", PASSWORD).await.expect(303);
        let to = to_enrol(&sent);
        ada.get("/api/v1/me").await.expect(401);
        let page = ada.get(&to).await.expect(200);
        assert!(page.body.contains("acme requires two-factor authentication"), "{}", page.body);
        server.client().get(&to).await.expect(303);
        let SetUp { phone, codes } = Phone::set_up(server, &ada, &to).await;
        assert_eq!(codes.len(), 10);
        let me = ada.get("/api/v1/me").await.ok();
        assert_eq!((&me["amr"], &me["acr"]), (&json!(["pwd", "otp", "mfa"]), &json!("2fa")));
        // The last one stays while it is asked for.
        let list = ada.get("/profile/two-factor").await.expect(200);
        let id = list.body.split("name=\"id\" value=\"").nth(1).expect("a factor").split('"').next().expect("id").to_owned();
        let kept = ada.form("/profile/two-factor/remove", &[("id", &id)]).await.expect(422);
        assert!(kept.body.contains("Add another method first"), "{}", kept.body);
        // The link that was mailed is void now.
        server.client().get(&format!("/two-factor?token={token}")).await.expect(410);
        // Two flows that both wait for the first factor: only one of them can bring it.
        server.add_user(&tenant, "bob@acme.example", PASSWORD).await;
        let (mine, theirs) = (server.client(), server.client());
        let first = to_enrol(&mine.sign_in("acme", "bob@acme.example", PASSWORD).await);
        let second = to_enrol(&theirs.sign_in("acme", "bob@acme.example", PASSWORD).await);
        let page = theirs.get(&second).await.expect(200);
        let late = Phone::typing(&page.body);
        Phone::set_up(server, &mine, &first).await;
        let answer = crate::harness::phone::confirm(&theirs, &second, &page, &late.code(server, 0)).await;
        assert_eq!(answer.location().as_deref(), Some("/login?notice=expired"), "{answer:?}");
        theirs.get("/api/v1/me").await.expect(401);
        assert!(!phone.seed().is_empty());
    }

    async fn it_covers_every_way_of_coming_in(server: Server) {
        let tenant = server.tenant("acme").await;
        lead(server, &tenant).await;
        server.add_user(&tenant, "ada@acme.example", PASSWORD).await;
        enforce(server, &tenant, json!({"enforced": true})).await.expect(200);
        let provider = Provider::new(server, &tenant, json!({"allow_idp_initiated": true, "jit": {"enabled": true}})).await;
        let mut waiting = Vec::new();
        for unasked in [false, true] {
            let browser = server.client();
            let sent = if unasked {
                provider.unsolicited(server, &browser, "ada@acme.example").await
            } else {
                // The first link to somebody with a password is confirmed with it, which lets nobody in yet.
                let asked = provider.sign_in(server, &browser, "ada@acme.example").await.expect(303);
                browser.confirm_link(&asked, PASSWORD).await
            };
            waiting.push((browser, to_enrol(&sent)));
        }
        // Somebody who comes into being at this sign-in.
        let fresh = server.client();
        let sent = provider.sign_in(server, &fresh, "new@acme.example").await.expect(303);
        waiting.push((fresh, to_enrol(&sent)));
        // An invitation, a forgotten password, the page for administrators.
        let api = server.client().bearer(&tenant.token);
        api.post("/api/v1/invitations", &json!({"emails": ["guest@elsewhere.example"], "landing_url": "/profile"})).await.created();
        let token = server.mail("guest@elsewhere.example", "invited").await.token();
        let guest = server.client();
        let fields = [("token", token.as_str()), ("given_name", "G"), ("family_name", "Uest"), ("password", PASSWORD)];
        let sent = guest.form("/invite", &fields).await.expect(303);
        waiting.push((guest, to_enrol(&sent)));
        let forgot = server.client();
        forgot.form("/login/forgot", &[("identifier", "ada@acme.example"), ("account", "acme")]).await.expect(200);
        let token = server.mail("ada@acme.example", "Reset your password").await.token();
        let sent = forgot.form("/login/reset", &[("token", &token), ("password", "another long password")]).await.expect(303);
        waiting.push((forgot, to_enrol(&sent)));
        let boss = server.add_user(&tenant, "boss@acme.example", PASSWORD).await;
        api.patch(&format!("/api/v1/users/{boss}"), &json!({"roles": ["account_admin"]})).await.expect(200);
        let local = server.client();
        let fields = [("identifier", "boss@acme.example"), ("account", "acme"), ("return_to", "/console"), ("password", PASSWORD)];
        let sent = local.form("/login/local", &fields).await.expect(303);
        waiting.push((local, to_enrol(&sent)));
        for (browser, to) in &waiting {
            browser.get("/api/v1/me").await.expect(401);
            browser.get("/profile").await.expect(303);
            browser.get(to).await.expect(200);
            browser.form("/profile/two-factor/add", &[("what", "app")]).await.expect(401);
        }
        let (guest, to) = &waiting[3];
        Phone::set_up(server, guest, to).await;
        assert_eq!(guest.get("/api/v1/me").await.ok()["email"], "guest@elsewhere.example");
    }

    async fn open_sessions_are_asked_at_their_next_request(server: Server) {
        let tenant = server.tenant("acme").await;
        lead(server, &tenant).await;
        server.add_user(&tenant, "ada@acme.example", PASSWORD).await;
        let ada = server.client();
        ada.sign_in("acme", "ada@acme.example", PASSWORD).await.expect(303);
        let made = ada.post("/api/v1/api-tokens", &json!({"name": "script"})).await.created();
        let token = server.client().bearer(made["token"].as_str().expect("token"));
        enforce(server, &tenant, json!({"enforced": true})).await.expect(200);
        ada.get("/api/v1/me").await.expect(401);
        ada.get("/forward-auth").await.expect(401);
        let sent = ada.get("/profile").await.expect(303).location().expect("to");
        assert_eq!(sent, "/profile/two-factor/add?return_to=%2Fprofile");
        let login = ada.get("/login?return_to=/profile").await.expect(303).location().expect("to");
        assert_eq!(login, sent, "the sign-in page knows it too");
        // A token that was made without a second factor is worth as little as the session that made it.
        let refused = token.get("/api/v1/me").await.expect(401).value();
        assert_eq!(refused["title"], "Two-factor authentication required", "{refused}");
        assert!(refused["detail"].as_str().expect("text").contains("generate a new token"), "{refused}");
        token.get("/forward-auth").await.expect(401);
        // Whoever stole the session long after the sign-in cannot set up a factor of their own.
        server.advance(11 * 60);
        let sent = ada.get(ADD).await.expect(303).location().expect("to");
        assert!(sent.starts_with("/profile/confirm?"), "{sent}");
        ada.form("/profile/confirm", &[("return_to", ADD), ("password", "wrong")]).await.expect(401);
        ada.form("/profile/confirm", &[("return_to", ADD), ("password", PASSWORD)]).await.expect(303);
        ada.get("/api/v1/me").await.expect(401);
        Phone::set_up(server, &ada, ADD).await;
        assert_eq!(ada.get("/api/v1/me").await.ok()["acr"], "2fa");
        // A token that this session makes is as good as it; the old one does not become so.
        token.get("/api/v1/me").await.expect(401);
        let made = ada.post("/api/v1/api-tokens", &json!({"name": "second script"})).await.created();
        let better = server.client().bearer(made["token"].as_str().expect("token"));
        better.get("/api/v1/me").await.expect(200);
        let made = better.post("/api/v1/api-tokens", &json!({"name": "third script"})).await.created();
        server.client().bearer(made["token"].as_str().expect("token")).get("/api/v1/me").await.expect(200);
        // The page for administrators lists them all.
        let admin = server.client();
        let list = server.client().bearer(&tenant.token).get("/console/two-factor").await.expect(200);
        assert!(list.body.contains("script"), "{}", list.body);
        drop(admin);
    }

    async fn a_period_of_grace_is_for_open_sessions(server: Server) {
        let tenant = server.tenant("acme").await;
        lead(server, &tenant).await;
        server.add_user(&tenant, "ada@acme.example", PASSWORD).await;
        let ada = server.client();
        ada.sign_in("acme", "ada@acme.example", PASSWORD).await.expect(303);
        let session = json!({"session": {"inactivity_minutes": 4320}});
        server.client().bearer(&tenant.token).patch("/api/v1/authentication-settings", &session).await.expect(200);
        enforce(server, &tenant, json!({"enforced": true, "grace_days": 2})).await.expect(200);
        let made = ada.post("/api/v1/api-tokens", &json!({"name": "script"})).await.created();
        let token = server.client().bearer(made["token"].as_str().expect("token"));
        let profile = ada.get("/profile").await.expect(200);
        assert!(profile.body.contains("Your account requires two-factor authentication"), "{}", profile.body);
        server.advance(2 * 24 * 60 * 60 - 1);
        ada.get("/api/v1/me").await.expect(200);
        token.get("/api/v1/me").await.expect(200);
        server.advance(1);
        ada.get("/api/v1/me").await.expect(401);
        token.get("/api/v1/me").await.expect(401);
    }

    async fn it_can_be_asked_of_groups_only(server: Server) {
        let tenant = server.tenant("acme").await;
        lead(server, &tenant).await;
        let api = server.client().bearer(&tenant.token);
        let (ada, bob) = (server.add_user(&tenant, "ada@acme.example", PASSWORD).await, server.add_user(&tenant, "bob@acme.example", PASSWORD).await);
        let group = api.post("/api/v1/groups", &json!({"name": "Makers"})).await.created();
        let group = group["id"].as_str().expect("id");
        api.post(&format!("/api/v1/groups/{group}/members"), &json!({"add": [ada]})).await;
        for name in ["ada", "bob"] {
            server.client().sign_in("acme", &format!("{name}@acme.example"), PASSWORD).await.expect(303);
        }
        let wanted = json!({"two_factor": {"groups": [group]}});
        let effects = api.post("/api/v1/authentication-settings/preview", &wanted).await.ok()["effects"].clone();
        assert_eq!((&effects[0]["count"], &effects[1]["count"]), (&json!(1), &json!(1)), "bob is in no group: {effects}");
        enforce(server, &tenant, json!({"groups": [group]})).await.expect(200);
        server.mail("ada@acme.example", "Set up two-factor authentication").await;
        to_enrol(&server.client().sign_in("acme", "ada@acme.example", PASSWORD).await);
        let other = server.client();
        other.sign_in("acme", "bob@acme.example", PASSWORD).await.expect(303);
        other.get("/api/v1/me").await.expect(200);
        // Who joins the group is asked at the next request.
        api.post(&format!("/api/v1/groups/{group}/members"), &json!({"add": [bob]})).await;
        other.get("/api/v1/me").await.expect(401);
        // A group that goes takes the rule with it, and the settings can still be saved.
        api.delete(&format!("/api/v1/groups/{group}")).await.expect(204);
        other.get("/api/v1/me").await.expect(200);
        let saved = enforce(server, &tenant, json!({"remember_days": 3})).await.ok();
        assert_eq!(saved["two_factor"]["groups"], json!([]));
    }

    async fn the_report_says_who_has_what(server: Server) {
        let tenant = server.tenant("acme").await;
        lead(server, &tenant).await;
        server.tenant("other").await;
        let api = server.client().bearer(&tenant.token);
        let formula = json!({"user_name": "=cmd|calc", "given_name": "Comma, \"Quote\"", "family_name": "X"});
        api.post("/api/v1/users", &formula).await.created();
        for n in 0..5 {
            server.add_user(&tenant, &format!("u{n}@acme.example"), PASSWORD).await;
        }
        let gone = server.add_user(&tenant, "gone@acme.example", PASSWORD).await;
        api.patch(&format!("/api/v1/users/{gone}"), &json!({"status": "inactive"})).await.expect(200);
        let summary = api.get("/api/v1/two-factor/summary").await.ok();
        assert_eq!(summary, json!({"people": 7, "enrolled": 1, "missing": 6}));
        let mut seen = Vec::new();
        let mut after = String::new();
        loop {
            let page = api.get(&format!("/api/v1/two-factor/report?limit=2&after={after}")).await.ok();
            seen.extend(page["items"].as_array().expect("items").iter().map(|row| row["user_name"].clone()));
            match page["next"].as_str() {
                Some(next) => next.clone_into(&mut after),
                None => break,
            }
        }
        assert_eq!(seen.len(), 6, "{seen:?}");
        let with = api.get("/api/v1/two-factor/report?show=enrolled").await.ok();
        assert_eq!(with["items"][0]["user_name"], tenant.email.as_str());
        assert_eq!((&with["items"][0]["authenticators"], &with["items"][0]["recovery_codes"]), (&json!(1), &json!(10)));
        api.get("/api/v1/two-factor/report?show=nonsense").await.expect(422);
        let file = api.get("/api/v1/two-factor/report.csv").await.expect(200);
        assert!(file.header("content-type").starts_with("text/csv"));
        let lines: Vec<&str> = file.body.split("\r\n").filter(|line| !line.is_empty()).collect();
        assert_eq!(lines.len(), 8, "{lines:#?}");
        assert!(file.body.contains("'=cmd|calc,\"Comma, \"\"Quote\"\" X\","), "{}", file.body);
        let missing = api.get("/console/two-factor/report.csv?show=missing").await.expect(200);
        assert_eq!(missing.body.split("\r\n").filter(|line| !line.is_empty()).count(), 7);
    }

    async fn many_are_told_once_each_by_two_nodes(server: Server) {
        const PEOPLE: usize = 650;
        let tenant = server.tenant("acme").await;
        lead(server, &tenant).await;
        let beside = Server::beside(server).await;
        crowd(server, &tenant, PEOPLE).await;
        enforce(server, &tenant, json!({"enforced": true})).await.expect(200);
        let api = server.client().bearer(&tenant.token);
        let made = mailed(&api, PEOPLE).await;
        assert_eq!((&made["total"], &made["queued"], &made["kind"]), (&json!(PEOPLE), &json!(PEOPLE), &json!("two_factor_enforced")));
        let all: Vec<_> = [server, &beside].iter().flat_map(|node| enrolment_mails(&node.dir.path().join("outbox"))).collect();
        assert_eq!(all.len(), PEOPLE);
        assert_eq!(all.iter().map(|(_, to)| to).collect::<std::collections::HashSet<_>>().len(), PEOPLE);
        // A reminder goes to those who are still missing, and not twice at once.
        let reminded = api.post("/api/v1/two-factor/remind", &json!({})).await;
        assert_eq!(reminded.expect(202).value()["people"], PEOPLE);
        let again = api.post("/api/v1/two-factor/remind", &json!({})).await;
        assert!(again.status == 409 || again.status == 202, "{again:?}");
        api.post("/api/v1/two-factor/mailings/stop", &json!({})).await.expect(204);
    }
}

/// So many active users with addresses, without passwords.
async fn crowd(server: &Server, tenant: &Tenant, count: usize) {
    use vestibule::audit::Context;
    use vestibule::directory::accounts;
    use vestibule::directory::users::{self, ChangeAuthority, Profile};
    let mut tx = server.kernel.db.begin().await.expect("tx");
    let slug = tenant.email.split('@').nth(1).and_then(|domain| domain.split('.').next()).expect("slug");
    let account = accounts::by_slug(&mut tx, slug).await.expect("query").expect("account");
    let context = Context::system(&account.id);
    for n in 0..count {
        let name = format!("crowd{n:05}@acme.example");
        let profile =
            Profile { user_name: name.clone(), email: Some(name), active: true, ..Profile::default() };
        users::create(&mut tx, &context, ChangeAuthority::Local, profile).await.expect("user");
    }
    tx.commit().await.expect("commit");
}

/// Waits until so many mails of the newest mailing were taken by the mail server.
async fn mailed(api: &Client, count: usize) -> Value {
    let done = async {
        loop {
            let list = api.get("/api/v1/two-factor/mailings").await.ok();
            let newest = list["items"][0].clone();
            if newest["sent"] == count && newest["status"] == "queued" {
                return newest;
            }
            crate::harness::pause().await;
        }
    };
    tokio::time::timeout(std::time::Duration::from_mins(2), done).await.expect("the mails go out")
}

/// The messages in a mailbox, each once: (Message-ID, recipient). What a server hands over in the instant it is
/// killed it hands over again, as the same message; SMTP has no way around that (RFC 5321 §6.1).
fn enrolment_mails(folder: &std::path::Path) -> Vec<(String, String)> {
    let about = |mail: &Mail| mail.subject.contains("two-factor authentication") && mail.to.contains("crowd");
    let mut all: Vec<_> =
        mail::all(folder).into_iter().filter(about).map(|mail| (mail.message_id, mail.to)).collect();
    all.sort();
    all.dedup();
    all
}

/// What a killed server had taken for delivery is taken again when two minutes have passed; here they have.
async fn let_leases_end(database: &str) {
    use sqlx::Connection as _;
    sqlx::any::install_default_drivers();
    let mut c = sqlx::AnyConnection::connect(database).await.expect("database");
    let sql = "UPDATE mail_outbox SET next_attempt_at = 0 WHERE status = 'queued'";
    sqlx::query(sql).execute(&mut c).await.expect("update");
    c.close().await.expect("closed");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn mails_go_on_after_a_kill_and_nobody_gets_two() {
    const PEOPLE: usize = 2500;
    let (database, tenant, dir) = {
        let server = Server::start(Backend::Sqlite).await;
        let tenant = server.tenant("acme").await;
        lead(&server, &tenant).await;
        crowd(&server, &tenant, PEOPLE).await;
        let url = server.kernel.config.database.url.clone();
        let Server { dir, kernel, .. } = server;
        kernel.db.close().await;
        (url, tenant, dir)
    };
    std::fs::write(dir.path().join("has-account"), "").expect("mark");
    let start = || Process::start(dir.path(), &database, None);
    let mut node = start();
    let on = json!({"two_factor": {"enforced": true}});
    node.client().bearer(&tenant.token).patch("/api/v1/authentication-settings", &on).await.expect(200);
    let outbox = dir.path().join("data/outbox");
    for goal in [150, 900] {
        let reached = async {
            while enrolment_mails(&outbox).len() < goal {
                crate::harness::pause().await;
            }
        };
        tokio::time::timeout(std::time::Duration::from_mins(1), reached).await.expect("mails");
        node.kill();
        let_leases_end(&database).await;
        node = start();
    }
    let done = async {
        while enrolment_mails(&outbox).len() < PEOPLE {
            crate::harness::pause().await;
        }
    };
    tokio::time::timeout(std::time::Duration::from_mins(2), done).await.expect("all mails");
    let mails = enrolment_mails(&outbox);
    assert_eq!(mails.len(), PEOPLE, "one message for each");
    let people: std::collections::HashSet<_> = mails.iter().map(|(_, to)| to).collect();
    assert_eq!(people.len(), PEOPLE, "nobody gets two");
    let list = node.client().bearer(&tenant.token).get("/api/v1/two-factor/mailings").await.ok();
    assert_eq!(list["items"][0]["queued"], PEOPLE);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_host_has_the_last_key() {
    let server = Server::start(Backend::Sqlite).await;
    let tenant = server.tenant("acme").await;
    lead(&server, &tenant).await;
    enforce(&server, &tenant, json!({"enforced": true})).await.expect(200);
    let database = server.kernel.config.database.url.clone();
    let run = |user: &str| {
        let mut command = vestibule(server.dir.path(), &database);
        let done = command.args(["user", "reset-2fa", user]).output().expect("runs");
        (done.status.success(), String::from_utf8_lossy(&[done.stdout, done.stderr].concat()).into_owned())
    };
    let (ok, said) = run("nobody@acme.example");
    assert!(!ok && said.contains("no user in acme has the username or email nobody@acme.example"), "{said}");
    let (ok, said) = run(&tenant.email);
    assert!(ok && said.contains("was reset"), "{said}");
    to_enrol(&server.client().sign_in("acme", &tenant.email, &tenant.password).await);
    server.mail(&tenant.email, "two-factor authentication was reset").await;
    let events = server.audit(&tenant).await;
    let reset = events.iter().find(|e| e["action"] == "two_factor.reset").expect("event");
    assert_eq!(reset["actor"]["type"], "system");
    let (ok, said) = run(&tenant.email);
    assert!(ok && said.contains("had not set up two-factor authentication"), "{said}");
}
