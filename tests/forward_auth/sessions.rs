//! Sessions at applications: one for each browser and host, which lasts as long as a person uses it.

use reqwest::Method;
use serde_json::json;

use super::world::{Site, host, text};
use crate::harness::{Answer, Client, Server};
use crate::on_both;

/// The cookie with this name that an answer sets, as a browser sends it.
fn cookie_of(answer: &Answer, name: &str) -> String {
    let cookies = answer.headers.get_all("set-cookie").iter().map(|value| value.to_str().expect("text"));
    let pairs = cookies.map(|cookie| cookie.split(';').next().expect("a cookie").to_owned());
    let mut found = pairs.filter(|pair| pair.starts_with(&format!("{name}=")));
    found.next().unwrap_or_else(|| panic!("no {name} in {answer:?}"))
}

/// What a browser that has signed in at the server passes through at this host: the cookie of the sign-in and
/// the address of the callback.
struct PendingCallback {
    attempts: String,
    callback: String,
}

async fn begin_at(browser: &Client, host: &str) -> PendingCallback {
    let begun = browser.get(&format!("http://{host}/.vestibule/sign-in?return_to=/")).await.expect(302);
    let to = browser.get(&begun.location().expect("to the server")).await.expect(302);
    let callback = to.location().expect("to the callback");
    assert!(callback.contains("/.vestibule/callback?"), "{callback}");
    PendingCallback { attempts: cookie_of(&begun, "vst_app_sign_in"), callback }
}

/// Redeems the code of a sign-in in a browser that has only these cookies.
async fn redeem(server: &Server, pending: &PendingCallback, more: &str) -> Answer {
    let fresh = server.client();
    let cookies = format!("{}{more}", pending.attempts);
    fresh.send(fresh.request(Method::GET, &pending.callback).header("cookie", cookies)).await.expect(303)
}

async fn status_with(site: &Site<'_>, cookie: &str) -> u16 {
    let fresh = site.server.client();
    let question = site.question(&fresh, Method::GET, "/").header("cookie", cookie);
    fresh.send(question).await.status.as_u16()
}

/// How many sessions at applications are stored, and how many sign-ins are in the audit trail.
async fn counts(site: &Site<'_>) -> [usize; 2] {
    let mut c = site.server.kernel.db.read().await.expect("connection");
    let rows: i64 =
        sqlx::query_scalar("SELECT COUNT(*) FROM app_sessions").fetch_one(&mut *c).await.expect("a count");
    drop(c);
    let events = site.server.audit(&site.tenant).await;
    let entered = events.iter().filter(|event| event["action"] == "app.sign_in").count();
    [usize::try_from(rows).expect("a count"), entered]
}

