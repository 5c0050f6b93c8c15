//! The pages for administrators, of an account that has nothing yet and of one that has everything.

use super::world::World;

/// Lists and forms that look different when there is nothing.
const EMPTY: [(&str, &str); 19] = [
    ("overview", "/console"),
    ("overview-welcome", "/console?notice=welcome"),
    ("users", "/console/users"),
    ("user-new", "/console/users/new"),
    ("user", "/console/users/{me}"),
    ("groups", "/console/groups"),
    ("invitations", "/console/invitations"),
    ("invite", "/console/invitations/new"),
    ("connections", "/console/connections"),
    ("connection-new", "/console/connections/new"),
    ("apps", "/console/apps"),
    ("app-new", "/console/apps/new"),
    ("domains", "/console/domains"),
    ("service-accounts", "/console/service-accounts"),
    ("two-factor", "/console/two-factor"),
    ("two-factor-progress", "/console/two-factor/progress"),
    ("audit-none", "/console/audit?action=nothing"),
    ("settings", "/console/settings"),
    ("start", "/"),
];

/// The same and more when there is something.
const FULL: [(&str, &str); 65] = [
    ("overview", "/console"),
    ("users", "/console/users"),
    ("users-found", "/console/users?q=bob"),
    ("users-none", "/console/users?q=nobody-of-this-name"),
    ("user-new", "/console/users/new"),
    ("user-active", "/console/users/{ada}"),
    ("user-saved", "/console/users/{ada}?notice=user_saved"),
    ("user-locked", "/console/users/{bob}"),
    ("user-inactive", "/console/users/{carl}"),
    ("user-second-factor", "/console/users/{dora}"),
    ("user-linked", "/console/users/{bob}?notice=user_unlocked"),
    ("user-invited", "/console/users/{ivy}"),
    ("user-managed", "/console/users/{gina}"),
    ("groups", "/console/groups"),
    ("groups-none", "/console/groups?q=nothing-of-this-name"),
    ("group-linked", "/console/groups/{makers}"),
    ("group-linked-to-oidc", "/console/groups/{support}"),
    ("group", "/console/groups/{security}?notice=group_saved"),
    ("group-managed", "/console/groups/{sales}"),
    ("invitations", "/console/invitations?notice=invited"),
    ("invite", "/console/invitations/new"),
    ("connections", "/console/connections"),
    ("connection-new", "/console/connections/new"),
    ("connection-new-saml", "/console/connections/new?kind=saml"),
    ("connection-new-okta", "/console/connections/new?kind=saml&vendor=okta"),
    ("connection-new-entra", "/console/connections/new?kind=saml&vendor=entra"),
    ("connection-new-onelogin", "/console/connections/new?kind=saml&vendor=onelogin"),
    ("connection-new-keycloak", "/console/connections/new?kind=saml&vendor=keycloak"),
    ("connection-new-google-saml", "/console/connections/new?kind=saml&vendor=google"),
    ("connection-new-other-saml", "/console/connections/new?kind=saml&vendor=other"),
    ("connection-new-oidc", "/console/connections/new?kind=oidc"),
    ("connection-new-google", "/console/connections/new?kind=oidc&preset=google"),
    ("connection-new-entra-oidc", "/console/connections/new?kind=oidc&preset=entra"),
    ("connection-new-github", "/console/connections/new?kind=oidc&preset=github"),
    ("connection-new-gitlab", "/console/connections/new?kind=oidc&preset=gitlab"),
    ("connection-new-bitbucket", "/console/connections/new?kind=oidc&preset=bitbucket"),
    ("connection-new-linkedin", "/console/connections/new?kind=oidc&preset=linkedin"),
    ("connection-new-other-oidc", "/console/connections/new?kind=oidc&preset=other"),
    ("connection-new-ldap", "/console/connections/new?kind=ldap"),
    ("connection-new-scim", "/console/connections/new?kind=scim"),
    ("connection-saml", "/console/connections/{saml}"),
    ("connection-saml-off", "/console/connections/{saml-bare}?notice=connection_created"),
    ("connection-oidc", "/console/connections/{oidc}"),
    ("connection-google", "/console/connections/{google}"),
    ("connection-github", "/console/connections/{github}"),
    ("connection-entra", "/console/connections/{entra}"),
    ("connection-ldap", "/console/connections/{ldap}"),
    ("connection-ldap-progress", "/console/connections/{ldap}/syncs/progress"),
    ("connection-ldap-test-failed", "/console/connections/{ldap}/tests/{ldap-test}"),
    ("connection-scim", "/console/connections/{scim}"),
    ("connection-scim-entra", "/console/connections/{scim}?at=entra"),
    ("connection-scim-onelogin", "/console/connections/{scim}?at=onelogin"),
    ("connection-scim-other", "/console/connections/{scim-bare}?at=other"),
    ("connection-requests", "/console/connections/{scim}/requests"),
    ("connection-requests-found", "/console/connections/{scim}/requests?about=gina&show=changes"),
    ("connection-requests-none", "/console/connections/{scim-bare}/requests"),
    ("connection-waiting", "/console/connections/{scim}/pending-changes"),
    ("connection-waiting-none", "/console/connections/{scim-bare}/pending-changes"),
    ("apps", "/console/apps"),
    ("app", "/console/apps/{app}"),
    ("app-new", "/console/apps/new"),
    ("domains", "/console/domains"),
    ("domain", "/console/domains/{domain}?notice=domain_added"),
    ("service-accounts", "/console/service-accounts"),
    ("audit", "/console/audit"),
];

