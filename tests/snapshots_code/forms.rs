//! What the forms of the console answer: that they cannot take what was typed, or where they lead.

use super::book::Book;
use super::world::{World, idp};
use crate::harness::Client;

type Fields<'a> = &'a [(&'a str, &'a str)];

/// The settings as the page has them when nobody has changed anything.
const SETTINGS: [(&str, &str); 18] = [
    ("min_length", "10"),
    ("refuse_common", "on"),
    ("expires_after_days", "0"),
    ("warn_before_days", "14"),
    ("history", "0"),
    ("attempts", "10"),
    ("duration", "15"),
    ("duration_unit", "minutes"),
    ("notify_user", "on"),
    ("notify_group", ""),
    ("grace_days", "0"),
    ("remember_days", "0"),
    ("passkey_sign_in", "on"),
    ("inactivity", "1440"),
    ("absolute", "0"),
    ("local_login", "on"),
    ("sso_invitations", "invite"),
    ("mail_sender_name", ""),
];

fn settings(changes: Fields<'_>) -> Vec<(&str, &str)> {
    let mut fields: Vec<(&str, &str)> = SETTINGS.to_vec();
    fields.retain(|(name, _)| !changes.iter().any(|(changed, _)| changed == name));
    fields.extend(changes.iter().filter(|(_, value)| *value != "off"));
    fields
}

