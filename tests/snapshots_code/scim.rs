//! What provisioning clients get to read.

use serde_json::{Value, json};

use super::book::Book;
use super::world::{World, id};
use crate::harness::Client;

const USER: &str = "urn:ietf:params:scim:schemas:core:2.0:User";
const ENTERPRISE: &str = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User";

fn person(name: &str) -> Value {
    json!({"schemas": [USER, ENTERPRISE], "userName": format!("{name}@acme.example"), "externalId": format!("00u{name}"),
        "name": {"givenName": name, "familyName": "Sent", "formatted": format!("{name} Sent")}, "displayName": name,
        "title": "Builder", "locale": "en-US", "active": true,
        "emails": [{"value": format!("{name}@acme.example"), "type": "work", "primary": true}],
        "phoneNumbers": [{"value": "+49 1", "type": "work"}],
        ENTERPRISE: {"employeeNumber": "7", "department": "Sales"}})
}

/// A directory with two people and a group: the client, and the ids by name.
async fn site(world: &mut World) -> Client {
    let (_, token) = world.server.scim(&world.tenant, "Okta").await;
    let scim = world.server.client().bearer(&token);
    for name in ["gina", "hank"] {
        world.server.advance(1);
        let made = scim.post("/scim/v2/Users", &person(name)).await.created();
        world.know(name, &id(&made));
    }
    world.server.advance(1);
    let members = json!([{"value": world.id("gina")}, {"value": world.id("hank")}]);
    let sales = json!({"displayName": "Sales", "externalId": "g1", "members": members});
    let made = scim.post("/scim/v2/Groups", &sales).await.created();
    world.know("sales", &id(&made));
    scim
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn reading() {
    let mut world = World::empty().await;
    let scim = site(&mut world).await;
    let mut book = world.book("scim_reading");
    for (name, path) in [
        ("service-provider-config", "/scim/v2/ServiceProviderConfig"),
        ("schemas", "/scim/v2/Schemas"),
        ("schema", "/scim/v2/Schemas/urn:ietf:params:scim:schemas:core:2.0:User"),
        ("schema-unknown", "/scim/v2/Schemas/urn:nothing"),
        ("resource-types", "/scim/v2/ResourceTypes"),
        ("resource-type", "/scim/v2/ResourceTypes/User"),
        ("me", "/scim/v2/Me"),
        ("users", "/scim/v2/Users"),
        ("users-page", "/scim/v2/Users?startIndex=2&count=1&sortBy=userName"),
        ("users-cursor", "/scim/v2/Users?count=1&cursor="),
        ("users-filter", "/scim/v2/Users?filter=userName%20eq%20%22gina@acme.example%22"),
        ("users-filter-none", "/scim/v2/Users?filter=userName%20eq%20%22nobody%22"),
        ("users-filter-invalid", "/scim/v2/Users?filter=nonsense"),
        ("users-attributes", "/scim/v2/Users?attributes=userName,emails.value"),
        ("users-excluded", "/scim/v2/Users?excludedAttributes=emails,name"),
        ("users-sort-invalid", "/scim/v2/Users?sortBy=nonsense"),
        ("users-count-invalid", "/scim/v2/Users?count=many"),
        ("user", "/scim/v2/Users/{gina}"),
        ("user-attributes", "/scim/v2/Users/{gina}?attributes=userName"),
        ("user-unknown", "/scim/v2/Users/0195f3c0-0000-7000-8000-000000000000"),
        ("groups", "/scim/v2/Groups"),
        ("groups-excluded", "/scim/v2/Groups?excludedAttributes=members"),
        ("groups-filter", "/scim/v2/Groups?filter=displayName%20eq%20%22Sales%22"),
        ("group", "/scim/v2/Groups/{sales}"),
        ("nothing", "/scim/v2/Nothing"),
    ] {
        book.get(&scim, name, &world.path(path)).await;
    }
    book.get(&world.server.client(), "without-token", "/scim/v2/Users").await;
    book.get(&world.api, "with-another-token", "/scim/v2/Users").await;
    let search = json!({"schemas": ["urn:ietf:params:scim:api:messages:2.0:SearchRequest"],
        "filter": "displayName eq \"gina\"", "attributes": ["userName"], "count": 5});
    for (name, path) in
        [("search-users", "/Users/.search"), ("search-groups", "/Groups/.search"), ("search-all", "/.search")]
    {
        book.json(&scim, name, ("POST", &format!("/scim/v2{path}")), &search).await;
    }
    book.close();
}

fn patch(operations: Value) -> Value {
    json!({"schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"], "Operations": operations})
}

fn bulk(operations: Value) -> Value {
    json!({"schemas": ["urn:ietf:params:scim:api:messages:2.0:BulkRequest"], "Operations": operations})
}

