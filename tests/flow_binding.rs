//! Which browser may continue a sign-in, and what a sign-in leaves of the one before.

use reqwest::Method;
use serde_json::json;

use crate::harness::phone::Phone;
use crate::harness::{Answer, Client, Server, Tenant};
use crate::on_both;

const ADD: &str = "/profile/two-factor/add?what=app";
const PASSWORD: &str = "a good long password";

/// A flow for `identifier` that is begun in `browser`: its id, and the cookie that it is bound to.
struct Begun {
    flow: String,
    cookie: String,
}

async fn begin(browser: &Client, identifier: &str) -> Begun {
    let fields = [("identifier", identifier), ("account", "acme"), ("return_to", "/profile")];
    let sent = browser.form("/login", &fields).await.expect(303);
    let flow = sent.location().and_then(|to| to.split_once("flow=").map(|(_, id)| id.to_owned()));
    let cookie = sent.header("set-cookie").split(';').next().expect("cookie").to_owned();
    assert!(cookie.starts_with("vst_flow="), "{cookie}");
    Begun { flow: flow.expect("a flow"), cookie }
}

/// The password typed in a browser that has exactly this cookie, and keeps what it gets.
async fn type_password(browser: &Client, begun: &Begun, password: &str) -> Answer {
    let request = browser.request(Method::POST, "/login/password").header("cookie", &begun.cookie);
    browser.send(request.form(&[("flow", begun.flow.as_str()), ("password", password)])).await
}

async fn with_phone(server: &Server, tenant: &Tenant) -> Phone {
    let browser = server.client();
    browser.sign_in("acme", &tenant.email, &tenant.password).await.expect(303);
    Phone::set_up(server, &browser, ADD).await.phone
}

async fn add_bob(server: &Server, tenant: &Tenant) {
    let bob = json!({"user_name": "bob@acme.example", "email": "bob@acme.example", "password": PASSWORD});
    server.client().bearer(&tenant.token).post("/api/v1/users", &bob).await.created();
}

async fn knows(server: &Server, cookie: &str) -> bool {
    let nobody = server.client();
    let request = nobody.request(Method::GET, "/api/v1/me").header("cookie", cookie);
    nobody.send(request).await.status == 200
}

/// The session cookie that an answer sets.
fn session_of(entered: &Answer) -> String {
    let all = entered.headers.get_all("set-cookie").iter().filter_map(|value| value.to_str().ok());
    let set = all.filter_map(|text| text.split(';').next()).find(|cookie| cookie.starts_with("vst_session="));
    set.expect("a session").to_owned()
}

