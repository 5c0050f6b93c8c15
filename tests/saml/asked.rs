//! What a connection asks of the authentication, checked in what the identity provider answers.

use std::time::Duration;

use serde_json::json;

use super::world::{ENTITY, World};
use crate::harness::Server;
use crate::harness::idp::{Idp, Says, Sign};
use crate::on_both;

const MFA: &str = "https://refeds.org/profile/mfa";

/// A response whose assertion the provider signs with another `AuthnInstant`; without one for `None`.
fn authenticated_at(idp: &Idp, says: &Says, instant: Option<String>) -> String {
    let assertion = idp.assertion(says, true);
    let stated = format!(" AuthnInstant=\"{}\"", says.not_before);
    assert!(assertion.contains(&stated), "{assertion}");
    let instant = instant.map(|instant| format!(" AuthnInstant=\"{instant}\"")).unwrap_or_default();
    idp.wrap(says, &idp.sign(&assertion.replace(&stated, &instant)), false)
}

on_both! {
    async fn an_earlier_sign_in_is_no_re_authentication(server: Server) {
        let world = World::new(server, Idp::rsa(ENTITY)).await;
        let ago = |time: Duration| Some(server.clock.now().minus(time).to_string());
        let (minute, night) = (Duration::from_mins(1), Duration::from_hours(10));
        // Nobody asks for it: the session at the provider is good enough.
        let answer = world.answer(&server.client(), |idp, says| authenticated_at(idp, &says, ago(night))).await;
        answer.expect(303);
        world.change(json!({"force_authn": true})).await.expect(200);
        let browser = server.client();
        world.sign_in(&browser, |_| {}).await.expect(303);
        browser.get("/api/v1/me").await.expect(200);
        // Clocks may differ by a minute.
        world.answer(&server.client(), |idp, says| authenticated_at(idp, &says, ago(minute))).await.expect(303);
        let soon = Some(server.clock.now().plus(2 * minute).to_string());
        for instant in [ago(night), ago(minute + Duration::from_secs(1)), soon, Some("yesterday".into()), None] {
            world.refused("authn_instant", |idp, says| authenticated_at(idp, &says, instant)).await;
        }
    }

    async fn what_counts_is_what_the_request_asked(server: Server) {
        let world = World::new(server, Idp::rsa(ENTITY)).await;
        let stale = |idp: &Idp, says: &Says| {
            authenticated_at(idp, says, Some(says.not_before.minus(Duration::from_hours(10)).to_string()))
        };
        // Asked for, and no longer a setting when the answer comes.
        world.change(json!({"force_authn": true})).await.expect(200);
        let browser = server.client();
        let request = world.begin(&browser).await;
        world.change(json!({"force_authn": false})).await.expect(200);
        world.post(&browser, &stale(&world.idp, &world.says(Some(&request)))).await.expect(403);
        assert_eq!(server.last_refusal(&world.tenant).await, "saml_authn_instant");
        // Not asked for, and a setting when the answer comes.
        let request = world.begin(&browser).await;
        world.change(json!({"force_authn": true})).await.expect(200);
        world.post(&browser, &stale(&world.idp, &world.says(Some(&request)))).await.expect(303);
        // A sign-in that the provider begins follows no request, so it cannot show it.
        world.change(json!({"allow_idp_initiated": true})).await.expect(200);
        world.post(&server.client(), &world.idp.response(&world.says(None), Sign::Assertion)).await.expect(403);
        assert_eq!(server.last_refusal(&world.tenant).await, "saml_authn_instant");
        world.change(json!({"force_authn": false})).await.expect(200);
        world.post(&server.client(), &world.idp.response(&world.says(None), Sign::Assertion)).await.expect(303);
    }

    async fn another_authentication_context_is_refused(server: Server) {
        let world = World::new(server, Idp::rsa(ENTITY)).await;
        world.change(json!({"authn_context": [MFA]})).await.expect(200);
        world.refused("authn_context", |idp, says| idp.response(&says, Sign::Assertion)).await;
        world.refused("authn_context", |idp, says| {
            let none = Says { context: String::new(), ..says };
            idp.response(&none, Sign::Assertion)
        }).await;
        // The name of ours is nobody else's level.
        world.refused("authn_context", |idp, says| {
            idp.response(&Says { context: "2fa".into(), ..says }, Sign::Assertion)
        }).await;
        world.sign_in(&server.client(), |says| MFA.clone_into(&mut says.context)).await.expect(303);
        // Also where the provider begins.
        world.change(json!({"allow_idp_initiated": true})).await.expect(200);
        world.post(&server.client(), &world.idp.response(&world.says(None), Sign::Assertion)).await.expect(403);
        // At least as strong: a password is not, and a smart card is.
        world.change(json!({"authn_context_comparison": "minimum"})).await.expect(200);
        world.refused("authn_context", |idp, says| idp.response(&says, Sign::Assertion)).await;
        let smartcard = "urn:oasis:names:tc:SAML:2.0:ac:classes:SmartcardPKI";
        world.sign_in(&server.client(), |says| smartcard.clone_into(&mut says.context)).await.expect(303);
    }

    async fn a_level_of_the_provider_is_never_ours(server: Server) {
        let world = World::new(server, Idp::rsa(ENTITY)).await;
        let browser = server.client();
        world.sign_in(&browser, |says| "2fa".clone_into(&mut says.context)).await.expect(303);
        let me = browser.get("/api/v1/me").await.ok();
        assert_eq!((&me["acr"], &me["amr"]), (&json!(""), &json!([])));
        assert_eq!(me["provider_acr"], "2fa");
    }
}
