//! The known providers, with their habits: stand-ins that speak what each documents.

use serde_json::{Map, Value, json};

use super::world::{World, param};
use crate::harness::Server;
use crate::harness::provider::Provider;
use crate::on_both;

fn map(value: Value) -> Map<String, Value> {
    value.as_object().expect("object").clone()
}

async fn preset<'s>(server: &'s Server, provider: &Provider, more: Value) -> World<'s> {
    let mut body = json!({"name": "Public", "jit": {"enabled": false}});
    body.as_object_mut().expect("object").extend(map(more));
    World::at(server, "acme", provider.clone(), body).await
}

on_both! {
    with Server::inside;

    async fn github(server: Server) {
        let provider = Provider::start(&server.clock).await;
        provider.says().no_id_token = true;
        let pages = |primary: bool, verified: bool| {
            let address = json!({"email": "bob@acme.example", "primary": primary, "verified": verified, "visibility": "private"});
            let other = json!({"email": "bob@home.example", "primary": !primary, "verified": true, "visibility": null});
            provider.says().pages.extend([
                ("/api/v3/user".to_owned(), json!({"id": 583_231, "login": "bob", "name": null, "email": "ceo@acme.example"})),
                ("/api/v3/user/emails".to_owned(), json!([other, address])),
                ("/api/v3/user/teams".to_owned(), json!([{"slug": "core", "organization": {"login": "acme"}}])),
            ]);
        };
        pages(true, true);
        let world = preset(server, &provider, json!({"preset": "github", "group_sync": true})).await;
        let api = world.api();
        let group = api.post("/api/v1/groups", &json!({"name": "Core"})).await.created()["id"].as_str().expect("id").to_owned();
        let link = json!({"connection_id": world.connection, "name": "acme/core"});
        api.post(&format!("/api/v1/groups/{group}/link"), &link).await.expect(201);
        let browser = server.client();
        let sent = world.begin(&browser).await;
        assert!(sent.starts_with(&format!("{}/login/oauth/authorize?", provider.url)), "{sent}");
        assert_eq!(param(&sent, "scope"), "read:user user:email read:org");
        let me = world.lets_in(&browser).await;
        assert_eq!((&me["email"], &me["groups"][0]), (&json!("bob@acme.example"), &json!("Core")));
        let events = server.audit(&world.tenant).await;
        let linked = events.iter().find(|e| e["action"] == "user.link").expect("linked");
        assert_eq!(linked["detail"]["subject"], "583231");
        // The address of the profile, and those that are not primary, count for nothing; nor does one unverified.
        api.delete(&format!("/api/v1/users/{}/identities/{}", world.user, identity(&world).await)).await.expect(204);
        pages(true, false);
        world.sign_in(&server.client()).await.expect(403);
        assert_eq!(server.last_refusal(&world.tenant).await, "address_not_verified");
        pages(false, true);
        assert!(world.sign_in(&server.client()).await.expect(403).body.contains("not set up for this sign-in"));
        // It says no with status 200.
        provider.says().pages.clear();
        world.refuses("userinfo").await;
    }

    async fn bitbucket(server: Server) {
        let provider = Provider::start(&server.clock).await;
        provider.says().no_id_token = true;
        let pages = |confirmed: bool| {
            provider.says().pages.extend([
                ("/2.0/user".to_owned(), json!({"uuid": "{a-b-c}", "display_name": "Bob", "nickname": "bob"})),
                ("/2.0/user/emails".to_owned(), json!({"values": [{"email": "bob@acme.example", "is_primary": true, "is_confirmed": confirmed}]})),
            ]);
        };
        pages(false);
        let world = preset(server, &provider, json!({"preset": "bitbucket", "api_url": provider.url})).await;
        let sent = world.begin(&server.client()).await;
        assert!(sent.starts_with(&format!("{}/site/oauth2/authorize?", provider.url)), "{sent}");
        world.sign_in(&server.client()).await.expect(403);
        assert_eq!(server.last_refusal(&world.tenant).await, "address_not_verified");
        pages(true);
        world.lets_in(&server.client()).await;
    }

    async fn linkedin(server: Server) {
        let provider = Provider::start(&server.clock).await;
        // No nonce in its tokens, no PKCE for clients with a secret, and yes as a text.
        provider.claim("nonce", Value::Null);
        provider.claim("email_verified", json!("true"));
        let world = preset(server, &provider, json!({"preset": "linkedin"})).await;
        let sent = world.begin(&server.client()).await;
        assert!(!sent.contains("code_challenge"), "{sent}");
        world.lets_in(&server.client()).await;
        assert!(provider.says().last_exchange.contains_key("client_secret"));
        provider.claim("nonce", json!("another"));
        world.refuses("nonce").await;
    }

    async fn google(server: Server) {
        let provider = Provider::start(&server.clock).await;
        let more = json!({"preset": "google", "hosted_domains": ["Acme.example"]});
        let world = preset(server, &provider, more).await;
        let sent = world.begin(&server.client()).await;
        assert_eq!((param(&sent, "hd"), param(&sent, "prompt")), ("acme.example".into(), "select_account".into()));
        // What was asked for is a wish.
        world.refuses("hosted_domain").await;
        provider.claim("hd", json!("evil.example"));
        world.refuses("hosted_domain").await;
        provider.claim("hd", json!("acme.example"));
        world.lets_in(&server.client()).await;
    }

    async fn entra(server: Server) {
        let provider = Provider::start(&server.clock).await;
        // One issuer for many tenants, with a gap for which.
        let gap = format!("{}/{{tenantid}}/v2.0", provider.url);
        provider.says().discovery.insert("issuer".into(), json!(gap));
        let (ours, theirs) = ("11111111-aaaa-4bbb-8ccc-000000000001", "22222222-aaaa-4bbb-8ccc-000000000002");
        let from = |tenant: &str| {
            provider.claim("tid", json!(tenant));
            provider.claim("iss", json!(format!("{}/{tenant}/v2.0", provider.url)));
        };
        from(theirs);
        provider.claim("email_verified", json!(true));
        let issuer = format!("{}/organizations/v2.0", provider.url);
        let world = preset(server, &provider, json!({"preset": "entra", "issuer": issuer})).await;
        // Whoever has a tenant can write any address into it, and call it verified.
        world.sign_in(&server.client()).await.expect(403);
        assert_eq!(server.last_refusal(&world.tenant).await, "address_not_verified");
        for edov in [json!(true), json!("1"), json!(1)] {
            provider.claim("xms_edov", edov);
            world.lets_in(&server.client()).await;
        }
        provider.claim("xms_edov", Value::Null);
        // A token of one tenant cannot name another one's issuer.
        provider.claim("tid", json!(ours));
        world.refuses("issuer").await;
        world.change(json!({"tenants": [ours]})).await.expect(200);
        from(theirs);
        world.refuses("tenant").await;
        // In one's own tenant the sign-in name does, where there is no mailbox.
        from(ours);
        provider.claim("email", Value::Null);
        provider.claim("sub", json!("pairwise"));
        provider.says().userinfo = map(json!({"sub": "pairwise"}));
        provider.claim("preferred_username", json!("bob@acme.example"));
        let identity = identity(&world).await;
        world.api().delete(&format!("/api/v1/users/{}/identities/{identity}", world.user)).await.expect(204);
        world.lets_in(&server.client()).await;
    }

    async fn entra_with_more_groups_than_fit(server: Server) {
        let provider = Provider::start(&server.clock).await;
        let tenant = "11111111-aaaa-4bbb-8ccc-000000000001";
        provider.says().discovery.insert("issuer".into(), json!(format!("{}/{{tenantid}}/v2.0", provider.url)));
        provider.says().claims.extend(map(json!({"tid": tenant, "oid": "the-object", "iss": format!("{}/{tenant}/v2.0", provider.url),
            "_claim_names": {"groups": "src1"}, "_claim_sources": {"src1": {"endpoint": "https://evil.example/steal"}}})));
        provider.says().pages.insert("/v1.0/users/the-object/transitiveMemberOf/microsoft.graph.group".to_owned(), json!({"value": [{"id": "group-1"}]}));
        let more = json!({"preset": "entra", "issuer": format!("{}/organizations/v2.0", provider.url), "api_url": provider.url,
            "tenants": [tenant], "group_sync": true});
        let world = preset(server, &provider, more).await;
        let group = world.api().post("/api/v1/groups", &json!({"name": "Many"})).await.created()["id"].as_str().expect("id").to_owned();
        let link = json!({"connection_id": world.connection, "name": "group-1"});
        world.api().post(&format!("/api/v1/groups/{group}/link"), &link).await.expect(201);
        assert_eq!(world.lets_in(&server.client()).await["groups"][0], "Many");
        // When Graph does not answer nobody is taken out of anything.
        provider.says().pages.clear();
        assert_eq!(world.lets_in(&server.client()).await["groups"][0], "Many");
    }

    async fn gitlab(server: Server) {
        let provider = Provider::start(&server.clock).await;
        provider.says().userinfo = map(json!({"sub": "bob-1", "groups": ["acme/platform"]}));
        let world = preset(server, &provider, json!({"preset": "gitlab", "group_sync": true})).await;
        let group = world.api().post("/api/v1/groups", &json!({"name": "Platform"})).await.created()["id"].as_str().expect("id").to_owned();
        let link = json!({"connection_id": world.connection, "name": "acme/platform"});
        world.api().post(&format!("/api/v1/groups/{group}/link"), &link).await.expect(201);
        assert_eq!(world.lets_in(&server.client()).await["groups"][0], "Platform");
    }
}

async fn identity(world: &World<'_>) -> String {
    let all = world.api().get(&format!("/api/v1/users/{}/identities", world.user)).await.ok();
    all["items"][0]["id"].as_str().unwrap_or_else(|| panic!("no identity: {all}")).to_owned()
}
