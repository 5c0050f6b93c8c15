//! The main job from end to end, as people do it: Chromium, a real identity provider, a provisioning
//! client in Okta's shape.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use axum::body::{Body, to_bytes};
use axum::extract::{Request, State};
use axum::response::Response;
use serde_json::json;
use tempfile::TempDir;

use crate::harness::browser::Browser;
use crate::harness::peers::{SamlIdp, Script, SimpleSaml};
use crate::harness::process::Process;
use crate::harness::{Backend, Client};

/// Server processes and the address people use for them.
struct Site {
    url: String,
    link: String,
    _nodes: Vec<Process>,
    _dir: TempDir,
}

impl Site {
    async fn one(backend: Backend) -> Self {
        let dir = tempfile::tempdir().expect("dir");
        let node = Process::start(dir.path(), &backend.fresh(&dir).await, None);
        let link = node.link.clone().expect("first-run link");
        Self { url: node.url.clone(), link, _nodes: vec![node], _dir: dir }
    }

    /// Two processes on one PostgreSQL behind one address, taking requests in turn.
    async fn two() -> Self {
        let dir = tempfile::tempdir().expect("dir");
        let database = Backend::Postgres.fresh(&dir).await;
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let url = format!("http://{}", listener.local_addr().expect("address"));
        let a = Process::start(dir.path(), &database, Some(&url));
        let b = Process::start(dir.path(), &database, Some(&url));
        // The second start printed a new link and voided the first's.
        let link = b.link.clone().expect("first-run link");
        let balancer = Balancer {
            nodes: vec![a.url.clone(), b.url.clone()],
            next: Arc::default(),
            http: reqwest::Client::builder()
                .no_proxy()
                .redirect(reqwest::redirect::Policy::none())
                .build()
                .expect("client"),
        };
        let app = axum::Router::new().fallback(balance).with_state(balancer);
        tokio::spawn(async move {
            axum::serve(listener, app.into_make_service_with_connect_info::<SocketAddr>())
                .await
                .expect("serves");
        });
        Self { url, link, _nodes: vec![a, b], _dir: dir }
    }
}

#[derive(Clone)]
struct Balancer {
    nodes: Vec<String>,
    next: Arc<AtomicUsize>,
    http: reqwest::Client,
}

async fn balance(State(balancer): State<Balancer>, request: Request) -> Response {
    let node = &balancer.nodes[balancer.next.fetch_add(1, Ordering::SeqCst) % balancer.nodes.len()];
    let path = request.uri().path_and_query().map_or("/", |p| p.as_str()).to_owned();
    let (parts, body) = request.into_parts();
    let body = to_bytes(body, 2_000_000).await.expect("body");
    let sent = balancer.http.request(parts.method, format!("{node}{path}")).headers(parts.headers).body(body);
    let answer = sent.send().await.expect("the node answers");
    let mut response = Response::builder().status(answer.status());
    for (name, value) in answer.headers() {
        if name != "transfer-encoding" {
            response = response.header(name, value);
        }
    }
    response.body(Body::from(answer.bytes().await.expect("body"))).expect("response")
}

