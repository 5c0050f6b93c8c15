//! Every route of the server, tried by those who must not use it. A new route is tried without
//! anybody thinking of it; a new public one has to be written down here.

use std::collections::BTreeMap;

use reqwest::Method;
use serde_json::json;
use vestibule::access::Guard;

use crate::harness::Server;
use crate::on_both;

/// Open to everybody, each for a reason.
const PUBLIC: [&str; 46] = [
    "GET /healthz",
    "GET /readyz",
    "GET /assets/{version}/{name}",
    "GET /setup",
    "POST /setup",
    "GET /invite",
    "POST /invite",
    "POST /invite/provider",
    "POST /password/check",
    "GET /login",
    "POST /login",
    "GET /login/password",
    "POST /login/password",
    "GET /login/local",
    "POST /login/local",
    "GET /login/continue",
    "GET /login/forgot",
    "POST /login/forgot",
    "GET /login/reset",
    "POST /login/reset",
    "GET /login/new-password",
    "POST /login/new-password",
    "GET /login/confirm-link",
    "POST /login/confirm-link",
    "GET /login/second-factor",
    "POST /login/second-factor",
    "GET /login/enrol",
    "POST /login/enrol",
    "POST /login/passkey/start",
    "POST /login/passkey",
    "GET /two-factor",
    "POST /two-factor",
    "GET /api/v1/openapi.json",
    "GET /login/apps/{app}",
    "GET /a/{account}/.well-known/openid-configuration",
    "GET /a/{account}/.well-known/oauth-authorization-server",
    "GET /.well-known/openid-configuration/a/{account}",
    "GET /.well-known/oauth-authorization-server/a/{account}",
    "GET /a/{account}/jwks",
    "GET /saml/{connection}/login",
    "GET /saml/{connection}/metadata",
    "GET /saml/{connection}/slo",
    "GET /oidc/{connection}/login",
    "GET /oidc/{connection}/callback",
    "GET /oidc/{connection}/jwks",
    "GET /oidc/{connection}/signed-out",
];
/// Posted to from other sites, carrying their own proof.
const CALLBACKS: [&str; 3] = [
    "POST /saml/{connection}/acs",
    "POST /saml/{connection}/slo",
    "POST /oidc/{connection}/backchannel-logout",
];

/// At the host of an application, where nothing of this server counts but the session at that application.
const APPLICATION: [&str; 8] = [
    "ANY /forward-auth",
    "ANY /forward-auth/{app}",
    "ANY /forward-auth/{app}/",
    "ANY /forward-auth/{app}/{*path}",
    "GET /.vestibule/sign-in",
    "GET /.vestibule/callback",
    "GET /.vestibule/sign-out",
    "POST /.vestibule/sign-out",
];

fn concrete(path: &str) -> String {
    let fill = |part: &str| if part.starts_with('{') { "x".to_owned() } else { part.to_owned() };
    path.split('/').map(fill).collect::<Vec<_>>().join("/")
}

