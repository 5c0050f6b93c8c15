//! The recipes of the console, run by the real proxies before a real application. What is stored does not
//! matter here, so one database is enough.

use reqwest::Method;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use vestibule::apps::forward_auth::IDENTITY_HEADERS;

use super::neighbours::{Neighbour, Upstream, free_port};
use super::world::{PASSWORD, Site};
use crate::harness::{Backend, Client, Server};

/// Through a proxy to an application.
struct Street<'a> {
    site: Site<'a>,
    port: u16,
    _proxy: Neighbour,
}

/// A request as it is on the wire, from a browser with these cookies. The answer is read to its end.
async fn raw(port: u16, text: &str) -> String {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).await.expect("the proxy listens");
    stream.write_all(text.as_bytes()).await.expect("sent");
    let mut answer = Vec::new();
    let read = stream.read_to_end(&mut answer);
    tokio::time::timeout(crate::harness::WAIT_LIMIT, read).await.expect("an answer").expect("read");
    String::from_utf8_lossy(&answer).into_owned()
}

/// The values of a header that the application received, however it is written.
fn received(application: &Value, name: &str) -> Vec<String> {
    let headers = application["headers"].as_array().expect("headers");
    let is = |header: &Value| header[0].as_str().expect("name").to_lowercase().replace('_', "-") == name;
    headers
        .iter()
        .filter(|header| is(header))
        .map(|header| header[1].as_str().expect("value").to_owned())
        .collect()
}

