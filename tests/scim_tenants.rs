//! One account's directory and another account's people: every endpoint, every place an id can stand in.

use reqwest::Method;
use serde_json::{Value, json};
use vestibule::access::Guard;

use crate::harness::{Client, Server, Tenant};
use crate::on_both;

struct House {
    tenant: Tenant,
    scim: Client,
    api: Client,
    user: String,
    group: String,
}

async fn house(server: &Server, slug: &str) -> House {
    let tenant = server.tenant(slug).await;
    let (_, token) = server.scim(&tenant, "Directory").await;
    let scim = server.client().bearer(&token);
    let user =
        json!({"userName": format!("bob@{slug}.example"), "externalId": format!("x-{slug}"), "active": true});
    let user = made(&scim, "/scim/v2/Users", &user).await;
    let group = json!({"displayName": format!("Builders of {slug}"), "members": [{"value": user}]});
    let group = made(&scim, "/scim/v2/Groups", &group).await;
    let api = server.client().bearer(&tenant.token);
    House { tenant, scim, api, user, group }
}

async fn made(scim: &Client, path: &str, body: &Value) -> String {
    scim.post(path, body).await.created()["id"].as_str().expect("an id").to_owned()
}

impl House {
    /// Everything that a stranger could have changed.
    async fn state(&self, server: &Server) -> Value {
        let events = server.audit(&self.tenant).await.len();
        json!({
            "user": self.scim.get(&format!("/scim/v2/Users/{}", self.user)).await.ok(),
            "group": self.scim.get(&format!("/scim/v2/Groups/{}", self.group)).await.ok(),
            "users": self.api.get("/api/v1/users?limit=200").await.ok(),
            "events": events,
        })
    }
}

fn patch(operation: Value) -> Value {
    json!({"schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"], "Operations": [operation]})
}

fn found(kind: &str, filter: &str) -> String {
    let filter: String = url::form_urlencoded::byte_serialize(filter.as_bytes()).collect();
    format!("/scim/v2/{kind}?filter={filter}")
}

