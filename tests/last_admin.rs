//! An account keeps an active administrator who can sign in, whichever way the change comes.

use serde_json::{Value, json};

use crate::harness::directory::{PASSWORD, Slapd};
use crate::harness::{Answer, Backend, Client, Server, Tenant};
use crate::{ldap, oidc, on_both};

const USER: &str = "urn:ietf:params:scim:schemas:core:2.0:User";
const PATCH: &str = "urn:ietf:params:scim:api:messages:2.0:PatchOp";
const BULK: &str = "urn:ietf:params:scim:api:messages:2.0:BulkRequest";
const SETTINGS: &str = "/api/v1/authentication-settings";

fn api(server: &Server, tenant: &Tenant) -> Client {
    server.client().bearer(&tenant.token)
}

fn text<'v>(value: &'v Value, name: &str) -> &'v str {
    value[name].as_str().expect("a text")
}

/// Makes an administrator, and returns their path in the REST API.
async fn make_admin(api: &Client, name: &str) -> String {
    let user = json!({"user_name": format!("{name}@acme.example"), "roles": ["account_admin"]});
    format!("/api/v1/users/{}", text(&api.post("/api/v1/users", &user).await.created(), "id"))
}

/// The path of the administrator whom the tenant began with.
async fn first_admin(api: &Client, tenant: &Tenant) -> String {
    let found = api.get(&format!("/api/v1/users?user_name={}", tenant.email)).await.ok();
    format!("/api/v1/users/{}", text(&found["items"][0], "id"))
}

fn scim_user(active: bool) -> Value {
    json!({"schemas": [USER], "userName": "bob@acme.example", "active": active,
        "emails": [{"primary": true, "value": "bob@acme.example", "type": "work"}]})
}

fn deactivation() -> Value {
    json!({"schemas": [PATCH], "Operations": [{"op": "replace", "value": {"active": false}}]})
}

on_both! {
    async fn provisioning_does_not_take_the_last_administrator(server: Server) {
        let tenant = server.tenant("acme").await;
        let api = api(server, &tenant);
        let (_, token) = server.scim(&tenant, "Okta").await;
        let scim = server.client().bearer(&token);
        let bob = text(&scim.post("/scim/v2/Users", &scim_user(true)).await.created(), "id").to_owned();
        api.patch(&format!("/api/v1/users/{bob}"), &json!({"roles": ["account_admin"]})).await.expect(200);
        api.delete(&first_admin(&api, &tenant).await).await.expect(204);

        let path = format!("/scim/v2/Users/{bob}");
        for answer in [
            scim.patch(&path, &deactivation()).await,
            scim.put(&path, &scim_user(false)).await,
            scim.delete(&path).await,
        ] {
            let error = answer.expect(409).value();
            assert_eq!(error["schemas"], json!(["urn:ietf:params:scim:api:messages:2.0:Error"]));
            assert_eq!((&error["status"], &error["scimType"]), (&json!("409"), &Value::Null));
            assert!(text(&error, "detail").contains("Make another user an administrator"), "{error}");
        }
        let operation = json!({"method": "DELETE", "path": format!("/Users/{bob}")});
        let bulk = scim.post("/scim/v2/Bulk", &json!({"schemas": [BULK], "Operations": [operation]})).await.ok();
        assert_eq!(bulk["Operations"][0]["status"], "409", "{bulk}");
        assert_eq!(scim.get(&path).await.ok()["active"], true);

        // With a second one, an administrator decides; without the role, the directory does.
        make_admin(&api, "second").await;
        scim.patch(&path, &deactivation()).await.expect(503);
        scim.delete(&path).await.expect(503);
        api.patch(&format!("/api/v1/users/{bob}"), &json!({"roles": []})).await.expect(200);
        scim.patch(&path, &deactivation()).await.expect(200);
        scim.delete(&path).await.expect(204);
    }

    async fn a_change_that_waits_for_approval_does_not_take_the_last_administrator(server: Server) {
        let tenant = server.tenant("acme").await;
        let api = api(server, &tenant);
        let (connection, token) = server.scim(&tenant, "Okta").await;
        let scim = server.client().bearer(&token);
        let bob = text(&scim.post("/scim/v2/Users", &scim_user(true)).await.created(), "id").to_owned();
        api.patch(&format!("/api/v1/users/{bob}"), &json!({"roles": ["account_admin"]})).await.expect(200);
        let connection = format!("/api/v1/connections/{connection}");
        api.patch(&connection, &json!({"dry_run": true})).await.expect(200);
        // While it waited there were two of them; when it is approved, one is left.
        scim.delete(&format!("/scim/v2/Users/{bob}")).await;
        api.delete(&first_admin(&api, &tenant).await).await.expect(204);
        let waiting = api.get(&format!("{connection}/pending-changes")).await.ok();
        assert_eq!(waiting["items"].as_array().map(Vec::len), Some(1), "{waiting}");
        let released = api.post(&format!("{connection}/pending-changes/approve"), &json!({})).await.ok();
        assert_eq!((&released["done"], &released["refused"]), (&json!(0), &json!(1)), "{released}");
        assert_eq!(api.get(&format!("/api/v1/users/{bob}")).await.ok()["status"], "active");
    }

    async fn pages_do_not_take_the_last_administrator(server: Server) {
        let tenant = server.tenant("acme").await;
        let browser = server.client();
        browser.sign_in("acme", &tenant.email, &tenant.password).await.expect(303);
        let id = text(&browser.get("/api/v1/me").await.ok(), "id").to_owned();
        let page = format!("/console/users/{id}");
        let profile = [("user_name", tenant.email.as_str()), ("email", tenant.email.as_str()), ("role", "")];
        for answer in [
            browser.form(&format!("{page}/active"), &[("active", "false")]).await,
            browser.form(&format!("{page}/delete"), &[]).await,
            browser.form(&page, &profile).await,
        ] {
            assert!(answer.expect(422).body.contains("last active administrator"));
        }
        browser.get("/console/users").await.expect(200);
    }

    async fn two_administrators_who_end_each_other_at_once_leave_one(server: Server) {
        let tenant = server.tenant("acme").await;
        let api = api(server, &tenant);
        let mut last = first_admin(&api, &tenant).await;
        for round in 0..5 {
            let other = make_admin(&api, &format!("other{round}")).await;
            let inactive = json!({"status": "inactive"});
            let (one, two) = tokio::join!(api.patch(&last, &inactive), async {
                match round % 2 {
                    0 => api.patch(&other, &inactive).await,
                    _ => api.delete(&other).await,
                }
            });
            let is_refused = |answer: &Answer| answer.status.as_u16() == 409;
            assert!(is_refused(&one) != is_refused(&two), "{one:?} {two:?}");
            if is_refused(&two) {
                last = other;
            }
        }
    }
}

