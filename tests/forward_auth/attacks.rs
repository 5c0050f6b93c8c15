//! What must not count, and whom it must not name.

use reqwest::Method;
use serde_json::json;

use super::world::{PASSWORD, Site, host, text};
use crate::harness::{Answer, Client, Server};
use crate::on_both;

/// The code of a sign-in that a browser has got as far as the callback.
async fn callback_of(site: &Site<'_>, browser: &Client) -> String {
    let mut answer = site.navigate(browser, "/").await.expect(302);
    loop {
        let to = answer.location().expect("on the way");
        if to.contains("/.vestibule/callback?") {
            return to;
        }
        answer = browser.get(&to).await;
    }
}

async fn is_refused(site: &Site<'_>, client: &Client, answer: Answer) {
    assert_eq!(answer.status, 403, "{}", answer.body);
    assert!(!answer.headers.contains_key("set-cookie"), "{answer:?}");
    site.fetch(client, "/").await.expect(401);
}

/// Adds a header to a request without the one that the client would send by itself.
fn with(request: reqwest::RequestBuilder, name: &'static str, value: &str) -> reqwest::Request {
    let mut request = request.build().expect("request");
    request.headers_mut().insert(name, value.parse().expect("value"));
    request
}

on_both! {
    async fn a_user_of_another_account_is_nobody_here(server: Server) {
        let site = Site::with(server, json!({})).await;
        let globex = server.tenant("globex").await;
        // A user with the very names of an administrator of the application's account.
        let other = server.client().bearer(&globex.token);
        let twin = json!({"user_name": site.tenant.email, "email": site.tenant.email, "password": PASSWORD});
        other.post("/api/v1/users", &twin).await.created();
        let browser = server.client();
        browser.sign_in("globex", &site.tenant.email, PASSWORD).await.expect(303);
        let sent = site.navigate(&browser, "/").await.expect(302);
        let (page, _) = site.follow(&browser, sent).await;
        assert_eq!(page.status, 403, "{}", page.body);
        let who = format!("{} (account globex)", site.tenant.email);
        assert!(page.body.contains(&who), "says who one is: {}", page.body);
        site.fetch(&browser, "/").await.expect(401);
        // What is said about both differs wherever both come in.
        let theirs = Site::of(server, globex, "other.test", json!({})).await;
        let sent = theirs.navigate(&browser, "/").await.expect(302);
        theirs.follow(&browser, sent).await;
        let (a, b) = (site.navigate(&site.admin().await, "/").await.expect(200), theirs.navigate(&browser, "/").await.expect(200));
        assert_eq!(a.header("x-vestibule-email"), b.header("x-vestibule-email"));
        for name in ["x-vestibule-user", "x-vestibule-account", "x-vestibule-jwt"] {
            assert_ne!(a.header(name), b.header(name), "{name}");
        }
    }

    async fn the_session_of_the_console_does_not_count_at_an_application(server: Server) {
        let site = Site::with(server, json!({})).await;
        let browser = server.client();
        let entered = browser.sign_in("acme", &site.tenant.email, &site.tenant.password).await.expect(303);
        let cookie = entered.header("set-cookie").split(';').next().expect("cookie").to_owned();
        let secret = cookie.split_once('=').expect("a value").1.to_owned();
        let fresh = server.client();
        for cookie in [cookie, format!("vst_app={secret}")] {
            let request = site.question(&fresh, Method::GET, "/").header("cookie", &cookie);
            assert_eq!(fresh.send(request).await.status, 401, "{cookie}");
        }
    }

    async fn the_session_of_an_application_counts_nowhere_else(server: Server) {
        let site = Site::with(server, json!({})).await;
        let browser = server.client();
        let callback = {
            browser.sign_in("acme", &site.tenant.email, &site.tenant.password).await.expect(303);
            callback_of(&site, &browser).await
        };
        let entered = browser.get(&callback).await.expect(303);
        let cookie = entered.header("set-cookie").split(';').next().expect("cookie").to_owned();
        let secret = cookie.split_once('=').expect("a value").1.to_owned();
        assert!(secret.starts_with("vst_appsession_"), "{cookie}");
        let fresh = server.client();
        for cookie in [cookie.clone(), format!("vst_session={secret}")] {
            let request = fresh.request(Method::GET, "/api/v1/me").header("cookie", cookie);
            assert_eq!(fresh.send(request).await.status, 401);
        }
        server.client().bearer(&secret).get("/api/v1/me").await.expect(401);
        // Not at another application of the same account, nor at another host of the same one.
        let second = json!({"kind": "forward_auth", "name": "Wiki", "hosts": [host(server, "other.test")]});
        let second = text(&site.api.post("/api/v1/apps", &second).await.created()["id"]);
        let ask = async |id: &str, host: &str| {
            let request = fresh.request(Method::GET, &format!("/forward-auth/{id}")).header("cookie", &cookie);
            fresh.send(request.header("x-forwarded-host", host)).await.status
        };
        assert_eq!(ask(&site.id, &site.host).await, 200);
        assert_eq!(ask(&second, &host(server, "other.test")).await, 401);
        let more = json!({"hosts": [site.host, host(server, "evil.test")]});
        site.api.patch(&format!("/api/v1/apps/{}", site.id), &more).await.expect(200);
        assert_eq!(ask(&site.id, &host(server, "evil.test")).await, 401);
        // A host that is taken away takes its sessions along.
        site.api.patch(&format!("/api/v1/apps/{}", site.id), &json!({"hosts": ["a.example"]})).await.expect(200);
        assert_eq!(ask(&site.id, &site.host).await, 400);
        site.api.patch(&format!("/api/v1/apps/{}", site.id), &json!({"hosts": [site.host]})).await.expect(200);
        assert_eq!(ask(&site.id, &site.host).await, 401);
    }

    async fn a_code_works_once_in_the_browser_and_at_the_host_that_it_is_for(server: Server) {
        let site = Site::with(server, json!({})).await;
        let browser = server.client();
        browser.sign_in("acme", &site.tenant.email, &site.tenant.password).await.expect(303);
        // Sign-in with the session of another: the victim has no cookie, or one of its own.
        let callback = callback_of(&site, &browser).await;
        let victim = server.client();
        is_refused(&site, &victim, victim.get(&callback).await).await;
        victim.get(&site.url("/.vestibule/sign-in?return_to=/")).await.expect(302);
        is_refused(&site, &victim, victim.get(&callback).await).await;
        // At the host of another application.
        let second = json!({"kind": "forward_auth", "name": "Wiki", "hosts": [host(server, "other.test")]});
        site.api.post("/api/v1/apps", &second).await.created();
        browser.get(&format!("http://{}/.vestibule/sign-in", host(server, "other.test"))).await.expect(302);
        let elsewhere = callback.replace("app.test", "other.test");
        assert_eq!(browser.get(&elsewhere).await.status, 403);
        // Used in its place, and then again.
        browser.get(&callback).await.expect(303);
        let again = browser.get(&callback).await;
        assert_eq!(again.status, 403);
        // Too late.
        let late = server.client();
        late.sign_in("acme", &site.tenant.email, &site.tenant.password).await.expect(303);
        let callback = callback_of(&site, &late).await;
        server.advance(61);
        is_refused(&site, &late, late.get(&callback).await).await;
        // Its session has ended in the meantime.
        let callback = callback_of(&site, &late).await;
        late.form("/logout", &[]).await.expect(303);
        is_refused(&site, &late, late.get(&callback).await).await;
        let altered = format!("{callback}x");
        is_refused(&site, &late, late.get(&altered).await).await;
    }

    async fn of_two_requests_with_one_code_at_once_one_comes_in(server: Server) {
        let site = Site::with(server, json!({})).await;
        let browser = server.client();
        browser.sign_in("acme", &site.tenant.email, &site.tenant.password).await.expect(303);
        for round in 0..20 {
            let callback = callback_of(&site, &browser).await;
            // Each with the cookies as they are now, and without what the other gets.
            let barrier = tokio::sync::Barrier::new(2);
            let redeem = async || {
                barrier.wait().await;
                browser.get(&callback).await.status.as_u16()
            };
            let mut both = <[u16; 2]>::from(tokio::join!(redeem(), redeem()));
            both.sort_unstable();
            assert_eq!(both, [303, 403], "round {round}");
            server.advance(30);
            let out = browser.request(Method::POST, &site.url("/.vestibule/sign-out"));
            browser.send_built(with(out, "sec-fetch-site", "same-origin")).await.expect(303);
            browser.sign_in("acme", &site.tenant.email, &site.tenant.password).await.expect(303);
        }
    }

    async fn two_tabs_of_a_browser_both_arrive(server: Server) {
        let site = Site::with(server, json!({})).await;
        let browser = server.client();
        browser.sign_in("acme", &site.tenant.email, &site.tenant.password).await.expect(303);
        let long = format!("/two?{}", "x".repeat(2000));
        let mut callbacks = Vec::new();
        for target in ["/one?a=1", &long] {
            let mut answer = site.navigate(&browser, target).await.expect(302);
            loop {
                let to = answer.location().expect("on the way");
                // The address is not in the URL of the sign-in, however long it is.
                assert!(to.len() < 2600, "{to}");
                if to.contains("/.vestibule/callback?") {
                    callbacks.push(to);
                    break;
                }
                answer = browser.get(&to).await;
            }
        }
        assert_eq!(browser.get(&callbacks[0]).await.expect(303).location(), Some(site.url("/one?a=1")));
        assert_eq!(browser.get(&callbacks[1]).await.expect(303).location(), Some(site.url(&long)));
    }

    async fn an_address_elsewhere_is_an_error_and_never_a_redirect(server: Server) {
        let site = Site::with(server, json!({})).await;
        let browser = server.client();
        browser.sign_in("acme", &site.tenant.email, &site.tenant.password).await.expect(303);
        let login = format!("/login/apps/{}", site.id);
        let port = site.host.rsplit(':').next().expect("port");
        for wanted in [
            "https://evil.test/", "http://evil.test/", "//evil.test/", "javascript:alert(1)", "/local", "",
            "http://app.test.evil.test/", "http://app.test@evil.test/", "http://app.test:1/", "x", "http:///",
            &format!("http://app.test:{port}@evil.test/"), &format!("http://app.test:{port}\\@evil.test/"),
            &format!("http://{}/\r\nset-cookie: a=b", site.host), &format!("http://evil.test:{port}/"),
        ] {
            let encoded: String = url::form_urlencoded::byte_serialize(wanted.as_bytes()).collect();
            for path in [format!("{login}?return_to={encoded}"), format!("{login}?return_to=x&return_to={encoded}")] {
                let answer = browser.get(&path).await;
                assert_eq!((answer.status.as_u16(), answer.location()), (400, None), "{wanted}");
            }
            if wanted != "/local" {
                let answer = browser.get(&site.url(&format!("/.vestibule/sign-in?return_to={encoded}"))).await;
                let to = answer.location().unwrap_or_default();
                let stays = answer.status == 400 || to.starts_with(&format!("{}{login}?", server.url));
                assert!(stays, "{wanted}: {answer:?}");
            }
        }
        for query in ["host=evil.test&challenge=x", "challenge=x", &format!("host={}&challenge={}", site.host, "x".repeat(65))] {
            assert_eq!(browser.get(&format!("{login}?{query}")).await.status, 400, "{query}");
        }
        // Nor does the cookie lead away, which an application could set.
        let planted = server.client();
        planted.sign_in("acme", &site.tenant.email, &site.tenant.password).await.expect(303);
        let begun = planted.get(&site.url("/.vestibule/sign-in?return_to=//evil.test/x")).await.expect(302);
        let to = planted.get(&begun.location().expect("to the server")).await.location().expect("to the callback");
        let home = planted.get(&to).await.expect(303).location().expect("home");
        assert_eq!(home, site.url("//evil.test/x"), "a path of the application");
        // At the server's own host there is no application.
        browser.get("/.vestibule/sign-in").await.expect(404);
        browser.get("/.vestibule/sign-out").await.expect(404);
    }

    async fn a_question_that_can_be_read_in_two_ways_is_refused(server: Server) {
        let site = Site::with(server, json!({})).await;
        let browser = site.admin().await;
        let ask = async |more: &[(&'static str, &str)]| {
            let mut request = browser.request(Method::GET, &site.url(&format!("/forward-auth/{}", site.id)));
            for (name, value) in more {
                request = request.header(*name, *value);
            }
            browser.send(request).await.status.as_u16()
        };
        let own = ("x-forwarded-host", site.host.as_str());
        assert_eq!(ask(&[own]).await, 200);
        for more in [
            vec![("x-forwarded-host", "evil.test")],
            vec![own, ("x-forwarded-host", "evil.test")],
            vec![own, own],
            vec![("x-forwarded-host", "evil.test, app.test")],
            vec![own, ("x-original-url", "http://evil.test/")],
            vec![own, ("x-forwarded-uri", "/a"), ("x-forwarded-uri", "/b")],
            vec![own, ("x-forwarded-uri", "relative")],
            vec![own, ("x-forwarded-proto", "gopher")],
        ] {
            assert_eq!(ask(&more).await, 400, "{more:?}");
        }
    }

    async fn a_token_counts_at_the_application_that_it_was_made_for(server: Server) {
        let site = Site::with(server, json!({"allow_tokens": true})).await;
        let second = json!({"kind": "forward_auth", "name": "Wiki", "hosts": [host(server, "other.test")], "allow_tokens": true});
        let second = text(&site.api.post("/api/v1/apps", &second).await.created()["id"]);
        let robot = site.api.post("/api/v1/service-accounts", &json!({"name": site.tenant.email})).await.created();
        let body = json!({"name": "nightly", "application": site.id, "service_account_id": robot["id"]});
        // A service account does not give itself access.
        let own = json!({"name": "own", "service_account_id": robot["id"]});
        let own = text(&site.api.post("/api/v1/api-tokens", &own).await.created()["token"]);
        let itself = json!({"name": "itself", "application": site.id});
        server.client().bearer(&own).post("/api/v1/api-tokens", &itself).await.expect(403);
        let made = site.api.post("/api/v1/api-tokens", &body).await.created();
        assert_eq!((&made["purpose"], &made["application_id"]), (&json!("application"), &json!(site.id)));
        let token = text(&made["token"]);
        let ask = async |id: &str, token: &str, name: &str| {
            let client = server.client();
            let request = client.request(Method::GET, &format!("/forward-auth/{id}")).bearer_auth(token);
            client.send(request.header("x-forwarded-host", host(server, name))).await
        };
        let answer = ask(&site.id, &token, "app.test").await.expect(200);
        // A service account with the name of an administrator is told apart, and has no address.
        assert_eq!(answer.header("x-vestibule-user"), text(&robot["id"]));
        assert_eq!(answer.headers.get("x-vestibule-email").map(reqwest::header::HeaderValue::is_empty), Some(true));
        assert_eq!(answer.headers.get("x-forwarded-email").map(reqwest::header::HeaderValue::is_empty), Some(true));
        ask(&second, &token, "other.test").await.expect(401);
        ask(&site.id, &site.tenant.token, "app.test").await.expect(401);
        server.client().bearer(&token).get("/api/v1/me").await.expect(401);
        server.client().bearer(&token).get("/scim/v2/Users").await.expect(401);
        let path = format!("/api/v1/apps/{}", site.id);
        site.api.patch(&path, &json!({"allow_tokens": false})).await.expect(200);
        ask(&site.id, &token, "app.test").await.expect(401);
        site.api.post("/api/v1/api-tokens", &body).await.expect(422);
        site.api.patch(&path, &json!({"allow_tokens": true})).await.expect(200);
        ask(&site.id, &token, "app.test").await.expect(200);
        site.api.delete(&format!("/api/v1/api-tokens/{}", text(&made["id"]))).await.expect(204);
        ask(&site.id, &token, "app.test").await.expect(401);
    }

    async fn an_authorization_of_the_application_turns_nobody_out(server: Server) {
        for allow_tokens in [false, true] {
            let slug = if allow_tokens { "tokens" } else { "sessions" };
            let name = if allow_tokens { "app.test" } else { "other.test" };
            let site = Site::of(server, server.tenant(slug).await, name, json!({"allow_tokens": allow_tokens})).await;
            let browser = site.admin().await;
            for value in ["Bearer x", "Bearer vst_api_x", "Bearer eyJh.eyJz.sig", "Basic YTpi", "Bearer", "Negotiate x"] {
                let request = site.question(&browser, Method::GET, "/").header("authorization", value);
                assert_eq!(browser.send(request).await.status, 200, "{value}");
            }
            // Nor at the sign-in page.
            let request = browser.request(Method::GET, "/login").header("authorization", "Bearer x");
            assert_eq!(browser.send(request).await.status, 303);
        }
    }

    async fn no_other_site_signs_a_user_out(server: Server) {
        let site = Site::with(server, json!({})).await;
        let browser = site.admin().await;
        let out = || browser.request(Method::POST, &site.url("/.vestibule/sign-out"));
        for origin in ["https://evil.test", server.url.as_str(), "null"] {
            browser.send_built(with(out(), "origin", origin)).await.expect(403);
        }
        for site in ["cross-site", "same-site", "none"] {
            browser.send_built(with(out(), "sec-fetch-site", site)).await.expect(403);
        }
        site.navigate(&browser, "/").await.expect(200);
        browser.send_built(with(out(), "sec-fetch-site", "same-origin")).await.expect(303);
        site.navigate(&browser, "/").await.expect(302);
    }
}
