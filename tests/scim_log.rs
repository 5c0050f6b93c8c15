//! What administrators see of a directory: its log, what waits for them, and the guard.

use std::time::Duration;

use serde_json::{Value, json};

use crate::harness::{Client, Server, Tenant};
use crate::on_both;

struct Site {
    tenant: Tenant,
    api: Client,
    scim: Client,
    /// The connection's address in the API.
    path: String,
}

async fn site(server: &Server) -> Site {
    let tenant = server.tenant("acme").await;
    let (id, token) = server.scim(&tenant, "Okta").await;
    let api = server.client().bearer(&tenant.token);
    Site { api, scim: server.client().bearer(&token), path: format!("/api/v1/connections/{id}"), tenant }
}

impl Site {
    async fn log(&self, query: &str) -> Vec<Value> {
        let list = self.api.get(&format!("{}/requests?{query}", self.path)).await.ok();
        list["items"].as_array().expect("a list").clone()
    }

    async fn waiting(&self) -> Vec<Value> {
        let list = self.api.get(&format!("{}/pending-changes", self.path)).await.ok();
        list["items"].as_array().expect("a list").clone()
    }

    async fn set(&self, wanted: Value) -> Value {
        self.api.patch(&self.path, &wanted).await.ok()["scim"].clone()
    }

    async fn make(&self, name: &str) -> String {
        let user = json!({"userName": format!("{name}@acme.example"), "active": true});
        self.scim.post("/scim/v2/Users", &user).await.created()["id"].as_str().expect("id").to_owned()
    }

    async fn deactivate(&self, id: &str) -> u16 {
        let off = patch(json!([{"op": "replace", "value": {"active": false}}]));
        self.scim.patch(&format!("/scim/v2/Users/{id}"), &off).await.status.as_u16()
    }

    async fn is_active(&self, id: &str) -> bool {
        self.api.get(&format!("/api/v1/users/{id}")).await.ok()["status"] == "active"
    }
}

fn patch(operations: Value) -> Value {
    json!({"schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"], "Operations": operations})
}

fn attributes(entry: &Value) -> Vec<&str> {
    entry["changes"].as_array().expect("changes").iter().filter_map(|one| one["attribute"].as_str()).collect()
}

