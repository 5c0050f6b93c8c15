//! Who somebody is at an identity provider: changed and reassigned addresses.

use serde_json::json;

use super::{create_user, enter, saml, subjects};
use crate::harness::idp::{EMAIL_FORMAT, PERSISTENT_FORMAT, TRANSIENT_FORMAT, UNSPECIFIED_FORMAT, name_id};
use crate::harness::{Client, Server};
use crate::on_both;

async fn id_of(browser: &Client) -> String {
    browser.get("/api/v1/me").await.ok()["id"].as_str().expect("id").to_owned()
}

on_both! {
    async fn a_changed_address_keeps_the_person_and_a_reassigned_one_does_not_open_it(server: Server) {
        let tenant = server.tenant("acme").await;
        let api = server.client().bearer(&tenant.token);
        let mut provider = saml(server, &tenant).await;
        let ann = create_user(&api, "ann@acme.example", None).await;
        let persistent = |value: &str| name_id(PERSISTENT_FORMAT, value);
        let (entered, browser) = enter(server, &mut provider, persistent("p-1"), "ann@acme.example").await;
        entered.expect(303);
        assert_eq!(id_of(&browser).await, ann);
        assert_eq!(subjects(&api, &ann).await, ["persistent:p-1"]);
        // Married, into a domain that is not the connection's: her address here stays.
        let (entered, browser) = enter(server, &mut provider, persistent("p-1"), "ann@elsewhere.example").await;
        entered.expect(303);
        assert_eq!(id_of(&browser).await, ann);
        // Her earlier address was given to somebody else.
        let (refused, browser) = enter(server, &mut provider, persistent("p-2"), "ann@acme.example").await;
        refused.expect(403);
        assert_eq!(server.last_refusal(&tenant).await, "address_of_another");
        browser.get("/api/v1/me").await.expect(401);
        // Nor does a name without a subject lead to her, or an address as the subject.
        for weak in [name_id(TRANSIENT_FORMAT, "t-1"), name_id(UNSPECIFIED_FORMAT, "ann@acme.example")] {
            enter(server, &mut provider, weak, "ann@acme.example").await.0.expect(403);
            assert_eq!(server.last_refusal(&tenant).await, "address_of_another");
        }
        assert_eq!(subjects(&api, &ann).await, ["persistent:p-1"]);
        // The same value with other qualifiers is somebody else (saml-core 8.3.7).
        let other = name_id(PERSISTENT_FORMAT, "p-1").replace("<saml:NameID ", "<saml:NameID NameQualifier=\"urn:other\" ");
        let (entered, browser) = enter(server, &mut provider, other, "new@acme.example").await;
        entered.expect(303);
        assert_ne!(id_of(&browser).await, ann);
        // The qualifiers of the two parties are the default.
        let own = "<saml:NameID NameQualifier=\"https://idp.example/metadata\" ";
        let same = name_id(PERSISTENT_FORMAT, "p-1").replace("<saml:NameID ", own);
        let (entered, browser) = enter(server, &mut provider, same, "ann@acme.example").await;
        entered.expect(303);
        assert_eq!(id_of(&browser).await, ann);
    }

    async fn an_address_is_a_subject_only_as_long_as_the_user_has_it(server: Server) {
        let tenant = server.tenant("acme").await;
        let api = server.client().bearer(&tenant.token);
        let mut provider = saml(server, &tenant).await;
        let ann = create_user(&api, "ann@acme.example", None).await;
        let browser = server.client();
        provider.sign_in(server, &browser, "ann@acme.example").await.expect(303);
        assert_eq!(subjects(&api, &ann).await, ["emailAddress:ann@acme.example"]);
        // She marries, and her address is given to a new colleague.
        api.patch(&format!("/api/v1/users/{ann}"), &json!({"email": "smith@acme.example", "user_name": "smith@acme.example"})).await.expect(200);
        let browser = server.client();
        provider.sign_in(server, &browser, "ann@acme.example").await.expect(303);
        let other = id_of(&browser).await;
        assert_ne!(other, ann);
        assert_eq!(subjects(&api, &other).await, ["emailAddress:ann@acme.example"]);
        let browser = server.client();
        provider.sign_in(server, &browser, "smith@acme.example").await.expect(303);
        assert_eq!(id_of(&browser).await, ann);
        assert_eq!(subjects(&api, &ann).await, ["emailAddress:smith@acme.example"]);
        // Once the provider has something better, the address is no subject any more.
        let (entered, browser) = enter(server, &mut provider, name_id(PERSISTENT_FORMAT, "p-1"), "smith@acme.example").await;
        entered.expect(303);
        assert_eq!(id_of(&browser).await, ann);
        assert_eq!(subjects(&api, &ann).await, ["persistent:p-1"]);
        provider.name_id = None;
        provider.sign_in(server, &server.client(), "smith@acme.example").await.expect(403);
        assert_eq!(server.last_refusal(&tenant).await, "address_of_another");
    }

    async fn an_address_gives_way_to_no_other_address(server: Server) {
        let tenant = server.tenant("acme").await;
        let api = server.client().bearer(&tenant.token);
        let mut provider = saml(server, &tenant).await;
        let ann = create_user(&api, "ann@acme.example", None).await;
        let unspecified = |value: &str| name_id(UNSPECIFIED_FORMAT, value);
        let email = "ann@acme.example";
        let (entered, browser) = enter(server, &mut provider, unspecified("ann@corp.example"), email).await;
        entered.expect(303);
        assert_eq!(id_of(&browser).await, ann);
        // Each has her address in the attribute: by mistake, or because users may edit it there.
        let by_attribute = json!({"email_attribute": "email"});
        api.patch(&format!("/api/v1/connections/{}", provider.id), &by_attribute).await.expect(200);
        let others = [
            unspecified("mallory@corp.example"),
            unspecified("ann@acme.example"),
            name_id(EMAIL_FORMAT, "mallory@acme.example"),
            name_id(EMAIL_FORMAT, "ann@acme.example"),
        ];
        for other in &others {
            let (refused, browser) = enter(server, &mut provider, other.clone(), email).await;
            refused.expect(403);
            assert_eq!(server.last_refusal(&tenant).await, "address_of_another", "{other}");
            browser.get("/api/v1/me").await.expect(401);
        }
        assert_eq!(subjects(&api, &ann).await, ["unspecified:ann@corp.example"]);
        // In any case and in either format, it is herself.
        for own in [unspecified("Ann@Corp.example"), name_id(EMAIL_FORMAT, "ann@corp.example")] {
            let (entered, browser) = enter(server, &mut provider, own, email).await;
            entered.expect(303);
            assert_eq!(id_of(&browser).await, ann);
        }
        assert_eq!(subjects(&api, &ann).await, ["emailAddress:ann@corp.example"]);
        // Where the user has a password, it is not even asked for.
        let password = "a good long password";
        create_user(&api, "bob@acme.example", Some(password)).await;
        let (waiting, browser) =
            enter(server, &mut provider, unspecified("bob@corp.example"), "bob@acme.example").await;
        browser.confirm_link(&waiting, password).await.expect(303);
        let (refused, _) = enter(server, &mut provider, unspecified("eve@corp.example"), "bob@acme.example").await;
        refused.expect(403);
        assert_eq!(server.last_refusal(&tenant).await, "address_of_another");
        // A lasting subject replaces the address.
        let (entered, browser) = enter(server, &mut provider, name_id(PERSISTENT_FORMAT, "p-1"), email).await;
        entered.expect(303);
        assert_eq!(id_of(&browser).await, ann);
        assert_eq!(subjects(&api, &ann).await, ["persistent:p-1"]);
    }

    async fn a_renamed_mailbox_is_the_address_that_the_user_has_now(server: Server) {
        let tenant = server.tenant("acme").await;
        let api = server.client().bearer(&tenant.token);
        let provider = saml(server, &tenant).await;
        let bob = create_user(&api, "bob@acme.example", None).await;
        provider.sign_in(server, &server.client(), "bob@acme.example").await.expect(303);
        // As long as the old address is his user name, the new one can be the mailbox of another person.
        let path = format!("/api/v1/users/{bob}");
        api.patch(&path, &json!({"email": "robert@acme.example"})).await.expect(200);
        provider.sign_in(server, &server.client(), "robert@acme.example").await.expect(403);
        assert_eq!(server.last_refusal(&tenant).await, "address_of_another");
        assert_eq!(subjects(&api, &bob).await, ["emailAddress:bob@acme.example"]);
        api.patch(&path, &json!({"user_name": "bob"})).await.expect(200);
        let browser = server.client();
        provider.sign_in(server, &browser, "robert@acme.example").await.expect(303);
        assert_eq!(id_of(&browser).await, bob);
        assert_eq!(subjects(&api, &bob).await, ["emailAddress:robert@acme.example"]);
        // Who has his old mailbox is another person.
        let browser = server.client();
        provider.sign_in(server, &browser, "bob@acme.example").await.expect(303);
        assert_ne!(id_of(&browser).await, bob);
        assert_eq!(subjects(&api, &bob).await, ["emailAddress:robert@acme.example"]);
    }

    async fn two_addresses_of_one_user_can_be_two_people_at_the_provider(server: Server) {
        let tenant = server.tenant("acme").await;
        let api = server.client().bearer(&tenant.token);
        let provider = saml(server, &tenant).await;
        // Who comes first is linked, by the user name or by the email address.
        for [user_name, email, first, other] in [
            ["ann@acme.example", "smith@acme.example", "ann@acme.example", "smith@acme.example"],
            ["bob@acme.example", "jones@acme.example", "jones@acme.example", "bob@acme.example"],
        ] {
            let user = json!({"user_name": user_name, "email": email});
            let user = api.post("/api/v1/users", &user).await.created()["id"].as_str().expect("id").to_owned();
            provider.sign_in(server, &server.client(), first).await.expect(303);
            provider.sign_in(server, &server.client(), other).await.expect(403);
            assert_eq!(server.last_refusal(&tenant).await, "address_of_another", "{other}");
            assert_eq!(subjects(&api, &user).await, [format!("emailAddress:{first}")]);
            // Nobody is locked out by it.
            let browser = server.client();
            provider.sign_in(server, &browser, first).await.expect(303);
            assert_eq!(id_of(&browser).await, user);
        }
    }

    async fn a_transient_name_is_looked_up_by_its_address_each_time(server: Server) {
        let tenant = server.tenant("acme").await;
        let api = server.client().bearer(&tenant.token);
        let mut provider = saml(server, &tenant).await;
        let ann = create_user(&api, "ann@acme.example", None).await;
        for value in ["t-1", "t-2"] {
            let (entered, browser) = enter(server, &mut provider, name_id(TRANSIENT_FORMAT, value), "ann@acme.example").await;
            entered.expect(303);
            assert_eq!(id_of(&browser).await, ann);
        }
        assert!(subjects(&api, &ann).await.is_empty());
        enter(server, &mut provider, name_id(TRANSIENT_FORMAT, "t-3"), "ann@elsewhere.example").await.0.expect(403);
        assert_eq!(server.last_refusal(&tenant).await, "not_in_connection_domains");
    }
}
