//! Who somebody is at an identity provider: changed and reassigned addresses.

use serde_json::json;

use super::{create_user, saml, subjects};
use crate::harness::idp::{PERSISTENT_FORMAT, Provider, TRANSIENT_FORMAT, UNSPECIFIED_FORMAT, name_id};
use crate::harness::{Answer, Client, Server};
use crate::on_both;

/// Signs in with this NameID and address: the answer, and the browser.
async fn enter(server: &Server, provider: &mut Provider, name_id: String, email: &str) -> (Answer, Client) {
    provider.name_id = Some(name_id);
    provider.attributes = vec![("email".into(), email.into())];
    let browser = server.client();
    let answer = provider.sign_in(server, &browser, email).await;
    (answer, browser)
}

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
        // Married; also into a domain that is not the connection's.
        for email in ["ann.smith@acme.example", "ann@elsewhere.example"] {
            let (entered, browser) = enter(server, &mut provider, persistent("p-1"), email).await;
            entered.expect(303);
            assert_eq!(id_of(&browser).await, ann, "{email}");
        }
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
