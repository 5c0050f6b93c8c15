//! The API: each resource, listed and alone, what changes it, and what it refuses.

use serde_json::{Value, json};

use super::book::Book;
use super::world::{World, id};

const READ: [(&str, &str); 52] = [
    ("me", "/me"),
    ("users", "/users"),
    ("users-page", "/users?limit=2"),
    ("users-found", "/users?user_name=BOB@acme.example"),
    ("user", "/users/{ada}"),
    ("user-locked", "/users/{bob}"),
    ("user-invited", "/users/{ivy}"),
    ("user-managed", "/users/{gina}"),
    ("user-unknown", "/users/0195f3c0-0000-7000-8000-000000000000"),
    ("user-sessions", "/users/{dora}/sessions"),
    ("user-identities", "/users/{bob}/identities"),
    ("user-pending-identities", "/users/{bob}/pending-identities"),
    ("user-two-factor", "/users/{dora}/two-factor"),
    ("two-factor-summary", "/two-factor/summary"),
    ("two-factor-report", "/two-factor/report"),
    ("two-factor-report-all", "/two-factor/report?show=all&limit=3"),
    ("two-factor-report-nonsense", "/two-factor/report?show=nonsense"),
    ("two-factor-report-file", "/two-factor/report.csv"),
    ("two-factor-mailings", "/two-factor/mailings"),
    ("invitations", "/invitations"),
    ("invitations-open", "/invitations?open=true"),
    ("invitation", "/invitations/{invitation}"),
    ("groups", "/groups"),
    ("group", "/groups/{makers}"),
    ("group-managed", "/groups/{sales}"),
    ("group-members", "/groups/{makers}/members"),
    ("service-accounts", "/service-accounts"),
    ("api-tokens", "/api-tokens"),
    ("connections", "/connections"),
    ("connection-saml", "/connections/{saml}"),
    ("connection-saml-bare", "/connections/{saml-bare}"),
    ("connection-oidc", "/connections/{oidc}"),
    ("connection-google", "/connections/{google}"),
    ("connection-github", "/connections/{github}"),
    ("connection-ldap", "/connections/{ldap}"),
    ("connection-scim", "/connections/{scim}"),
    ("connection-tokens", "/connections/{scim}/tokens"),
    ("connection-requests", "/connections/{scim}/requests"),
    ("connection-requests-failed", "/connections/{scim}/requests?failed=true"),
    ("connection-waiting", "/connections/{scim}/pending-changes"),
    ("connection-test", "/connections/{ldap}/tests/{ldap-test}"),
    ("connection-syncs", "/connections/{ldap}/syncs"),
    ("apps", "/apps"),
    ("app", "/apps/{app}"),
    ("app-unknown", "/apps/x"),
    ("signing-keys", "/signing-keys"),
    ("domains", "/domains"),
    ("domain", "/domains/{domain}"),
    ("audit-events", "/audit-events?limit=200"),
    ("audit-events-page", "/audit-events?limit=1&action=user.lock"),
    ("authentication-settings", "/authentication-settings"),
    ("nothing", "/nothing"),
];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn reading() {
    let world = World::full().await;
    let mut book = world.book("api_reading");
    for (name, path) in READ {
        book.get(&world.api, name, &world.path(&format!("/api/v1{path}"))).await;
    }
    let stranger = world.server.client();
    book.get(&stranger, "without-token", "/api/v1/users").await;
    let wrong = world.server.client().bearer("vst_api_nonsense");
    book.get(&wrong, "with-a-wrong-token", "/api/v1/users").await;
    let ada = world.server.client();
    ada.sign_in("acme", "ada", super::world::PASSWORD).await.expect(303);
    book.get(&ada, "me-in-a-browser", "/api/v1/me").await;
    book.json(&ada, "not-allowed", ("POST", "/api/v1/users"), &json!({"user_name": "x"})).await;
    book.close();
}

