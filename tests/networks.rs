//! Networks that addresses of one account may lead into, and what an account learns about the others.

use std::net::TcpListener;

use serde_json::{Value, json};

use crate::harness::provider::{CLIENT, Provider, SECRET};
use crate::harness::{Backend, Client, Server};
use crate::on_both;

/// A server on which only the account *acme* may use addresses on this machine, and only one of them.
async fn server(backend: Backend) -> Server {
    Server::start_with(backend, |config| {
        let networks = vec!["127.0.0.1/32".parse().expect("network")];
        config.outgoing.account_networks.insert("acme".to_owned(), networks);
    })
    .await
}

/// A port where something listens that speaks neither TLS nor LDAP, and one where nothing does.
fn ports() -> (TcpListener, u16, u16) {
    let open = TcpListener::bind(("127.0.0.1", 0)).expect("a port");
    let closed = TcpListener::bind(("127.0.0.1", 0)).expect("a port");
    let number = |listener: &TcpListener| listener.local_addr().expect("address").port();
    let (open_port, closed_port) = (number(&open), number(&closed));
    // Whoever connects is hung up on at once.
    let answering = open.try_clone().expect("listener");
    std::thread::spawn(move || while answering.accept().is_ok() {});
    (open, open_port, closed_port)
}

/// Creates an LDAP connection to this server and tests it: what the test found.
async fn try_directory(api: &Client, name: &str, url: &str) -> String {
    let body = json!({"kind": "ldap", "name": name, "url": url, "connect_timeout_ms": 5000,
        "response_timeout_ms": 2000, "user_queries": [{"base_dn": "dc=acme,dc=example"}]});
    let id = api.post("/api/v1/connections", &body).await.created()["id"].as_str().expect("id").to_owned();
    let begun = api.post(&format!("/api/v1/connections/{id}/tests"), &json!({})).await.created();
    let test = begun["id"].as_str().expect("id").to_owned();
    let found = api.get(&format!("/api/v1/connections/{id}/tests/{test}")).await.ok();
    let check = found["found"]["checks"].as_array().and_then(|all| all.last()).cloned().expect("a check");
    assert_eq!((&check["check"], &check["passed"]), (&json!("connect"), &json!(false)), "{found}");
    let text = check["found"].as_str().expect("text");
    text.strip_prefix(url).unwrap_or_else(|| panic!("{url}: {text}")).to_owned()
}

/// Creates a SAML connection with metadata at this URL: the refusal.
async fn try_metadata(api: &Client, url: &str) -> Value {
    let body = json!({"kind": "saml", "name": "Company", "metadata_url": url});
    let answer = api.post("/api/v1/connections", &body).await.expect(422).value();
    answer["detail"].clone()
}

