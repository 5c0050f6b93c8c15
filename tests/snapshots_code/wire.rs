//! What other programs read: metadata, keys, the description of the API, and the headers of every answer.

use std::fmt::Write as _;

use serde_json::json;

use super::world::World;
use crate::harness::idp::message;
use crate::harness::{Answer, Client};

/// All headers of an answer but those that the transport adds.
fn headers(answer: &Answer) -> String {
    let mut lines: Vec<String> = Vec::new();
    for (name, value) in &answer.headers {
        let value = value.to_str().expect("text");
        let value = match name.as_str() {
            "date" | "content-length" | "x-request-id" => "[…]",
            "set-cookie" => &format!(
                "{}=[cookie]{}",
                value.split('=').next().expect("name"),
                &value[value.find(';').unwrap_or(value.len())..]
            ),
            _ => value,
        };
        lines.push(format!("{name}: {value}"));
    }
    lines.sort();
    format!("{}\n{}", answer.status, lines.join("\n"))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_identity_providers_read() {
    let mut world = World::full().await;
    let signs = json!({"kind": "oidc", "name": "With a key", "issuer": world.provider.url, "client_id": "x",
        "client_auth": "private_key_jwt"});
    world.make("signs", "/api/v1/connections", signs).await;
    let mut book = world.book("wire");
    let client = world.server.client();
    for (name, path) in [
        ("saml-metadata", "/saml/{saml}/metadata"),
        ("saml-metadata-of-a-bare-one", "/saml/{saml-bare}/metadata"),
        ("saml-metadata-unknown", "/saml/{oidc}/metadata"),
        ("saml-login", "/saml/{saml}/login?return_to=/profile"),
        ("saml-login-off", "/saml/{saml-bare}/login"),
        ("saml-login-unknown", "/saml/x/login"),
        ("saml-logout-nothing", "/saml/{saml}/slo"),
        ("oidc-keys", "/oidc/{signs}/jwks"),
        ("oidc-no-keys", "/oidc/{oidc}/jwks"),
        ("oidc-login-off", "/oidc/{github}/login"),
        ("oidc-signed-out", "/oidc/{oidc}/signed-out"),
        ("issuer", "/a/acme/.well-known/openid-configuration"),
        ("issuer-oauth", "/a/acme/.well-known/oauth-authorization-server"),
        ("issuer-inserted", "/.well-known/openid-configuration/a/acme"),
        ("issuer-oauth-inserted", "/.well-known/oauth-authorization-server/a/acme"),
        ("issuer-unknown", "/a/nobody/.well-known/openid-configuration"),
        ("issuer-keys", "/a/acme/jwks"),
        ("app-sign-in", "/login/apps/{app}"),
        ("app-sign-in-unknown", "/login/apps/x"),
        ("app-sign-in-elsewhere", "/login/apps/{app}?return_to=https://evil.example/"),
        ("health", "/healthz"),
        ("ready", "/readyz"),
    ] {
        book.get(&client, name, &world.path(path)).await;
    }
    for (name, path, fields) in [
        ("saml-answer-nothing", "/saml/{saml}/acs", &[][..]),
        ("saml-answer-nonsense", "/saml/{saml}/acs", &[("SAMLResponse", "AAAA")]),
        ("saml-logout-nonsense", "/saml/{saml}/slo", &[("SAMLRequest", "AAAA")]),
        ("oidc-logout-nonsense", "/oidc/{oidc}/backchannel-logout", &[("logout_token", "x")]),
    ] {
        book.form(&client, name, &world.path(path), fields).await;
    }
    let sent = client.get(&world.path("/saml/{saml}/login?return_to=/profile")).await;
    let request = message(&sent.location().expect("to the provider"), "SAMLRequest");
    book.take("saml-request", &request.replace("><", ">\n<"));
    book.close();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_description_of_the_api() {
    let world = World::empty().await;
    let mut book = world.book("openapi");
    book.get(&world.server.client(), "openapi", "/api/v1/openapi.json").await;
    book.close();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_headers_of_every_kind_of_answer() {
    let world = World::empty().await;
    let mut book = world.book("headers");
    let (stranger, admin) = (world.server.client(), world.admin().await);
    let page = admin.get("/console").await;
    let assets =
        page.body.split("/assets/").nth(1).expect("assets").split('/').next().expect("version").to_owned();
    let mut all = String::new();
    let asked: [(&Client, &str); 8] = [
        (&stranger, "/login"),
        (&admin, "/console"),
        (&stranger, "/console"),
        (&stranger, "/nowhere"),
        (&stranger, "/api/v1/me"),
        (&admin, "/api/v1/me"),
        (&stranger, "/scim/v2/Users"),
        (&admin, "/forward-auth"),
    ];
    for (client, path) in asked {
        writeln!(all, "GET {path}\n{}\n", headers(&client.get(path).await)).expect("writes");
    }
    for file in ["vestibule.css", "vestibule.js", "icon.svg"] {
        let answer = stranger.get(&format!("/assets/{assets}/{file}")).await;
        writeln!(all, "GET /assets/{assets}/{file}\n{}\n", headers(&answer)).expect("writes");
    }
    let sent = stranger.sign_in("acme", &world.tenant.email, &world.tenant.password).await;
    writeln!(all, "POST /login/password\n{}\n", headers(&sent)).expect("writes");
    book.take("headers", &all);
    book.close();
}