impl Street<'_> {
    fn url(&self, target: &str) -> String {
        self.site.url(target)
    }

    async fn navigate(&self, client: &Client, target: &str) -> crate::harness::Answer {
        let request = client.request(Method::GET, &self.url(target)).header("accept", "text/html");
        client.send(request.header("sec-fetch-mode", "navigate")).await
    }

    async fn fetch(&self, client: &Client, target: &str) -> crate::harness::Answer {
        let request = client.request(Method::GET, &self.url(target)).header("accept", "application/json");
        client.send(request.header("sec-fetch-mode", "cors")).await
    }

    /// Opens a page as a browser does and signs in on the way.
    async fn enter(&self, client: &Client, name: &str, target: &str) -> String {
        let sent = self.navigate(client, target).await.expect(302);
        self.site.sign_in_on_the_way(client, sent, name, PASSWORD).await
    }

    /// The cookie of the session at the application, for requests on the wire.
    async fn cookie(&self, name: &str) -> String {
        let client = self.site.server.client();
        let mut answer = self.navigate(&client, "/").await.expect(302);
        client.sign_in("acme", name, PASSWORD).await.expect(303);
        loop {
            if let Some(cookie) = answer.headers.get_all("set-cookie").iter().find_map(|cookie| {
                let cookie = cookie.to_str().expect("text").split(';').next().expect("cookie");
                cookie.starts_with("vst_app=").then(|| cookie.to_owned())
            }) {
                return cookie;
            }
            answer = client.get(&answer.location().expect("on the way")).await;
        }
    }

    async fn signs_in_and_returns(&self, ada: &str) {
        let browser = self.site.server.client();
        let deep = "/reports/%2F?a=1&b=%20&return_to=/elsewhere";
        assert_eq!(self.enter(&browser, "ada@acme.example", deep).await, self.url(deep));
        let application = self.navigate(&browser, deep).await.ok();
        assert_eq!((&application["method"], &application["target"]), (&json!("GET"), &json!(deep)));
        assert_eq!(received(&application, "x-vestibule-user"), [ada]);
        assert_eq!(received(&application, "x-vestibule-account"), ["acme"]);
        assert_eq!(received(&application, "x-vestibule-name"), ["ada Zo%C3%AB"]);
        assert_eq!(received(&application, "x-vestibule-jwt").len(), 1);
        let cookies = received(&application, "cookie").join(";");
        assert!(
            !cookies.contains("vst_session"),
            "the console's session is not the application's: {cookies}"
        );
        // Longer than what the default buffers of a proxy leave room for.
        let long = format!("/long?{}", "x".repeat(1900));
        let reader = self.site.server.client();
        assert_eq!(self.enter(&reader, "ada@acme.example", &long).await, self.url(&long));
        // Everything else that a page does.
        let posted = browser.request(Method::POST, &self.url("/save?x=1")).body("a=b");
        let application = browser.send(posted).await.ok();
        assert_eq!((&application["method"], &application["body"]), (&json!("POST"), &json!(3)));
        let upload = vec![b'x'; 3 * 1024 * 1024];
        let application =
            browser.send(browser.request(Method::PUT, &self.url("/upload")).body(upload)).await.ok();
        assert_eq!(application["body"], json!(3 * 1024 * 1024));
        self.fetch(&browser, "/api").await.ok();
        let own = browser.request(Method::GET, &self.url("/api")).header("authorization", "Bearer its-own");
        let application = browser.send(own).await.ok();
        assert_eq!(received(&application, "authorization"), ["Bearer its-own"]);
        // And out again.
        browser.get(&self.url("/.vestibule/sign-out")).await.expect(200);
        let mut request =
            browser.request(Method::POST, &self.url("/.vestibule/sign-out")).build().expect("request");
        request.headers_mut().insert("origin", self.url("").parse().expect("origin"));
        browser.send_built(request).await.expect(303);
        self.navigate(&browser, "/").await.expect(302);
    }

    async fn refuses_who_is_signed_out(&self) {
        let stranger = self.site.server.client();
        let refused = self.fetch(&stranger, "/api?x=1").await.expect(401);
        assert_eq!(refused.header("content-type"), "application/problem+json");
        let encoded: String = url::form_urlencoded::byte_serialize(self.url("/api?x=1").as_bytes()).collect();
        let sign_in = format!("{}/login/apps/{}?return_to={encoded}", self.site.server.url, self.site.id);
        assert_eq!(refused.header("x-vestibule-sign-in"), sign_in);
        stranger.send(stranger.request(Method::POST, &self.url("/save")).body("a=b")).await.expect(401);
        stranger.get(&self.url("/.vestibule/callback?code=x")).await.expect(403);
        // A path that only looks like one of the sign-in.
        for target in ["/.vestibule", "/x/../.vestibule/x", "/.vestibulex", "/%2evestibule/x"] {
            let head =
                format!("GET {target} HTTP/1.1\r\nHost: {}\r\nConnection: close\r\n\r\n", self.site.host);
            let answer = raw(self.port, &head).await;
            assert!(!answer.contains("\"headers\""), "{target} reached the application: {answer}");
        }
    }

    async fn keeps_out_what_a_client_says_of_itself(&self, ada: &str) {
        let cookie = self.cookie("ada@acme.example").await;
        let names = ["User", "Account", "Email", "Name", "Groups", "Groups-Truncated", "Jwt"];
        let mut lies: Vec<String> = Vec::new();
        for name in names {
            lies.push(format!("X-Vestibule-{name}: evil"));
            lies.push(format!("X-Vestibule-{name}: evil\r\nx-vestibule-{name}: evil"));
            lies.push(format!("X_Vestibule_{}: evil", name.replace('-', "_")));
            lies.push(format!("X-Vestibule_{}: evil", name.replace('-', "_")));
            lies.push(format!("X_Vestibule-{name}: evil"));
        }
        lies.push("X-Vestibule-Groups_Truncated: evil".to_owned());
        for name in ["User", "Email", "Groups"] {
            lies.push(format!("X-Forwarded-{name}: evil"));
            lies.push(format!("X_Forwarded_{name}: evil"));
            lies.push(format!("X-Forwarded_{name}: evil"));
            lies.push(format!("X_Forwarded-{name}: evil"));
        }
        lies.push("X-Forwarded-Host: evil.test\r\nX-Forwarded-Uri: /evil".to_owned());
        lies.push("X-Original-URL: http://evil.test/\r\nX-Original-Method: EVIL".to_owned());
        lies.push("Connection: X-Vestibule-User, X-Vestibule-Account, X-Vestibule-Jwt".to_owned());
        lies.push("Connection: x-vestibule-user\r\nX-Vestibule-User: evil".to_owned());
        lies.push("Forwarded: host=evil.test;for=evil".to_owned());
        for lie in lies {
            let head = format!(
                "GET /x HTTP/1.1\r\nHost: {}\r\nCookie: {cookie}\r\n{lie}\r\nConnection: close\r\n\r\n",
                self.site.host
            );
            let answer = raw(self.port, &head).await;
            assert!(answer.starts_with("HTTP/1.1 200"), "{lie}: {answer}");
            let body = answer.split("\r\n\r\n").nth(1).expect("a body");
            let start = body.find('{').expect("JSON");
            let application: Value =
                serde_json::from_str(&body[start..=body.rfind('}').expect("JSON")]).expect("JSON");
            assert_eq!(received(&application, "x-vestibule-user"), [ada], "{lie}");
            assert_eq!(received(&application, "x-vestibule-account"), ["acme"], "{lie}");
            assert_eq!(received(&application, "x-vestibule-jwt").len(), 1, "{lie}");
            for name in ["email", "name", "groups", "groups-truncated", "jwt"] {
                let values = received(&application, &format!("x-vestibule-{name}"));
                assert!(values.len() <= 1 && !values.join("").contains("evil"), "{lie}: {values:?}");
            }
            for name in ["user", "email", "groups"] {
                let values = received(&application, &format!("x-forwarded-{name}")).join("");
                assert!(!values.contains("evil"), "{lie}: {values}");
            }
        }
    }

    async fn passes_a_web_socket_on(&self) {
        let cookie = self.cookie("ada@acme.example").await;
        let head = |cookie: &str| {
            format!(
                "GET /socket HTTP/1.1\r\nHost: {}\r\nCookie: {cookie}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
                 Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
                self.site.host
            )
        };
        for (cookie, status) in [(cookie.as_str(), "101"), ("vst_app=none", "401")] {
            let mut stream = TcpStream::connect(("127.0.0.1", self.port)).await.expect("the proxy listens");
            stream.write_all(head(cookie).as_bytes()).await.expect("sent");
            let mut answer = vec![0; 12];
            stream.read_exact(&mut answer).await.expect("an answer");
            assert_eq!(String::from_utf8_lossy(&answer), format!("HTTP/1.1 {status}"));
            if status == "101" {
                stream.write_all(b"ping-through-the-proxy").await.expect("sent");
                let echoed = async {
                    let mut all = Vec::new();
                    while !String::from_utf8_lossy(&all).contains("ping-through-the-proxy") {
                        let mut some = [0; 1024];
                        let n = stream.read(&mut some).await.expect("read");
                        assert!(n > 0, "closed");
                        all.extend_from_slice(&some[..n]);
                    }
                };
                tokio::time::timeout(crate::harness::WAIT_LIMIT, echoed).await.expect("an echo");
            }
        }
    }

    async fn knows_groups_and_accounts(&self, ada: &str) {
        let groups = self.site.many_groups(ada, 700).await;
        let path = format!("/api/v1/apps/{}", self.site.id);
        self.site.api.patch(&path, &json!({"groups": groups[..200]})).await.expect(200);
        let browser = self.site.server.client();
        self.enter(&browser, "ada@acme.example", "/").await;
        let application = self.navigate(&browser, "/").await.ok();
        let list = received(&application, "x-vestibule-groups").join("");
        assert!(list.len() > 2900 && list.len() <= 3072, "{}", list.len());
        assert_eq!(received(&application, "x-vestibule-groups-truncated"), ["true"]);
        // Somebody without any of them, and somebody of another account.
        let bob = self.site.server.client();
        let sent = self.navigate(&bob, "/").await.expect(302);
        self.site.sign_in_on_the_way(&bob, sent, "bob@acme.example", PASSWORD).await;
        let page = self.navigate(&bob, "/").await.expect(403);
        assert!(page.body.contains("bob@acme.example") && page.body.contains("Reports"), "{}", page.body);
        self.fetch(&bob, "/").await.expect(403);
        let globex = self.site.server.tenant("globex").await;
        let other = self.site.server.client();
        other.sign_in("globex", &globex.email, &globex.password).await.expect(303);
        let mut answer = self.navigate(&other, "/").await.expect(302);
        while let Some(to) = answer.location() {
            answer = other.get(&to).await;
        }
        assert_eq!(answer.status, 403, "{}", answer.body);
    }
}

