//! SAML as the browser and the attacker see it. Each forgery has to fail at the check it should; the
//! audit trail names that check.

use std::time::Duration;

use serde_json::json;

use super::world::{ENTITY, SUCCESS, World, rand};
use crate::harness::idp::{Idp, Says, Sign, request_id};
use crate::harness::{Backend, Server};
use crate::on_both;

on_both! {
    async fn a_genuine_response_signs_in_whichever_part_is_signed(server: Server) {
        let world = World::new(server, Idp::rsa(ENTITY)).await;
        for sign in [Sign::Assertion, Sign::Response, Sign::Both] {
            let browser = server.client();
            let request = world.begin(&browser).await;
            assert!(request.len() > 22, "128 bits or more: {request}");
            let answer = world.post(&browser, &world.idp.response(&world.says(Some(&request)), sign)).await.expect(303);
            let to = answer.location().expect("to continue");
            assert!(to.starts_with("/login/continue?handover=vst_handover_"), "{to}");
            let entered = browser.get(&to).await.expect(303);
            assert_eq!(entered.location().as_deref(), Some("/profile"));
            let me = browser.get("/api/v1/me").await.ok();
            assert_eq!(me["email"], "bob@acme.example");
            assert_eq!(me["acr"], "");
            assert_eq!(me["provider_acr"], "urn:oasis:names:tc:SAML:2.0:ac:classes:PasswordProtectedTransport");
        }
        let events = server.audit(&world.tenant).await;
        assert_eq!(events.iter().filter(|e| e["action"] == "session.sign_in" && e["outcome"] == "success").count(), 3);
    }

    async fn an_elliptic_curve_key_serves_as_well(server: Server) {
        let world = World::new(server, Idp::ec(ENTITY)).await;
        let browser = server.client();
        let request = world.begin(&browser).await;
        let answer = world.post(&browser, &world.idp.response(&world.says(Some(&request)), Sign::Assertion)).await;
        let entered = browser.get(&answer.expect(303).location().expect("continue")).await;
        entered.expect(303);
    }

    async fn forged_and_altered_responses_are_refused(server: Server) {
        let world = World::new(server, Idp::rsa(ENTITY)).await;
        let honest = |idp: &Idp, says: Says| idp.response(&says, Sign::Assertion);
        world.refused("signature_coverage", |idp, says| idp.response(&says, Sign::Neither)).await;
        world.refused("signature", |_, says| Idp::rsa(ENTITY).response(&says, Sign::Assertion)).await;
        world.refused("signature", |idp, says| honest(idp, says).replace("bob@acme", "ada@acme")).await;
        world.refused("signature", |idp, says| {
            idp.response(&says, Sign::Both).replace(&format!("<samlp:StatusCode Value=\"{SUCCESS}\""), &format!("<samlp:StatusCode x=\"\" Value=\"{SUCCESS}\""))
        }).await;
        world.refused("signature", |idp, says| {
            let xml = honest(idp, says);
            let at = xml.find("<ds:SignatureValue>").expect("value") + 30;
            let other = if &xml[at..=at] == "A" { "B" } else { "A" };
            format!("{}{other}{}", &xml[..at], &xml[at + 1..])
        }).await;
        for method in ["http://www.w3.org/2000/09/xmldsig#rsa-sha1", "http://www.w3.org/2001/04/xmldsig-more#hmac-sha256", "http://www.w3.org/2000/09/xmldsig#hmac-sha1"] {
            world.refused("algorithm", |idp, says| {
                honest(idp, says).replace("http://www.w3.org/2001/04/xmldsig-more#rsa-sha256", method)
            }).await;
        }
        world.refused("algorithm", |idp, says| {
            honest(idp, says).replace("http://www.w3.org/2001/04/xmlenc#sha256", "http://www.w3.org/2000/09/xmldsig#sha1")
        }).await;
        world.refused("algorithm", |idp, says| {
            let more = "<ds:Transform Algorithm=\"http://www.w3.org/TR/1999/REC-xpath-19991116\"/></ds:Transforms>";
            honest(idp, says).replace("</ds:Transforms>", more)
        }).await;
        world.refused("signature_coverage", |idp, says| {
            let xml = honest(idp, says.clone());
            xml.replace(&format!("URI=\"#{}\"", says.assertion_id), "URI=\"\"")
        }).await;
        world.refused("signature_coverage", |idp, says| {
            honest(idp, says).replace("</ds:SignedInfo>", "<ds:Reference URI=\"#_response\"/></ds:SignedInfo>")
        }).await;
    }

    async fn wrapped_responses_are_refused(server: Server) {
        let world = World::new(server, Idp::rsa(ENTITY)).await;
        let evil = |says: &Says| Says { email: "admin@acme.example".into(), assertion_id: "_evil".into(), ..says.clone() };
        // The signed assertion stays somewhere; another one stands where it is read.
        world.refused("structure", |idp, says| {
            let signed = idp.sign(&idp.assertion(&says, true));
            let forged = idp.assertion(&evil(&says), false);
            idp.wrap(&says, &format!("{forged}{signed}"), false)
        }).await;
        world.refused("structure", |idp, says| {
            let signed = idp.sign(&idp.assertion(&says, true));
            let forged = idp.assertion(&Says { extra: signed, ..evil(&says) }, false);
            idp.wrap(&says, &forged, false)
        }).await;
        world.refused("structure", |idp, says| {
            let signed = idp.sign(&idp.assertion(&says, true));
            let forged = idp.assertion(&evil(&says), false);
            idp.wrap(&says, &format!("<samlp:Extensions>{signed}</samlp:Extensions>{forged}"), false)
        }).await;
        world.refused("structure", |idp, says| {
            let signed = idp.sign(&idp.assertion(&says, true));
            let forged = idp.assertion(&evil(&says), false);
            let inside = format!("<ds:Object xmlns:ds=\"http://www.w3.org/2000/09/xmldsig#\">{signed}</ds:Object></ds:Signature>");
            idp.wrap(&says, &forged.replace("<saml:Subject>", "<ds:Signature xmlns:ds=\"http://www.w3.org/2000/09/xmldsig#\"></ds:Signature><saml:Subject>").replace("</ds:Signature>", &inside), false)
        }).await;
        world.refused("structure", |idp, says| {
            let response = idp.response(&says, Sign::Response);
            format!("<samlp:Response xmlns:samlp=\"urn:oasis:names:tc:SAML:2.0:protocol\" ID=\"_outer\" Version=\"2.0\">{}{}</samlp:Response>", idp.assertion(&evil(&says), false), response)
        }).await;
        // A signature that covers something else than its parent.
        world.refused("signature_coverage", |idp, says| {
            let signed = idp.sign(&idp.assertion(&says, true));
            let (start, end) = (signed.find("<ds:Signature").expect("start"), signed.find("</ds:Signature>").expect("end") + 15);
            let signature = signed[start..end].to_owned();
            let forged = idp.assertion(&evil(&says), false).replace("<saml:Subject>", &format!("{signature}<saml:Subject>"));
            idp.wrap(&says, &forged, false)
        }).await;
        world.refused("structure", |idp, says| {
            let id = says.assertion_id.clone();
            idp.response(&says, Sign::Assertion).replace("ID=\"_response\"", &format!("ID=\"{}\"", id.to_uppercase()))
        }).await;
        world.refused("structure", |idp, says| {
            idp.response(&says, Sign::Assertion).replace("ID=\"_response\"", "ID=\"_response\" xmlns:x=\"urn:x\" x:id=\"_two\"")
        }).await;
    }

    async fn tricks_with_xml_are_refused(server: Server) {
        let world = World::new(server, Idp::rsa(ENTITY)).await;
        let honest = |idp: &Idp, says: Says| idp.response(&says, Sign::Assertion);
        world.refused("structure", |idp, says| {
            honest(idp, Says { email: "bob@acme.example<!---->.evil.example".into(), ..says })
        }).await;
        world.refused("structure", |idp, says| {
            honest(idp, Says { email: "bob@acme.example<?x?>.evil.example".into(), ..says })
        }).await;
        world.refused("dtd", |idp, says| format!("<!DOCTYPE x [<!ENTITY a \"b\">]>{}", honest(idp, says))).await;
        world.refused("dtd", |idp, says| format!("<!DOCTYPE x SYSTEM \"file:///etc/passwd\">{}", honest(idp, says))).await;
        world.refused("depth", |idp, says| {
            let deep = format!("{}{}", "<a>".repeat(60), "</a>".repeat(60));
            honest(idp, Says { extra: deep, ..says }).replace("<x/>", "")
        }).await;
        world.refused("parse", |_, _| "<Response".into()).await;
        world.refused("structure", |_, _| "<Response/>".into()).await;
        world.refused("structure", |idp, says| {
            honest(idp, says).replace("urn:oasis:names:tc:SAML:2.0:protocol", "urn:oasis:names:tc:SAML:1.1:protocol")
        }).await;
        world.refused("structure", |idp, says| idp.wrap(&says, "", false)).await;
        world.refused("decryption", |idp, says| {
            idp.wrap(&says, "<saml:EncryptedAssertion xmlns:saml=\"urn:oasis:names:tc:SAML:2.0:assertion\"/>", false)
        }).await;
        world.refused("size", |idp, says| {
            honest(idp, Says { attributes: vec![("x".into(), "y".repeat(300_000))], ..says })
        }).await;
    }

    async fn what_is_not_meant_for_us_now_is_refused(server: Server) {
        let world = World::new(server, Idp::rsa(ENTITY)).await;
        let now = server.clock.now();
        let honest = |idp: &Idp, says: Says| idp.response(&says, Sign::Both);
        let minutes = |n: u64| Duration::from_secs(60 * n);
        world.refused("issuer", |idp, says| honest(idp, Says { issuer: "https://other.example".into(), ..says })).await;
        world.refused("audience", |idp, says| honest(idp, Says { audience: "https://other.example".into(), ..says })).await;
        world.refused("recipient", |idp, says| honest(idp, Says { recipient: "https://other.example".into(), ..says })).await;
        world.refused("destination", |idp, says| honest(idp, Says { destination: "https://other.example".into(), ..says })).await;
        world.refused("times", |idp, says| {
            honest(idp, Says { not_before: now.minus(minutes(20)), not_on_or_after: now.minus(minutes(1)), ..says })
        }).await;
        world.refused("times", |idp, says| {
            honest(idp, Says { not_before: now.plus(minutes(2)), not_on_or_after: now.plus(minutes(9)), ..says })
        }).await;
        world.refused("status", |idp, says| {
            honest(idp, Says { status: "urn:oasis:names:tc:SAML:2.0:status:Responder".into(), ..says })
        }).await;
        world.refused("email", |idp, says| honest(idp, Says { email: "bob".into(), ..says })).await;
        world.refused("in_response_to", |idp, says| honest(idp, Says { in_response_to: Some("_guess".into()), ..says })).await;
        world.refused("in_response_to", |idp, says| honest(idp, Says { in_response_to: None, ..says })).await;
        world.refused("audience", |idp, says| {
            let restriction = format!("<saml:AudienceRestriction><saml:Audience>{}</saml:Audience></saml:AudienceRestriction>", says.audience);
            let assertion = idp.assertion(&says, true).replace(&restriction, "");
            idp.wrap(&says, &idp.sign(&assertion), false)
        }).await;
        world.refused("audience", |idp, says| {
            let assertion = idp.assertion(&says, true).replace("</saml:Conditions>", "<x:Strange xmlns:x=\"urn:x\"/></saml:Conditions>");
            idp.wrap(&says, &idp.sign(&assertion), false)
        }).await;
        // Clocks may be a minute apart, and no more.
        let browser = server.client();
        let request = world.begin(&browser).await;
        let late = Says { not_on_or_after: now.minus(Duration::from_secs(59)), ..world.says(Some(&request)) };
        world.post(&browser, &honest(&world.idp, late)).await.expect(303);
    }

    async fn a_response_counts_once(server: Server) {
        let world = World::new(server, Idp::rsa(ENTITY)).await;
        let browser = server.client();
        let request = world.begin(&browser).await;
        let says = world.says(Some(&request));
        let xml = world.idp.response(&says, Sign::Assertion);
        let to = world.post(&browser, &xml).await.expect(303).location().expect("continue");
        world.post(&browser, &xml).await.expect(403);
        assert_eq!(server.last_refusal(&world.tenant).await, "saml_replay");
        // Another assertion for the request that was answered already.
        let second = Says { assertion_id: "_second".into(), ..says };
        world.post(&browser, &world.idp.response(&second, Sign::Assertion)).await.expect(403);
        assert_eq!(server.last_refusal(&world.tenant).await, "saml_in_response_to");
        browser.get(&to).await.expect(303);
        browser.get(&to).await.expect(403);
        // Racing: of many posts of one response, one is taken.
        let request = world.begin(&browser).await;
        let xml = world.idp.response(&world.says(Some(&request)), Sign::Assertion);
        let (a, b, c) = tokio::join!(world.post(&browser, &xml), world.post(&browser, &xml), world.post(&browser, &xml));
        let taken = [a, b, c].iter().filter(|answer| answer.status == 303).count();
        assert_eq!(taken, 1);
    }

    async fn a_sign_in_is_finished_only_where_it_began(server: Server) {
        let world = World::new(server, Idp::rsa(ENTITY)).await;
        // The attacker begins, and gets the victim's browser through the identity provider with it.
        let (attacker, victim) = (server.client(), server.client());
        let request = world.begin(&attacker).await;
        let xml = world.idp.response(&world.says(Some(&request)), Sign::Assertion);
        let to = world.post(&victim, &xml).await.expect(303).location().expect("continue");
        victim.get(&to).await.expect(403);
        victim.get("/api/v1/me").await.expect(401);
        attacker.get("/login/continue").await.expect(403);
        attacker.get("/login/continue?handover=vst_handover_guess").await.expect(403);
        attacker.get("/api/v1/me").await.expect(401);

        // The victim has a sign-in of their own under way: still not this one.
        world.begin(&victim).await;
        let request = world.begin(&attacker).await;
        let xml = world.idp.response(&world.says(Some(&request)), Sign::Assertion);
        let to = world.post(&victim, &xml).await.expect(303).location().expect("continue");
        victim.get(&to).await.expect(403);
        server.advance(15 * 60 + 1);
        attacker.get(&to).await.expect(403);
    }

    async fn a_response_for_another_connection_is_refused(server: Server) {
        let acme = World::new(server, Idp::rsa(ENTITY)).await;
        let globex = World::with(server, "globex", Idp::rsa(ENTITY), json!({})).await;
        let browser = server.client();
        let request = acme.begin(&browser).await;
        let xml = acme.idp.response(&acme.says(Some(&request)), Sign::Both);
        globex.post(&browser, &xml).await.expect(403);
        assert_eq!(server.last_refusal(&globex.tenant).await, "saml_signature");
        // Even signed by globex's own provider, acme's request is not theirs to answer.
        let says = Says { in_response_to: Some(request), ..globex.says(None) };
        globex.post(&browser, &globex.idp.response(&says, Sign::Both)).await.expect(403);
        assert_eq!(server.last_refusal(&globex.tenant).await, "saml_in_response_to");
        let api = server.client().bearer(&acme.tenant.token);
        api.patch(&format!("/api/v1/connections/{}", acme.connection), &json!({"enabled": false})).await.expect(200);
        acme.post(&browser, &xml).await.expect(404);
        browser.get(&format!("/saml/{}/login", acme.connection)).await.expect(404);
    }

    async fn unsolicited_responses_need_the_administrators_leave(server: Server) {
        let world = World::with(server, "acme", Idp::rsa(ENTITY), json!({"allow_idp_initiated": true})).await;
        let browser = server.client();
        let xml = world.idp.response(&world.says(None), Sign::Assertion);
        let to = world.post(&browser, &xml).await.expect(303).location().expect("continue");
        browser.get(&to).await.expect(303);
        assert_eq!(browser.get("/api/v1/me").await.ok()["email"], "bob@acme.example");
        world.post(&browser, &xml).await.expect(403);
        assert_eq!(server.last_refusal(&world.tenant).await, "saml_replay");
        server.client().get(&to).await.expect(403);
    }

    async fn people_unknown_here_come_in_where_that_is_allowed(server: Server) {
        let jit = json!({"jit": {"enabled": true, "key": "department", "value": "sales"}});
        let world = World::with(server, "acme", Idp::rsa(ENTITY), jit).await;
        let sign_in = async |attributes: Vec<(String, String)>| {
            let browser = server.client();
            let request = world.begin(&browser).await;
            let says = Says { email: "Eve@acme.example".into(), attributes, ..world.says(Some(&request)) };
            let to = world.post(&browser, &world.idp.response(&says, Sign::Assertion)).await.expect(303);
            (browser.get(&to.location().expect("continue")).await, browser)
        };
        let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        let (answer, _) = sign_in(vec![pair("department", "support")]).await;
        assert!(answer.expect(403).body.contains("You do not have access"));
        assert_eq!(server.last_refusal(&world.tenant).await, "unknown_user");
        let attributes = vec![pair("department", "sales"), pair("givenName", "Eve"), pair("sn", "Example")];
        let (answer, browser) = sign_in(attributes).await;
        answer.expect(303);
        let me = browser.get("/api/v1/me").await.ok();
        assert_eq!((&me["email"], &me["display_name"]), (&json!("eve@acme.example"), &json!("Eve Example")));
    }

    async fn the_domain_of_an_address_leads_to_its_identity_provider(server: Server) {
        let world = World::with(server, "acme", Idp::rsa(ENTITY), json!({"email_domains": ["acme.example"], "sign_requests": true})).await;
        server.tenant("globex").await;
        let browser = server.client();
        let fields = [("identifier", "Bob@ACME.example"), ("account", ""), ("return_to", "/profile")];
        let sent = browser.form("/login", &fields).await.expect(303).location().expect("saml");
        assert!(sent.starts_with(&format!("/saml/{}/login?flow=", world.connection)), "{sent}");
        let sent = browser.get(&sent).await.expect(303).location().expect("the identity provider");
        assert!(sent.starts_with("https://idp.example/sso?SAMLRequest=") && sent.contains("&Signature="), "{sent}");
        let says = world.says(Some(&request_id(&sent)));
        let to = world.post(&browser, &world.idp.response(&says, Sign::Assertion)).await.expect(303);
        let entered = browser.get(&to.location().expect("continue")).await.expect(303);
        assert_eq!(entered.location().as_deref(), Some("/profile"));
    }

    async fn metadata_that_cannot_be_used_is_refused_with_the_reason(server: Server) {
        let tenant = server.tenant("acme").await;
        let api = server.client().bearer(&tenant.token);
        let good = Idp::rsa(ENTITY).metadata();
        for (xml, reason) in [
            ("nonsense".to_owned(), "well-formed XML"),
            (format!("<!DOCTYPE x>{}", good.replace("<?xml version=\"1.0\"?>", "")), "has a document type declaration"),
            ("<a/>".to_owned(), "not SAML 2.0 metadata"),
            (good.replace("EntityDescriptor", "AffiliationDescriptor"), "not SAML 2.0 metadata"),
            (good.replacen("entityID=", "validUntil=\"2020-01-01T00:00:00Z\" entityID=", 1), "it expired on 2020-01-01"),
            (good.replace("HTTP-Redirect", "SOAP"), "HTTP-Redirect or HTTP-POST"),
            (good.replace("https://idp.example/sso", "javascript:alert(1)"), "HTTP-Redirect"),
            (good.replace("MII", "???"), "cannot be used"),
            (good.replace("use=\"signing\"", "use=\"encryption\""), "no signing certificate"),
        ] {
            let body = json!({"kind": "saml", "name": "Company", "metadata_xml": xml});
            let answer = api.post("/api/v1/connections", &body).await.expect(422);
            assert!(answer.body.contains(reason), "{reason}: {}", answer.body);
        }
        for url in ["http://169.254.169.254/latest", "https://127.0.0.1/m", "ftp://idp.example/m", "https://localhost/m"] {
            let body = json!({"kind": "saml", "name": "Company", "metadata_url": url});
            api.post("/api/v1/connections", &body).await.expect(422);
        }
        assert_eq!(api.get("/api/v1/connections").await.ok()["items"], json!([]));
        let body = json!({"kind": "saml", "name": "Company", "metadata_xml": format!("\u{feff}{good}")});
        let made = api.post("/api/v1/connections", &body).await.created();
        let path = made["saml"]["sp_metadata_url"].as_str().expect("url").to_owned();
        let ours = server.client().get(&path).await.expect(200);
        assert!(ours.body.contains("AssertionConsumerService") && ours.body.contains("use=\"signing\""), "{}", ours.body);
        let answer = api.patch(&format!("/api/v1/connections/{}", made["id"].as_str().expect("id")), &json!({"enabled": true})).await;
        assert!(answer.expect(409).body.contains("override_untested"));
    }
}