/// Forms that are posted as they are: (name, path, fields).
const WRONG: [(&str, &str, Fields<'static>); 25] = [
    ("user-bad-email", "/console/users", &[("email", "not an address"), ("given_name", "<Ada>")]),
    ("user-nobody", "/console/users", &[("email", ""), ("user_name", "")]),
    ("user-bad-password", "/console/users", &[("email", "new@acme.example"), ("password", "short")]),
    ("user-taken", "/console/users", &[("email", "bob@acme.example")]),
    (
        "user-save-bad-email",
        "/console/users/{ada}",
        &[("user_name", "ada"), ("email", "@"), ("role", "account_viewer")],
    ),
    ("user-last-administrator", "/console/users/{me}/active", &[("active", "false")]),
    (
        "user-last-administrator-role",
        "/console/users/{me}",
        &[("user_name", "me"), ("email", "me@acme.example")],
    ),
    ("user-delete-last-administrator", "/console/users/{me}/delete", &[]),
    ("user-reset-no-address", "/console/users/{nameless}/password/reset", &[]),
    ("user-active-managed", "/console/users/{gina}/active", &[("active", "nonsense")]),
    ("group-no-name", "/console/groups", &[("name", "")]),
    ("group-of-the-same-name", "/console/groups", &[("name", "Makers")]),
    ("group-rename-no-name", "/console/groups/{makers}", &[("name", " ")]),
    ("group-rename-managed", "/console/groups/{sales}", &[("name", "Others")]),
    ("group-member-unknown", "/console/groups/{security}/members", &[("add", "nobody@acme.example")]),
    ("group-link-no-name", "/console/groups/{security}/link", &[("connection_id", "{saml}"), ("name", "")]),
    ("app-no-name", "/console/apps", &[("name", ""), ("hosts", "a.example"), ("access", "groups")]),
    ("app-bad-host", "/console/apps/{app}", &[("name", "Reports"), ("hosts", "https://a.example/x")]),
    (
        "app-groups-and-all",
        "/console/apps/{app}",
        &[("name", "Reports"), ("hosts", "a.example"), ("access", "all"), ("group", "{makers}")],
    ),
    ("domain-public", "/console/domains", &[("domain", "gmail.com")]),
    ("service-account-no-name", "/console/service-accounts", &[("name", "")]),
    (
        "service-account-token-bad-date",
        "/console/service-accounts/token",
        &[("service_account", "{robot}"), ("name", "t"), ("expires_on", "31.12.2031")],
    ),
    ("service-account-delete-unknown", "/console/service-accounts/delete", &[("id", "x")]),
    ("invitation-resend-unknown", "/console/invitations/{me}/resend", &[]),
    ("two-factor-remind-nobody-asked", "/console/two-factor/remind", &[]),
];

const CONNECTIONS: [(&str, &str, Fields<'static>); 12] = [
    ("connection-name-gone", "/console/connections/{saml}", &[("name", "")]),
    (
        "connection-saml-bad-domain",
        "/console/connections/{saml}",
        &[("name", "Okta sign-in"), ("email_domains", "no domain")],
    ),
    (
        "connection-oidc-bad-issuer",
        "/console/connections/{oidc}/oidc",
        &[("name", "Company"), ("issuer", "http://"), ("client_id", "x")],
    ),
    (
        "connection-ldap-bad-number",
        "/console/connections/{ldap}/ldap",
        &[("name", "Old directory"), ("url", "ldaps://127.0.0.1:1"), ("max_hops", "many")],
    ),
    (
        "connection-ldap-other-server",
        "/console/connections/{ldap}/ldap",
        &[("name", "Old directory"), ("url", "ldaps://127.0.0.2:1")],
    ),
    (
        "connection-scim-bad-number",
        "/console/connections/{scim}/provisioning",
        &[
            ("log_days", "91"),
            ("removal_limit", "10"),
            ("requests_per_second", "100"),
            ("extra_attributes", ""),
        ],
    ),
    (
        "connection-scim-attribute",
        "/console/connections/{scim}/provisioning",
        &[
            ("log_days", "7"),
            ("removal_limit", "10"),
            ("requests_per_second", "100"),
            ("extra_attributes", "nonsense"),
        ],
    ),
    ("connection-untested", "/console/connections/{saml-bare}/enabled", &[("enabled", "true")]),
    ("connection-keys-not-published", "/console/connections/{saml-bare}/keys", &[("step", "switch")]),
    ("connection-test-of-scim", "/console/connections/{scim}/tests", &[]),
    ("connection-sync", "/console/connections/{ldap}/syncs", &[("preview", "on")]),
    ("connection-not-a-form", "/console/connections/{saml}/enabled", &[("enabled", "perhaps")]),
];

/// Forms of several parts, as a file can be chosen in them.
const PARTS: [(&str, &str, Fields<'static>); 12] = [
    (
        "new-saml-no-metadata",
        "/console/connections",
        &[("kind", "saml"), ("vendor", "okta"), ("name", "Third")],
    ),
    (
        "new-saml-no-name",
        "/console/connections",
        &[("kind", "saml"), ("vendor", "other"), ("metadata_xml", "<x/>")],
    ),
    (
        "new-saml-bad-metadata",
        "/console/connections",
        &[("kind", "saml"), ("vendor", "entra"), ("name", "Third"), ("metadata_xml", "<html/>")],
    ),
    (
        "new-saml-bad-url",
        "/console/connections",
        &[("kind", "saml"), ("vendor", "other"), ("name", "Third"), ("metadata_url", "ftp://idp.example")],
    ),
    (
        "new-oidc-no-client",
        "/console/connections",
        &[("kind", "oidc"), ("preset", "github"), ("name", "Third")],
    ),
    (
        "new-oidc-bad-issuer",
        "/console/connections",
        &[
            ("kind", "oidc"),
            ("preset", "other"),
            ("name", "Third"),
            ("issuer", "nonsense"),
            ("client_id", "x"),
        ],
    ),
    ("new-ldap-no-url", "/console/connections", &[("kind", "ldap"), ("name", "Third")]),
    ("new-scim-no-name", "/console/connections", &[("kind", "scim"), ("name", "")]),
    ("metadata-nothing-given", "/console/connections/{saml}/metadata", &[("metadata_xml", "")]),
    ("metadata-bad", "/console/connections/{saml}/metadata", &[("metadata_xml", "<html>")]),
    ("invite-nobody", "/console/invitations", &[("people", "")]),
    (
        "invite-some",
        "/console/invitations",
        &[
            ("people", "nonsense, bob@acme.example, new.one@acme.example"),
            ("role", "account_viewer"),
            ("landing_url", "/start"),
        ],
    ),
];

/// What the forms do when all is well, in an order in which each still finds what it needs.
const RIGHT: [(&str, &str, Fields<'static>); 45] = [
    ("done-user", "/console/users", &[("email", "zoe@acme.example"), ("given_name", "Zoe")]),
    (
        "done-user-save",
        "/console/users/{ada}",
        &[("user_name", "ada"), ("email", "ada@acme.example"), ("role", "")],
    ),
    ("done-user-session", "/console/users/{dora}/sessions/revoke-one", &[("session", "{session}")]),
    ("done-user-off", "/console/users/{dora}/active", &[("active", "false")]),
    ("done-user-on", "/console/users/{dora}/active", &[("active", "true")]),
    ("done-user-unlock", "/console/users/{bob}/unlock", &[]),
    ("done-user-sessions", "/console/users/{dora}/sessions/revoke", &[]),
    ("done-user-session-unknown", "/console/users/{dora}/sessions/revoke-one", &[("session", "x")]),
    ("done-user-unlink", "/console/users/{bob}/identities/unlink", &[("identity", "{identity}")]),
    ("done-user-reset", "/console/users/{bob}/password/reset", &[]),
    ("done-user-two-factor", "/console/users/{dora}/two-factor/reset", &[]),
    ("done-user-delete", "/console/users/{carl}/delete", &[]),
    ("done-invitation-link", "/console/invitations/{invitation}/link", &[("email", "ivy@acme.example")]),
    ("done-invitation-resend", "/console/invitations/{late}/resend", &[]),
    ("done-invitation-cancel", "/console/invitations/{invitation}/cancel", &[]),
    ("done-group", "/console/groups", &[("name", "Sellers")]),
    ("done-group-rename", "/console/groups/{security}", &[("name", "Guards")]),
    ("done-group-member", "/console/groups/{security}/members", &[("add", "bob@acme.example")]),
    (
        "done-group-link",
        "/console/groups/{security}/link",
        &[("connection_id", "{saml}"), ("name", "okta-guards")],
    ),
    ("done-group-unlink", "/console/groups/{makers}/unlink", &[("members", "remove")]),
    ("done-group-delete", "/console/groups/{support}/delete", &[]),
    (
        "done-connection-saml",
        "/console/connections/{saml-bare}",
        &[("name", "Second sign-in"), ("vendor", "entra")],
    ),
    ("done-connection-keys", "/console/connections/{saml}/keys", &[("step", "publish")]),
    ("done-connection-forget", "/console/connections/{saml}/metadata/forget", &[]),
    (
        "done-connection-on",
        "/console/connections/{saml-bare}/enabled",
        &[("enabled", "true"), ("override_untested", "on")],
    ),
    (
        "done-connection-token",
        "/console/connections/{scim}/tokens",
        &[("name", "second"), ("replaces", "{scim-token}"), ("overlap_hours", "24")],
    ),
    (
        "done-connection-token-revoke",
        "/console/connections/{scim}/tokens/revoke",
        &[("token", "{scim-token}")],
    ),
    (
        "done-connection-scim",
        "/console/connections/{scim-bare}/provisioning",
        &[
            ("log_days", "7"),
            ("removal_limit", "10"),
            ("requests_per_second", "100"),
            ("extra_attributes", ""),
        ],
    ),
    ("done-connection-let-through", "/console/connections/{scim}/pending-changes/approve", &[]),
    ("done-connection-discard", "/console/connections/{scim}/pending-changes/discard", &[]),
    ("done-connection-delete", "/console/connections/{saml-bare}/delete", &[]),
    ("done-app", "/console/apps", &[("name", "Wiki"), ("hosts", "wiki.example"), ("access", "all")]),
    (
        "done-app-save",
        "/console/apps/{app}",
        &[("name", "Books"), ("hosts", "books.example"), ("access", "groups"), ("group", "{makers}")],
    ),
    ("done-app-keys", "/console/apps/{app}/signing-keys", &[]),
    ("done-app-delete", "/console/apps/{app}/delete", &[]),
    ("done-domain", "/console/domains", &[("domain", "new.example")]),
    ("done-domain-connections", "/console/domains/{domain}", &[("connection", "{saml}")]),
    ("done-domain-verify", "/console/domains/{domain}/verify", &[("trust_administrator", "on")]),
    ("done-domain-delete", "/console/domains/{domain}/delete", &[]),
    ("done-service-account", "/console/service-accounts", &[("name", "Reports"), ("role", "account_viewer")]),
    (
        "done-service-account-token",
        "/console/service-accounts/token",
        &[("service_account", "{robot}"), ("name", "weekly"), ("expires_on", "2031-12-31")],
    ),
    ("done-service-account-token-revoke", "/console/service-accounts/token/revoke", &[("id", "{token}")]),
    ("done-service-account-delete", "/console/service-accounts/delete", &[("id", "{robot}")]),
    ("done-two-factor-stop", "/console/two-factor/stop", &[]),
    ("done-test-mail", "/console/settings/test-mail", &[]),
];

async fn post(book: &mut Book, world: &World, admin: &Client, forms: &[(&str, &str, Fields<'_>)]) {
    for (name, path, fields) in forms {
        let filled: Vec<(&str, String)> =
            fields.iter().map(|(name, value)| (*name, world.path(value))).collect();
        let fields: Vec<(&str, &str)> = filled.iter().map(|(name, value)| (*name, value.as_str())).collect();
        world.server.advance(1);
        book.form(admin, name, &world.path(path), &fields).await;
    }
}

async fn world() -> (World, Client) {
    let mut world = World::full().await;
    let admin = world.admin().await;
    let me = admin.get("/api/v1/me").await.ok();
    world.know("me", me["id"].as_str().expect("id"));
    let nameless = world.api.get("/api/v1/users?user_name=nameless").await.ok();
    world.know("nameless", nameless["items"][0]["id"].as_str().expect("id"));
    let linked = world.api.get(&world.path("/api/v1/users/{bob}/identities")).await.ok();
    world.know("identity", linked["items"][0]["id"].as_str().expect("id"));
    let sessions = world.api.get(&world.path("/api/v1/users/{dora}/sessions")).await.ok();
    world.know("session", sessions["items"][0]["id"].as_str().expect("id"));
    world.settle().await;
    (world, admin)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_form_that_cannot_be_taken_is_shown_again_with_the_reason() {
    let (world, admin) = world().await;
    let mut book = world.book("forms_wrong");
    post(&mut book, &world, &admin, &WRONG).await;
    post(&mut book, &world, &admin, &CONNECTIONS).await;
    for (name, path, fields) in PARTS {
        world.server.advance(1);
        book.parts(&admin, name, &world.path(path), fields).await;
    }
    let other = idp().metadata().replace("https://idp.example/entity", "https://other.example");
    let taken = [("kind", "saml"), ("vendor", "other"), ("name", "Okta sign-in"), ("metadata_xml", &*other)];
    book.parts(&admin, "new-saml-name-taken", "/console/connections", &taken).await;
    book.close();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_form_that_is_taken_leads_on() {
    let (world, admin) = world().await;
    let mut book = world.book("forms_done");
    post(&mut book, &world, &admin, &RIGHT).await;
    let metadata = idp().metadata();
    let loaded = [("metadata_xml", &*metadata), ("keep_old_certificates", "on")];
    book.parts(&admin, "done-metadata", &world.path("/console/connections/{saml}/metadata"), &loaded).await;
    let made = [("kind", "scim"), ("name", "Third")];
    book.parts(&admin, "done-connection-new", "/console/connections", &made).await;
    book.close();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn settings_are_reviewed_before_they_are_saved() {
    let mut world = World::empty().await;
    world.make("guards", "/api/v1/groups", serde_json::json!({"name": "Guards"})).await;
    for name in ["ada", "bob"] {
        world.user(name).await;
    }
    let person = world.person("ada").await;
    let admin = world.admin().await;
    world.settle().await;
    let mut book = world.book("settings");
    let path = "/console/settings";
    book.form(&admin, "nothing-changed", path, &settings(&[])).await;
    for (name, changes) in [
        ("bad-number", &[("min_length", "many")][..]),
        ("too-short", &[("min_length", "3")]),
        ("too-few-attempts", &[("attempts", "1")]),
        ("no-such-group", &[("notify_group", "Nobody")]),
        ("no-such-groups", &[("two_factor_groups", "Guards\nNobody")]),
        ("own-domain-missing", &[("domains", "other.example")]),
        ("bad-domain", &[("domains", "acme.example not/a/domain")]),
        ("grace-too-long", &[("grace_days", "1000")]),
        ("enforced-without-own", &[("enforced", "on")]),
        ("warned-before-it-begins", &[("expires_after_days", "5"), ("warn_before_days", "10")]),
    ] {
        book.form(&admin, name, path, &settings(changes)).await;
    }
    let many = [
        ("min_length", "14"),
        ("require_upper", "on"),
        ("require_special", "on"),
        ("refuse_common", "off"),
        ("expires_after_days", "90"),
        ("history", "3"),
        ("attempts", "5"),
        ("duration", "2"),
        ("duration_unit", "days"),
        ("notify_group", "Guards"),
        ("remember_days", "7"),
        ("passkey_sign_in", "off"),
        ("inactivity", "10"),
        ("absolute", "60"),
        ("domains", "acme.example\nother.example"),
        ("local_login", "off"),
        ("sso_invitations", "active"),
        ("mail_sender_name", "Acme & Sons"),
    ];
    book.form(&admin, "review-of-many", path, &settings(&many)).await;
    let edit = [&many[..], &[("edit", "on")]].concat();
    book.form(&admin, "back-to-the-form", path, &settings(&edit)).await;
    world.lead().await;
    let admin = world.admin().await;
    let asked = [("enforced", "on"), ("grace_days", "3")];
    book.form(&admin, "review-of-enforcement", path, &settings(&asked)).await;
    let groups = [("two_factor_groups", "Guards"), ("grace_days", "1")];
    book.form(&admin, "review-of-groups", path, &settings(&groups)).await;
    let confirmed = [&asked[..], &[("confirmed", "on")]].concat();
    book.form(&admin, "saved", path, &settings(&confirmed)).await;
    book.form(&admin, "review-of-the-end", path, &settings(&[])).await;
    book.get(&person, "grace", "/profile").await;
    book.close();
}