on_both! {
    with server;

    async fn an_account_uses_its_own_networks_only(server: Server) {
        let mut provider = Provider::start(&server.clock).await;
        let (acme, evil) = (server.tenant("acme").await, server.tenant("evil").await);
        let acme = server.client().bearer(&acme.token);
        let evil = server.client().bearer(&evil.token);
        let oidc = |issuer: &str| json!({"kind": "oidc", "name": "Company", "issuer": issuer, "client_id": CLIENT,
            "client_secret": SECRET});
        let start = async |api: &Client, body: &Value| {
            let made = api.post("/api/v1/connections", body).await.created();
            let path = format!("/api/v1/connections/{}", made["id"].as_str().expect("id"));
            let on = json!({"enabled": true, "override_untested": true});
            api.patch(&path, &on).await.expect(200);
            made["oidc"]["login_url"].as_str().expect("url").to_owned()
        };
        // An address is refused when it is entered, in any spelling and in each protocol.
        let literal = provider.url.clone();
        let refused = evil.post("/api/v1/connections", &oidc(&literal)).await.expect(422).value();
        assert!(refused["field"] == "issuer" && refused.to_string().contains("private network"), "{refused}");
        for (url, field) in [("ldaps://127.0.0.1", "url"), ("ldaps://0x7f.1", "url"), ("ldaps://[::1]:636", "url")] {
            let body = json!({"kind": "ldap", "name": "Staff", "url": url, "user_queries": [{"base_dn": "dc=x"}]});
            assert_eq!(evil.post("/api/v1/connections", &body).await.expect(422).value()["field"], field, "{url}");
        }
        // One address is not its network, also where it is listed.
        let neighbour = oidc(&literal.replace("127.0.0.1", "127.0.0.2"));
        acme.post("/api/v1/connections", &neighbour).await.expect(422);
        // A name is judged when it is used, and what one account has read is not there for the next.
        provider.url = literal.replace("127.0.0.1", "localhost");
        provider.says().discovery.insert("issuer".into(), json!(provider.url));
        let (theirs, foreign) = (start(&acme, &oidc(&provider.url)).await, start(&evil, &oidc(&provider.url)).await);
        server.client().get(&theirs).await.expect(303);
        let reads = provider.asked("/jwks");
        assert_eq!(reads, 1);
        server.client().get(&foreign).await.expect(503);
        assert_eq!(provider.asked("/jwks"), reads);
    }

    async fn ports_and_names_cannot_be_told_apart(server: Server) {
        let (_listener, open, closed) = ports();
        let (acme, evil) = (server.tenant("acme").await, server.tenant("evil").await);
        let acme = server.client().bearer(&acme.token);
        let evil = server.client().bearer(&evil.token);
        let mut said = Vec::new();
        let hosts = [format!("localhost:{open}"), format!("localhost:{closed}"), "nowhere.invalid:636".to_owned()];
        for (number, host) in hosts.iter().enumerate() {
            said.push(try_directory(&evil, &format!("Staff {number}"), &format!("ldaps://{host}")).await);
            said.push(try_directory(&evil, &format!("Plain {number}"), &format!("ldap://{host}")).await);
        }
        // Neither does it map the networks that it may use.
        for (number, port) in [open, closed].into_iter().enumerate() {
            for scheme in ["ldaps", "ldap"] {
                let name = format!("{scheme} {number}");
                said.push(try_directory(&acme, &name, &format!("{scheme}://127.0.0.1:{port}")).await);
            }
        }
        assert!(said.iter().all(|text| *text == said[0]), "{said:#?}");
        assert!(said[0].contains("could not be reached"), "{said:?}");
        let metadata = [
            try_metadata(&evil, &format!("https://localhost:{open}/m")).await,
            try_metadata(&evil, &format!("https://localhost:{closed}/m")).await,
            try_metadata(&evil, "https://nowhere.invalid/m").await,
            try_metadata(&acme, &format!("https://127.0.0.1:{open}/m")).await,
            try_metadata(&acme, &format!("http://127.0.0.1:{closed}/m")).await,
        ];
        assert!(metadata.iter().all(|text| *text == metadata[0]), "{metadata:#?}");
        assert!(metadata[0].to_string().contains("could not be reached"), "{metadata:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_doctor_tells_the_operator_why() {
    let server = Server::inside(Backend::Sqlite).await;
    let (_listener, _, closed) = ports();
    let tenant = server.tenant("acme").await;
    let api = server.client().bearer(&tenant.token);
    let url = format!("ldaps://127.0.0.1:{closed}");
    assert!(!try_directory(&api, "Staff", &url).await.contains("refused"));
    let list = api.get("/api/v1/connections").await.ok();
    let id = list["items"][0]["id"].as_str().expect("id").to_owned();
    let on = json!({"enabled": true, "override_untested": true});
    api.patch(&format!("/api/v1/connections/{id}"), &on).await.expect(200);
    let (is_well, text) = server.doctor();
    assert!(!is_well && text.contains(&format!("FAIL  Staff: {url}: could not connect")), "{text}");
    assert!(text.contains("Connection refused"), "{text}");
}