/// Every spelling of a header's name with hyphens and underscores.
fn spellings(name: &str) -> Vec<String> {
    let mut all = vec![String::new()];
    for letter in name.chars() {
        let letters = if letter == '-' { vec!['-', '_'] } else { vec![letter] };
        let longer =
            |start: &String| letters.iter().map(|letter| format!("{start}{letter}")).collect::<Vec<_>>();
        all = all.iter().flat_map(longer).collect();
    }
    all
}

/// Traefik is not run here, and removes headers by their whole name only.
#[test]
fn the_recipe_for_traefik_knows_every_spelling_of_an_identity_header() {
    let file = concat!(env!("CARGO_MANIFEST_DIR"), "/templates/apps/recipes/traefik.yml");
    let recipe = std::fs::read_to_string(file).expect("a recipe").to_lowercase();
    let lines: Vec<&str> = recipe.lines().map(str::trim).collect();
    for name in IDENTITY_HEADERS {
        for spelling in spellings(name) {
            // What Vestibule sets replaces what the client sent.
            let is_set = spelling == name && name.starts_with("x-vestibule-");
            let line = if is_set { format!("- {spelling}") } else { format!("{spelling}: \"\"") };
            assert!(lines.contains(&line.as_str()), "{spelling}");
        }
    }
    assert_eq!(spellings("a-b-c").len(), 4);
}

async fn protects(start: fn(&Site<'_>, u16, &Upstream) -> Neighbour) {
    let server = Server::on_localhost(Backend::Sqlite, |_| {}).await;
    let upstream = Upstream::start().await;
    let port = free_port();
    let tenant = server.tenant("acme").await;
    let site = Site::at(&server, tenant, format!("app.localhost:{port}"), json!({})).await;
    let (ada, _) = (site.user("ada").await, site.user("bob").await);
    let proxy = start(&site, port, &upstream);
    proxy.is_ready(port).await;
    let street = Street { site, port, _proxy: proxy };
    street.signs_in_and_returns(&ada).await;
    street.refuses_who_is_signed_out().await;
    street.keeps_out_what_a_client_says_of_itself(&ada).await;
    street.passes_a_web_socket_on().await;
    street.knows_groups_and_accounts(&ada).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nginx_protects_an_application() {
    protects(Neighbour::nginx).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn caddy_protects_an_application() {
    protects(Neighbour::caddy).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn haproxy_protects_an_application() {
    protects(Neighbour::haproxy).await;
}