/// The administrator's part, in a browser: account, SAML connection from metadata, SCIM token.
/// Returns the token and the browser.
async fn administrator(site: &Site, idp: &impl SamlIdp) -> (String, Browser) {
    let browser = Browser::open(&site.url).await;
    browser.goto(&site.link).await;
    for (name, value) in [
        ("account_name", "Acme Inc."),
        ("slug", "acme"),
        ("given_name", "Ada"),
        ("family_name", "Lovelace"),
        ("email", "ada@acme.example"),
        ("password", "correct horse battery"),
    ] {
        browser.fill(name, value).await;
    }
    browser.click("Create account").await;
    browser.at("/console?notice=welcome").await;

    browser.goto("/console/connections/new?kind=saml").await;
    browser.click("Another identity provider").await;
    browser.fill("name", "Company login").await;
    let metadata = idp.metadata().await;
    let area = browser.page.find(fantoccini::Locator::Id("metadata_xml")).await.expect("area");
    let fill = "arguments[0].value = arguments[1]";
    let arguments = vec![serde_json::to_value(&area).expect("element"), json!(metadata)];
    browser.page.execute(fill, arguments).await.expect("pasted");
    browser.fill("email_domains", "acme.example").await;
    browser.click("Create connection").await;
    let (acs, entity) = (browser.text("[data-value=acs]").await, browser.text("[data-value=entity]").await);
    let ours =
        Client::new(&site.url).get(&browser.text("[data-value=metadata]").await).await.expect(200).body;
    idp.trust(&entity, &acs, &ours).await;

    // The connection may sign in nobody until its domain is verified, and its page leads there. This is the
    // first account, so its administrator's word is enough.
    let connection = browser.page.current_url().await.expect("address").path().to_owned();
    browser.click("acme.example").await;
    browser.sees("This domain is not verified").await;
    browser
        .page
        .find(fantoccini::Locator::XPath("//summary[.='Verify without a DNS record']"))
        .await
        .expect("the way")
        .click()
        .await
        .expect("opened");
    browser.click("Verify without a DNS record").await;
    browser.sees("This domain was verified without a DNS record.").await;

    // It is tried as the administrator herself, which switches it on without any override.
    browser.goto(&connection).await;
    browser.sees("acme.example verified").await;
    browser.click("Test connection").await;
    idp.sign_in(&browser.page, "ada@acme.example").await;
    browser.sees("this is you").await;
    browser.click("Enable connection").await;
    browser.click("Disable connection").await;
    browser.click("Enable connection").await;
    browser
        .page
        .wait()
        .for_element(fantoccini::Locator::XPath("//h2[.='Connection enabled']"))
        .await
        .expect("on");

    browser.goto("/console/connections/new?kind=scim").await;
    browser.fill("name", "Okta").await;
    browser.click("Create connection").await;
    browser.click("Generate token").await;
    (browser.text("#secret").await, browser)
}