on_both! {
    async fn every_request_is_in_the_log_and_failures_explain_themselves(server: Server) {
        let site = site(server).await;
        let bob = site.make("bob").await;
        site.scim.get("/scim/v2/Users?filter=userName%20eq%20%22nobody@acme.example%22").await.ok();
        site.scim.get(&format!("/scim/v2/Users/{bob}")).await.ok();
        site.scim.post("/scim/v2/Users", &json!({"userName": "BOB@acme.example"})).await.expect(409);
        site.scim.get("/scim/v2/Users?filter=nonsense").await.expect(400);
        let log = site.log("").await;
        let told: Vec<(&str, i64)> =
            log.iter().map(|one| (one["method"].as_str().expect("method"), one["status"].as_i64().expect("status"))).collect();
        assert_eq!(told, [("GET", 400), ("POST", 409), ("GET", 200), ("GET", 200), ("POST", 201)]);
        let [bad, taken, _, looked, made] = log.as_slice() else { panic!("{log:#?}") };
        assert_eq!(made["subject"], "bob@acme.example");
        assert_eq!(made["resource_id"], bob.as_str());
        assert!(attributes(made).contains(&"userName"), "{made}");
        assert!(made["changes"][0].get("after").is_none(), "values are not kept unless asked for: {made}");
        assert_eq!((&looked["note"], &looked["subject"]), (&json!("0 found"), &json!("nobody@acme.example")));
        assert!(taken["note"].as_str().expect("note").contains("userName"), "{taken}");
        assert!(taken["advice"].as_str().expect("advice").contains("matching attribute"), "{taken}");
        assert!(bad["advice"].as_str().expect("advice").contains("Match users by userName"), "{bad}");
        assert!(made["advice"].is_null());
        // Failures alone, changes alone, in pages.
        assert_eq!(site.log("failed=true").await.len(), 2);
        assert_eq!(site.log("changes=true").await.len(), 1);
        let page = site.api.get(&format!("{}/requests?limit=2", site.path)).await.ok();
        let rest = site.api.get(&format!("{}/requests?limit=10&after={}", site.path, page["next"].as_str().expect("more"))).await.ok();
        assert_eq!((page["items"].as_array().map(Vec::len), rest["items"].as_array().map(Vec::len)), (Some(2), Some(3)));
        // Somebody else's account has no such connection.
        let other = server.tenant("other").await;
        server.client().bearer(&other.token).get(&format!("{}/requests", site.path)).await.expect(404);
        server.client().bearer(&other.token).get(&format!("{}/pending-changes", site.path)).await.expect(404);
    }

    async fn the_earlier_paths_of_pending_changes_still_work(server: Server) {
        let site = site(server).await;
        site.api.patch(&site.path, &json!({"dry_run": true})).await.ok();
        site.scim.post("/scim/v2/Users", &json!({"userName": "bob@acme.example"})).await;
        site.scim.post("/scim/v2/Users", &json!({"userName": "ann@acme.example"})).await;
        let earlier = site.api.get(&format!("{}/waiting", site.path)).await.ok();
        assert_eq!(earlier, site.api.get(&format!("{}/pending-changes", site.path)).await.ok());
        let chosen = json!({"id": earlier["items"][0]["id"]});
        let done = site.api.post(&format!("{}/waiting/let-through", site.path), &chosen).await.ok();
        assert_eq!(done["done"], 1, "{done}");
        let gone = site.api.post(&format!("{}/waiting/discard", site.path), &json!({})).await.ok();
        assert_eq!(gone["discarded"], 1, "{gone}");
        let browser = server.client();
        browser.sign_in("acme", &site.tenant.email, &site.tenant.password).await;
        let page = site.path.replace("/api/v1/", "/console/");
        let moved = browser.get(&format!("{page}/waiting")).await.expect(308);
        assert_eq!(moved.location(), Some(format!("{page}/pending-changes")), "for links in earlier mails");
        browser.get("/console/connections/a%0Ab/waiting").await.expect(404);
        // Scripts are told to move on.
        let described = site.api.get("/api/v1/openapi.json").await.ok();
        let approve = |path: &str| described["paths"][format!("/api/v1/connections/{{id}}/{path}")]["post"].clone();
        assert_eq!(approve("waiting/let-through")["deprecated"], true);
        assert!(approve("pending-changes/approve")["deprecated"].is_null());
    }

    async fn garbage_neither_fills_the_log_nor_loses_it(server: Server) {
        let site = site(server).await;
        let long = "x".repeat(100_000);
        site.make("bob").await;
        site.scim.post("/scim/v2/Users", &json!({"userName": "a\u{0}b"})).await.expect(400);
        site.scim.post("/scim/v2/Users", &json!({"userName": long})).await.expect(400);
        let strange = json!({"Operations": [{"method": "DELETE", "path": format!("/Users/\u{0}{long}")}]});
        site.scim.post("/scim/v2/Bulk", &strange).await;
        site.scim.post("/scim/v2/Users/.search", &json!({"filter": format!("userName eq \"\u{0}\" x{long}")})).await.expect(400);
        site.scim.get(&format!("/scim/v2/Users?filter={}", "y".repeat(5000))).await.expect(400);
        let log = site.log("").await;
        assert!(log.len() >= 6, "{log:#?}");
        assert_eq!(log.last().expect("the first")["subject"], "bob@acme.example");
        assert!(Value::from(log).to_string().len() < 20_000);
    }

    async fn the_log_finds_whom_one_looks_for(server: Server) {
        let site = site(server).await;
        let (bob, eve) = (site.make("bob").await, site.make("eve").await);
        let group = json!({"displayName": "Builders", "members": [{"value": bob}]});
        site.scim.post("/scim/v2/Groups", &group).await.created();
        site.scim.get(&format!("/scim/v2/Users/{eve}")).await.ok();
        let about_bob = site.log("about=bob").await;
        let subjects: Vec<&Value> = about_bob.iter().map(|one| &one["subject"]).collect();
        assert_eq!(subjects, ["Builders", "bob@acme.example"], "a group push names its members");
        assert_eq!(attributes(&about_bob[0]), ["displayName", "members"]);
        assert_eq!(site.log(&format!("about={eve}")).await.len(), 2);
        assert_eq!(site.log("about=builders").await.len(), 1);
        assert!(site.log("about=mallory").await.is_empty());
    }

    async fn the_log_keeps_values_if_wanted_and_ends_by_itself(server: Server) {
        let site = site(server).await;
        site.set(json!({"log_values": true, "log_days": 2})).await;
        let bob = site.make("bob").await;
        let rename = patch(json!([{"op": "Replace", "path": "name.givenName", "value": "Robert"}]));
        site.scim.patch(&format!("/scim/v2/Users/{bob}"), &rename).await.ok();
        let log = site.log("changes=true").await;
        assert_eq!(log[0]["changes"], json!([{"attribute": "name.givenName", "after": "Robert"}]));
        server.clock.advance(Duration::from_hours(49));
        site.scim.get("/scim/v2/ResourceTypes").await.ok();
        site.log("").await;
        while vestibule::provisioning::scim::request_log::delete_expired(&server.kernel.db, server.clock.now()).await.expect("cleans") {}
        assert_eq!(site.log("").await.len(), 1, "what is older than two days is gone");
        assert!(site.log("about=bob").await.is_empty());
        site.api.delete(&site.path).await.expect(204);
        let mut c = server.kernel.db.read().await.expect("database");
        let left: i64 = sqlx::query_scalar("SELECT COUNT(*) FROM scim_requests").fetch_one(&mut *c).await.expect("count");
        assert_eq!(left, 0, "the log goes with its connection");
    }

    async fn a_dry_run_shows_what_would_change_and_lets_it_through(server: Server) {
        let site = site(server).await;
        let bob = site.make("bob").await;
        assert_eq!(site.set(json!({"dry_run": true})).await["dry_run"], true);
        let user = json!({"userName": "eve@acme.example", "password": "Secret-1-secret", "name": {"givenName": "Eve"}});
        let held = site.scim.post("/scim/v2/Users", &user).await.expect(503);
        assert_eq!(held.header("retry-after"), "600");
        assert!(held.value()["detail"].as_str().expect("detail").contains("dry run"), "{held:?}");
        // The same again waits once; what changes nothing does not wait.
        site.scim.post("/scim/v2/Users", &user).await.expect(503);
        let same = patch(json!([{"op": "replace", "path": "active", "value": true}]));
        site.scim.patch(&format!("/scim/v2/Users/{bob}"), &same).await.ok();
        assert_eq!(site.deactivate(&bob).await, 503);
        site.scim.delete(&format!("/scim/v2/Users/{bob}")).await.expect(503);
        // What is wrong is wrong in a dry run too.
        site.scim.post("/scim/v2/Users", &json!({"userName": "bob@acme.example"})).await.expect(409);
        let waiting = site.waiting().await;
        let told: Vec<(&Value, &Value, &Value)> =
            waiting.iter().map(|one| (&one["method"], &one["subject"], &one["attempts"])).collect();
        assert_eq!(told, [
            (&json!("POST"), &json!("eve@acme.example"), &json!(2)),
            (&json!("PATCH"), &json!("bob@acme.example"), &json!(1)),
            (&json!("DELETE"), &json!("bob@acme.example"), &json!(1)),
        ]);
        assert_eq!(waiting[1]["changes"], json!([{"attribute": "active", "before": true, "after": false}]));
        assert!(!serde_json::to_string(&waiting).expect("json").contains("Secret-1"), "a password is nowhere");
        assert!(site.is_active(&bob).await, "nothing has happened");
        assert_eq!(site.scim.get("/scim/v2/Users").await.ok()["totalResults"], 2, "bob and the administrator");
        // One alone is discarded, the rest goes through in order.
        let chosen = json!({"id": waiting[2]["id"]});
        let gone = site.api.post(&format!("{}/pending-changes/discard", site.path), &chosen).await.ok();
        assert_eq!(gone, json!({"discarded": 1}));
        let done = site.api.post(&format!("{}/pending-changes/approve", site.path), &json!({})).await.ok();
        assert_eq!(done, json!({"done": 2, "outdated": 0, "refused": 0, "left": 0}));
        assert!(!site.is_active(&bob).await);
        let eve = site.scim.get("/scim/v2/Users?filter=userName%20eq%20%22eve@acme.example%22").await.ok();
        assert_eq!(eve["Resources"][0]["name"]["givenName"], "Eve");
        assert!(site.waiting().await.is_empty());
        let events = server.audit(&site.tenant).await;
        let made = events.iter().find(|e| e["action"] == "user.create" && e["resource"]["name"] == "eve@acme.example");
        assert_ne!(made.expect("an event")["actor"]["name"], "Directory: Okta", "the trail names who let it through");
        assert!(events.iter().any(|e| e["action"] == "connection.let_through"));
    }

    async fn one_of_those_that_wait_is_let_through_alone(server: Server) {
        let site = site(server).await;
        site.set(json!({"dry_run": true})).await;
        for name in ["bob", "eve"] {
            site.scim.post("/scim/v2/Users", &json!({"userName": name})).await.expect(503);
        }
        let waiting = site.waiting().await;
        let path = format!("{}/pending-changes/approve", site.path);
        let done = site.api.post(&path, &json!({"id": waiting[1]["id"]})).await.ok();
        assert_eq!(done, json!({"done": 1, "outdated": 0, "refused": 0, "left": 1}));
        assert_eq!(site.waiting().await[0]["subject"], "bob");
        assert_eq!(site.scim.get("/scim/v2/Users?filter=userName%20eq%20%22eve%22").await.ok()["totalResults"], 1);
        // One that is gone, or waits for another connection, is none.
        let (other, _) = server.scim(&site.tenant, "Entra").await;
        let elsewhere = format!("/api/v1/connections/{other}/pending-changes/approve");
        for (path, id) in [(&path, &waiting[1]["id"]), (&elsewhere, &waiting[0]["id"])] {
            let problem = site.api.post(path, &json!({"id": id})).await.expect(409);
            assert!(problem.body.contains("no longer pending") && problem.body.contains("Nothing was applied"), "{}", problem.body);
        }
        assert_eq!(site.waiting().await.len(), 1);
    }

    async fn what_cannot_be_let_through_any_more_says_why(server: Server) {
        let site = site(server).await;
        site.set(json!({"dry_run": true})).await;
        site.scim.post("/scim/v2/Users", &json!({"userName": "eve@acme.example"})).await.expect(503);
        let taken = json!({"user_name": "eve@acme.example", "email": "eve@acme.example"});
        site.api.post("/api/v1/users", &taken).await.created();
        let done = site.api.post(&format!("{}/pending-changes/approve", site.path), &json!({})).await.ok();
        assert_eq!(done, json!({"done": 0, "outdated": 0, "refused": 1, "left": 1}));
        let refusal = site.waiting().await[0]["refusal"].as_str().expect("why").to_owned();
        assert!(refusal.contains("userName"), "{refusal}");
        site.api.post(&format!("{}/pending-changes/approve", site.path), &json!({"nonsense": 1})).await.expect(422);
    }

    async fn a_directory_that_loses_its_people_is_paused(server: Server) {
        let site = site(server).await;
        let mut people = Vec::new();
        for n in 0..40 {
            people.push(site.make(&format!("user{n}")).await);
        }
        // Who came just now may go again: somebody tries out.
        for n in 0..12 {
            let tried = site.make(&format!("tried{n}")).await;
            site.scim.delete(&format!("/scim/v2/Users/{tried}")).await.expect(204);
        }
        server.clock.advance(Duration::from_mins(61));
        let statuses = {
            let mut all = Vec::new();
            for id in &people[..10] {
                all.push(site.deactivate(id).await);
            }
            all
        };
        assert!(statuses.iter().all(|status| *status == 200), "a quarter of them: {statuses:?}");
        assert_eq!(site.deactivate(&people[10]).await, 503, "one more is too many");
        site.scim.delete(&format!("/scim/v2/Users/{}", people[11])).await.expect(503);
        // Paused, nothing is changed, and everything can be read.
        site.scim.post("/scim/v2/Users", &json!({"userName": "new@acme.example"})).await.expect(503);
        site.scim.get(&format!("/scim/v2/Users/{}", people[10])).await.ok();
        assert!(site.is_active(&people[10]).await && site.is_active(&people[11]).await);
        let mail = server.mail(&site.tenant.email, "paused").await;
        assert!(mail.text.contains("25%") && mail.text.contains("/pending-changes"), "{}", mail.text);
        let shown = site.api.get(&site.path).await.ok();
        assert!(shown["scim"]["paused_at"].is_string(), "{shown}");
        assert_eq!(shown["scim"]["waiting"], 3);
        // Right after all.
        let done = site.api.post(&format!("{}/pending-changes/approve", site.path), &json!({})).await.ok();
        assert_eq!(done["done"], 3);
        assert!(!site.is_active(&people[10]).await);
        assert!(site.api.get(&site.path).await.ok()["scim"]["paused_at"].is_null(), "it goes on");
        assert_eq!(site.deactivate(&people[12]).await, 200, "and counts anew");
        let events = server.audit(&site.tenant).await;
        for action in ["connection.pause", "connection.resume"] {
            assert_eq!(events.iter().filter(|e| e["action"] == action).count(), 1, "{action}");
        }
    }

    async fn what_a_paused_directory_wanted_can_be_discarded(server: Server) {
        let site = site(server).await;
        let mut people = Vec::new();
        for n in 0..16 {
            people.push(site.make(&format!("user{n}")).await);
        }
        server.clock.advance(Duration::from_mins(61));
        let mut statuses = Vec::new();
        for id in &people {
            statuses.push(site.deactivate(id).await);
        }
        assert_eq!(statuses.iter().filter(|status| **status == 200).count(), 10, "ten may always: {statuses:?}");
        let gone = site.api.post(&format!("{}/pending-changes/discard", site.path), &json!({})).await.ok();
        assert_eq!(gone, json!({"discarded": 6}));
        assert!(site.is_active(&people[15]).await);
        assert!(site.api.get(&site.path).await.ok()["scim"]["paused_at"].is_null());
        // Another hour, another count; and none at all where it is not wanted.
        site.set(json!({"removal_limit": 0})).await;
        for id in &people[10..] {
            assert_eq!(site.deactivate(id).await, 200);
        }
    }

    async fn many_who_lose_access_at_once_are_counted_exactly(server: Server) {
        let site = site(server).await;
        let mut people = Vec::new();
        for n in 0..40 {
            people.push(site.make(&format!("user{n}")).await);
        }
        server.clock.advance(Duration::from_mins(61));
        let off = patch(json!([{"op": "replace", "value": {"active": false}}]));
        let tries = people.iter().map(|id| {
            let (scim, off, path) = (site.scim.clone(), off.clone(), format!("/scim/v2/Users/{id}"));
            tokio::spawn(async move { scim.patch(&path, &off).await.status.as_u16() })
        });
        let mut statuses = Vec::new();
        for one in tries.collect::<Vec<_>>() {
            statuses.push(one.await.expect("a client"));
        }
        assert_eq!(statuses.iter().filter(|status| **status == 200).count(), 10, "{statuses:?}");
        let events = server.audit(&site.tenant).await;
        assert_eq!(events.iter().filter(|e| e["action"] == "connection.pause").count(), 1);
    }

    async fn a_connection_has_a_limit_a_switch_and_sizes(server: Server) {
        let site = site(server).await;
        site.set(json!({"requests_per_second": 25})).await;
        let mut refused = None;
        for _ in 0..51 {
            let answer = site.scim.get("/scim/v2/ResourceTypes").await;
            if answer.status == 429 {
                refused = Some(answer);
            }
        }
        let refused = refused.expect("fifty at once, not one more");
        assert_eq!((refused.header("content-type"), refused.header("retry-after")), ("application/scim+json", "1"));
        let (_, other) = server.scim(&site.tenant, "Entra").await;
        server.client().bearer(&other).get("/scim/v2/ResourceTypes").await.ok();
        server.clock.advance(Duration::from_secs(2));
        site.scim.get("/scim/v2/ResourceTypes").await.ok();
        assert_eq!(site.log("failed=true").await[0]["status"], 429);
        site.set(json!({"requests_per_second": 1000})).await;
        // Too large is refused by what it says of itself.
        let large = site.scim.request(reqwest::Method::POST, "/scim/v2/Users").body("x".repeat(1024 * 1024 + 1));
        let answer = site.scim.send(large).await.expect(413);
        assert_eq!(answer.value()["status"], "413");
        for wrong in [json!({"log_days": 0}), json!({"log_days": 91}), json!({"removal_limit": 101}), json!({"requests_per_second": 24})] {
            site.api.patch(&site.path, &wrong).await.expect(422);
        }
        site.api.patch(&site.path, &json!({"enabled": false})).await.ok();
        let off = site.scim.get("/scim/v2/Users").await.expect(403);
        assert!(off.value()["detail"].as_str().expect("detail").contains("is disabled"), "{off:?}");
        site.api.patch(&site.path, &json!({"enabled": true})).await.ok();
        site.scim.get("/scim/v2/Users").await.ok();
    }

    async fn a_token_is_replaced_without_a_gap(server: Server) {
        let site = site(server).await;
        let tokens = format!("{}/tokens", site.path);
        let old = site.api.get(&tokens).await.ok()["items"][0].clone();
        let made = site.api.post(&tokens, &json!({"replaces": old["id"], "overlap_hours": 2})).await.created();
        assert_eq!(made["name"], old["name"]);
        let new = server.client().bearer(made["token"].as_str().expect("token"));
        for both in [&site.scim, &new] {
            both.get("/scim/v2/Users").await.ok();
        }
        server.clock.advance(Duration::from_hours(2));
        site.scim.get("/scim/v2/Users").await.expect(401);
        new.get("/scim/v2/Users").await.ok();
        // Only a token that works, and only this connection's.
        site.api.post(&tokens, &json!({"replaces": old["id"]})).await.expect(422);
        let (_, _) = server.scim(&site.tenant, "Entra").await;
        site.api.post(&tokens, &json!({"replaces": site.tenant.token})).await.expect(404);
        site.api.post(&tokens, &json!({"replaces": made["id"], "overlap_hours": 721})).await.expect(422);
        let events = server.audit(&site.tenant).await;
        assert!(events.iter().any(|e| e["action"] == "api_token.expire"));
    }
}
