//! Provisioning as the clients of the three identity providers do it.

use serde_json::{Value, json};

use crate::harness::{Client, Server, Tenant};
use crate::on_both;

const USER: &str = "urn:ietf:params:scim:schemas:core:2.0:User";
const ENTERPRISE: &str = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User";

async fn client(server: &Server) -> (Tenant, Client) {
    let tenant = server.tenant("acme").await;
    let (_, token) = server.scim(&tenant, "Okta").await;
    (tenant, server.client().bearer(&token))
}

fn okta_user(name: &str) -> Value {
    json!({
        "schemas": [USER], "userName": name, "name": {"givenName": "Bob", "familyName": "Builder"},
        "emails": [{"primary": true, "value": name, "type": "work"}], "displayName": "Bob Builder",
        "locale": "en-US", "externalId": "00u1", "groups": [], "password": "1mz050nq", "active": true,
    })
}

fn operations(list: Value) -> Value {
    json!({"schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"], "Operations": list})
}

fn id(made: &Value) -> &str {
    made["id"].as_str().expect("id")
}

fn filter(kind: &str, text: &str) -> String {
    let text: String = url::form_urlencoded::byte_serialize(text.as_bytes()).collect();
    format!("/scim/v2/{kind}?filter={text}")
}

async fn make_user(scim: &Client, name: &str) -> String {
    id(&scim.post("/scim/v2/Users", &okta_user(name)).await.created()).to_owned()
}

async fn members(scim: &Client, group: &str) -> Vec<String> {
    let group = scim.get(&format!("/scim/v2/Groups/{group}")).await.ok();
    let mut ids: Vec<String> = group["members"]
        .as_array()
        .expect("members")
        .iter()
        .map(|m| m["value"].as_str().expect("id").to_owned())
        .collect();
    ids.sort();
    ids
}