const REPORT: [(&str, &str); 8] = [
    ("two-factor", "/console/two-factor"),
    ("two-factor-all", "/console/two-factor?show=all"),
    ("two-factor-enrolled", "/console/two-factor?show=enrolled"),
    ("two-factor-progress", "/console/two-factor/progress"),
    ("two-factor-file", "/console/two-factor/report.csv"),
    ("settings", "/console/settings"),
    ("audit-refused", "/console/audit?action=session.sign_in"),
    ("nothing-there", "/console/users/0195f3c0-0000-7000-8000-000000000000"),
];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_console_of_an_account_that_has_nothing_yet() {
    let mut world = World::empty().await;
    let admin = world.admin().await;
    let me = admin.get("/api/v1/me").await.ok();
    world.know("me", me["id"].as_str().expect("id"));
    world.settle().await;
    let mut book = world.book("console_empty");
    for (name, path) in EMPTY {
        book.get(&admin, name, &world.path(path)).await;
    }
    book.close();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_console_of_an_account_that_has_everything() {
    let world = World::full().await;
    let admin = world.admin().await;
    world.settle().await;
    let mut book = world.book("console_full");
    for (name, path) in FULL.iter().chain(&REPORT) {
        book.get(&admin, name, &world.path(path)).await;
    }
    let begin = world.path("/console/connections/{oidc}/tests");
    let sent = book.form(&admin, "test-begins", &begin, &[]).await;
    let back = world.provider.approve(&sent.location().expect("to the provider"));
    let found = book.get(&admin, "test-comes-back", &back).await;
    book.get(&admin, "test-passed", &found.location().expect("to what was found")).await;
    // Somebody who may look and not touch.
    let viewer = world.server.client();
    viewer.sign_in("acme", "ada", super::world::PASSWORD).await.expect(303);
    for (name, path) in [
        ("viewer-user", "/console/users/{ada}"),
        ("viewer-connection", "/console/connections/{saml}"),
        ("viewer-app", "/console/apps/{app}"),
        ("viewer-settings", "/console/settings"),
        ("viewer-new-user", "/console/users/new"),
    ] {
        book.get(&viewer, name, &world.path(path)).await;
    }
    book.close();
}