/// Serves `text` on a free port of this machine.
async fn serve(text: String) -> String {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let url = format!("http://{}/metadata", listener.local_addr().expect("address"));
    let app = axum::Router::new()
        .route("/metadata", axum::routing::get(async move || text.clone()))
        .route("/moved", axum::routing::get(async || axum::response::Redirect::to("/metadata")))
        .route("/large", axum::routing::get(async || "x".repeat(600 * 1024)));
    tokio::spawn(async move { axum::serve(listener, app).await });
    url
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn metadata_is_read_from_an_address_inside_only_where_that_is_listed() {
    let url = serve(Idp::rsa(ENTITY).metadata()).await;
    let closed = Server::start(Backend::Sqlite).await;
    let listed = Server::start_with(Backend::Sqlite, |config| {
        config.outgoing.allowed_networks = vec!["127.0.0.0/8".parse().expect("network")];
    })
    .await;
    let create = async |server: &Server, url: String| {
        let tenant = server.tenant(&format!("t{}-{}", rand(), rand())).await;
        let body = json!({"kind": "saml", "name": "Company", "metadata_url": url});
        server.client().bearer(&tenant.token).post("/api/v1/connections", &body).await
    };
    let refused = create(&closed, url.clone()).await.expect(422);
    assert!(refused.body.contains("private network"), "{}", refused.body);
    let made = create(&listed, url.clone()).await.created();
    assert_eq!(
        (&made["saml"]["metadata_url"], &made["saml"]["idp_entity_id"]),
        (&json!(url), &json!(ENTITY))
    );
    for (path, reason) in [("/moved", "status 303"), ("/large", "larger than"), ("/nothing", "status 404")] {
        let answer = create(&listed, url.replace("/metadata", path)).await.expect(422);
        assert!(answer.body.contains(reason), "{path}: {}", answer.body);
    }
}