on_both! {
    async fn who_looks_somebody_up_at_the_same_time_gets_their_own(server: Server) {
        let (acme, other) = (house(server, "acme").await, house(server, "other").await);
        for house in [&acme, &other] {
            for n in 0..5 {
                let body = json!({"userName": format!("same{n}@both.example"), "active": true});
                made(&house.scim, "/scim/v2/Users", &body).await;
            }
        }
        let mut asked = tokio::task::JoinSet::new();
        for n in 0..60 {
            let (house, slug) = if n % 2 == 0 { (&acme, "acme") } else { (&other, "other") };
            let name = match n % 6 {
                0 | 1 => format!("SAME{}@both.example", n / 2 % 5),
                2 | 3 => format!("bob@{slug}.example"),
                // The other account's, and one that PostgreSQL refuses.
                4 => "bob@other.example".to_owned(),
                _ => "bob@\0.example".to_owned(),
            };
            let (scim, path) = (house.scim.clone(), found("Users", &format!("userName eq {}", json!(name))));
            asked.spawn(async move { (n, name, scim.get(&path).await) });
        }
        while let Some(answer) = asked.join_next().await {
            let (n, name, answer) = answer.expect("answered");
            if n % 6 == 5 {
                // There is nobody of that name, however it is said.
                assert!(answer.status == 400 || answer.ok()["totalResults"] == 0);
                continue;
            }
            let list = answer.ok();
            assert_eq!(list["totalResults"], i64::from(n % 6 < 4), "{name}: {list}");
            if n % 6 < 4 {
                assert_eq!(list["Resources"][0]["userName"].as_str().map(str::to_lowercase), Some(name.to_lowercase()));
                let house = if n % 2 == 0 { &acme } else { &other };
                let id = list["Resources"][0]["id"].as_str().expect("an id");
                house.scim.get(&format!("/scim/v2/Users/{id}")).await.ok();
            }
        }
    }

    async fn nobody_else_s_people_can_be_read_or_changed(server: Server) {
        let (acme, other) = (house(server, "acme").await, house(server, "other").await);
        let before = acme.state(server).await;
        let events = server.audit(&other.tenant).await.len();
        let (user, group) = (format!("/scim/v2/Users/{}", acme.user), format!("/scim/v2/Groups/{}", acme.group));
        // In paths.
        let body = json!({"userName": "mallory@acme.example", "displayName": "Mallory", "active": false});
        let off = patch(json!({"op": "replace", "value": {"active": false}}));
        let empty = patch(json!({"op": "remove", "path": "members"}));
        for (path, operations) in [(&user, &off), (&group, &empty)] {
            other.scim.get(path).await.expect(404);
            other.scim.get(&format!("{path}?attributes=id")).await.expect(404);
            other.scim.put(path, &body).await.expect(404);
            other.scim.patch(path, operations).await.expect(404);
            other.scim.delete(path).await.expect(404);
        }
        // As members and in their removal.
        let member = json!([{"value": acme.user}]);
        other.scim.post("/scim/v2/Groups", &json!({"displayName": "Thieves", "members": member})).await.expect(400);
        let own = format!("/scim/v2/Groups/{}", other.group);
        other.scim.patch(&own, &patch(json!({"op": "add", "path": "members", "value": member}))).await.expect(400);
        other.scim.patch(&own, &patch(json!({"op": "add", "path": "members", "value": [{"value": acme.group}]}))).await.expect(400);
        other.scim.put(&own, &json!({"displayName": "Builders of other", "members": member})).await.expect(400);
        other.scim.patch(&own, &patch(json!({"op": "remove", "path": "members", "value": member}))).await.expect(204);
        // In filters and queries.
        for filter in [
            format!("id eq \"{}\"", acme.user), "userName eq \"bob@acme.example\"".into(), "externalId eq \"x-acme\"".into(),
            "emails.value eq \"bob@acme.example\"".into(), "userName co \"acme\"".into(),
            format!("groups eq \"{}\"", acme.group),
        ] {
            assert_eq!(other.scim.get(&found("Users", &filter)).await.ok()["totalResults"], 0, "{filter}");
            let search = other.scim.post("/scim/v2/Users/.search", &json!({"filter": filter})).await.ok();
            assert_eq!(search["totalResults"], 0, "{filter}");
        }
        for filter in [
            format!("id eq \"{}\"", acme.group), "displayName eq \"Builders of acme\"".into(),
            format!("members eq \"{}\"", acme.user), "displayName co \"acme\"".into(),
        ] {
            assert_eq!(other.scim.get(&found("Groups", &filter)).await.ok()["totalResults"], 0, "{filter}");
            let search = other.scim.post("/scim/v2/.search", &json!({"filter": filter})).await.ok();
            assert_eq!(search["totalResults"], 0, "{filter}");
        }
        // A cursor of one account is worth nothing in another.
        let page = acme.scim.get("/scim/v2/Users?cursor=&count=1").await.ok();
        let cursor = page["nextCursor"].as_str().expect("more");
        let theirs = other.scim.get(&format!("/scim/v2/Users?cursor={cursor}&count=100")).await.ok();
        assert!(!theirs.to_string().contains("acme"), "{theirs}");
        // In bulk.
        let operations = json!([
            {"method": "PATCH", "path": format!("/Users/{}", acme.user), "data": off},
            {"method": "PUT", "path": format!("/Users/{}", acme.user), "data": body},
            {"method": "DELETE", "path": format!("/Users/{}", acme.user)},
            {"method": "PATCH", "path": format!("/Groups/{}", acme.group), "data": empty},
            {"method": "DELETE", "path": format!("/Groups/{}", acme.group)},
            {"method": "POST", "path": "/Groups", "bulkId": "g", "data": {"displayName": "Thieves", "members": member}},
        ]);
        let bulk = other.scim.post("/scim/v2/Bulk", &json!({"Operations": operations})).await.ok();
        let statuses: Vec<&Value> = bulk["Operations"].as_array().expect("a list").iter().map(|one| &one["status"]).collect();
        assert_eq!(statuses, ["404", "404", "404", "404", "404", "400"]);
        // No trace: not there, and not here either.
        assert_eq!(acme.state(server).await, before);
        let trail = server.audit(&other.tenant).await;
        assert_eq!(trail.len(), events, "{trail:#?}");
        let trail = Value::from(trail).to_string();
        assert!(!trail.contains("acme") && !trail.contains(&acme.user) && !trail.contains(&acme.group), "{trail}");
        assert_eq!(other.scim.get("/scim/v2/Groups").await.ok()["totalResults"], 1);
    }

    async fn a_token_that_has_ended_opens_no_endpoint(server: Server) {
        let acme = house(server, "acme").await;
        let before = acme.state(server).await;
        let (connection, token) = server.scim(&acme.tenant, "Old").await;
        let old = server.client().bearer(&token);
        old.get("/scim/v2/Users").await.ok();
        let tokens = acme.api.get(&format!("/api/v1/connections/{connection}/tokens")).await.ok();
        acme.api.delete(&format!("/api/v1/api-tokens/{}", tokens["items"][0]["id"].as_str().expect("id"))).await.expect(204);
        let events = server.audit(&acme.tenant).await.len();
        let api_token = server.client().bearer(&acme.tenant.token);
        let mut tried = 0;
        for (method, path, _) in server.table.iter().filter(|(_, _, guard)| *guard == Guard::Scim) {
            let id = if path.contains("/Groups/") { &acme.group } else { &acme.user };
            let path = path.replace("{id}", id);
            for client in [&old, &api_token, &server.client(), &server.client().bearer("vst_scim_nonsense")] {
                let request = client.request(method.parse::<Method>().expect("a method"), &path);
                let answer = client.send(request.json(&json!({"userName": "x", "displayName": "x"}))).await;
                assert_eq!(answer.status, 401, "{method} {path}: {answer:?}");
                assert_eq!(answer.header("content-type"), "application/scim+json");
                assert_eq!(answer.header("www-authenticate"), "Bearer");
                tried += 1;
            }
        }
        assert!(tried >= 160, "{tried}");
        assert_eq!(server.audit(&acme.tenant).await.len(), events);
        let after = acme.state(server).await;
        assert_eq!((&after["user"], &after["group"], &after["users"]), (&before["user"], &before["group"], &before["users"]));
    }

    async fn what_another_node_has_ended_ends_here_within_a_second(server: Server) {
        let acme = house(server, "acme").await;
        let there = Server::replica(server).await;
        let token_of = |house: &House| house.tenant.token.clone();
        let (connection, token) = server.scim(&acme.tenant, "Second").await;
        let here = server.client().bearer(&token);
        here.get("/scim/v2/Users").await.ok();
        let api = there.client().bearer(&token_of(&acme));
        api.patch(&format!("/api/v1/connections/{connection}"), &json!({"enabled": false})).await.ok();
        let changed = std::time::Instant::now();
        loop {
            // What counts is when it was asked; the answer may take its time.
            let asked = changed.elapsed();
            if here.get("/scim/v2/Users").await.status != 200 {
                break;
            }
            assert!(asked < std::time::Duration::from_secs(1), "still open");
        }
        here.get("/scim/v2/Users").await.expect(403);
    }
}