on_both! {
    async fn scim2_tester_finds_nothing(server: Server) {
        let tenant = server.tenant("acme").await;
        let (_, token) = server.scim(&tenant, "Tester").await;
        let peers = std::path::Path::new(env!("CARGO_MANIFEST_DIR"));
        let python = peers.join("target/peers/venv/bin/python");
        let base = format!("{}/scim/v2", server.url);
        let mut command = std::process::Command::new(python);
        command.arg(peers.join("tests/peers/scim_tester.py")).args([&base, &token]);
        // The runtime answers what it asks, so it must not wait for it.
        let run = tokio::task::spawn_blocking(move || command.output()).await.expect("runs");
        let run = run.expect("scim2-tester is missing: run 'make peers'");
        let said = String::from_utf8_lossy(&run.stdout);
        let kept = peers.join(format!("target/peers/scim2-tester-{:?}.txt", server.kernel.db.dialect()));
        std::fs::write(kept, said.as_bytes()).expect("the output is kept");
        let failed: Vec<&str> = said.lines().filter(|line| line.starts_with("ERROR")).collect();
        assert!(run.status.success(), "{failed:#?} {}", String::from_utf8_lossy(&run.stderr));
    }

    async fn a_query_may_come_as_a_body(server: Server) {
        let (_, scim) = client(server).await;
        for name in ["a", "b", "c"] {
            make_user(&scim, &format!("{name}@acme.example")).await;
        }
        scim.post("/scim/v2/Groups", &json!({"displayName": "Builders"})).await.created();
        let body = json!({"schemas": ["urn:ietf:params:scim:api:messages:2.0:SearchRequest"],
            "filter": "userName sw \"b\"", "attributes": ["userName"], "startIndex": 1, "count": 10});
        let found = scim.post("/scim/v2/Users/.search", &body).await.ok();
        assert_eq!(found["totalResults"], 1);
        let keys: Vec<&String> = found["Resources"][0].as_object().expect("a user").keys().collect();
        assert_eq!(keys, ["id", "schemas", "userName"]);
        let found = scim.post("/scim/v2/Groups/.search", &json!({"excludedAttributes": ["members"]})).await.ok();
        assert_eq!((&found["totalResults"], found["Resources"][0].get("members")), (&json!(1), None));
        // Users and groups together, in pages.
        let users = scim.get("/scim/v2/Users").await.ok()["totalResults"].as_i64().expect("a number");
        let mut kinds = Vec::new();
        for start in 1..=users + 2 {
            let page = scim.post("/scim/v2/.search", &json!({"startIndex": start, "count": 1})).await.ok();
            assert_eq!(page["totalResults"], users + 1);
            kinds.extend(page["Resources"].as_array().expect("a list").iter().map(|r| r["meta"]["resourceType"].clone()));
        }
        assert_eq!(i64::try_from(kinds.len()), Ok(users + 1));
        assert_eq!((&kinds[0], kinds.last()), (&json!("User"), Some(&json!("Group"))));
        for bad in [json!({"filter": 5.5}), json!({"attributes": [1]}), json!({"startIndex": "x"}), json!({"filter": "nonsense"}), json!([])] {
            scim.post("/scim/v2/.search", &bad).await.expect(400);
        }
    }

    async fn what_a_client_removes_it_does_not_find_again(server: Server) {
        let (_, scim) = client(server).await;
        let bob = make_user(&scim, "bob@acme.example").await;
        let path = format!("/scim/v2/Users/{bob}");
        let gone = scim.patch(&path, &operations(json!([{"op": "remove", "path": "active"}]))).await.ok();
        assert!(gone.get("active").is_none(), "{gone}");
        let renamed = scim.patch(&path, &operations(json!([{"op": "replace", "path": "displayName", "value": "Bob"}]))).await.ok();
        assert!(renamed.get("active").is_none(), "{renamed}");
        let off = scim.patch(&path, &operations(json!([{"op": "replace", "path": "active", "value": false}]))).await.ok();
        assert_eq!(off["active"], false);
        let on = scim.patch(&path, &operations(json!([{"op": "add", "path": "active", "value": true}]))).await.ok();
        assert_eq!(on["active"], true);
    }

    async fn a_user_is_made_read_and_found(server: Server) {
        let (tenant, scim) = client(server).await;
        let answer = scim.post("/scim/v2/Users", &okta_user("Bob@acme.example")).await.expect(201);
        assert_eq!(answer.header("content-type"), "application/scim+json");
        let made = answer.value();
        assert_eq!(answer.header("location"), made["meta"]["location"]);
        assert_eq!((&made["meta"]["resourceType"], &made["meta"]["version"]), (&json!("User"), &json!("W/\"1\"")));
        assert!(made.get("password").is_none(), "never returned");
        // Also where the client does not want to see it in the body.
        let little = scim.post("/scim/v2/Users?attributes=userName", &json!({"userName": "little@acme.example"})).await.expect(201);
        assert!(little.value().get("meta").is_none(), "{little:?}");
        assert_eq!(little.header("location").rsplit('/').next(), little.value()["id"].as_str());
        scim.delete(&format!("/scim/v2/Users/{}", little.value()["id"].as_str().expect("id"))).await.expect(204);
        assert_eq!((&made["userName"], &made["externalId"], &made["locale"]), (&json!("Bob@acme.example"), &json!("00u1"), &json!("en-US")));
        let path = format!("/scim/v2/Users/{}", id(&made));
        let read = scim.get(&path).await.expect(200);
        assert_eq!(read.header("etag"), "W/\"1\"");
        let cached = scim.request(reqwest::Method::GET, &path).header("if-none-match", "W/\"1\"");
        assert_eq!(scim.send(cached).await.status, 304);
        for found in [
            "userName eq \"bob@ACME.example\"", "USERNAME EQ \"bob@acme.example\"", "externalId eq \"00u1\"",
            "emails[type eq \"work\"].value eq \"bob@acme.example\"", "emails.value eq \"bob@acme.example\"",
            "displayName eq \"Bob Builder\"", "name.familyName sw \"Buil\"", "userName eq \"bob@acme.example\" and active eq true",
            &format!("id eq \"{}\"", id(&made)),
        ] {
            let list = scim.get(&filter("Users", found)).await.ok();
            assert_eq!((&list["totalResults"], &list["itemsPerPage"]), (&json!(1), &json!(1)), "{found}");
        }
        let list = scim.get(&filter("Users", "userName eq \"e1f9-random\"")).await.ok();
        assert_eq!((&list["totalResults"], &list["Resources"], &list["startIndex"]), (&json!(0), &json!([]), &json!(1)));
        scim.post("/scim/v2/Users", &okta_user("BOB@acme.example")).await.expect(409);
        let events = server.audit(&tenant).await;
        let event = events.iter().find(|e| e["action"] == "user.create" && e["resource"]["id"] == made["id"]).expect("event");
        assert_eq!((&event["actor"]["name"], &event["actor"]["type"]), (&json!("Directory: Okta"), &json!("service_account")));
    }

    async fn okta_updates_with_the_object_as_it_read_it(server: Server) {
        let (_, scim) = client(server).await;
        let bob = make_user(&scim, "bob@acme.example").await;
        let path = format!("/scim/v2/Users/{bob}");
        let mut read = scim.get(&path).await.ok();
        read["name"]["familyName"] = json!("Mason");
        read["emails"][0]["value"] = json!("bob.mason@acme.example");
        let put = scim.put(&path, &read).await.ok();
        assert_eq!((&put["name"]["familyName"], &put["meta"]["version"]), (&json!("Mason"), &json!("W/\"2\"")));
        assert_eq!(scim.put(&path, &put).await.ok()["meta"]["version"], "W/\"2\"", "what changes nothing is no new version");
        let nameless = scim.patch(&path, &operations(json!([{"op": "remove", "path": "displayName"}]))).await.ok();
        assert!(nameless.get("displayName").is_none(), "{nameless}");
        assert_eq!(scim.put(&path, &nameless).await.ok()["meta"]["version"], "W/\"3\"", "nor is leaving the name shown to us");
        let off = scim.patch(&path, &operations(json!([{"op": "replace", "value": {"active": false}}]))).await.ok();
        assert_eq!(off["active"], false);
        scim.get(&path).await.expect(200);
        let on = json!({"schemas": [USER], "userName": "bob@acme.example", "active": true});
        let put = scim.put(&path, &on).await.ok();
        assert_eq!((&put["active"], put.get("locale")), (&json!(true), None), "a PUT replaces everything");
        let stale = scim.request(reqwest::Method::PUT, &path).header("if-match", "W/\"1\"").json(&on);
        assert_eq!(scim.send(stale).await.status, 412);
        scim.delete(&path).await.expect(204);
        assert_eq!(scim.get(&path).await.expect(404).value()["status"], "404");
        scim.delete(&path).await.expect(404);
    }

    async fn entra_patches_in_its_own_words(server: Server) {
        let (_, scim) = client(server).await;
        let bob = make_user(&scim, "bob@acme.example").await;
        let path = format!("/scim/v2/Users/{bob}?aadOptscim062020");
        let many = operations(json!([
            {"op": "Replace", "path": "active", "value": "False"},
            {"op": "Add", "path": "phoneNumbers[type eq \"mobile\"].value", "value": "+43 1"},
            {"op": "Add", "path": "addresses[type eq \"work\"].streetAddress", "value": "Ring 1"},
            {"op": "Replace", "path": "emails[type eq \"work\"].value", "value": "b2@acme.example"},
            {"op": "Replace", "path": "name.givenName", "value": "Robert"},
            {"op": "Add", "path": format!("{ENTERPRISE}:department"), "value": "Sales"},
            {"op": "Add", "path": format!("{ENTERPRISE}:manager"), "value": "m1"},
        ]));
        let user = scim.patch(&path, &many).await.ok();
        assert_eq!(user["active"], false);
        assert_eq!(user["phoneNumbers"], json!([{"type": "mobile", "value": "+43 1"}]));
        assert_eq!(user["addresses"], json!([{"type": "work", "streetAddress": "Ring 1"}]));
        assert_eq!(user["emails"], json!([{"primary": true, "type": "work", "value": "b2@acme.example"}]));
        assert_eq!(user["name"]["givenName"], "Robert");
        assert_eq!(user[ENTERPRISE], json!({"department": "Sales", "manager": {"value": "m1"}}));
        assert_eq!(user["schemas"], json!([USER, ENTERPRISE]));
        let flagged = operations(json!([{"op": "replace", "value": {
            "active": true, "name.familyName": "Mason", format!("{ENTERPRISE}:employeeNumber"): "7"}}]));
        let user = scim.patch(&path, &flagged).await.ok();
        assert_eq!((&user["active"], &user["name"]["familyName"], &user[ENTERPRISE]["employeeNumber"]), (&json!(true), &json!("Mason"), &json!("7")));
        let gone = operations(json!([
            {"op": "Remove", "path": format!("{ENTERPRISE}:manager")}, {"op": "Remove", "path": "addresses[type eq \"work\"]"},
            {"op": "Replace", "path": "locale", "value": ""}]));
        let user = scim.patch(&path, &gone).await.ok();
        assert!(user.get("addresses").is_none() && user[ENTERPRISE].get("manager").is_none() && user.get("locale").is_none(), "{user}");
        let path = format!("/scim/v2/aadOptscim062020/Users/{bob}");
        assert_eq!(scim.get(&path).await.ok()["id"], bob.as_str(), "the flag may stand in the path");
        let manager = filter("Users", &format!("id eq \"{bob}\" and {ENTERPRISE}:manager eq \"m1\""));
        assert_eq!(scim.get(&manager).await.ok()["totalResults"], 0);
    }

    async fn groups_are_pushed_and_members_come_and_go(server: Server) {
        let (tenant, scim) = client(server).await;
        let (a, b, c) = (make_user(&scim, "a@acme.example").await, make_user(&scim, "b@acme.example").await, make_user(&scim, "c@acme.example").await);
        let made = scim.post("/scim/v2/Groups", &json!({"displayName": "Harness.Group?Next#Gen-First", "members": []})).await.created();
        assert_eq!((&made["displayName"], &made["members"]), (&json!("Harness.Group?Next#Gen-First"), &json!([])));
        let group = id(&made).to_owned();
        let path = format!("/scim/v2/Groups/{group}");
        let patch = async |list: Value| scim.patch(&path, &operations(list)).await;
        let pair = |x: &str, y: &str| { let mut v = vec![x.to_owned(), y.to_owned()]; v.sort(); v };

        patch(json!([{"op": "add", "path": "members", "value": [{"value": a}, {"value": b}]}])).await.expect(204);
        patch(json!([{"op": "Add", "path": "members", "value": [{"value": a, "$ref": null}]}])).await.expect(204);
        assert_eq!(members(&scim, &group).await, pair(&a, &b));
        patch(json!([{"op": "Remove", "path": "members", "value": [{"value": a}]}])).await.expect(204);
        assert_eq!(members(&scim, &group).await, [b.as_str()], "Entra: only whom it names");
        patch(json!([{"op": "add", "path": "members", "value": [{"value": c}]}, {"op": "remove", "path": format!("members[value eq \"{b}\"]")}])).await.expect(204);
        assert_eq!(members(&scim, &group).await, [c.as_str()]);
        patch(json!([{"op": "replace", "path": "members", "value": [{"value": a}, {"value": b}]}])).await.expect(204);
        assert_eq!(members(&scim, &group).await, pair(&a, &b));
        patch(json!([{"op": "replace", "value": {"id": group, "displayName": "Builders"}}])).await.expect(204);
        let read = scim.get(&format!("{path}?excludedAttributes=members")).await.ok();
        assert_eq!((&read["displayName"], read.get("members")), (&json!("Builders"), None));
        for found in ["displayName eq \"builders\"".to_owned(), format!("id eq \"{group}\" and members eq \"{a}\"")] {
            assert_eq!(scim.get(&filter("Groups", &found)).await.ok()["totalResults"], 1, "{found}");
        }
        let not_in = format!("id eq \"{group}\" and members eq \"{c}\"");
        assert_eq!(scim.get(&filter("Groups", &not_in)).await.ok()["totalResults"], 0);
        let groups = scim.get(&format!("/scim/v2/Users/{a}")).await.ok()["groups"].clone();
        assert_eq!((&groups[0]["value"], &groups[0]["display"]), (&json!(group), &json!("Builders")));

        let answer = patch(json!([{"op": "add", "path": "members", "value": [{"value": c}, {"value": "nobody"}]}])).await;
        assert_eq!(answer.expect(400).value()["scimType"], "invalidValue");
        assert_eq!(members(&scim, &group).await, pair(&a, &b), "half a write never exists");
        scim.put(&path, &json!({"displayName": "Masons", "members": [{"value": c}]})).await.expect(200);
        assert_eq!(members(&scim, &group).await, [c.as_str()]);
        patch(json!([{"op": "remove", "path": "members"}])).await.expect(204);
        assert_eq!(members(&scim, &group).await, [""; 0]);
        let rest = server.client().bearer(&tenant.token).get("/api/v1/groups").await.ok();
        assert_eq!(rest["items"][0]["identifier"], "Harness_GroupNextGen_First");
        scim.delete(&path).await.expect(204);
        scim.get(&path).await.expect(404);
    }

    async fn groups_of_one_name_stay_apart(server: Server) {
        let (tenant, scim) = client(server).await;
        let api = server.client().bearer(&tenant.token);
        let own = api.post("/api/v1/groups", &json!({"name": "Staff"})).await.created();
        let theirs = scim.post("/scim/v2/Groups", &json!({"displayName": "Staff"})).await.created();
        assert_ne!(own["id"], theirs["id"]);
        let groups = api.get("/api/v1/groups").await.ok();
        let identifiers: Vec<_> = groups["items"].as_array().expect("items").iter().map(|g| g["identifier"].clone()).collect();
        assert_eq!(identifiers, [json!("Staff"), json!("Staff_2")]);
        // Neither by another case, nor by a new name, does a group of theirs become one of ours.
        let folded = scim.post("/scim/v2/Groups", &json!({"displayName": "STAFF"})).await.created();
        let renamed = scim.post("/scim/v2/Groups", &json!({"displayName": "Others"})).await.created();
        let path = format!("/scim/v2/Groups/{}", id(&renamed));
        scim.patch(&path, &operations(json!([{"op": "replace", "value": {"displayName": "Staff"}}]))).await;
        let bob = make_user(&scim, "bob@acme.example").await;
        for group in [&theirs, &folded, &renamed] {
            let path = format!("/scim/v2/Groups/{}", id(group));
            scim.patch(&path, &operations(json!([{"op": "add", "path": "members", "value": [{"value": bob}]}]))).await;
        }
        let browser = server.client();
        browser.form("/login/forgot", &[("identifier", "bob@acme.example"), ("account", "acme")]).await.expect(200);
        let token = server.mail("bob@acme.example", "Reset your password").await.token();
        browser.form("/login/reset", &[("token", &token), ("password", "a good long password")]).await.expect(303);
        let me = browser.get("/api/v1/me").await.ok();
        let mut identifiers: Vec<&str> = me["group_identifiers"].as_array().expect("list").iter().filter_map(Value::as_str).collect();
        identifiers.sort_unstable();
        assert_eq!(identifiers, ["Others", "STAFF_3", "Staff_2"], "none of them is Staff");
        let path = format!("/scim/v2/Groups/{}", id(&own));
        scim.patch(&path, &operations(json!([{"op": "replace", "value": {"displayName": "x"}}]))).await.expect(403);
        scim.delete(&path).await.expect(403);
    }

    async fn what_a_directory_manages_is_changed_there(server: Server) {
        let (tenant, scim) = client(server).await;
        let bob = make_user(&scim, "bob@acme.example").await;
        let group = scim.post("/scim/v2/Groups", &json!({"displayName": "Staff"})).await.created();
        let api = server.client().bearer(&tenant.token);
        let (user, group) = (format!("/api/v1/users/{bob}"), format!("/api/v1/groups/{}", id(&group)));
        for answer in [
            api.patch(&user, &json!({"email": "x@acme.example"})).await,
            api.patch(&user, &json!({"given_name": "X"})).await,
            api.delete(&user).await,
            api.patch(&group, &json!({"name": "X"})).await,
            api.post(&format!("{group}/members"), &json!({"add": [bob]})).await,
            api.delete(&group).await,
        ] {
            assert!(answer.expect(409).body.contains("“Okta”"), "the message names the connection");
        }
        api.patch(&user, &json!({"roles": ["account_viewer"]})).await.expect(200);
        api.patch(&user, &json!({"status": "inactive"})).await.expect(200);
        let (_, other) = server.scim(&tenant, "Entra").await;
        let other = server.client().bearer(&other);
        let answer = other.patch(&format!("/scim/v2/Users/{bob}"), &operations(json!([{"op": "replace", "value": {"active": true}}]))).await;
        assert!(answer.expect(403).body.contains("Okta"));
    }

    async fn an_administrator_is_not_taken_over(server: Server) {
        let (tenant, scim) = client(server).await;
        let found = scim.get(&filter("Users", &format!("userName eq \"{}\"", tenant.email))).await.ok();
        let path = format!("/scim/v2/Users/{}", id(&found["Resources"][0]));
        scim.patch(&path, &operations(json!([{"op": "replace", "value": {"active": false}}]))).await.expect(403);
        scim.put(&path, &okta_user("eve@acme.example")).await.expect(403);
        scim.delete(&path).await.expect(403);
        server.client().sign_in("acme", &tenant.email, &tenant.password).await.expect(303);
        let api = server.client().bearer(&tenant.token);
        let plain = api.post("/api/v1/users", &json!({"user_name": "carol@acme.example"})).await.created();
        let path = format!("/scim/v2/Users/{}", id(&plain));
        scim.put(&path, &okta_user("carol@acme.example")).await.expect(200);
        assert!(api.get(&format!("/api/v1/users/{}", id(&plain))).await.ok()["connection_id"].is_string(), "anybody else is");
    }

    async fn lists_are_cut_into_pages(server: Server) {
        let (_, scim) = client(server).await;
        for n in 0..5 {
            make_user(&scim, &format!("u{n}@acme.example")).await;
        }
        let mut seen = Vec::new();
        for start in [1, 3, 5] {
            let page = scim.get(&format!("/scim/v2/Users?startIndex={start}&count=2")).await.ok();
            assert_eq!((&page["totalResults"], &page["startIndex"]), (&json!(6), &json!(start)));
            seen.extend(page["Resources"].as_array().expect("list").iter().map(|u| u["userName"].clone()));
        }
        assert_eq!(seen.len(), 6);
        assert_eq!(seen[5], "u4@acme.example");
        assert_eq!(scim.get("/scim/v2/Users?count=0").await.ok()["itemsPerPage"], 0);
        assert_eq!(scim.get("/scim/v2/Users?startIndex=-3&count=1").await.ok()["startIndex"], 1);
        assert_eq!(scim.get("/scim/v2/Users?startIndex=&count=").await.ok()["itemsPerPage"], 6);
        assert_eq!(scim.get("/scim/v2/Users?startIndex=99").await.ok()["Resources"], json!([]));
        scim.get("/scim/v2/Users?count=many").await.expect(400);
        let some = scim.get("/scim/v2/Users?attributes=userName,emails.value&count=1&startIndex=2").await.ok();
        let user = some["Resources"][0].as_object().expect("user");
        let mut keys: Vec<_> = user.keys().map(String::as_str).collect();
        keys.sort_unstable();
        assert_eq!((keys, &user["emails"]), (vec!["emails", "id", "schemas", "userName"], &json!([{"value": "u0@acme.example"}])));
    }

    async fn errors_are_said_as_the_rfc_says_them(server: Server) {
        let (_, scim) = client(server).await;
        let bob = format!("/scim/v2/Users/{}", make_user(&scim, "bob@acme.example").await);
        let other = format!("/scim/v2/Users/{}", make_user(&scim, "eve@acme.example").await);
        let kind = |answer: crate::harness::Answer, status: u16| {
            assert_eq!(answer.header("content-type"), "application/scim+json");
            let body = answer.expect(status).value();
            assert_eq!(body["schemas"], json!(["urn:ietf:params:scim:api:messages:2.0:Error"]));
            assert_eq!(body["status"], status.to_string());
            body["scimType"].as_str().unwrap_or_default().to_owned()
        };
        assert_eq!(kind(scim.get(&filter("Users", "userName eq")).await, 400), "invalidFilter");
        assert_eq!(kind(scim.post("/scim/v2/Users", &json!({"displayName": "x"})).await, 400), "invalidValue");
        assert_eq!(kind(scim.post("/scim/v2/Users", &json!([])).await, 400), "invalidSyntax");
        assert_eq!(kind(scim.post("/scim/v2/Users", &okta_user("bob@acme.example")).await, 409), "uniqueness");
        let rename = operations(json!([{"op": "replace", "path": "userName", "value": "BOB@acme.example"}]));
        assert_eq!(kind(scim.patch(&other, &rename).await, 409), "uniqueness");
        let patch = async |list: Value| scim.patch(&bob, &operations(list)).await;
        assert_eq!(kind(patch(json!([{"op": "replace", "path": "id", "value": "x"}])).await, 400), "mutability");
        assert_eq!(kind(patch(json!([{"op": "replace", "path": "a[", "value": "x"}])).await, 400), "invalidPath");
        assert_eq!(kind(patch(json!([{"op": "remove"}])).await, 400), "noTarget");
        assert_eq!(kind(patch(json!([{"op": "replace", "path": "userName", "value": ""}])).await, 400), "invalidValue");
        assert_eq!(kind(scim.get("/scim/v2/Users/nobody").await, 404), "");
        assert_eq!(kind(scim.get("/scim/v2/Nothing").await, 404), "");
        assert_eq!(kind(server.client().get("/scim/v2/Users").await, 401), "");
        assert_eq!(scim.get(&bob).await.ok()["meta"]["version"], "W/\"1\"", "nothing of it was kept");
    }

    async fn discovery_says_what_there_is(server: Server) {
        let (_, scim) = client(server).await;
        let config = scim.get("/scim/v2/ServiceProviderConfig").await.ok();
        assert_eq!((&config["patch"]["supported"], &config["bulk"]["supported"]), (&json!(true), &json!(true)));
        let schemas = scim.get("/scim/v2/Schemas").await.ok();
        assert_eq!(schemas["totalResults"], 3);
        for schema in schemas["Resources"].as_array().expect("list") {
            let one = scim.get(&format!("/scim/v2/Schemas/{}", id(schema))).await.ok();
            assert_eq!(one, *schema);
        }
        let types = scim.get("/scim/v2/ResourceTypes").await.ok();
        assert_eq!(types["totalResults"], 2);
        assert_eq!(scim.get("/scim/v2/ResourceTypes/User").await.ok()["endpoint"], "/Users");
    }

    async fn an_account_has_attributes_of_its_own(server: Server) {
        const EXTRA: &str = "urn:ietf:params:scim:schemas:extension:vestibule:2.0:User";
        let tenant = server.tenant("acme").await;
        let (connection, token) = server.scim(&tenant, "Okta").await;
        let (api, scim) = (server.client().bearer(&tenant.token), server.client().bearer(&token));
        scim.get(&format!("/scim/v2/Schemas/{EXTRA}")).await.expect(404);
        let path = format!("/api/v1/connections/{connection}");
        let defined = json!([{"name": "costCode", "type": "integer"}, {"name": "skills", "multi_valued": true, "description": "What they know"}]);
        let shown = api.patch(&path, &json!({"extra_attributes": defined})).await.ok();
        assert_eq!(shown["scim"]["extra_attributes"][0], json!({"name": "costCode", "type": "integer", "multi_valued": false, "description": ""}));
        // The directory is told exactly what there is.
        let schema = scim.get(&format!("/scim/v2/Schemas/{EXTRA}")).await.ok();
        let told: Vec<(&Value, &Value, &Value)> = schema["attributes"].as_array().expect("a list").iter()
            .map(|one| (&one["name"], &one["type"], &one["multiValued"])).collect();
        assert_eq!(told, [(&json!("costCode"), &json!("integer"), &json!(false)), (&json!("skills"), &json!("string"), &json!(true))]);
        let kind = scim.get("/scim/v2/ResourceTypes/User").await.ok();
        assert_eq!(kind["schemaExtensions"][1], json!({"schema": EXTRA, "required": false}));
        // Made, found, changed, taken away.
        let made = scim.post("/scim/v2/Users", &json!({"userName": "bob", EXTRA: {"COSTCODE": "7", "unknown": 1}})).await.created();
        assert_eq!((&made[EXTRA], &made["schemas"]), (&json!({"costCode": 7}), &json!([USER, EXTRA])));
        let found = scim.get(&filter("Users", &format!("{EXTRA}:costCode gt 6"))).await.ok();
        assert_eq!(found["totalResults"], 1);
        let user = format!("/scim/v2/Users/{}", id(&made));
        let change = operations(json!([
            {"op": "Add", "path": format!("{EXTRA}:skills"), "value": ["rust"]},
            {"op": "Replace", "value": {format!("{EXTRA}:costCode"): 8}},
        ]));
        assert_eq!(scim.patch(&user, &change).await.ok()[EXTRA], json!({"costCode": 8, "skills": ["rust"]}));
        let gone = operations(json!([{"op": "remove", "path": EXTRA}]));
        assert_eq!(scim.patch(&user, &gone).await.ok().get(EXTRA), None);
        let bad = scim.post("/scim/v2/Users", &json!({"userName": "eve", EXTRA: {"costCode": "many"}})).await.expect(400);
        assert_eq!((&bad.value()["scimType"], &bad.value()["detail"]), (&json!("invalidValue"), &json!("costCode must be a whole number.")));
        for wrong in [json!([{"name": "1a"}]), json!([{"name": "a"}, {"name": "A"}]), json!([{"name": "a", "type": "color"}]), json!([{"name": "a", "x": 1}])] {
            api.patch(&path, &json!({"extra_attributes": wrong})).await.expect(422);
        }
    }

    async fn changes_of_one_group_at_the_same_moment_are_all_kept(server: Server) {
        let (_, scim) = client(server).await;
        let group = scim.post("/scim/v2/Groups", &json!({"displayName": "Staff"})).await.created();
        let group = format!("/scim/v2/Groups/{}", id(&group));
        for round in 0..8 {
            let user = make_user(&scim, &format!("user{round}@acme.example")).await;
            let change = |path: &str, value: Value| operations(json!([{"op": "replace", "path": path, "value": value}]));
            let (name, external) = (format!("Staff {round}"), format!("ext-{round}"));
            let name_change = change("displayName", json!(name));
            let external_change = change("externalId", json!(external));
            let member = operations(json!([{"op": "add", "path": "members", "value": [{"value": user}]}]));
            let answers = tokio::join!(scim.patch(&group, &name_change), scim.patch(&group, &external_change), scim.patch(&group, &member));
            for answer in [answers.0, answers.1, answers.2] {
                assert!(answer.status.is_success(), "{answer:?}");
            }
            let now = scim.get(&group).await.ok();
            assert_eq!((&now["displayName"], &now["externalId"]), (&json!(name), &json!(external)), "{round}");
            assert_eq!(now["members"].as_array().expect("members").len(), round + 1);
        }
    }

    async fn totals_stay_exact_while_people_come_and_go(server: Server) {
        let tenant = server.tenant("acme").await;
        let (_, token) = server.scim(&tenant, "Okta").await;
        let scim = server.client().bearer(&token);
        let total = async || scim.get("/scim/v2/Users?count=0").await.ok()["totalResults"].as_i64().expect("a number");
        assert_eq!(total().await, 1, "the administrator");
        let mut ids = Vec::new();
        for n in 0..6 {
            ids.push(make_user(&scim, &format!("user{n}@acme.example")).await);
            assert_eq!(total().await, n + 2);
            // Half of them settle.
            server.clock.advance(std::time::Duration::from_secs(20));
        }
        let page = scim.get("/scim/v2/Users?startIndex=7&count=10").await.ok();
        assert_eq!((&page["totalResults"], &page["itemsPerPage"]), (&json!(7), &json!(1)));
        for (gone, id) in ids.iter().enumerate() {
            scim.delete(&format!("/scim/v2/Users/{id}")).await.expect(204);
            assert_eq!(total().await, 6 - i64::try_from(gone).expect("few"));
        }
        // Another node that counted before hears of it as well.
        let there = Server::replica(server).await;
        let same = there.client().bearer(&token);
        assert_eq!(same.get("/scim/v2/Users?count=0").await.ok()["totalResults"], 1);
        let late = make_user(&scim, "late@acme.example").await;
        assert_eq!(same.get("/scim/v2/Users?count=0").await.ok()["totalResults"], 2);
        scim.delete(&format!("/scim/v2/Users/{late}")).await.expect(204);
        assert_eq!(same.get("/scim/v2/Users?count=0").await.ok()["totalResults"], 1);
    }

    async fn two_changes_of_one_user_at_once_are_both_there(server: Server) {
        let (_, scim) = client(server).await;
        for n in 0..20 {
            let path = format!("/scim/v2/Users/{}", make_user(&scim, &format!("user{n}@acme.example")).await);
            let change = |operation: Value| {
                let (scim, path) = (scim.clone(), path.clone());
                tokio::spawn(async move { scim.patch(&path, &operations(json!([operation]))).await.ok() })
            };
            let both = [
                change(json!({"op": "replace", "path": "active", "value": false})),
                change(json!({"op": "replace", "path": "title", "value": "Engineer"})),
            ];
            for one in both {
                one.await.expect("a client");
            }
            let user = scim.get(&path).await.ok();
            assert_eq!((&user["active"], &user["title"]), (&json!(false), &json!("Engineer")), "{user}");
        }
    }
}
