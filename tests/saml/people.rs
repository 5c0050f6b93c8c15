//! What an assertion does to people: who comes into being, which names and groups they get.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use axum::Json;
use axum::extract::{Path, Query, State};
use axum::http::{HeaderMap, StatusCode};
use axum::routing::{get, post};
use serde_json::{Value, json};

use super::world::{ENTITY, World};
use crate::harness::idp::{Idp, Sign};
use crate::harness::{Backend, Client, Server};
use crate::on_both;

fn pairs(all: &[(&str, &str)]) -> Vec<(String, String)> {
    all.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

async fn group(api: &Client, name: &str) -> String {
    let made = api.post("/api/v1/groups", &json!({"name": name})).await.created();
    made["id"].as_str().expect("id").to_owned()
}

async fn link(api: &Client, group: &str, connection: &str, name: &str) {
    let body = json!({"connection_id": connection, "name": name});
    api.post(&format!("/api/v1/groups/{group}/link"), &body).await.created();
}

/// The names of the groups that somebody who signs in with these values is in.
async fn groups_of(world: &World<'_>, values: &[&str]) -> Vec<String> {
    let browser = world.server.client();
    let all: Vec<(&str, &str)> = values.iter().map(|value| ("groups", *value)).collect();
    world.sign_in(&browser, |says| says.attributes = pairs(&all)).await.expect(303);
    let me = browser.get("/api/v1/me").await.ok();
    me["groups"]
        .as_array()
        .expect("groups")
        .iter()
        .map(|name| name.as_str().expect("name").to_owned())
        .collect()
}

on_both! {
    async fn names_follow_the_provider(server: Server) {
        let world = World::new(server, Idp::rsa(ENTITY)).await;
        let browser = server.client();
        let named = |given: &str, family: &str| pairs(&[("givenName", given), ("sn", family)]);
        world.sign_in(&browser, |says| says.attributes = named("Bob", "Builder")).await.expect(303);
        assert_eq!(browser.get("/api/v1/me").await.ok()["display_name"], "Bob Builder");
        // Married, and the name that was made of the others follows.
        world.sign_in(&browser, |says| says.attributes = named("Bob", "Baker")).await.expect(303);
        assert_eq!(browser.get("/api/v1/me").await.ok()["display_name"], "Bob Baker");
        // The same again writes nothing.
        let before = server.audit(&world.tenant).await.iter().filter(|e| e["action"] == "user.update").count();
        world.sign_in(&browser, |says| says.attributes = named("Bob", "Baker")).await.expect(303);
        assert_eq!(server.audit(&world.tenant).await.iter().filter(|e| e["action"] == "user.update").count(), before);
        // What cannot be a name keeps nobody out.
        let strange = pairs(&[("givenName", &"x".repeat(600)), ("sn", "a\nb")]);
        world.sign_in(&browser, |says| says.attributes = strange).await.expect(303);
        assert_eq!(browser.get("/api/v1/me").await.ok()["display_name"], "Bob Baker");
        // Mapped elsewhere; and not at all.
        world.change(json!({"display_name_attribute": "nick"})).await.expect(200);
        world.sign_in(&browser, |says| says.attributes = pairs(&[("nick", "Bobby")])).await.expect(303);
        assert_eq!(browser.get("/api/v1/me").await.ok()["display_name"], "Bobby");
        world.change(json!({"update_names": false})).await.expect(200);
        world.sign_in(&browser, |says| says.attributes = pairs(&[("nick", "Robert")])).await.expect(303);
        assert_eq!(browser.get("/api/v1/me").await.ok()["display_name"], "Bobby");
        // Whom a directory manages it names.
        world.change(json!({"update_names": true})).await.expect(200);
        let (_, token) = server.scim(&world.tenant, "Okta").await;
        let eve = json!({"userName": "eve@acme.example", "displayName": "Eve by Okta", "emails": [{"value": "eve@acme.example"}]});
        server.client().bearer(&token).post("/scim/v2/Users", &eve).await.created();
        let browser = server.client();
        world.sign_in(&browser, |says| {
            says.email = "eve@acme.example".into();
            says.attributes = pairs(&[("nick", "Evil")]);
        }).await.expect(303);
        assert_eq!(browser.get("/api/v1/me").await.ok()["display_name"], "Eve by Okta");
    }

    async fn people_are_in_exactly_the_linked_groups_that_are_named(server: Server) {
        let sync = json!({"group_attribute": "groups", "group_sync": true});
        let world = World::with(server, "acme", Idp::rsa(ENTITY), sync).await;
        let api = world.api();
        let (makers, bakers, by_hand) = (group(&api, "Makers").await, group(&api, "Bakers").await, group(&api, "By hand").await);
        link(&api, &makers, &world.connection, "idp-makers").await;
        link(&api, &bakers, &world.connection, "idp-bakers").await;
        let bob = api.get("/api/v1/users?user_name=bob@acme.example").await.ok()["items"][0]["id"].clone();
        api.post(&format!("/api/v1/groups/{by_hand}/members"), &json!({"add": [bob]})).await.expect(200);
        assert_eq!(groups_of(&world, &["idp-makers", "idp-unknown", "By hand"]).await, ["By hand", "Makers"]);
        assert_eq!(groups_of(&world, &["idp-bakers"]).await, ["Bakers", "By hand"]);
        assert_eq!(groups_of(&world, &["idp-makers", "idp-bakers"]).await, ["Bakers", "By hand", "Makers"]);
        // The case of the name counts, and nothing named is nothing.
        assert_eq!(groups_of(&world, &["IDP-MAKERS"]).await, ["By hand"]);
        assert_eq!(groups_of(&world, &["idp-makers"]).await, ["By hand", "Makers"]);
        assert_eq!(groups_of(&world, &[]).await, ["By hand"]);
        // A group that follows nothing is not touched, whatever its name; one that was put there by hand stays.
        api.post(&format!("/api/v1/groups/{makers}/members"), &json!({"add": [bob]})).await.expect(200);
        assert_eq!(groups_of(&world, &["idp-makers"]).await, ["By hand", "Makers"]);
        assert_eq!(groups_of(&world, &[]).await, ["By hand", "Makers"]);
        // Another provider's groups are another's.
        let other = json!({"kind": "saml", "name": "Other", "metadata_xml": Idp::ec("https://two.example").metadata(),
            "group_attribute": "groups", "group_sync": true});
        let other = api.post("/api/v1/connections", &other).await.created()["id"].as_str().expect("id").to_owned();
        let theirs = group(&api, "Theirs").await;
        link(&api, &theirs, &other, "idp-bakers").await;
        assert_eq!(groups_of(&world, &["idp-bakers"]).await, ["Bakers", "By hand", "Makers"]);
        // The change is in the trail.
        let events = server.audit(&world.tenant).await;
        let changed = events.iter().filter(|e| e["action"] == "group.update" && e["resource"]["name"] == "Bakers").count();
        assert!(changed >= 3, "{changed}");
        // Who came that way is not sent away by hand.
        let refused = api.post(&format!("/api/v1/groups/{bakers}/members"), &json!({"remove": [bob]})).await.expect(409);
        assert!(refused.body.contains("identity provider"), "{}", refused.body);
    }

    async fn links_are_made_and_taken_away_with_care(server: Server) {
        let sync = json!({"group_attribute": "groups", "group_sync": true});
        let world = World::with(server, "acme", Idp::rsa(ENTITY), sync).await;
        let api = world.api();
        let (makers, bakers) = (group(&api, "Makers").await, group(&api, "Bakers").await);
        link(&api, &makers, &world.connection, "a").await;
        link(&api, &bakers, &world.connection, "b").await;
        let again = json!({"connection_id": world.connection, "name": "c"});
        api.post(&format!("/api/v1/groups/{makers}/link"), &again).await.expect(409);
        let (scim, token) = server.scim(&world.tenant, "Okta").await;
        let body = json!({"connection_id": scim, "name": "c"});
        api.post(&format!("/api/v1/groups/{}/link", group(&api, "Third").await), &body).await.expect(422);
        let managed = server.client().bearer(&token).post("/scim/v2/Groups", &json!({"displayName": "Pushed"})).await.created();
        api.post(&format!("/api/v1/groups/{}/link", managed["id"].as_str().expect("id")), &again).await.expect(409);
        assert_eq!(api.get(&format!("/api/v1/groups/{makers}")).await.ok()["link"]["name"], "a");
        // Another account's.
        let globex = server.tenant("globex").await;
        let theirs = server.client().bearer(&globex.token);
        theirs.post(&format!("/api/v1/groups/{makers}/link"), &again).await.expect(404);
        let own = group(&theirs, "Own").await;
        theirs.post(&format!("/api/v1/groups/{own}/link"), &again).await.expect(404);
        theirs.delete(&format!("/api/v1/groups/{makers}/link?members=remove")).await.expect(404);
        // A provider that groups follow stays.
        assert_eq!(groups_of(&world, &["a", "b"]).await, ["Bakers", "Makers"]);
        let kept = api.delete(&format!("/api/v1/connections/{}", world.connection)).await.expect(409);
        assert!(kept.body.contains("Unlink them first"), "{}", kept.body);
        api.delete(&format!("/api/v1/groups/{makers}/link")).await.expect(400);
        api.delete(&format!("/api/v1/groups/{makers}/link?members=retain")).await.expect(204);
        api.delete(&format!("/api/v1/groups/{bakers}/link?members=remove")).await.expect(204);
        api.delete(&format!("/api/v1/groups/{bakers}/link?members=remove")).await.expect(404);
        assert_eq!(groups_of(&world, &["b"]).await, ["Makers"], "retained as if put there by hand");
        let members = api.get(&format!("/api/v1/groups/{bakers}/members")).await.ok();
        assert_eq!(members["items"], json!([]));
        api.delete(&format!("/api/v1/connections/{}", world.connection)).await.expect(204);
    }

    async fn a_sign_in_the_provider_began_lands_where_it_may(server: Server) {
        let more = json!({"allow_idp_initiated": true, "landing": "/profile/two-factor"});
        let world = World::with(server, "acme", Idp::rsa(ENTITY), more).await;
        for (relay, lands) in [
            ("", "/profile/two-factor"),
            ("/profile?x=1", "/profile?x=1"),
            ("https://evil.example/", "/profile/two-factor"),
            ("//evil.example/", "/profile/two-factor"),
            ("/\\evil.example/", "/profile/two-factor"),
            ("opaque-token-of-theirs", "/profile/two-factor"),
        ] {
            let browser = server.client();
            let xml = world.idp.response(&world.says(None), Sign::Assertion);
            let field = crate::harness::idp::encode(&xml);
            let path = format!("/saml/{}/acs", world.connection);
            let handed = browser.form(&path, &[("SAMLResponse", &field), ("RelayState", relay)]).await.expect(303);
            let entered = browser.get(&handed.location().expect("continue")).await.expect(303);
            assert_eq!(entered.location().as_deref(), Some(lands), "{relay}");
        }
        // One that was asked for goes where it was asked from, whatever comes beside it.
        let browser = server.client();
        let request = world.begin(&browser).await;
        let field = crate::harness::idp::encode(&world.idp.response(&world.says(Some(&request)), Sign::Assertion));
        let path = format!("/saml/{}/acs", world.connection);
        let handed = browser.form(&path, &[("SAMLResponse", &field), ("RelayState", "/console")]).await.expect(303);
        let entered = browser.get(&handed.location().expect("continue")).await.expect(303);
        assert_eq!(entered.location().as_deref(), Some("/profile"));
    }
}

/// Microsoft Graph as far as it is documented: tokens by client credentials, and the groups of a person in pages.
#[derive(Clone, Default)]
struct Graph {
    base: Arc<Mutex<String>>,
    asked: Arc<Mutex<Vec<String>>>,
    broken: Arc<Mutex<bool>>,
}

impl Graph {
    async fn start() -> (Self, String) {
        let graph = Self::default();
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let base = format!("http://{}", listener.local_addr().expect("address"));
        graph.base.lock().expect("lock").clone_from(&base);
        let app = axum::Router::new()
            .route("/{tenant}/oauth2/v2.0/token", post(token))
            .route("/v1.0/users/{user}/transitiveMemberOf/microsoft.graph.group", get(member_of))
            .with_state(graph.clone());
        tokio::spawn(async move { axum::serve(listener, app).await });
        (graph, base)
    }
}

async fn token(Path(tenant): Path<String>, body: String) -> (StatusCode, Json<Value>) {
    let form: HashMap<String, String> = url::form_urlencoded::parse(body.as_bytes()).into_owned().collect();
    let right = tenant == "acme-tenant"
        && form["grant_type"] == "client_credentials"
        && form["client_id"] == "client"
        && form["client_secret"] == "the client's secret"
        && form["scope"].ends_with("/.default");
    if right {
        (
            StatusCode::OK,
            Json(json!({"token_type": "Bearer", "expires_in": 3599, "access_token": "graph-token"})),
        )
    } else {
        (StatusCode::UNAUTHORIZED, Json(json!({"error": "invalid_client"})))
    }
}

async fn member_of(
    State(graph): State<Graph>,
    Path(user): Path<String>,
    Query(query): Query<HashMap<String, String>>,
    headers: HeaderMap,
) -> (StatusCode, Json<Value>) {
    graph.asked.lock().expect("lock").push(user);
    if *graph.broken.lock().expect("lock") || headers["authorization"] != "Bearer graph-token" {
        return (StatusCode::SERVICE_UNAVAILABLE, Json(json!({"error": {"code": "serviceNotAvailable"}})));
    }
    let page: usize = query.get("$skiptoken").and_then(|text| text.parse().ok()).unwrap_or(0);
    let value: Vec<Value> =
        (page * 100..page * 100 + 100).map(|n| json!({"id": format!("group-{n}")})).collect();
    let mut body = json!({"value": value});
    if page < 2 {
        let base = graph.base.lock().expect("lock").clone();
        body["@odata.nextLink"] = json!(format!(
            "{base}/v1.0/users/x/transitiveMemberOf/microsoft.graph.group?$skiptoken={}",
            page + 1
        ));
    }
    (StatusCode::OK, Json(body))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn groups_that_are_too_many_for_an_assertion_are_read_from_graph() {
    let (graph, base) = Graph::start().await;
    let server = Server::start_with(Backend::Sqlite, |config| {
        config.outgoing.allowed_networks = vec!["127.0.0.0/8".parse().expect("network")];
    })
    .await;
    let sync = json!({"vendor": "entra", "group_attribute": "groups", "group_sync": true});
    let world = World::with(&server, "acme", Idp::rsa(ENTITY), sync).await;
    let api = world.api();
    let (first, last, none) =
        (group(&api, "First").await, group(&api, "Last").await, group(&api, "None").await);
    link(&api, &first, &world.connection, "group-0").await;
    link(&api, &last, &world.connection, "group-299").await;
    link(&api, &none, &world.connection, "group-300").await;
    let overage = async || {
        let browser = server.client();
        let claims = [
            (
                "http://schemas.microsoft.com/claims/groups.link",
                "https://graph.windows.net/acme/users/1/getMemberObjects",
            ),
            ("http://schemas.microsoft.com/identity/claims/objectidentifier", "oid/../1"),
        ];
        world.sign_in(&browser, |says| says.attributes = pairs(&claims)).await.expect(303);
        browser.get("/api/v1/me").await.ok()["groups"].clone()
    };
    // No client is set up: nobody is taken out of anything, and the sign-in goes on.
    assert_eq!(groups_of(&world, &["group-300"]).await, ["None"]);
    assert_eq!(overage().await, json!(["None"]));
    let settings =
        json!({"tenant_id": "acme-tenant", "client_id": "client", "graph_url": base, "login_url": base});
    world.change(json!({"graph": settings, "graph_client_secret": "wrong"})).await.expect(200);
    assert_eq!(overage().await, json!(["None"]));
    let shown = world.change(json!({"graph_client_secret": "the client's secret"})).await.expect(200);
    assert!(!shown.body.contains("the client's secret"), "{}", shown.body);
    assert_eq!(overage().await, json!(["First", "Last"]));
    // What the assertion says is one segment of the address, and no way to another.
    assert_eq!(graph.asked.lock().expect("lock").first().map(String::as_str), Some("oid/../1"));
    // The secret goes to no other server than the one that it was entered for, also by way of switching Graph off.
    let with = |url: &str| json!({"tenant_id": "acme-tenant", "client_id": "client", "graph_url": base, "login_url": url});
    let elsewhere = with("https://login.evil.example");
    let refused = world.change(json!({"graph": elsewhere})).await.expect(422);
    assert_eq!(refused.value()["field"], "graph_client_secret");
    let off = json!({"tenant_id": "", "client_id": "", "graph_url": base, "login_url": base});
    world.change(json!({"graph": off})).await.expect(200);
    let refused = world.change(json!({"graph": elsewhere})).await.expect(422);
    assert_eq!(refused.value()["field"], "graph_client_secret");
    world.change(json!({"graph": settings, "graph_client_secret": "the client's secret"})).await.expect(200);
    world.change(json!({"graph": settings})).await.expect(200);
    *graph.broken.lock().expect("lock") = true;
    assert_eq!(overage().await, json!(["First", "Last"]), "Graph is down: as they were");
    let trail = Value::Array(server.audit(&world.tenant).await).to_string();
    assert!(!trail.contains("client's secret"), "{trail}");
}