async fn send(book: &mut Book, world: &World, all: &[(&str, &str, Value)]) {
    for (name, request, body) in all {
        let (method, path) = request.split_once(' ').expect("a method and a path");
        world.server.advance(1);
        let path = world.path(&format!("/api/v1{path}"));
        book.json(&world.api, name, (method, &path), body).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn refusals_about_people() {
    let world = World::full().await;
    let mut book = world.book("api_refusals_people");
    let all = [
        ("user-unknown-field", "POST /users", json!({"user_name": "x", "nonsense": 1})),
        ("user-missing-field", "POST /users", json!({})),
        ("user-wrong-type", "POST /users", json!({"user_name": 7})),
        ("user-bad-email", "POST /users", json!({"user_name": "x", "email": "nonsense"})),
        ("user-bad-role", "POST /users", json!({"user_name": "x", "roles": ["king"]})),
        ("user-bad-password", "POST /users", json!({"user_name": "x", "password": "short"})),
        ("user-taken", "POST /users", json!({"user_name": "ADA"})),
        ("user-managed", "PATCH /users/{gina}", json!({"given_name": "x"})),
        ("user-bad-status", "PATCH /users/{ada}", json!({"status": "asleep"})),
        ("user-unknown", "PATCH /users/x", json!({"given_name": "x"})),
        ("group-no-name", "POST /groups", json!({"name": ""})),
        ("group-managed", "PATCH /groups/{sales}", json!({"name": "x"})),
        ("group-managed-delete", "DELETE /groups/{sales}", json!({})),
        ("group-unknown-member", "POST /groups/{makers}/members", json!({"add": ["x"]})),
        (
            "group-linked-already",
            "POST /groups/{makers}/link",
            json!({"connection_id": world.id("saml"), "name": "y"}),
        ),
        ("invitation-nobody", "POST /invitations", json!({"emails": []})),
        ("invitation-some", "POST /invitations", json!({"emails": ["nonsense", "bob@acme.example"]})),
        ("invitation-unknown", "POST /invitations/x/resend", json!({})),
    ];
    send(&mut book, &world, &all).await;
    book.close();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn refusals_about_the_account() {
    let world = World::full().await;
    let mut book = world.book("api_refusals_account");
    let all = [
        ("connection-no-kind", "POST /connections", json!({"name": "x"})),
        ("connection-bad-kind", "POST /connections", json!({"kind": "magic", "name": "x"})),
        (
            "connection-field-of-another",
            "POST /connections",
            json!({"kind": "scim", "name": "x", "issuer": "y"}),
        ),
        ("connection-no-metadata", "POST /connections", json!({"kind": "saml", "name": "x"})),
        ("connection-domain-public", "PATCH /connections/{oidc}", json!({"email_domains": ["gmail.com"]})),
        ("domain-public-suffix", "POST /domains", json!({"domain": "co.uk"})),
        ("domain-twice", "POST /domains", json!({"domain": "Brand.example"})),
        ("domain-unknown-connection", "PATCH /domains/{domain}", json!({"connections": ["x"]})),
        ("connection-untested", "PATCH /connections/{saml-bare}", json!({"enabled": true})),
        ("connection-ldap-secret-again", "PATCH /connections/{ldap}", json!({"url": "ldaps://127.0.0.2:1"})),
        ("connection-scim-number", "PATCH /connections/{scim}", json!({"log_days": 91})),
        ("connection-test-of-scim", "POST /connections/{scim}/tests", json!({})),
        ("connection-keys", "POST /connections/{saml}/keys", json!({"step": "switch"})),
        ("token-no-name", "POST /api-tokens", json!({"name": ""})),
        ("token-bad-end", "POST /api-tokens", json!({"name": "x", "expires_at": "soon"})),
        ("token-past-end", "POST /api-tokens", json!({"name": "x", "expires_at": "2001-01-01T00:00:00Z"})),
        ("token-unknown", "DELETE /api-tokens/x", json!({})),
        ("service-account-bad-role", "POST /service-accounts", json!({"name": "x", "role": "king"})),
        ("settings-unknown", "PATCH /authentication-settings", json!({"nonsense": 1})),
        ("settings-number", "PATCH /authentication-settings", json!({"password": {"min_length": 1000}})),
        (
            "settings-unknown-group",
            "PATCH /authentication-settings",
            json!({"lockout": {"notify_group": "x"}}),
        ),
        ("settings-locks-out", "PATCH /authentication-settings", json!({"email_domains": ["other.example"]})),
        ("app-bad-kind", "POST /apps", json!({"kind": "magic", "name": "x", "hosts": ["a.example"]})),
        ("app-no-host", "POST /apps", json!({"kind": "forward_auth", "name": "x", "hosts": []})),
        ("app-wildcard", "POST /apps", json!({"kind": "forward_auth", "name": "x", "hosts": ["*.example"]})),
        (
            "app-own-host",
            "POST /apps",
            json!({"kind": "forward_auth", "name": "x", "hosts": ["127.0.0.1:1"]}),
        ),
        (
            "app-host-taken",
            "POST /apps",
            json!({"kind": "forward_auth", "name": "x", "hosts": ["reports.acme.example"]}),
        ),
        ("app-no-group", "PATCH /apps/{app}", json!({"groups": []})),
        ("app-unknown-group", "PATCH /apps/{app}", json!({"groups": ["x"]})),
        ("token-unknown-app", "POST /api-tokens", json!({"name": "x", "application": "x"})),
        ("method-not-there", "PUT /users", json!({})),
    ];
    send(&mut book, &world, &all).await;
    let request = world.api.request(reqwest::Method::POST, "/api/v1/users");
    let answer = world.api.send(request.header("content-type", "application/json").body("{")).await;
    book.answer("not-json", ("POST", "/api/v1/users"), &answer);
    let request = world.api.request(reqwest::Method::POST, "/api/v1/users");
    let answer = world.api.send(request.body("user_name=x")).await;
    book.answer("not-even-called-json", ("POST", "/api/v1/users"), &answer);
    for (name, path) in
        [("limit", "/users?limit=0"), ("limit-word", "/users?limit=many"), ("after", "/users?after=x")]
    {
        book.get(&world.api, name, &format!("/api/v1{path}")).await;
    }
    book.close();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn changes() {
    let mut world = World::full().await;
    let linked = world.api.get(&world.path("/api/v1/users/{bob}/identities")).await.ok();
    world.know("identity", &id(&linked["items"][0]));
    let sessions = world.api.get(&world.path("/api/v1/users/{dora}/sessions")).await.ok();
    world.know("session", &id(&sessions["items"][0]));
    let mut book = world.book("api_changes");
    let all = [
        (
            "user",
            "POST /users",
            json!({"user_name": "zoe", "email": "zoe@acme.example", "given_name": "Zoe"}),
        ),
        ("user-changed", "PATCH /users/{ada}", json!({"given_name": "Augusta", "roles": []})),
        ("user-unlocked", "POST /users/{bob}/unlock", json!({})),
        ("user-reset", "POST /users/{bob}/password/reset", json!({})),
        ("user-unlinked", "DELETE /users/{bob}/identities/{identity}", json!({})),
        ("user-session-ended", "DELETE /users/{dora}/sessions/{session}", json!({})),
        ("user-sessions-ended", "POST /users/{dora}/sessions/revoke", json!({})),
        ("user-two-factor-reset", "POST /users/{dora}/two-factor/reset", json!({})),
        ("user-deleted", "DELETE /users/{carl}", json!({})),
        ("two-factor-reminded", "POST /two-factor/remind", json!({})),
        ("two-factor-stopped", "POST /two-factor/mailings/stop", json!({})),
        ("invited", "POST /invitations", json!({"emails": ["zed@acme.example"]})),
        ("invitation-resent", "POST /invitations/{late}/resend", json!({})),
        ("invitation-link", "POST /invitations/{invitation}/link", json!({})),
        ("invitation-cancelled", "DELETE /invitations/{invitation}", json!({})),
        ("group", "POST /groups", json!({"name": "Sellers"})),
        ("group-changed", "PATCH /groups/{security}", json!({"name": "Guards"})),
        ("group-members", "POST /groups/{security}/members", json!({"add": [world.id("bob")]})),
        (
            "group-linked",
            "POST /groups/{security}/link",
            json!({"connection_id": world.id("saml"), "name": "guards"}),
        ),
        ("group-unlinked", "DELETE /groups/{makers}/link?members=retain", json!({})),
        ("group-deleted", "DELETE /groups/{support}", json!({})),
        ("service-account", "POST /service-accounts", json!({"name": "Reports"})),
        ("api-token", "POST /api-tokens", json!({"name": "weekly", "service_account_id": world.id("robot")})),
        ("api-token-revoked", "DELETE /api-tokens/{token}", json!({})),
        ("service-account-deleted", "DELETE /service-accounts/{robot}", json!({})),
        ("connection", "POST /connections", json!({"kind": "scim", "name": "Third"})),
        ("connection-changed", "PATCH /connections/{scim-bare}", json!({"name": "Entra ID", "log_days": 3})),
        (
            "connection-token",
            "POST /connections/{scim}/tokens",
            json!({"replaces": world.id("scim-token"), "overlap_hours": 1}),
        ),
        ("connection-let-through", "POST /connections/{scim}/pending-changes/approve", json!({})),
        ("connection-discarded", "POST /connections/{scim}/pending-changes/discard", json!({})),
        ("connection-keys", "POST /connections/{saml}/keys", json!({"step": "publish"})),
        ("connection-test-of-saml", "POST /connections/{saml}/tests", json!({})),
        ("connection-sync", "POST /connections/{ldap}/syncs", json!({"preview": true})),
        ("connection-deleted", "DELETE /connections/{saml-bare}", json!({})),
        (
            "app",
            "POST /apps",
            json!({"kind": "forward_auth", "name": "Wiki", "hosts": ["WIKI.acme.example:443"]}),
        ),
        ("app-changed", "PATCH /apps/{app}", json!({"groups": null, "hosts": ["a.acme.example"]})),
        ("app-deleted", "DELETE /apps/{app}", json!({})),
        ("signing-keys-rotated", "POST /signing-keys/rotate", json!({})),
        ("domain", "POST /domains", json!({"domain": "new.example", "connections": [world.id("saml")]})),
        ("domain-changed", "PATCH /domains/{domain}", json!({"connections": [world.id("oidc")]})),
        ("domain-verified", "POST /domains/{domain}/verify", json!({"trust_administrator": true})),
        ("domain-deleted", "DELETE /domains/{domain}", json!({})),
        ("settings", "PATCH /authentication-settings", json!({"password": {"min_length": 16}})),
        (
            "settings-preview",
            "POST /authentication-settings/preview",
            json!({"session": {"inactivity_minutes": 60}}),
        ),
    ];
    send(&mut book, &world, &all).await;
    book.close();
}