async fn send(book: &mut Book, (world, scim): (&World, &Client), all: &[(&str, &str, Value)]) {
    for (name, request, body) in all {
        world.server.advance(1);
        let (method, path) = request.split_once(' ').expect("a method and a path");
        let path = world.path(&format!("/scim/v2{path}"));
        book.json(scim, name, (method, &path), body).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn writing_users() {
    let mut world = World::empty().await;
    let scim = site(&mut world).await;
    let mut book = world.book("scim_writing_users");
    let renamed = patch(json!([{"op": "replace", "path": "name.givenName", "value": "Regina"},
        {"op": "add", "path": "emails[type eq \"home\"].value", "value": "gina@home.example"},
        {"op": "remove", "path": "title"}]));
    let mut named = person("gina");
    named["title"] = json!("Boss");
    let all = [
        ("user-created", "POST /Users", person("ivy")),
        ("user-taken", "POST /Users", person("gina")),
        ("user-without-name", "POST /Users", json!({"schemas": [USER]})),
        ("user-of-wrong-type", "POST /Users", json!({"userName": 7})),
        ("user-replaced", "PUT /Users/{gina}", named),
        ("user-patched", "PATCH /Users/{gina}", renamed),
        (
            "user-deactivated",
            "PATCH /Users/{hank}",
            patch(json!([{"op": "Replace", "value": {"active": "False"}}])),
        ),
        (
            "user-patch-bad-path",
            "PATCH /Users/{gina}",
            patch(json!([{"op": "replace", "path": "a b", "value": 1}])),
        ),
        ("user-patch-bad-op", "PATCH /Users/{gina}", patch(json!([{"op": "jump", "path": "title"}]))),
        ("user-patch-no-target", "PATCH /Users/{gina}", patch(json!([{"op": "remove"}]))),
        (
            "user-patch-read-only",
            "PATCH /Users/{gina}",
            patch(json!([{"op": "replace", "path": "id", "value": "x"}])),
        ),
        ("user-patch-unknown", "PATCH /Users/x", patch(json!([]))),
        ("user-deleted", "DELETE /Users/{hank}", json!({})),
        ("user-deleted-again", "DELETE /Users/{hank}", json!({})),
        ("me-replaced", "PUT /Me", json!({})),
        ("me-patched", "PATCH /Me", json!({})),
        ("me-deleted", "DELETE /Me", json!({})),
    ];
    send(&mut book, (&world, &scim), &all).await;
    let text =
        scim.request(reqwest::Method::POST, "/scim/v2/Users").header("content-type", "application/scim+json");
    let answer = scim.send(text.body("{")).await;
    book.answer("not-json", ("POST", "/scim/v2/Users"), &answer);
    book.close();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn writing_groups_and_in_bulk() {
    let mut world = World::empty().await;
    let scim = site(&mut world).await;
    let mut book = world.book("scim_writing_groups");
    let group = json!({"displayName": "Makers", "members": [{"value": world.id("hank")}]});
    let member = patch(json!([{"op": "add", "path": "members", "value": [{"value": world.id("gina")}]}]));
    let all = [
        ("group-created", "POST /Groups", group),
        ("group-without-name", "POST /Groups", json!({})),
        ("group-replaced", "PUT /Groups/{sales}", json!({"displayName": "Sellers"})),
        ("group-patched", "PATCH /Groups/{sales}", member),
        (
            "group-unknown-member",
            "PATCH /Groups/{sales}",
            patch(json!([{"op": "add", "path": "members", "value": [{"value": "x"}]}])),
        ),
        ("group-deleted", "DELETE /Groups/{sales}", json!({})),
        (
            "bulk",
            "POST /Bulk",
            bulk(json!([
                {"method": "POST", "path": "/Users", "bulkId": "zoe", "data": {"userName": "zoe@acme.example"}},
                {"method": "POST", "path": "/Groups", "bulkId": "staff",
                 "data": {"displayName": "Staff", "members": [{"value": "bulkId:zoe"}]}},
                {"method": "POST", "path": "/Users", "bulkId": "again", "data": {"userName": "zoe@acme.example"}},
                {"method": "DELETE", "path": "/Users/nobody"},
                {"method": "PATCH", "path": "/Nothing/x", "data": {}},
            ])),
        ),
        (
            "bulk-stopped",
            "POST /Bulk",
            json!({"failOnErrors": 1, "Operations": [
            {"method": "DELETE", "path": "/Users/nobody"}, {"method": "DELETE", "path": "/Users/nobody"}]}),
        ),
        ("bulk-nonsense", "POST /Bulk", json!({"Operations": 7})),
    ];
    send(&mut book, (&world, &scim), &all).await;
    book.close();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_directory_is_told_that_has_to_wait() {
    let mut world = World::empty().await;
    let scim = site(&mut world).await;
    let mut book = world.book("scim_waiting");
    let list = world.api.get("/api/v1/connections").await.ok();
    let connection = id(&list["items"][0]);
    world.change(&format!("/api/v1/connections/{connection}"), json!({"dry_run": true})).await;
    book.json(&scim, "dry-run", ("POST", "/scim/v2/Users"), &person("new")).await;
    world.change(&format!("/api/v1/connections/{connection}"), json!({"enabled": false})).await;
    book.get(&scim, "switched-off", "/scim/v2/Users").await;
    book.close();
}
