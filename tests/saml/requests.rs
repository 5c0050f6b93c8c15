//! What we send: by address or by form, signed or not, and with what the administrator asks of the provider.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::json;

use super::world::{ENTITY, World};
use crate::harness::Server;
use crate::harness::idp::{Idp, SLO, message};
use crate::on_both;

const POST: &str = r#"<md:SingleSignOnService Binding="urn:oasis:names:tc:SAML:2.0:bindings:HTTP-POST" Location="https://idp.example/post?x=1&amp;y=2"/>"#;

async fn sent(world: &World<'_>) -> String {
    let to = world.server.client().get(&format!("/saml/{}/login", world.connection)).await.expect(303);
    message(&to.location().expect("to the provider"), "SAMLRequest")
}

/// A hidden field of a page.
fn hidden(page: &str, name: &str) -> Option<String> {
    let at = page.find(&format!("name=\"{name}\" value=\""))? + name.len() + 15;
    page[at..].split('"').next().map(|text| {
        text.replace("&#x3D;", "=").replace("&#61;", "=").replace("&#x2B;", "+").replace("&#43;", "+")
    })
}

on_both! {
    async fn requests_ask_for_what_is_set(server: Server) {
        let world = World::new(server, Idp::rsa(ENTITY)).await;
        let plain = sent(&world).await;
        assert!(plain.contains("nameid-format:unspecified") && !plain.contains("ForceAuthn") && !plain.contains("RequestedAuthnContext"), "{plain}");
        let context = "https://refeds.org/profile/mfa";
        world.change(json!({"name_id_format": "persistent", "force_authn": true, "authn_context": [context],
            "authn_context_comparison": "minimum", "sp_entity_id": "urn:acme:vestibule"})).await.expect(200);
        let asking = sent(&world).await;
        for part in ["nameid-format:persistent", "ForceAuthn=\"true\"", "Comparison=\"minimum\"", context, "urn:acme:vestibule"] {
            assert!(asking.contains(part), "{part}: {asking}");
        }
        let ours = server.client().get(&format!("/saml/{}/metadata", world.connection)).await.expect(200).body;
        assert!(ours.contains("entityID=\"urn:acme:vestibule\"") && ours.contains("nameid-format:persistent"), "{ours}");
        assert!(ours.contains("use=\"encryption\"") && ours.contains("SingleLogoutService") && ours.contains("aes256-gcm"), "{ours}");
        for (change, field) in [
            (json!({"name_id_format": "x509"}), "x509"),
            (json!({"request_binding": "post"}), "request_binding"),
            (json!({"landing": "https://evil.example"}), "landing"),
            (json!({"group_sync": true}), "group_attribute"),
            (json!({"jit": {"enabled": true, "value": "x"}}), "jit"),
            (json!({"kind": "scim"}), "kind"),
            (json!({"metadata_certificate": "no certificate"}), "metadata_certificate"),
            (json!({"display_name": "a\nb"}), "display_name"),
            (json!({"unknown": 1}), "unknown"),
        ] {
            let refused = world.change(change).await.expect(422);
            assert!(refused.body.contains(field), "{field}: {}", refused.body);
        }
    }

    async fn requests_go_by_form_where_that_is_asked(server: Server) {
        let idp = Idp::rsa(ENTITY);
        let tenant = server.tenant("acme").await;
        let api = server.client().bearer(&tenant.token);
        // A provider with that binding alone is used with it.
        let metadata = idp.metadata_with(POST);
        let alone = metadata.split(POST).last().expect("rest");
        let redirect = &alone[alone.find("<md:SingleSignOnService").expect("redirect")..alone.find("</md:IDPSSO").expect("end")];
        let only = metadata.replace(redirect, "");
        let body = json!({"kind": "saml", "name": "Company", "metadata_xml": only, "sign_requests": true});
        let made = api.post("/api/v1/connections", &body).await.created();
        let id = made["id"].as_str().expect("id");
        api.patch(&format!("/api/v1/connections/{id}"), &json!({"enabled": true, "override_untested": true})).await.expect(200);
        let browser = server.client();
        let page = browser.get(&format!("/saml/{id}/login?return_to=/profile")).await.expect(200);
        assert!(page.headers.get("set-cookie").is_some(), "the sign-in belongs to this browser");
        assert!(page.body.contains("action=\"https://idp.example/post?x=1&#38;y=2\"") || page.body.contains("action=\"https://idp.example/post?x=1&amp;y=2\""), "{}", page.body);
        let xml = STANDARD.decode(hidden(&page.body, "SAMLRequest").expect("field")).expect("base64");
        let xml = String::from_utf8(xml).expect("text");
        assert!(xml.contains("Destination=\"https://idp.example/post?x=1&amp;y=2\"") && xml.contains("<ds:SignatureValue>"), "{xml}");
        assert!(is_signed(&xml, made["saml"]["keys"][0]["certificate"].as_str().expect("certificate")));
        assert!(!is_signed(&xml.replace("Destination=\"https://idp", "Destination=\"https://evil"), made["saml"]["keys"][0]["certificate"].as_str().expect("certificate")));
        // A test goes the same way.
        let begun = api.post(&format!("/api/v1/connections/{id}/tests"), &json!({})).await.created();
        assert!(begun["fields"]["RelayState"].as_str().expect("relay state").starts_with("vst_test_"), "{begun}");
        // One that has both can be switched.
        let both = json!({"metadata_xml": idp.metadata_with(&format!("{SLO}{POST}")), "request_binding": "redirect"});
        let changed = api.patch(&format!("/api/v1/connections/{id}"), &both).await.ok();
        assert_eq!(changed["saml"]["sso_url"], "https://idp.example/sso");
        browser.get(&format!("/saml/{id}/login")).await.expect(303);
        api.patch(&format!("/api/v1/connections/{id}"), &json!({"request_binding": "post"})).await.expect(200);
        browser.get(&format!("/saml/{id}/login")).await.expect(200);
    }

    async fn the_sign_in_page_offers_providers_in_their_order(server: Server) {
        let world = World::with(server, "acme", Idp::rsa(ENTITY), json!({"display_name": "Acme Germany"})).await;
        let api = world.api();
        let second = json!({"kind": "saml", "name": "Second", "metadata_xml": Idp::ec("https://two.example").metadata()});
        let second = api.post("/api/v1/connections", &second).await.created()["id"].as_str().expect("id").to_owned();
        let shown = async || {
            let page = server.client().get("/login?account=acme&return_to=/profile").await.expect(200).body;
            let at = |text: &str| page.find(text);
            (at("Acme Germany"), at(">Second<"))
        };
        assert!(matches!(shown().await, (Some(_), None)), "one that is off is not offered");
        let on = json!({"enabled": true, "override_untested": true});
        api.patch(&format!("/api/v1/connections/{second}"), &on).await.expect(200);
        assert!(matches!(shown().await, (Some(a), Some(b)) if a < b));
        api.patch(&format!("/api/v1/connections/{second}"), &json!({"position": 0})).await.expect(200);
        assert!(matches!(shown().await, (Some(a), Some(b)) if b < a));
        world.change(json!({"is_default": true})).await.expect(200);
        assert!(matches!(shown().await, (Some(a), Some(b)) if a < b), "the default comes first");
        // There is one default.
        api.patch(&format!("/api/v1/connections/{second}"), &json!({"is_default": true})).await.expect(200);
        assert_eq!(world.shown().await["is_default"], false);
        // The button begins a sign-in that comes back to the page that was wanted.
        let page = server.client().get("/login?account=acme&return_to=/profile").await.expect(200).body;
        assert!(page.contains(&format!("/saml/{}/login?return_to=%2Fprofile", world.connection)), "{page}");
    }
}

fn is_signed(xml: &str, certificate: &str) -> bool {
    let der = STANDARD.decode(certificate).expect("base64");
    let mut keys = bergshamra::KeysManager::new();
    keys.add_key(bergshamra::keys::loader::load_x509_cert_der(&der).expect("certificate"));
    bergshamra::verify(&bergshamra::DsigContext::new(keys), xml).is_ok_and(|result| result.is_valid())
}