on_both! {
    async fn a_planted_cookie_gets_no_second_factor_page(server: Server) {
        let tenant = server.tenant("acme").await;
        let phone = with_phone(server, &tenant).await;
        // The attacker begins, plants the cookie in the victim's browser, and the victim types the password.
        let (attacker, victim) = (server.client(), server.client());
        let begun = begin(&attacker, &tenant.email).await;
        let waiting = type_password(&victim, &begun, &tenant.password).await.expect(303);
        let to = waiting.location().expect("to the second factor");
        assert!(to.starts_with("/login/second-factor?flow="), "{to}");
        assert!(!waiting.header("set-cookie").contains(begun.cookie.trim_start_matches("vst_flow=")));
        let shut = attacker.get(&to).await.expect(303);
        assert_eq!(shut.location().as_deref(), Some("/login?notice=expired"));
        let flow = to.split_once("flow=").expect("an id").1.to_owned();
        let fields = [("flow", flow.as_str()), ("code", &phone.code(server, 0))];
        let shut = attacker.form("/login/second-factor", &fields).await.expect(303);
        assert_eq!(shut.location().as_deref(), Some("/login?notice=expired"));
        attacker.get("/api/v1/me").await.expect(401);
        // The browser in which the password was typed goes on.
        let entered = victim.second_factor(&waiting, &phone.code(server, 0)).await.expect(303);
        assert_eq!(entered.location().as_deref(), Some("/profile"));
        victim.get("/api/v1/me").await.expect(200);
    }

    async fn a_planted_cookie_enrols_no_factor(server: Server) {
        let tenant = server.tenant("acme").await;
        with_phone(server, &tenant).await;
        add_bob(server, &tenant).await;
        let api = server.client().bearer(&tenant.token);
        let enforce = json!({"two_factor": {"enforced": true, "grace_days": 0}});
        api.patch("/api/v1/authentication-settings", &enforce).await.expect(200);
        let (attacker, victim) = (server.client(), server.client());
        let begun = begin(&attacker, "bob@acme.example").await;
        let waiting = type_password(&victim, &begun, PASSWORD).await.expect(303);
        let to = waiting.location().expect("to the enrolment");
        assert!(to.starts_with("/login/enrol?flow="), "{to}");
        let shut = attacker.get(&to).await.expect(303);
        assert_eq!(shut.location().as_deref(), Some("/login?notice=expired"));
        Phone::set_up(server, &victim, &to).await;
        victim.get("/api/v1/me").await.expect(200);
    }

    async fn another_tab_goes_on(server: Server) {
        let tenant = server.tenant("acme").await;
        let phone = with_phone(server, &tenant).await;
        let browser = server.client();
        let one = begin(&browser, &tenant.email).await;
        let other = begin(&browser, &tenant.email).await;
        let submit = async |begun: &Begun| {
            let fields = [("flow", begun.flow.as_str()), ("password", &tenant.password)];
            browser.form("/login/password", &fields).await.expect(303)
        };
        let first = submit(&one).await;
        let waiting = submit(&other).await;
        browser.second_factor(&waiting, &phone.code(server, 0)).await.expect(303);
        browser.get("/api/v1/me").await.expect(200);
        server.advance(30);
        browser.second_factor(&first, &phone.code(server, 0)).await.expect(303);
    }

    async fn a_second_sign_in_ends_the_first_session(server: Server) {
        let tenant = server.tenant("acme").await;
        add_bob(server, &tenant).await;
        let (shared, elsewhere) = (server.client(), server.client());
        let first = session_of(&shared.sign_in("acme", &tenant.email, &tenant.password).await.expect(303));
        let other = session_of(&elsewhere.sign_in("acme", &tenant.email, &tenant.password).await.expect(303));
        // Somebody else signs in where the administrator is signed in.
        let begun = begin(&shared, "bob@acme.example").await;
        let fields = [("flow", begun.flow.as_str()), ("password", "wrong")];
        shared.form("/login/password", &fields).await.expect(401);
        assert!(knows(server, &first).await, "a sign-in that fails ends nothing");
        let fields = [("flow", begun.flow.as_str()), ("password", PASSWORD)];
        let second = session_of(&shared.form("/login/password", &fields).await.expect(303));
        assert!(!knows(server, &first).await, "its cookie is gone from the browser");
        assert!(knows(server, &second).await && knows(server, &other).await);
        let events = server.audit(&tenant).await;
        let ended = events.iter().filter(|event| event["action"] == "session.revoke").count();
        assert_eq!(ended, 1);
    }

    async fn a_forged_cookie_ends_nobodys_session(server: Server) {
        let tenant = server.tenant("acme").await;
        add_bob(server, &tenant).await;
        let admin = server.client();
        let session = session_of(&admin.sign_in("acme", &tenant.email, &tenant.password).await.expect(303));
        let (id, _) = session.split_once('.').expect("an id and a secret");
        let thief = server.client();
        let mut begun = begin(&thief, "bob@acme.example").await;
        begun.cookie = format!("{}; {id}.{}", begun.cookie, "x".repeat(43));
        type_password(&thief, &begun, PASSWORD).await.expect(303);
        assert!(knows(server, &session).await);
    }
}