async fn main_job(site: Site, idp: impl SamlIdp) {
    let (token, admin) = administrator(&site, &idp).await;

    // Okta tests the connection, looks for the person, creates them, pushes a group.
    let okta = Client::new(&site.url).bearer(&token);
    assert_eq!(okta.get("/scim/v2/Users?startIndex=1&count=2").await.ok()["totalResults"], 1);
    okta.get("/scim/v2/Groups?startIndex=1&count=100").await.expect(200);
    let found = okta
        .get("/scim/v2/Users?filter=userName%20eq%20%22bob%40acme.example%22&startIndex=1&count=100")
        .await;
    assert_eq!(found.ok()["Resources"], json!([]));
    let bob = json!({
        "schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"], "userName": "bob@acme.example",
        "name": {"givenName": "Bob", "familyName": "Builder"}, "displayName": "Bob Builder", "locale": "en-US",
        "emails": [{"primary": true, "value": "bob@acme.example", "type": "work"}],
        "externalId": "00u1", "groups": [], "active": true,
    });
    let bob = okta.post("/scim/v2/Users", &bob).await.created();
    let group = json!({"schemas": ["urn:ietf:params:scim:schemas:core:2.0:Group"], "displayName": "Builders", "members": []});
    let group = okta.post("/scim/v2/Groups", &group).await.created();
    let path = format!("/scim/v2/Groups/{}", group["id"].as_str().expect("id"));
    let add = json!({"Operations": [{"op": "add", "path": "members", "value": [{"value": bob["id"]}]}]});
    okta.patch(&path, &add).await.expect(204);

    // The person wants a page, types an address, is sent to their company, and lands on the page.
    let person = Browser::open(&site.url).await;
    person.goto("/profile?from=bookmark").await;
    person.fill("identifier", "bob@acme.example").await;
    person.click("Continue").await;
    idp.sign_in(&person.page, "bob@acme.example").await;
    person.at("/profile?from=bookmark").await;
    person.goto("/api/v1/me").await;
    let me: serde_json::Value = serde_json::from_str(&person.text("pre").await).expect("JSON");
    assert_eq!((&me["email"], &me["groups"]), (&json!("bob@acme.example"), &json!(["Builders"])));

    // Deactivated: out at the next request, and not in again.
    let off = json!({"Operations": [{"op": "replace", "value": {"active": false}}]});
    let path = format!("/scim/v2/Users/{}", bob["id"].as_str().expect("id"));
    assert_eq!(okta.patch(&path, &off).await.ok()["active"], false);
    person.goto("/api/v1/me").await;
    assert!(person.text("body").await.contains("\"status\":401"));
    person.page.delete_all_cookies().await.expect("cookies");
    person.goto("/login").await;
    person.fill("identifier", "bob@acme.example").await;
    person.click("Continue").await;
    // The cookies of the identity provider on this host went too, so it asks again.
    idp.sign_in(&person.page, "bob@acme.example").await;
    person.at("/login/continue").await;
    assert_eq!(person.text("h1").await, "Your access is not active");

    admin.goto("/console/audit?action=session.sign_in").await;
    let trail = admin.text("main").await;
    assert!(trail.contains("refused: user_inactive") && trail.contains("bob@acme.example"), "{trail}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn main_job_on_sqlite_with_pysaml2() {
    main_job(Site::one(Backend::Sqlite).await, Script::pysaml2()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn main_job_on_postgres_with_simplesamlphp() {
    main_job(Site::one(Backend::Postgres).await, SimpleSaml::start()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn main_job_on_two_nodes_with_pysaml2() {
    main_job(Site::two().await, Script::pysaml2()).await;
}

/// Every page at two widths, empty and full; pictures are kept in `target/pictures` to be looked at.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_page_is_wider_than_its_window() {
    let site = Site::one(Backend::Sqlite).await;
    let stranger = Browser::open(&site.url).await;
    stranger.look("setup", &site.link).await;
    let (token, admin) = administrator(&site, &Script::pysaml2()).await;
    let directory = admin.page.current_url().await.expect("address").path().replace("/tokens", "");
    admin.look("groups-empty", "/console/groups").await;
    let okta = Client::new(&site.url).bearer(&token);
    let long =
        "A name that goes on and on because somebody in personnel had a very long day at the office-and-more";
    let mut ids = Vec::new();
    for (name, user) in [
        ("Bob Builder", "bob@acme.example"),
        (long, "averyveryveryveryveryveryveryveryverylongaddress@subdomain.acme.example"),
    ] {
        let body = json!({"userName": user, "displayName": name, "externalId": "00u1"});
        ids.push(okta.post("/scim/v2/Users", &body).await.created()["id"].as_str().expect("id").to_owned());
    }
    let members: Vec<_> = ids.iter().map(|id| json!({"value": id})).collect();
    let group =
        okta.post("/scim/v2/Groups", &json!({"displayName": long, "members": members})).await.created();
    stranger.look("login", "/login").await;
    stranger.fill("identifier", "somebody@elsewhere.example").await;
    stranger.click("Continue").await;
    stranger.at("/login/password").await;
    stranger.look("password", "").await;
    stranger.fill("password", "wrong").await;
    stranger.click("Sign in").await;
    stranger.look("password-wrong", "").await;
    stranger.look("local", "/login/local").await;
    stranger.look("error", "/nowhere").await;
    admin.look("overview", "/console").await;
    admin.look("users", "/console/users").await;
    admin.look("users-none", "/console/users?q=nobody").await;
    admin.look("user-new", "/console/users/new").await;
    admin.look("user", &format!("/console/users/{}", ids[1])).await;
    admin.look("groups", "/console/groups").await;
    admin.look("group", &format!("/console/groups/{}", group["id"].as_str().expect("id"))).await;
    admin.look("connections", "/console/connections").await;
    admin.look("connection-vendors", "/console/connections/new?kind=saml").await;
    admin.look("connection-new", "/console/connections/new?kind=saml&vendor=entra").await;
    admin.look("connection-scim", &directory).await;
    admin.goto("/console/connections").await;
    admin
        .page
        .find(fantoccini::Locator::Css(".rows .row"))
        .await
        .expect("first")
        .click()
        .await
        .expect("opened");
    admin.look("connection-saml", "").await;
    admin.look("service-accounts", "/console/service-accounts").await;
    admin.look("audit", "/console/audit").await;
    admin.look("settings", "/console/settings").await;
    admin.look("profile", "/profile").await;
    admin.look("sign-out", "/logout").await;
}
