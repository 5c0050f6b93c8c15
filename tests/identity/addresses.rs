//! Which field of an answer is the address.

use serde_json::{Value, json};

use super::{bind_role, create_user, saml};
use crate::harness::idp::{EMAIL_FORMAT, PERSISTENT_FORMAT, UNSPECIFIED_FORMAT, name_id};
use crate::harness::{Backend, Server};
use crate::ldap::world as ldap;
use crate::oidc::world::World;
use crate::on_both;

const EMAIL_ATTRIBUTE: &str = "email";

on_both! {
    with Server::inside;

    async fn a_user_name_that_looks_like_an_address_is_none(server: Server) {
        let tenant = server.tenant("acme").await;
        let api = server.client().bearer(&tenant.token);
        let mut provider = saml(server, &tenant).await;
        // Each chose the administrator's address as their user name; the mapper sends the verified address.
        let formats =
            [("eve", UNSPECIFIED_FORMAT), ("mallory", PERSISTENT_FORMAT), ("trudy", "urn:example:format")];
        for (name, format) in formats {
            let email = format!("{name}@acme.example");
            let user = create_user(&api, &email, None).await;
            provider.attributes = vec![(EMAIL_ATTRIBUTE.into(), email)];
            provider.name_id = Some(name_id(format, &tenant.email));
            let browser = server.client();
            provider.sign_in(server, &browser, "").await.expect(303);
            assert_eq!(browser.get("/api/v1/me").await.ok()["id"], json!(user), "{format}");
        }
        // Without the mapper there is no address at all.
        provider.attributes.clear();
        for format in [UNSPECIFIED_FORMAT, PERSISTENT_FORMAT] {
            provider.name_id = Some(name_id(format, "carol@acme.example"));
            assert_eq!(provider.refused(server).await.status, 403);
            assert_eq!(server.last_refusal(&tenant).await, "saml_email", "{format}");
        }
        // A connection may say that its NameID is the address, whatever the format.
        let change = json!({"email_attribute": "NameID"});
        api.patch(&format!("/api/v1/connections/{}", provider.id), &change).await.expect(200);
        provider.name_id = Some(name_id(UNSPECIFIED_FORMAT, "carol@acme.example"));
        let browser = server.client();
        provider.sign_in(server, &browser, "").await.expect(303);
        assert_eq!(browser.get("/api/v1/me").await.ok()["email"], "carol@acme.example");
        // The name that Entra ID makes for a guest is an address nowhere.
        provider.name_id = Some(name_id(EMAIL_FORMAT, "mal_partner.example#EXT#@acme.example"));
        provider.refused(server).await;
        assert_eq!(server.last_refusal(&tenant).await, "saml_email");
    }

    async fn email_verified_vouches_for_the_claim_email_alone(server: Server) {
        let world = World::with(server, json!({"email_attribute": "preferred_username"})).await;
        let admin = &world.tenant.email;
        world.provider.claim("sub", json!("eve-1"));
        world.provider.claim("email", json!("eve@partner.example"));
        world.provider.claim("preferred_username", json!(admin));
        world.sign_in(&server.client()).await.expect(403);
        assert_eq!(server.last_refusal(&world.tenant).await, "address_not_verified");
        world.provider.claim("upn", json!(admin));
        world.change(json!({"email_attribute": "upn"})).await.expect(200);
        world.sign_in(&server.client()).await.expect(403);
        assert_eq!(server.last_refusal(&world.tenant).await, "address_not_verified");
        // The same value in another case is the same address.
        world.provider.claim("email", json!("bob@acme.example"));
        world.provider.claim("upn", json!("Bob@ACME.example"));
        world.lets_in(&server.client()).await;
        // An administrator can say that users cannot choose the claim.
        world.provider.claim("sub", json!("carol-1"));
        world.provider.claim("email", Value::Null);
        world.provider.claim("upn", json!("carol@acme.example"));
        world.provider.says().userinfo.insert("sub".into(), json!("carol-1"));
        world.sign_in(&server.client()).await.expect(403);
        world.change(json!({"trust_email": true, "jit": {"enabled": true}})).await.expect(200);
        let browser = server.client();
        world.sign_in(&browser).await.expect(303);
        assert_eq!(browser.get("/api/v1/me").await.ok()["email"], "carol@acme.example");
    }

    async fn an_address_is_verified_by_the_answer_that_has_it(server: Server) {
        let world = World::with(server, json!({"group_sync": true, "group_attribute": "groups"})).await;
        let about = |email: &str| {
            let said = json!({"sub": "bob-1", "email": email, "email_verified": true, "groups": []});
            said.as_object().expect("object").clone()
        };
        // The ID token has the address of an administrator, and says nothing about it. What the user info endpoint
        // verifies is another address.
        world.provider.claim("email", json!(world.tenant.email));
        world.provider.claim("email_verified", Value::Null);
        world.provider.says().userinfo = about("bob@acme.example");
        world.sign_in(&server.client()).await.expect(403);
        assert_eq!(server.last_refusal(&world.tenant).await, "address_not_verified");
        // The other way round.
        world.provider.claim("email", Value::Null);
        world.provider.claim("email_verified", json!(true));
        let mut unverified = about(&world.tenant.email);
        unverified.remove("email_verified");
        world.provider.says().userinfo = unverified;
        world.sign_in(&server.client()).await.expect(403);
        assert_eq!(server.last_refusal(&world.tenant).await, "address_not_verified");
        // The same address, from both: one says it, the other verifies it.
        world.provider.claim("email", json!("Bob@ACME.example"));
        world.provider.claim("email_verified", Value::Null);
        world.provider.says().userinfo = about("bob@acme.example");
        world.lets_in(&server.client()).await;
    }

    async fn a_guest_of_our_tenant_is_not_one_of_us(server: Server) {
        let provider = crate::harness::provider::Provider::start(&server.clock).await;
        let ours = "11111111-aaaa-4bbb-8ccc-000000000001";
        provider.says().discovery.insert("issuer".into(), json!(format!("{}/{{tenantid}}/v2.0", provider.url)));
        provider.claim("iss", json!(format!("{}/{ours}/v2.0", provider.url)));
        provider.claim("tid", json!(ours));
        provider.claim("email_verified", json!(true));
        let more = json!({"preset": "entra", "issuer": format!("{}/organizations/v2.0", provider.url),
            "tenants": [ours], "jit": {"enabled": true}});
        let world = World::at(server, "acme", provider, more).await;
        world.provider.claim("idp", json!("https://sts.windows.net/22222222-aaaa-4bbb-8ccc-000000000002/"));
        world.sign_in(&server.client()).await.expect(403);
        assert_eq!(server.last_refusal(&world.tenant).await, "address_not_verified");
        world.provider.claim("idp", Value::Null);
        world.provider.claim("email", json!("bob_partner.example#EXT#@acme.example"));
        world.refuses("email").await;
        // A claim that is mapped vouches for itself in our tenant only if it is the username or the address.
        world.provider.claim("email", json!("eve@partner.example"));
        world.provider.claim("nickname", json!(world.tenant.email));
        world.change(json!({"email_attribute": "nickname"})).await.expect(200);
        world.sign_in(&server.client()).await.expect(403);
        assert_eq!(server.last_refusal(&world.tenant).await, "address_not_verified");
    }
}