/// What the two administrators of an account do to each other at the same moment.
#[derive(Clone, Copy, PartialEq)]
enum End {
    Demote,
    Deactivate,
    Delete,
}

impl End {
    async fn of(self, api: &Client, path: &str) -> Answer {
        match self {
            Self::Demote => api.patch(path, &json!({"roles": []})).await,
            Self::Deactivate => api.patch(path, &json!({"status": "inactive"})).await,
            Self::Delete => api.delete(path).await,
        }
    }
}

/// 200 rounds in each of which two administrators end each other and one has to stay. Returns in how many nobody did.
async fn end_each_other(server: &Server, slug: &str, other: End) -> usize {
    let tenant = server.tenant(slug).await;
    let api = api(server, &tenant);
    let barrier = tokio::sync::Barrier::new(2);
    let (first, mut second) = (first_admin(&api, &tenant).await, make_admin(&api, "second").await);
    let mut left_alone = 0;
    for round in 0..200 {
        let end = async |path: &str, end: End| {
            barrier.wait().await;
            end.of(&api, path).await.status.as_u16()
        };
        let statuses = tokio::join!(end(&first, End::Demote), end(&second, other));
        assert!(matches!(statuses, (409 | 200..300, 409 | 200..300)), "{statuses:?}");
        left_alone += usize::from(statuses.0 != 409 && statuses.1 != 409);
        if other == End::Delete && statuses.1 != 409 {
            second = make_admin(&api, &format!("second{round}")).await;
        }
        for path in [&first, &second] {
            let back = json!({"status": "active", "roles": ["account_admin"]});
            api.patch(path, &back).await.expect(200);
        }
    }
    left_alone
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn administrators_who_end_each_other_leave_one_in_every_race() {
    let server = Server::start(Backend::Postgres).await;
    let lonely = tokio::join!(
        end_each_other(&server, "acme", End::Demote),
        end_each_other(&server, "umbrella", End::Deactivate),
        end_each_other(&server, "initech", End::Delete),
    );
    assert_eq!(lonely, (0, 0, 0));
}

/// Makes the user with this id an administrator, and expects that the local page can only be closed once they have
/// come through their provider. That takes the approval of an administrator: they have a role, and nothing to confirm
/// the new identity with.
async fn closes_after(
    api: &Client,
    user: &str,
    refused_at_first: impl Future<Output = ()>,
    sign_in: impl Future<Output = ()>,
) {
    let roles = json!({"roles": ["account_admin"]});
    api.patch(&format!("/api/v1/users/{user}"), &roles).await.expect(200);
    let refused = api.patch(SETTINGS, &json!({"local_login": false})).await.expect(409);
    assert!(refused.body.contains("no administrator can sign in"), "{}", refused.body);
    refused_at_first.await;
    let pending = api.get(&format!("/api/v1/users/{user}/pending-identities")).await.ok();
    let approval = json!({"pending_id": pending["items"][0]["id"]});
    api.post(&format!("/api/v1/users/{user}/identities"), &approval).await.expect(204);
    sign_in.await;
    api.patch(SETTINGS, &json!({"local_login": false})).await.expect(200);
}

on_both! {
    with Server::inside;

    async fn an_administrator_who_comes_by_openid_connect_can_sign_in(server: Server) {
        let world = oidc::world::World::with(server, json!({"email_domains": ["acme.example"]})).await;
        let browser = server.client();
        let refused = async { drop(world.sign_in(&server.client()).await.expect(403)) };
        closes_after(&world.api(), &world.user, refused, async { drop(world.lets_in(&browser).await) }).await;
    }

    async fn an_administrator_who_comes_by_ldap_can_sign_in(server: Server) {
        let slapd = Slapd::start(&ldap::world::few());
        let routed = json!({"email_domains": ["acme.example"]});
        let world = ldap::world::World::with(server, ldap::world::body(&slapd), routed).await;
        let user = json!({"user_name": "bob@acme.example", "email": "bob@acme.example"});
        let user = world.api().post("/api/v1/users", &user).await.created();
        let sign_in = async { drop(world.lets_in("bob@acme.example", PASSWORD).await) };
        let browser = server.client();
        let refused = async { drop(world.try_in(&browser, "bob@acme.example", PASSWORD).await.expect(401)) };
        closes_after(&world.api(), text(&user, "id"), refused, sign_in).await;
    }
}