on_both! {
    async fn every_route_refuses_whom_it_must(server: Server) {
        let tenant = server.tenant("acme").await;
        let admin = server.client().bearer(&tenant.token);
        let robot = admin.post("/api/v1/service-accounts", &json!({"name": "nobody"})).await.created();
        let wanted = json!({"name": "t", "service_account_id": robot["id"]});
        let powerless = admin.post("/api/v1/api-tokens", &wanted).await.created();
        let powerless = server.client().bearer(powerless["token"].as_str().expect("token"));
        let (_, scim) = server.scim(&tenant, "Okta").await;
        let scim = server.client().bearer(&scim);
        for (method, path, guard) in &server.table {
            let name = format!("{method} {path}");
            let method: Method = method.parse().expect("method");
            let path = concrete(path);
            let try_as = async |client: &crate::harness::Client| {
                client.json(method.clone(), &path, &json!({})).await
            };
            match guard {
                Guard::Public => assert!(PUBLIC.contains(&name.as_str()), "{name} is public: write down why"),
                Guard::Callback => assert!(CALLBACKS.contains(&name.as_str()), "{name} is a callback: write it down"),
                Guard::Application => {
                    assert!(APPLICATION.contains(&name.as_str()), "{name} is at the host of an application: write it down");
                }
                Guard::Scim => {
                    assert_eq!(try_as(&server.client()).await.status, 401, "{name} without a token");
                    assert_eq!(try_as(&admin).await.status, 401, "{name} with an API token");
                }
                Guard::SignedIn | Guard::RestrictedSession | Guard::Requires(_) => {
                    let anonymous = try_as(&server.client()).await;
                    let sent_to_sign_in = anonymous.location().is_some_and(|to| to.starts_with("/login?"));
                    assert!(anonymous.status == 401 || sent_to_sign_in, "{name} without credentials: {anonymous:?}");
                    let scim = try_as(&scim).await.status;
                    assert!(scim == 401 || scim == 303, "{name} with a SCIM token: {scim}");
                }
            }
            if let Guard::Requires(permission) = guard {
                let answer = try_as(&powerless).await;
                assert_eq!(answer.status, 403, "{name} without {}: {answer:?}", permission.as_str());
            }
        }
    }

    async fn what_is_written_down_as_open_is_what_is_open(server: Server) {
        // A line that outlives its route would open the next one of that name without anybody deciding it.
        let open = |guard: &Guard| matches!(guard, Guard::Public | Guard::Callback | Guard::Application);
        let routes = server.table.iter().filter(|(_, _, guard)| open(guard));
        let mut routes: Vec<String> = routes.map(|(method, path, _)| format!("{method} {path}")).collect();
        let mut written: Vec<&str> = PUBLIC.into_iter().chain(CALLBACKS).chain(APPLICATION).collect();
        routes.sort();
        written.sort_unstable();
        assert_eq!(routes, written);
    }

    async fn a_change_from_another_site_is_refused(server: Server) {
        let tenant = server.tenant("acme").await;
        let browser = server.client();
        browser.sign_in("acme", &tenant.email, &tenant.password).await.expect(303);
        for (method, path, guard) in &server.table {
            if *method == "GET" || matches!(guard, Guard::Scim | Guard::Callback | Guard::Application) {
                continue;
            }
            for (header, value) in [("origin", "https://evil.example"), ("sec-fetch-site", "cross-site"), ("sec-fetch-site", "same-site")] {
                let request = browser.request(method.parse().expect("method"), &concrete(path));
                let (client, request) = request.build_split();
                let mut request = request.expect("request");
                request.headers_mut().insert(header, value.parse().expect("value"));
                let status = client.execute(request).await.expect("answer").status();
                assert_eq!(status, 403, "{method} {path} with {header}: {value}");
            }
        }
    }

    async fn the_description_of_the_api_is_the_api(server: Server) {
        let described = server.client().get("/api/v1/openapi.json").await.ok();
        assert!(described["openapi"].as_str().expect("version").starts_with("3.1"));
        for (method, path, _) in &server.table {
            if path.starts_with("/api/v1/") && path != "/api/v1/openapi.json" {
                let operation = &described["paths"][path][method.to_lowercase()];
                assert!(operation.is_object(), "{method} {path} is not described");
            }
        }
    }

    async fn each_operation_of_the_api_has_a_name_of_its_own(server: Server) {
        // Generated clients name their functions after it.
        let described = server.client().get("/api/v1/openapi.json").await.ok();
        let mut names = BTreeMap::new();
        for (path, item) in described["paths"].as_object().expect("paths") {
            for method in ["get", "post", "patch", "delete"] {
                let Some(operation) = item.get(method) else { continue };
                let name = operation["operationId"].as_str().expect("an operation ID");
                // The names of functions that every resource has say nothing about the resource.
                assert!(name.contains('_'), "{method} {path}: {name}");
                let other = names.insert(name.to_owned(), format!("{method} {path}"));
                assert_eq!(other, None, "{method} {path}: {name}");
            }
        }
        assert!(names.len() > 60, "{names:?}");
    }
}
