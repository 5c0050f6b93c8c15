//! Sign-ins that were not begun in the browser that completes them.

use serde_json::json;
use vestibule::access::Role;

use super::{bind_role, create_user, subjects};
use crate::harness::idp::{PERSISTENT_FORMAT, Provider, name_id};
use crate::harness::phone::Phone;
use crate::harness::{Answer, Client, Server, Tenant};
use crate::on_both;

const PASSWORD: &str = "a good long password";

/// A connection on which the provider may begin, and which names this subject and address.
async fn provider(server: &Server, tenant: &Tenant, subject: &str, email: &str) -> Provider {
    let mut provider = Provider::new(server, tenant, json!({"allow_idp_initiated": true})).await;
    names(&mut provider, subject, email);
    provider
}

fn names(provider: &mut Provider, subject: &str, email: &str) {
    provider.name_id = Some(name_id(PERSISTENT_FORMAT, subject));
    provider.attributes = vec![("email".into(), email.into())];
}

/// The browser is asked for nothing, and has nothing to go on with.
async fn expect_no_confirmation(browser: &Client, refused: Answer) {
    let refused = refused.expect(403);
    assert!(refused.body.contains("Start from the sign-in page"), "{}", refused.body);
    let cookies = refused.headers.get_all("set-cookie").iter().filter_map(|value| value.to_str().ok());
    assert_eq!(cookies.filter(|text| text.contains("_step=")).count(), 0, "{:?}", refused.headers);
    browser.get("/api/v1/me").await.expect(401);
}

on_both! {
    async fn nobody_confirms_a_link_that_they_did_not_begin(server: Server) {
        let tenant = server.tenant("acme").await;
        let api = server.client().bearer(&tenant.token);
        let provider = provider(server, &tenant, "p-1", "bob@acme.example").await;
        let bob = create_user(&api, "bob@acme.example", Some(PASSWORD)).await;
        let victim = server.client();
        // Also not while the user is on the way to the provider, with a sign-in of their own.
        let sent = victim.get(&format!("/saml/{}/login?return_to=/profile", provider.id)).await.expect(303);
        let request = crate::harness::idp::request_id(&sent.location().expect("to the provider"));
        let refused = provider.unsolicited(server, &victim, "").await;
        expect_no_confirmation(&victim, refused).await;
        assert_eq!(server.last_refusal(&tenant).await, "link_needs_approval");
        // Nor by the address that the attacker's own browser was sent to.
        let planted = provider.hand_over(server, &server.client(), None, "").await;
        let refused = victim.get(&planted).await;
        expect_no_confirmation(&victim, refused).await;
        victim.get(&planted).await.expect(403);
        // Nor by the response to a request of the attacker's browser.
        let attacker = server.client();
        let theirs = attacker.get(&format!("/saml/{}/login", provider.id)).await.expect(303);
        let theirs = crate::harness::idp::request_id(&theirs.location().expect("to the provider"));
        let planted = provider.hand_over(server, &victim, Some(theirs), "").await;
        let refused = victim.get(&planted).await.expect(403);
        assert!(refused.body.contains("started in another browser"), "{}", refused.body);
        assert!(subjects(&api, &bob).await.is_empty());
        // What the user began goes on, and the page names what is linked.
        let handed = provider.hand_over(server, &victim, Some(request), "").await;
        let waiting = victim.get(&handed).await.expect(303);
        let page = victim.get(&waiting.location().expect("to the confirmation")).await.expect(200);
        for text in ["Company", "bob@acme.example", "persistent:p-1", "https://idp.example/metadata"] {
            assert!(page.body.contains(text), "{text}: {}", page.body);
        }
        victim.confirm_link(&waiting, PASSWORD).await.expect(303);
        assert_eq!(subjects(&api, &bob).await, ["persistent:p-1"]);
        // Who is linked comes in either way.
        let browser = server.client();
        provider.unsolicited(server, &browser, "").await.expect(303);
        assert_eq!(browser.get("/api/v1/me").await.ok()["id"], json!(bob));
    }

    async fn nor_with_a_second_factor(server: Server) {
        let tenant = server.tenant("acme").await;
        let api = server.client().bearer(&tenant.token);
        let provider = provider(server, &tenant, "p-1", &tenant.email).await;
        let own = server.client();
        own.sign_in("acme", &tenant.email, &tenant.password).await.expect(303);
        let phone = Phone::set_up(server, &own, "/profile/two-factor/add?what=app").await.phone;
        let me = own.get("/api/v1/me").await.ok()["id"].as_str().expect("id").to_owned();
        let browser = server.client();
        let refused = provider.unsolicited(server, &browser, "").await;
        expect_no_confirmation(&browser, refused).await;
        assert_eq!(server.last_refusal(&tenant).await, "link_needs_approval");
        // An administrator can approve it, as for users who have nothing to confirm with.
        let pending = api.get(&format!("/api/v1/users/{me}/pending-identities")).await.ok();
        let approval = json!({"pending_id": pending["items"][0]["id"]});
        api.post(&format!("/api/v1/users/{me}/identities"), &approval).await.expect(204);
        let waiting = provider.unsolicited(server, &browser, "").await.expect(303);
        let page = browser.get(&waiting.location().expect("to the second factor")).await.expect(200);
        assert!(!page.body.contains("Confirm that this is you"), "{}", page.body);
        browser.second_factor(&waiting, &phone.code(server, 0)).await.expect(303);
    }

    async fn a_role_needs_the_approval_either_way(server: Server) {
        let tenant = server.tenant("acme").await;
        let api = server.client().bearer(&tenant.token);
        let mut provider = provider(server, &tenant, "p-1", "bob@acme.example").await;
        let bob = create_user(&api, "bob@acme.example", None).await;
        bind_role(server, "acme", &bob, Role::AccountViewer).await;
        let refused = provider.unsolicited(server, &server.client(), "").await.expect(403);
        assert!(refused.body.contains("Approval required"), "{}", refused.body);
        // Who has nothing that a link could give away is linked by the response alone.
        names(&mut provider, "p-2", "carol@acme.example");
        let carol = create_user(&api, "carol@acme.example", None).await;
        provider.unsolicited(server, &server.client(), "").await.expect(303);
        assert_eq!(subjects(&api, &carol).await, ["persistent:p-2"]);
    }
}
