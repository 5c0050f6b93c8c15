//! The trail.

use serde_json::json;

use crate::harness::Server;
use crate::on_both;

on_both! {
    async fn every_change_is_told_with_before_and_after(server: Server) {
        let tenant = server.tenant("acme").await;
        let api = server.client().bearer(&tenant.token).from("198.51.100.7");
        let made = api.post("/api/v1/users", &json!({"user_name": "bob@acme.example"})).await.created();
        let id = made["id"].as_str().expect("id");
        let changed = api.patch(&format!("/api/v1/users/{id}"), &json!({"given_name": "Bob"})).await.expect(200);
        let events = server.audit(&tenant).await;
        let event = &events[0];
        assert_eq!(event["action"], "user.update");
        assert_eq!(event["actor"]["name"], "tests");
        assert_eq!(event["resource"]["id"], id);
        assert_eq!(event["detail"], json!({"before": {"given_name": null}, "after": {"given_name": "Bob"}}));
        assert_eq!(event["address"], "198.51.100.7");
        assert_eq!(event["request_id"], changed.header("x-request-id"));

        let before = events.len();
        api.patch(&format!("/api/v1/users/{id}"), &json!({"given_name": "Bob"})).await.expect(200);
        assert_eq!(server.audit(&tenant).await.len(), before, "what changes nothing leaves no event");
    }

    async fn the_trail_is_read_in_pages_and_by_filter(server: Server) {
        let tenant = server.tenant("acme").await;
        let api = server.client().bearer(&tenant.token);
        for n in 0..7 {
            server.advance(1);
            api.post("/api/v1/groups", &json!({"name": format!("Group {n}")})).await.created();
        }
        let mut seen = Vec::new();
        let mut after = String::new();
        loop {
            let path = format!("/api/v1/audit-events?action=group.create&limit=3&after={after}");
            let page = api.get(&path).await.ok();
            let items = page["items"].as_array().expect("items");
            seen.extend(items.iter().map(|e| e["resource"]["name"].as_str().expect("name").to_owned()));
            match page["next"].as_str() {
                Some(next) => next.clone_into(&mut after),
                None => break,
            }
        }
        let expected: Vec<String> = (0..7).rev().map(|n| format!("Group {n}")).collect();
        assert_eq!(seen, expected, "newest first, none twice, none lost");
        let from = server.clock.now().plus(std::time::Duration::from_secs(1)).to_string();
        let none = api.get(&format!("/api/v1/audit-events?from={}", from.replace('+', "%2B"))).await.ok();
        assert_eq!(none["items"], json!([]));
        api.get("/api/v1/audit-events?from=yesterday").await.expect(422);
    }

    async fn the_page_shows_the_last_seven_days(server: Server) {
        let tenant = server.tenant("acme").await;
        let api = server.client().bearer(&tenant.token);
        api.post("/api/v1/groups", &json!({"name": "Eight days old"})).await.created();
        server.advance(8 * 24 * 3600);
        api.post("/api/v1/groups", &json!({"name": "<b>Today</b>"})).await.created();
        let page = api.get("/console/audit").await.expect(200).body;
        assert!(page.contains("&#60;b&#62;Today"), "escaped");
        assert!(!page.contains("Eight days old"));
    }
}
