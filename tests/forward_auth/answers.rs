//! What a proxy is answered.

use reqwest::Method;
use serde_json::json;
use vestibule::apps::forward_auth::IDENTITY_HEADERS as IDENTITY;

use super::world::{PASSWORD, Site, host, text};
use crate::harness::{Backend, Client, Server};
use crate::on_both;

on_both! {
    async fn a_browser_signs_in_and_returns_to_the_exact_address(server: Server) {
        let site = Site::with(server, json!({})).await;
        let id = site.user("ada").await;
        let browser = server.client();
        let deep = "/reports/%2F?a=1&b=%20&return_to=/elsewhere&c=//x";
        assert_eq!(site.enter(&browser, "ada@acme.example", PASSWORD, deep).await, site.url(deep));
        let answer = site.navigate(&browser, deep).await.expect(200);
        for name in IDENTITY {
            assert_eq!(answer.headers.get_all(name).iter().count(), 1, "{name}");
        }
        assert_eq!(answer.header("x-vestibule-user"), id);
        assert_eq!(answer.header("x-vestibule-account"), "acme");
        assert_eq!(answer.header("x-vestibule-email"), "ada@acme.example");
        assert_eq!(answer.header("x-vestibule-name"), "ada Zo%C3%AB");
        assert_eq!(answer.header("x-vestibule-groups"), "");
        assert_eq!(answer.header("x-forwarded-user"), "ada@acme.example");
        // The next application of the account needs no new sign-in.
        let second = json!({"kind": "forward_auth", "name": "Wiki", "hosts": [host(server, "other.test")]});
        let second = text(&site.api.post("/api/v1/apps", &second).await.created()["id"]);
        let wiki = Site { id: second, host: host(server, "other.test"), tenant: site.tenant, api: site.api, server };
        let sent = wiki.navigate(&browser, "/page").await.expect(302);
        assert_eq!(wiki.follow(&browser, sent).await.1, wiki.url("/page"));
        assert_eq!(wiki.navigate(&browser, "/page").await.expect(200).header("x-vestibule-user"), id);
    }

    async fn only_a_navigation_is_redirected(server: Server) {
        let site = Site::with(server, json!({})).await;
        let browser = server.client();
        let sign_in = format!("{}/login/apps/{}?return_to=", server.url, site.id);
        let sent = site.navigate(&browser, "/a?b").await.expect(302);
        let location = sent.location().expect("a location");
        assert!(location.starts_with(&sign_in), "{location}");
        assert_eq!(sent.header("x-vestibule-sign-in"), location);
        let refused = site.fetch(&browser, "/a?b").await.expect(401);
        assert_eq!(refused.header("content-type"), "application/problem+json");
        assert_eq!(refused.header("x-vestibule-sign-in"), location);
        assert_eq!(refused.location(), None);
        // An old browser sends no Sec-Fetch-Mode; a script may ask for HTML.
        let question = || site.question(&browser, Method::GET, "/").header("accept", "text/html");
        browser.send(question()).await.expect(302);
        browser.send(question().header("sec-fetch-mode", "cors")).await.expect(401);
        // Any method, and any path below.
        for method in ["POST", "PUT", "PATCH", "DELETE", "OPTIONS", "PROPFIND"] {
            let method: Method = method.parse().expect("method");
            let answer = browser.send(site.question(&browser, method.clone(), "/")).await;
            assert_eq!(answer.status, 401, "{method}");
        }
        let below = format!("{}/forward-auth/{}/x/y?z=1", server.url, site.id);
        let request = browser.request(Method::GET, &below).header("x-forwarded-host", &site.host);
        let sent = browser.send(request.header("accept", "text/html")).await.expect(302);
        let wanted: String = url::form_urlencoded::byte_serialize(site.url("/x/y?z=1").as_bytes()).collect();
        assert_eq!(sent.location(), Some(format!("{sign_in}{wanted}")));
        let original = browser.request(Method::GET, &format!("{}/forward-auth/{}", server.url, site.id));
        let original = original.header("x-original-url", site.url("/o?p=1")).header("accept", "text/html");
        let sent = browser.send(original).await.expect(302);
        assert!(sent.location().expect("location").ends_with("%2Fo%3Fp%3D1"), "{sent:?}");
        server.client().get("/forward-auth/unknown").await.expect(404);
    }

    async fn an_address_that_a_proxy_could_not_encode_is_kept_at_the_sign_in_page(server: Server) {
        server.tenant("acme").await;
        for (query, return_to) in [
            ("return_to=/reports?a=1&b=2", "/reports?a=1&b=2"),
            ("return_to=/x?return_to=/y&account=z", "/x?return_to=/y&account=z"),
            ("return_to=%2Fa&return_to=%2Fb&account=acme", "/b"),
            ("return_to=/a&account=acme&account=acme", "/a"),
            ("return_to=https://evil.test/?a=1", "/"),
        ] {
            let page = server.client().get(&format!("/login?{query}")).await.expect(200);
            assert_eq!(page.field("return_to"), return_to, "{query}");
        }
    }

    async fn only_members_of_the_groups_have_access_and_only_these_groups_are_named(server: Server) {
        let site = Site::with(server, json!({})).await;
        let (ada, bob) = (site.user("ada").await, site.user("bob").await);
        let readers = site.group("Büro: readers", &[&ada, &bob]).await;
        site.group("Secret project", &[&ada]).await;
        let path = format!("/api/v1/apps/{}", site.id);
        site.api.patch(&path, &json!({"groups": [readers]})).await.expect(200);
        let browser = site.person("ada").await;
        let answer = site.navigate(&browser, "/").await.expect(200);
        assert_eq!(answer.header("x-vestibule-groups"), "B%C3%BCroreaders");
        assert_eq!(answer.header("x-forwarded-groups"), "B%C3%BCroreaders");
        assert_eq!(answer.header("x-vestibule-groups-truncated"), "");
        let members = format!("/api/v1/groups/{readers}/members");
        site.api.post(&members, &json!({"remove": [ada]})).await.expect(200);
        let page = site.navigate(&browser, "/").await.expect(403);
        assert!(page.body.contains("ada@acme.example") && page.body.contains("Reports"), "{}", page.body);
        assert!(page.body.contains("/.vestibule/sign-out"), "{}", page.body);
        let refused = site.fetch(&browser, "/").await.expect(403);
        assert_eq!(refused.header("content-type"), "application/problem+json");
        for name in IDENTITY {
            assert!(page.headers.get(name).is_none() && refused.headers.get(name).is_none(), "{name}");
        }
        // A deleted group gives nobody access.
        site.api.delete(&format!("/api/v1/groups/{readers}")).await.expect(204);
        let bob = site.person("bob").await;
        site.navigate(&bob, "/").await.expect(403);
    }

    async fn a_user_in_seven_hundred_groups_comes_in(server: Server) {
        let site = Site::with(server, json!({})).await;
        let ada = site.user("ada").await;
        let groups = site.many_groups(&ada, 700).await;
        let browser = site.person("ada").await;
        let answer = site.navigate(&browser, "/").await.expect(200);
        assert_eq!(answer.header("x-vestibule-groups"), "", "no group that the application does not list");
        let path = format!("/api/v1/apps/{}", site.id);
        site.api.patch(&path, &json!({"groups": groups[..200]})).await.expect(200);
        let answer = site.navigate(&browser, "/").await.expect(200);
        let list = answer.header("x-vestibule-groups");
        assert!(list.len() > 2900 && list.len() <= 3072, "{}", list.len());
        assert!(list.split(',').all(|group| group.starts_with("agroupwithanameofsomelength")), "{list}");
        assert_eq!(answer.header("x-vestibule-groups-truncated"), "true");
    }

    async fn what_ends_the_session_ends_it_at_the_application(server: Server) {
        let site = Site::with(server, json!({})).await;
        let id = site.user("ada").await;
        let ends = async |what: &str, browser: &Client| {
            assert_eq!(site.navigate(browser, "/").await.status, 302, "{what}");
            assert_eq!(site.fetch(browser, "/").await.status, 401, "{what}");
        };
        // At this server, by its user.
        let browser = site.person("ada").await;
        site.navigate(&browser, "/").await.expect(200);
        browser.form("/logout", &[]).await.expect(303);
        ends("logout", &browser).await;
        // By an administrator.
        let browser = site.person("ada").await;
        site.api.post(&format!("/api/v1/users/{id}/sessions/revoke"), &json!({})).await.expect(204);
        ends("revoked", &browser).await;
        // By time.
        let browser = site.person("ada").await;
        server.advance(1440 * 60);
        ends("expired", &browser).await;
        // At the application, which ends it everywhere.
        let browser = site.person("ada").await;
        let page = browser.get(&site.url("/.vestibule/sign-out")).await.expect(200);
        assert!(page.body.contains("ada@acme.example"), "{}", page.body);
        let request = browser.request(Method::POST, &site.url("/.vestibule/sign-out"));
        let mut request = request.build().expect("request");
        request.headers_mut().insert("origin", site.url("").trim_end_matches('/').parse().expect("origin"));
        let out = browser.send_built(request).await.expect(303);
        assert_eq!(out.location(), Some(format!("{}/login?account=acme&notice=signed_out", server.url)));
        ends("signed out", &browser).await;
        browser.get("/api/v1/me").await.expect(401);
        // By deactivation.
        let browser = site.person("ada").await;
        site.api.patch(&format!("/api/v1/users/{id}"), &json!({"status": "inactive"})).await.expect(200);
        ends("deactivated", &browser).await;
    }

    async fn a_session_that_must_set_up_a_second_factor_is_led_to_it(server: Server) {
        let site = Site::with(server, json!({})).await;
        let ada = site.user("ada").await;
        let security = site.group("Security", &[&ada]).await;
        let browser = site.person("ada").await;
        site.navigate(&browser, "/").await.expect(200);
        let settings = json!({"two_factor": {"groups": [security], "grace_days": 0}});
        let admin = site.admin().await;
        crate::harness::phone::Phone::set_up(server, &admin, "/profile/two-factor/add?what=app").await;
        site.api.patch("/api/v1/authentication-settings", &settings).await.expect(200);
        let refused = site.fetch(&browser, "/").await.expect(401);
        assert!(refused.body.contains("Two-factor"), "{}", refused.body);
        let sent = site.navigate(&browser, "/page?x=1").await.expect(302);
        let (page, at) = site.follow(&browser, sent).await;
        assert!(at.contains("/profile/two-factor/add"), "{at}: {}", page.status);
        crate::harness::phone::Phone::set_up(server, &browser, "/profile/two-factor/add?what=app").await;
        let sent = site.navigate(&browser, "/page?x=1").await;
        if sent.status == 302 {
            assert_eq!(site.follow(&browser, sent).await.1, site.url("/page?x=1"));
        }
        site.navigate(&browser, "/page?x=1").await.expect(200);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn with_https_the_cookies_belong_to_their_host_alone() {
    let server = Server::start_with(Backend::Sqlite, |config| {
        config.server.public_url = Some("https://id.test".parse().expect("url"));
    })
    .await;
    let tenant = server.tenant("acme").await;
    let api = server.client().bearer(&tenant.token);
    let body = json!({"kind": "forward_auth", "name": "Reports", "hosts": ["app.test"]});
    let id = text(&api.post("/api/v1/apps", &body).await.created()["id"]);
    let browser = server.client();
    let at = |path: &str, host: &str| browser.request(Method::GET, path).header("host", host.to_owned());
    // A proxy that was reached by http still sends to https.
    let question = at(&format!("/forward-auth/{id}"), "id.test").header("accept", "text/html");
    let question = question.header("x-forwarded-host", "APP.test:443").header("x-forwarded-proto", "http");
    let sent = browser.send(question.header("x-forwarded-uri", "/a")).await.expect(302);
    let location = sent.location().expect("location");
    assert_eq!(location, format!("https://id.test/login/apps/{id}?return_to=https%3A%2F%2Fapp.test%2Fa"));
    let refused = format!("/login/apps/{id}?return_to=http://app.test/a");
    browser.get(&refused).await.expect(400);
    let sent = browser.get(&location.replace("https://id.test", "")).await.expect(302);
    let begin = sent.location().expect("location").replace("https://app.test", "");
    let sent = browser.send(at(&begin, "app.test")).await.expect(302);
    let cookie = sent.header("set-cookie");
    assert!(
        cookie.starts_with("__Host-vst_app_sign_in=")
            && cookie.contains("; Path=/; HttpOnly; SameSite=Lax; Secure"),
        "{cookie}"
    );
    assert!(sent.headers.get("strict-transport-security").is_none(), "not ours to say");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_proxy_that_is_not_trusted_is_named_and_not_believed() {
    let server = Server::start_with(Backend::Sqlite, |config| {
        config.server.trusted_proxies = Vec::new();
    })
    .await;
    let site = Site::with(&server, json!({})).await;
    let browser = server.client();
    let answer = site.navigate(&browser, "/a").await.expect(401);
    assert_eq!(answer.header("x-vestibule-sign-in"), format!("{}/login/apps/{}", server.url, site.id));
    let (known, said) = (std::time::Duration::from_secs(20), async {
        loop {
            let said = server.doctor_with(&[("VESTIBULE_SERVER__TRUSTED_PROXIES", "[]")]).1;
            if said.contains("127.0.0.1") && said.contains("server.trusted_proxies") {
                return;
            }
        }
    });
    tokio::time::timeout(known, said).await.expect("doctor names the proxy");
    assert!(!server.doctor().1.contains("trusted_proxies"), "one that is trusted by now is not named");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_deprecated_address_answers_where_there_is_one_account_only() {
    let server = Server::start(Backend::Sqlite).await;
    let tenant = server.tenant("acme").await;
    let browser = server.client();
    browser.sign_in("acme", &tenant.email, &tenant.password).await.expect(303);
    let answer = browser.get("/forward-auth").await.expect(200);
    assert_eq!(answer.header("x-forwarded-user"), tenant.email);
    // All of the deprecated headers are set, and a group is named by its identifier, which is unique.
    assert_eq!(answer.header("x-forwarded-groups"), "");
    assert!(
        answer.headers.contains_key("x-forwarded-groups") && !answer.headers.contains_key("x-vestibule-user")
    );
    let api = server.client().bearer(&tenant.token);
    let me = text(&browser.get("/api/v1/me").await.ok()["id"]);
    for _ in 0..2 {
        let id = text(&api.post("/api/v1/groups", &json!({"name": "admins"})).await.created()["id"]);
        api.post(&format!("/api/v1/groups/{id}/members"), &json!({"add": [me]})).await.expect(200);
    }
    let answer = browser.get("/forward-auth").await.expect(200);
    let (one, other) = answer.header("x-forwarded-groups").split_once(',').expect("two groups");
    assert_ne!(one, other);
    let foreign = browser.request(Method::GET, "/forward-auth").bearer_auth("of-the-application");
    browser.send(foreign).await.expect(200);
    server.client().bearer(&tenant.token).get("/forward-auth").await.expect(401);
    server.tenant("globex").await;
    browser.get("/forward-auth").await.expect(410);
}
