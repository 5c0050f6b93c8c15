//! Many SCIM operations in one request (RFC 7644 §3.7).

use serde_json::{Value, json};

use crate::harness::{Client, Server};
use crate::on_both;

async fn bulk(scim: &Client, operations: Value) -> Vec<Value> {
    let body =
        json!({"schemas": ["urn:ietf:params:scim:api:messages:2.0:BulkRequest"], "Operations": operations});
    results(&scim.post("/scim/v2/Bulk", &body).await.ok())
}

fn results(answer: &Value) -> Vec<Value> {
    assert_eq!(answer["schemas"], json!(["urn:ietf:params:scim:api:messages:2.0:BulkResponse"]));
    answer["Operations"].as_array().expect("operations").clone()
}

fn statuses(results: &[Value]) -> Vec<&str> {
    results.iter().map(|result| result["status"].as_str().expect("a status")).collect()
}

fn id(result: &Value) -> &str {
    result["location"].as_str().and_then(|location| location.rsplit('/').next()).expect("a location")
}

fn user(name: &str) -> Value {
    json!({"method": "POST", "path": "/Users", "bulkId": name, "data": {"userName": format!("{name}@acme.example")}})
}

/// The client of a new connection of a new account.
async fn client(server: &Server, slug: &str) -> Client {
    let tenant = server.tenant(slug).await;
    let (_, token) = server.scim(&tenant, "Okta").await;
    server.client().bearer(&token)
}