on_both! {
    async fn a_browser_has_one_session_however_often_it_passes_through(server: Server) {
        let site = Site::with(server, json!({})).await;
        site.user("ada").await;
        let browser = site.person("ada").await;
        assert_eq!(counts(&site).await, [1, 1]);
        // It still has its cookie, and keeps it.
        let pending = begin_at(&browser, &site.host).await;
        let first = cookie_of(&browser.get(&pending.callback).await.expect(303), "vst_app");
        for _ in 0..5 {
            let pending = begin_at(&browser, &site.host).await;
            assert_eq!(cookie_of(&browser.get(&pending.callback).await.expect(303), "vst_app"), first);
        }
        assert_eq!(status_with(&site, &first).await, 200);
        assert_eq!(counts(&site).await, [1, 1]);
        // It has lost its cookie: a new one takes the place of the old one.
        let pending = begin_at(&browser, &site.host).await;
        let second = cookie_of(&redeem(server, &pending, "").await, "vst_app");
        assert_ne!(second, first);
        assert_eq!([status_with(&site, &first).await, status_with(&site, &second).await], [401, 200]);
        // So it is for a cookie that is not its own, or altered.
        for wrong in [first.as_str(), "vst_app=", "vst_app=vst_appsession_x.y", &format!("{second}x")] {
            let pending = begin_at(&browser, &site.host).await;
            let third = cookie_of(&redeem(server, &pending, &format!("; {wrong}")).await, "vst_app");
            assert_ne!(third, wrong);
            assert_eq!(status_with(&site, &third).await, 200, "{wrong}");
        }
        assert_eq!(counts(&site).await, [1, 1]);
    }

    async fn another_browser_host_or_application_has_a_session_of_its_own(server: Server) {
        let site = Site::with(server, json!({})).await;
        site.user("ada").await;
        let (one, other) = (site.person("ada").await, site.person("ada").await);
        assert_eq!(counts(&site).await, [2, 2]);
        // The cookie of the one is of no use for the sign-in of the other.
        let pending = begin_at(&one, &site.host).await;
        let own = cookie_of(&one.get(&pending.callback).await.expect(303), "vst_app");
        let pending = begin_at(&other, &site.host).await;
        let theirs = cookie_of(&redeem(server, &pending, &format!("; {own}")).await, "vst_app");
        assert_ne!(theirs, own);
        assert_eq!([status_with(&site, &own).await, status_with(&site, &theirs).await], [200, 200]);
        assert_eq!(counts(&site).await, [2, 2]);
        // A second host of the application.
        let second = host(server, "evil.test");
        let hosts = json!({"hosts": [site.host, second]});
        site.api.patch(&format!("/api/v1/apps/{}", site.id), &hosts).await.expect(200);
        for _ in 0..2 {
            let pending = begin_at(&one, &second).await;
            one.get(&pending.callback).await.expect(303);
        }
        assert_eq!(counts(&site).await, [3, 3]);
        // A second application.
        let wiki = json!({"kind": "forward_auth", "name": "Wiki", "hosts": [host(server, "other.test")]});
        text(&site.api.post("/api/v1/apps", &wiki).await.created()["id"]);
        for _ in 0..2 {
            let pending = begin_at(&one, &host(server, "other.test")).await;
            one.get(&pending.callback).await.expect(303);
        }
        assert_eq!(counts(&site).await, [4, 4]);
        // Signing out at one ends those of this browser, and of no other.
        let out = one.request(Method::POST, &site.url("/.vestibule/sign-out"));
        let mut out = out.build().expect("request");
        out.headers_mut().insert("sec-fetch-site", "same-origin".parse().expect("value"));
        one.send_built(out).await.expect(303);
        assert_eq!(counts(&site).await, [1, 4]);
        assert_eq!([status_with(&site, &own).await, status_with(&site, &theirs).await], [401, 200]);
    }

    async fn two_tabs_at_once_make_one_session(server: Server) {
        let site = Site::with(server, json!({})).await;
        for round in 1..=10 {
            let browser = server.client();
            browser.sign_in("acme", &site.tenant.email, &site.tenant.password).await.expect(303);
            let (one, other) = (begin_at(&browser, &site.host).await, begin_at(&browser, &site.host).await);
            let barrier = tokio::sync::Barrier::new(2);
            let arrive = async |pending: &PendingCallback| {
                barrier.wait().await;
                browser.get(&pending.callback).await.expect(303)
            };
            tokio::join!(arrive(&one), arrive(&other));
            assert_eq!(counts(&site).await, [round, round]);
            // Whichever cookie came last, the browser comes in.
            let answer = site.navigate(&browser, "/").await;
            if answer.status == 302 {
                assert_eq!(site.follow(&browser, answer).await.1, site.url("/"));
            }
            site.navigate(&browser, "/").await.expect(200);
            assert_eq!(counts(&site).await, [round, round]);
            server.advance(60);
        }
    }

    async fn a_page_does_not_keep_a_session_alive_by_itself(server: Server) {
        let site = Site::with(server, json!({})).await;
        site.user("ada").await;
        let ask = async |browser: &Client, headers: &[(&str, &str)]| {
            let mut request = site.question(browser, Method::GET, "/").header("accept", "text/html");
            for (name, value) in headers {
                request = request.header(*name, *value);
            }
            browser.send(request).await.status.as_u16()
        };
        let (mode, dest) = ("sec-fetch-mode", "sec-fetch-dest");
        for (headers, counts) in [
            (vec![], true),
            (vec![(mode, "navigate")], true),
            (vec![(mode, "navigate"), (dest, "document")], true),
            (vec![(dest, "document")], true),
            (vec![(mode, "navigate"), (dest, "iframe")], false),
            (vec![(mode, "navigate"), (dest, "embed")], false),
            (vec![(mode, "cors"), (dest, "empty")], false),
            (vec![(mode, "same-origin"), (dest, "empty")], false),
            (vec![(mode, "no-cors"), (dest, "image")], false),
            (vec![(mode, "websocket"), (dest, "websocket")], false),
            (vec![(mode, "cors")], false),
            (vec![(mode, "")], false),
            (vec![(dest, "empty")], false),
        ] {
            let browser = site.person("ada").await;
            for _ in 0..3 {
                server.advance(479 * 60);
                assert_eq!(ask(&browser, &headers).await, 200, "{headers:?}");
            }
            server.advance(5 * 60);
            let expected = if counts { 200 } else { 302 };
            let opened = ask(&browser, &[(mode, "navigate"), (dest, "document")]).await;
            assert_eq!(opened, expected, "{headers:?}");
        }
        // A person who opens a page now and then stays, however much the page does in between.
        let browser = site.person("ada").await;
        for _ in 0..3 {
            server.advance(1439 * 60);
            site.fetch(&browser, "/").await.expect(200);
            site.navigate(&browser, "/").await.expect(200);
        }
    }

    async fn nor_by_the_deprecated_address(server: Server) {
        let tenant = server.tenant("acme").await;
        for (mode, status) in [("cors", 401), ("navigate", 200)] {
            let browser = server.client();
            browser.sign_in("acme", &tenant.email, &tenant.password).await.expect(303);
            let ask = async || {
                let question = browser.request(Method::GET, "/forward-auth").header("sec-fetch-mode", mode);
                browser.send(question).await.status
            };
            server.advance(1439 * 60);
            assert_eq!(ask().await, 200, "{mode}");
            server.advance(2 * 60);
            assert_eq!(ask().await, status, "{mode}");
        }
    }
}
