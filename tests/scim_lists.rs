//! Lists over SCIM, walked through from end to end: by position and by cursor (RFC 9865), in each order.

use serde_json::{Value, json};

use crate::harness::{Client, Server};
use crate::on_both;

/// People whose names, given names and addresses are in three different orders.
const PEOPLE: [(&str, Option<&str>); 7] = [
    ("delta", Some("Ada")),
    ("Alpha", Some("zoe")),
    ("charlie", None),
    ("BRAVO", Some("Mia")),
    ("golf", Some("ada")),
    ("echo", None),
    ("Foxtrot", Some("Bob")),
];

async fn world(server: &Server) -> Client {
    let tenant = server.tenant("acme").await;
    let (_, token) = server.scim(&tenant, "Okta").await;
    let scim = server.client().bearer(&token);
    for (name, given) in PEOPLE {
        let mut body = json!({"userName": format!("{name}@acme.example"), "active": name.len() > 4,
            "emails": [{"value": format!("{name}@home.example")}, {"value": format!("{name}@acme.example"), "primary": true}]});
        if let Some(given) = given {
            body["name"] = json!({"givenName": given});
        }
        scim.post("/scim/v2/Users", &body).await.created();
    }
    scim
}

fn names(page: &Value) -> Vec<String> {
    let name = |user: &Value| {
        let text = user["userName"].as_str().or(user["displayName"].as_str()).expect("a name");
        text.split('@').next().expect("a name").to_lowercase()
    };
    page["Resources"].as_array().expect("a list").iter().map(name).collect()
}

/// Reads a list page by page, by cursor; every page but the last says how to go on.
async fn walk(scim: &Client, path: &str, count: usize) -> Vec<String> {
    let (mut found, mut cursor) = (Vec::new(), String::new());
    loop {
        let page = scim.get(&format!("{path}&count={count}&cursor={cursor}")).await.ok();
        assert!(page.get("startIndex").is_none(), "{page}");
        found.extend(names(&page));
        match page["nextCursor"].as_str() {
            Some(next) => {
                assert_eq!(page["itemsPerPage"], count, "{page}");
                next.clone_into(&mut cursor);
            }
            None => return found,
        }
    }
}