on_both! {
    async fn operations_refer_to_each_other_in_any_order(server: Server) {
        let scim = client(server, "acme").await;
        let enterprise = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User";
        let results = bulk(&scim, json!([
            {"method": "POST", "path": "/Groups", "bulkId": "staff",
             "data": {"displayName": "Staff", "members": [{"value": "bulkId:ada"}, {"value": "bulkId:bob"}]}},
            {"method": "PATCH", "path": "/Users/bulkId:bob",
             "data": {"Operations": [{"op": "add", "path": format!("{enterprise}:manager"), "value": {"value": "bulkId:ada"}}]}},
            user("ada"),
            {"method": "post", "path": "Users", "bulkId": "bob", "data": {"userName": "bob@acme.example", "displayName": "a bulkId:ada"}},
            {"method": "PATCH", "path": "/Groups/bulkId:staff",
             "data": {"Operations": [{"op": "remove", "path": "members", "value": [{"value": "bulkId:bob"}]}]}},
            {"method": "PUT", "path": "/Users/bulkId:ada", "data": {"userName": "ada@acme.example", "title": "Boss"}},
        ])).await;
        assert_eq!(statuses(&results), ["201", "200", "201", "201", "204", "200"], "{results:?}");
        assert_eq!(results[0]["bulkId"], "staff");
        assert!(results[0]["version"].is_string() && results[3]["version"].is_string(), "{results:?}");
        let (ada, bob) = (id(&results[2]), id(&results[3]));
        assert_eq!(results[1]["location"], results[3]["location"]);
        let found = scim.get(&format!("/scim/v2/Users/{bob}")).await.ok();
        assert_eq!(found[enterprise]["manager"]["value"], ada, "{found}");
        assert_eq!(found["displayName"], "a bulkId:ada");
        assert_eq!(scim.get(&format!("/scim/v2/Users/{ada}")).await.ok()["title"], "Boss");
        let group = scim.get(&format!("/scim/v2/Groups/{}", id(&results[0]))).await.ok();
        assert_eq!(group["members"].as_array().expect("members").len(), 1, "{group}");
        assert_eq!(group["members"][0]["value"], ada);
        let gone = bulk(&scim, json!([{"method": "DELETE", "path": format!("/Users/{ada}")}])).await;
        assert_eq!((statuses(&gone), id(&gone[0])), (vec!["204"], ada));
        scim.get(&format!("/scim/v2/Users/{ada}")).await.expect(404);
    }

    async fn one_that_fails_takes_only_those_along_that_need_it(server: Server) {
        let scim = client(server, "acme").await;
        let operations = json!([
            user("ada"),
            {"method": "POST", "path": "/Users", "bulkId": "twin", "data": {"userName": "ADA@acme.example"}},
            {"method": "POST", "path": "/Groups", "bulkId": "twins", "data": {"displayName": "Twins", "members": [{"value": "bulkId:twin"}]}},
            {"method": "PATCH", "path": "/Users/bulkId:ada", "version": "W/\"99\"",
             "data": {"Operations": [{"op": "replace", "path": "title", "value": "Boss"}]}},
            {"method": "PUT", "path": "/Groups/nowhere", "data": {"displayName": "Nowhere"}},
            {"method": "PATCH", "path": "/Users/bulkId:nobody", "data": {"Operations": []}},
            user("bob"),
        ]);
        let results = bulk(&scim, operations.clone()).await;
        assert_eq!(statuses(&results), ["201", "409", "409", "412", "404", "400", "201"], "{results:?}");
        assert_eq!(results[1]["response"]["scimType"], "uniqueness");
        assert_eq!(results[1]["response"]["status"], "409");
        assert!(results[1].get("location").is_none(), "{results:?}");
        assert!(results[2]["response"]["detail"].as_str().expect("detail").contains("\"twin\""), "{results:?}");
        assert_eq!(scim.get("/scim/v2/Groups").await.ok()["totalResults"], 0);
    }

    async fn the_rest_is_not_tried_after_so_many_failures(server: Server) {
        let scim = client(server, "acme").await;
        let wrong = |name: &str| json!({"method": "POST", "path": "/Users", "bulkId": name, "data": {"title": "nameless"}});
        let body = json!({"failOnErrors": 2, "Operations": [user("ada"), wrong("x"), user("bob"), wrong("y"), user("eve")]});
        let results = results(&scim.post("/scim/v2/Bulk", &body).await.ok());
        assert_eq!(statuses(&results), ["201", "400", "201", "400"], "{results:?}");
        let eve = scim.get("/scim/v2/Users?filter=userName%20eq%20%22eve@acme.example%22").await.ok();
        assert_eq!(eve["totalResults"], 0, "{eve}");
    }

    async fn a_circle_is_refused_and_the_others_go_on(server: Server) {
        let scim = client(server, "acme").await;
        let led = |name: &str, by: &str| json!({"method": "POST", "path": "/Users", "bulkId": name, "data": {
            "userName": format!("{name}@acme.example"),
            "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User": {"manager": {"value": format!("bulkId:{by}")}}}});
        let results = bulk(&scim, json!([led("a", "b"), led("b", "c"), led("c", "a"), led("d", "d"), led("e", "f"), user("f")])).await;
        assert_eq!(statuses(&results), ["409", "409", "409", "409", "201", "201"], "{results:?}");
    }

    async fn a_request_that_is_wrong_anywhere_does_nothing(server: Server) {
        let scim = client(server, "acme").await;
        let before = scim.get("/scim/v2/Users").await.ok()["totalResults"].clone();
        for (operation, kind, word) in [
            (json!("x"), "invalidSyntax", "object"),
            (json!({"method": "GET", "path": "/Users"}), "invalidSyntax", "method"),
            (json!({"method": "POST", "path": "/Users", "data": {}}), "invalidSyntax", "bulkId"),
            (json!({"method": "POST", "path": "/Users", "bulkId": "ada", "data": {}}), "invalidSyntax", "already in use"),
            (json!({"method": "POST", "path": "/Users", "bulkId": "x"}), "invalidSyntax", "data"),
            (json!({"method": "POST", "path": "/Users/1", "bulkId": "x", "data": {}}), "invalidPath", "POST"),
            (json!({"method": "PATCH", "path": "/Users", "data": {}}), "invalidPath", "POST"),
            (json!({"method": "DELETE", "path": "/Users/1/2"}), "invalidPath", "path"),
            (json!({"method": "DELETE", "path": "/api/v1/users/1"}), "invalidPath", "path"),
            (json!({"method": "DELETE", "path": "/Users/1?x=y"}), "invalidPath", "path"),
            (json!({"method": "DELETE", "path": "/Bulk/1"}), "invalidPath", "path"),
        ] {
            let refused = scim.post("/scim/v2/Bulk", &json!({"Operations": [user("ada"), operation]})).await.expect(400);
            assert_eq!(refused.value()["scimType"], kind, "{operation}");
            let detail = refused.value()["detail"].as_str().expect("detail").to_owned();
            assert!(detail.starts_with("Operation 2: ") && detail.contains(word), "{operation}: {detail}");
        }
        for body in [json!({}), json!({"Operations": {}}), json!({"Operations": [], "failOnErrors": 0})] {
            scim.post("/scim/v2/Bulk", &body).await.expect(400);
        }
        assert_eq!(scim.get("/scim/v2/Users").await.ok()["totalResults"], before);
    }

    async fn what_is_said_to_be_the_limit_is_the_limit(server: Server) {
        let scim = client(server, "acme").await;
        let config = scim.get("/scim/v2/ServiceProviderConfig").await.ok();
        assert_eq!(config["bulk"]["supported"], true);
        let most = usize::try_from(config["bulk"]["maxOperations"].as_u64().expect("a number")).expect("a size");
        let gone = json!({"method": "DELETE", "path": "/Users/nobody"});
        assert_eq!(bulk(&scim, json!(vec![gone.clone(); most])).await.len(), most);
        let refused = scim.post("/scim/v2/Bulk", &json!({"Operations": vec![gone; most + 1]})).await.expect(413);
        assert!(refused.value()["detail"].as_str().expect("detail").contains(&most.to_string()), "{refused:?}");
        let bytes = usize::try_from(config["bulk"]["maxPayloadSize"].as_u64().expect("a number")).expect("a size");
        for (more, status) in [(0, 200), (1, 413)] {
            let empty = r#"{"Operations":[],"x":""}"#;
            let body = format!("{}{}\"}}", &empty[..empty.len() - 2], "x".repeat(bytes - empty.len() + more));
            let request = scim.request(reqwest::Method::POST, "/scim/v2/Bulk").header("content-type", "application/scim+json");
            let answer = scim.send(request.body(body)).await.expect(status);
            assert!(status == 200 || answer.value()["detail"].as_str().expect("detail").contains(&bytes.to_string()));
        }
    }

    async fn another_accounts_people_and_groups_are_not_there(server: Server) {
        let (acme, zoo) = (client(server, "acme").await, client(server, "zoo").await);
        let new = json!({"method": "POST", "path": "/Users", "bulkId": "eve", "data": {"userName": "eve@zoo.example"}});
        let theirs = bulk(&zoo, json!([new, {"method": "POST", "path": "/Groups", "bulkId": "g", "data": {"displayName": "Staff"}}])).await;
        let (eve, staff) = (id(&theirs[0]), id(&theirs[1]));
        let patch = json!({"Operations": [{"op": "replace", "path": "externalId", "value": "mine"}]});
        let results = bulk(&acme, json!([
            {"method": "DELETE", "path": format!("/Users/{eve}")},
            {"method": "PATCH", "path": format!("/Users/{eve}"), "data": patch},
            {"method": "PUT", "path": format!("/Users/{eve}"), "data": {"userName": "eve@acme.example"}},
            {"method": "PATCH", "path": format!("/Groups/{staff}"), "data": patch},
            {"method": "DELETE", "path": format!("/Groups/{staff}")},
            {"method": "POST", "path": "/Groups", "bulkId": "g", "data": {"displayName": "Ours", "members": [{"value": eve}]}},
        ])).await;
        assert_eq!(statuses(&results), ["404", "404", "404", "404", "404", "400"], "{results:?}");
        assert_eq!(acme.get("/scim/v2/Groups").await.ok()["totalResults"], 0);
        let untouched = zoo.get(&format!("/scim/v2/Users/{eve}")).await.ok();
        assert_eq!((&untouched["externalId"], &untouched["groups"]), (&Value::Null, &json!([])), "{untouched}");
    }

    async fn nobody_is_me(server: Server) {
        let scim = client(server, "acme").await;
        let answer = scim.get("/scim/v2/Me").await.expect(501);
        assert!(answer.value()["detail"].as_str().expect("detail").contains("connection"), "{answer:?}");
    }

    async fn a_path_may_refer_to_what_is_made_too(server: Server) {
        let scim = client(server, "acme").await;
        let results = bulk(&scim, json!([
            {"method": "PATCH", "path": "/Groups/bulkId:staff",
             "data": {"Operations": [{"op": "remove", "path": "members[value eq \"bulkId:bob\"]"}]}},
            user("ada"),
            user("bob"),
            {"method": "POST", "path": "/Groups", "bulkId": "staff",
             "data": {"displayName": "Staff", "members": [{"value": "bulkId:ada"}, {"value": "bulkId:bob"}]}},
            {"method": "PATCH", "path": "/Groups/bulkId:staff",
             "data": {"Operations": [{"op": "remove", "path": "members[value eq \"bulkId:nobody\"]"}]}},
        ])).await;
        assert_eq!(statuses(&results), ["204", "201", "201", "201", "400"]);
        let group = scim.get(&format!("/scim/v2/Groups/{}", id(&results[3]))).await.ok();
        assert_eq!(group["members"].as_array().map(Vec::len), Some(1));
        assert_eq!(group["members"][0]["value"], id(&results[1]));
    }
}