/// The user principal name is no address, even where the directory has no other one.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_directory_has_the_address_in_one_attribute() {
    use crate::harness::directory::{PASSWORD, Slapd, person};
    let guest = person("guest", &[])
        .replace("mail: guest@acme.example", "mail: guest_partner.example#EXT#@acme.example");
    let none = person("none", &[]).replace("mail: none@acme.example\n", "");
    let slapd = Slapd::start(&[guest, none, person("bob", &[])].concat());
    let server = Server::inside(Backend::Sqlite).await;
    let world = ldap::World::new(&server, &slapd).await;
    for uid in ["guest", "none"] {
        world.try_in(&server.client(), uid, PASSWORD).await.expect(401);
        assert_eq!(server.last_refusal(&world.tenant).await, "no_address", "{uid}");
    }
    world.lets_in("bob", PASSWORD).await;
    // Any employee who may write their own address: it is the administrator's now.
    bind_role(
        &server,
        "acme",
        &create_user(&world.api(), "ceo@acme.example", None).await,
        vestibule::access::Role::AccountAdmin,
    )
    .await;
    let eve = format!("uid=none,ou=people,{}", crate::harness::directory::BASE);
    slapd.replace(&eve, "mail", "ceo@acme.example").await;
    let browser = server.client();
    world.try_in(&browser, "none", PASSWORD).await.expect(401);
    assert_eq!(server.last_refusal(&world.tenant).await, "link_needs_approval");
    browser.get("/api/v1/me").await.expect(401);
}