on_both! {
    async fn a_list_is_the_same_by_position_and_by_cursor(server: Server) {
        let scim = world(server).await;
        let by_name = ["admin", "alpha", "bravo", "charlie", "delta", "echo", "foxtrot", "golf"];
        for (query, expected) in [
            ("sortBy=userName", by_name.to_vec()),
            ("sortBy=USERNAME&sortOrder=Descending", by_name.iter().rev().copied().collect()),
            // Those without a value are last, and first in descending order; equal ones in the order they came.
            ("sortBy=name.givenName&filter=userName%20co%20%22a%22", vec!["delta", "golf", "foxtrot", "bravo", "alpha", "admin", "charlie", "echo"]),
            ("sortBy=name.givenName&sortOrder=descending", vec!["admin", "charlie", "echo", "alpha", "bravo", "foxtrot", "delta", "golf"]),
            // Of several addresses the primary one counts.
            ("sortBy=emails.value&filter=active%20eq%20true", vec!["admin", "alpha", "bravo", "charlie", "delta", "foxtrot"]),
            ("sortBy=emails&filter=active%20eq%20false", vec!["echo", "golf"]),
            ("sortBy=&sortOrder=", vec!["admin", "delta", "alpha", "charlie", "bravo", "golf", "echo", "foxtrot"]),
            ("filter=userName%20sw%20%22a%22%20or%20userName%20sw%20%22g%22", vec!["admin", "alpha", "golf"]),
        ] {
            let path = format!("/scim/v2/Users?{query}");
            let whole = scim.get(&path).await.ok();
            assert_eq!(names(&whole), expected, "{query}");
            assert_eq!(whole["totalResults"], expected.len(), "{query}");
            for count in [1, 2, 3, 8, 50] {
                assert_eq!(walk(&scim, &path, count).await, expected, "{query} by {count}");
            }
            let mut pieces = Vec::new();
            for start in (1..=expected.len()).step_by(3) {
                pieces.extend(names(&scim.get(&format!("{path}&startIndex={start}&count=3")).await.ok()));
            }
            assert_eq!(pieces, expected, "{query} by position");
        }
    }

    async fn groups_of_one_name_are_all_found(server: Server) {
        let scim = world(server).await;
        for name in ["Makers", "bakers", "Makers", "makers", "Zoo", "Makers"] {
            scim.post("/scim/v2/Groups", &json!({"displayName": name})).await.created();
        }
        let expected = ["bakers", "makers", "makers", "makers", "makers", "zoo"];
        for count in [1, 2, 5] {
            assert_eq!(walk(&scim, "/scim/v2/Groups?sortBy=displayName", count).await, expected);
            let backwards: Vec<&str> = expected.iter().rev().copied().collect();
            assert_eq!(walk(&scim, "/scim/v2/Groups?sortBy=displayName&sortOrder=descending", count).await, backwards);
        }
        // By a body as well.
        let body = json!({"sortBy": "displayName", "count": 2, "cursor": ""});
        let page = scim.post("/scim/v2/Groups/.search", &body).await.ok();
        assert_eq!((names(&page), page["nextCursor"].is_string()), (vec!["bakers".to_owned(), "makers".to_owned()], true));
    }

    async fn who_comes_and_goes_meanwhile_moves_nobody(server: Server) {
        let scim = world(server).await;
        let page = scim.get("/scim/v2/Users?sortBy=userName&count=3&cursor=").await.ok();
        assert_eq!(names(&page), ["admin", "alpha", "bravo"]);
        let next = page["nextCursor"].as_str().expect("a cursor").to_owned();
        // The one it stands at goes, one before it comes, one after it comes.
        let bravo = page["Resources"][2]["id"].as_str().expect("id");
        scim.delete(&format!("/scim/v2/Users/{bravo}")).await.expect(204);
        for name in ["aaron", "bruno"] {
            scim.post("/scim/v2/Users", &json!({"userName": format!("{name}@acme.example")})).await.created();
        }
        let page = scim.get(&format!("/scim/v2/Users?sortBy=userName&count=3&cursor={next}")).await.ok();
        assert_eq!(names(&page), ["bruno", "charlie", "delta"]);
        // Where the list is kept in no index, what the cursor stood at has to be there.
        let page = scim.get("/scim/v2/Users?sortBy=name.givenName&count=2&cursor=").await.ok();
        let (next, last) = (page["nextCursor"].as_str().expect("a cursor"), page["Resources"][1]["id"].as_str().expect("id"));
        scim.delete(&format!("/scim/v2/Users/{last}")).await.expect(204);
        let gone = scim.get(&format!("/scim/v2/Users?sortBy=name.givenName&count=2&cursor={next}")).await.expect(400);
        assert_eq!(gone.value()["scimType"], "expiredCursor");
    }

    async fn places_of_a_long_list_are_remembered_until_somebody_goes(server: Server) {
        let tenant = server.tenant("acme").await;
        let (_, token) = server.scim(&tenant, "Okta").await;
        let scim = server.client().bearer(&token);
        for hundred in 0..13 {
            let user = |n: i32| json!({"method": "POST", "path": "/Users", "bulkId": n.to_string(),
                "data": {"userName": format!("p{:04}@acme.example", hundred * 100 + n)}});
            let body = json!({"Operations": (0..100).map(user).collect::<Vec<_>>()});
            scim.post("/scim/v2/Bulk", &body).await.ok();
        }
        server.clock.advance(std::time::Duration::from_mins(2));
        let first_of = async |start: i32| {
            let page = scim.get(&format!("/scim/v2/Users?startIndex={start}&count=3")).await.ok();
            (names(&page).first().cloned().unwrap_or_default(), page["totalResults"].as_i64().expect("a number"))
        };
        // The administrator is the first, so number n is called n - 2. Twice: the first time notes what the second uses.
        for start in [502, 1002, 1102, 502, 902, 1002, 1102, 1301] {
            assert_eq!(first_of(start).await, (format!("p{:04}", start - 2), 1301), "{start}");
        }
        assert_eq!(first_of(1302).await, (String::new(), 1301));
        // One comes, at the end; one goes, near the beginning: everybody after it moves up.
        scim.post("/scim/v2/Users", &json!({"userName": "p9999@acme.example"})).await.created();
        assert_eq!(first_of(1302).await, ("p9999".to_owned(), 1302));
        let page = scim.get("/scim/v2/Users?startIndex=12&count=1").await.ok();
        scim.delete(&format!("/scim/v2/Users/{}", page["Resources"][0]["id"].as_str().expect("id"))).await.expect(204);
        for start in [11, 502, 1002, 1102, 1002] {
            let moved = i32::from(start >= 12);
            assert_eq!(first_of(start).await, (format!("p{:04}", start - 2 + moved), 1301), "{start}");
        }
    }

    async fn what_cannot_be_is_said(server: Server) {
        let scim = world(server).await;
        for (query, kind) in [
            ("cursor=nonsense", "invalidCursor"),
            ("cursor=WzEsMl0", "invalidCursor"),
            ("cursor=WyIAIiwieCJd", "invalidCursor"),
            ("sortBy=a%5B", "invalidPath"),
            ("sortBy=userName&sortOrder=sideways", "invalidValue"),
        ] {
            let refused = scim.get(&format!("/scim/v2/Users?{query}")).await.expect(400);
            assert_eq!(refused.value()["scimType"], kind, "{query}");
        }
        let both = scim.post("/scim/v2/.search", &json!({"cursor": ""})).await.expect(400);
        assert!(both.body.contains("Use a cursor with /Users or /Groups"), "{}", both.body);
        // A cursor leads nowhere but into the client's own account.
        let globex = server.tenant("globex").await;
        let (_, token) = server.scim(&globex, "Entra").await;
        let next = scim.get("/scim/v2/Users?count=1&cursor=").await.ok()["nextCursor"].as_str().expect("a cursor").to_owned();
        let theirs = server.client().bearer(&token).get(&format!("/scim/v2/Users?cursor={next}")).await.ok();
        assert_eq!(names(&theirs), ["admin"], "their own administrator, made later");
        let config = scim.get("/scim/v2/ServiceProviderConfig").await.ok();
        assert_eq!((&config["sort"]["supported"], &config["pagination"]["cursor"]), (&json!(true), &json!(true)));
    }
}
