//! Single logout in both directions, by address and by form.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use super::world::{ENTITY, SUCCESS, World};
use crate::harness::idp::{Idp, message, query_of};
use crate::harness::{Answer, Client, Server};
use crate::on_both;

const PARTIAL: &str = "urn:oasis:names:tc:SAML:2.0:status:PartialLogout";

/// What a logout message says.
struct Order<'a> {
    name: &'a str,
    sessions: &'a [&'a str],
    id: String,
    issued: String,
    destination: String,
    issuer: &'a str,
}

impl<'a> Order<'a> {
    fn of(world: &World<'_>, name: &'a str, sessions: &'a [&'a str]) -> Self {
        let now = world.server.clock.now();
        Self {
            name,
            sessions,
            id: format!("_{}", vestibule::kernel::ids::new_id(now)),
            issued: now.to_string(),
            destination: slo(world),
            issuer: ENTITY,
        }
    }

    fn xml(&self, signature: &str) -> String {
        let Self { name, sessions, id, issued, destination, issuer } = self;
        let sessions: Vec<String> =
            sessions.iter().map(|s| format!("<samlp:SessionIndex>{s}</samlp:SessionIndex>")).collect();
        let sessions = sessions.concat();
        format!(
            r#"<samlp:LogoutRequest xmlns:samlp="urn:oasis:names:tc:SAML:2.0:protocol" xmlns:saml="urn:oasis:names:tc:SAML:2.0:assertion" ID="{id}" Version="2.0" IssueInstant="{issued}" Destination="{destination}"><saml:Issuer>{issuer}</saml:Issuer>{signature}<saml:NameID>{name}</saml:NameID>{sessions}</samlp:LogoutRequest>"#
        )
    }
}

fn slo(world: &World<'_>) -> String {
    world.acs.replace("/acs", "/slo")
}

fn path(world: &World<'_>) -> String {
    format!("/saml/{}/slo", world.connection)
}

/// Sends a request by address, signed beside it, in a browser that may know nothing.
async fn order(world: &World<'_>, browser: &Client, order: &Order<'_>) -> Answer {
    let query = world.idp.signed_query("SAMLRequest", &order.xml(""), Some("where+to"));
    browser.get(&format!("{}?{query}", path(world))).await
}

async fn post(world: &World<'_>, field: &str, xml: &str) -> Answer {
    let browser = world.server.client();
    let request = browser.request(reqwest::Method::POST, &path(world)).header("sec-fetch-site", "cross-site");
    browser.send(request.form(&[(field, STANDARD.encode(xml))])).await
}

/// Signs bob in with a session at the provider.
async fn signed_in(world: &World<'_>, session: &str) -> Client {
    let browser = world.server.client();
    let request = world.begin(&browser).await;
    let says = world.says(Some(&request));
    let assertion = world.idp.assertion(&says, true);
    let assertion = assertion
        .replace("<saml:AuthnStatement ", &format!("<saml:AuthnStatement SessionIndex=\"{session}\" "));
    let xml = world.idp.wrap(&says, &world.idp.sign(&assertion), false);
    let to = world.post(&browser, &xml).await.expect(303).location().expect("continue");
    browser.get(&to).await.expect(303);
    browser.get("/api/v1/me").await.expect(200);
    browser
}

async fn last_logout(world: &World<'_>) -> Value {
    let events = world.server.audit(&world.tenant).await;
    events.into_iter().find(|event| event["action"] == "session.sign_out").expect("an event")
}

on_both! {
    async fn the_provider_ends_the_sessions_it_names(server: Server) {
        let world = World::new(server, Idp::rsa(ENTITY)).await;
        let (one, two) = (signed_in(&world, "s1").await, signed_in(&world, "s2").await);
        let stranger = server.client();
        let answered = order(&world, &stranger, &Order::of(&world, "bob@acme.example", &["s1"])).await.expect(303);
        one.get("/api/v1/me").await.expect(401);
        two.get("/api/v1/me").await.expect(200);
        // The answer goes back signed, with what came along.
        let to = answered.location().expect("to the provider");
        assert!(to.starts_with("https://idp.example/slo?SAMLResponse="), "{to}");
        assert_eq!(query_of(&to, "RelayState").as_deref(), Some("where to"));
        assert!(query_of(&to, "Signature").is_some() && message(&to, "SAMLResponse").contains(SUCCESS), "{to}");
        // By form, and all sessions of the person.
        let all = Order::of(&world, "bob@acme.example", &[]);
        let xml = world.idp.sign(&all.xml(&world.idp.template(&all.id)));
        post(&world, "SAMLRequest", &xml).await.expect(303);
        two.get("/api/v1/me").await.expect(401);
        let event = last_logout(&world).await;
        assert_eq!((&event["outcome"], &event["actor"]["name"]), (&json!("success"), &json!("Company")), "{event}");
        // Somebody who is not here is not here; that is as it should be.
        order(&world, &stranger, &Order::of(&world, "nobody@acme.example", &[])).await.expect(303);
    }

    async fn a_logout_that_is_forged_ends_nothing(server: Server) {
        let world = World::new(server, Idp::rsa(ENTITY)).await;
        let globex = World::with(server, "globex", Idp::rsa(ENTITY), json!({})).await;
        let bob = signed_in(&world, "s1").await;
        let good = || Order::of(&world, "bob@acme.example", &[]);
        let signed = |order: &Order<'_>| world.idp.signed_query("SAMLRequest", &order.xml(""), Some("state"));
        let stranger = Idp::rsa(ENTITY);
        let old = server.clock.now().minus(std::time::Duration::from_mins(7)).to_string();
        let soon = server.clock.now().plus(std::time::Duration::from_mins(7)).to_string();
        let query = signed(&good());
        let (before, signature) = query.split_once("&Signature=").expect("signature");
        let cases: Vec<(&str, &str, String)> = vec![
            ("unsigned", "signature_coverage", before.split("&SigAlg").next().expect("query").to_owned()),
            ("no signature", "signature_coverage", before.to_owned()),
            ("no algorithm", "signature_coverage", format!("{}&Signature={signature}", before.split("&SigAlg").next().expect("query"))),
            ("another relay state", "signature", query.replace("RelayState=state", "RelayState=other")),
            ("no relay state", "signature", query.replace("&RelayState=state", "")),
            ("SHA-1", "algorithm", query.replace("rsa-sha256", "rsa-sha1").replace("xmldsig-more", "xmldsig")),
            ("a parameter twice", "structure", format!("{query}&SAMLRequest=x")),
            ("a stranger", "signature", stranger.signed_query("SAMLRequest", &good().xml(""), None)),
            ("another provider's", "signature", globex.idp.signed_query("SAMLRequest", &good().xml(""), None)),
            ("an old one", "times", signed(&Order { issued: old, ..good() })),
            ("one of tomorrow", "times", signed(&Order { issued: soon, ..good() })),
            ("for somebody else", "destination", signed(&Order { destination: slo(&globex), ..good() })),
            ("by another issuer", "issuer", signed(&Order { issuer: "https://other.example", ..good() })),
            ("no name", "structure", signed(&Order::of(&world, "", &[]))),
            ("a comment in the name", "structure", signed(&Order::of(&world, "bob@acme.example<!-- -->", &[]))),
            ("cut off", "encoding", world.idp.signed_raw("SAMLRequest", &STANDARD.encode(&deflated(&good().xml(""))[..40]))),
            ("a bomb", "size", world.idp.signed_raw("SAMLRequest", &STANDARD.encode(deflated(&"<a>".repeat(2_000_000))))),
            ("no DEFLATE", "encoding", world.idp.signed_raw("SAMLRequest", &STANDARD.encode(good().xml("")))),
            ("a DTD", "dtd", world.idp.signed_query("SAMLRequest", &format!("<!DOCTYPE a>{}", good().xml("")), None)),
            ("a response instead", "structure", world.idp.signed_query("SAMLRequest", "<a/>", None)),
        ];
        for (n, (name, check, query)) in cases.into_iter().enumerate() {
            let browser = server.client().from(&format!("10.7.{n}.1"));
            let answer = browser.get(&format!("{}?{query}", path(&world))).await;
            assert_eq!(answer.status, 403, "{name}: {answer:?}");
            let event = last_logout(&world).await;
            assert_eq!(event["reason"], json!(format!("saml_{check}")), "{name}: {event}");
        }
        // By form: not signed; signed by a stranger; signed somewhere else in it.
        let order_ = good();
        let template = world.idp.template(&order_.id);
        for xml in [
            order_.xml(""),
            stranger.sign(&order_.xml(&template)),
            world.idp.sign(&order_.xml(&template)).replace("bob@acme", "bo@acme"),
        ] {
            post(&world, "SAMLRequest", &xml).await.expect(403);
        }
        bob.get("/api/v1/me").await.expect(200);
    }

    async fn a_logout_counts_once(server: Server) {
        let world = World::new(server, Idp::rsa(ENTITY)).await;
        let bob = signed_in(&world, "s1").await;
        let good = || Order::of(&world, "bob@acme.example", &[]);
        let once = good();
        order(&world, &server.client(), &once).await.expect(303);
        bob.get("/api/v1/me").await.expect(401);
        let again = signed_in(&world, "s2").await;
        order(&world, &server.client(), &once).await.expect(403);
        assert_eq!(last_logout(&world).await["reason"], "saml_replay");
        again.get("/api/v1/me").await.expect(200);
        // Garbage.
        let browser = server.client();
        browser.get(&path(&world)).await.expect(403);
        browser.form(&path(&world), &[("x", "y")]).await.expect(400);
        browser.form(&path(&world), &[("SAMLRequest", "x"), ("SAMLResponse", "y")]).await.expect(400);
    }

    async fn signing_out_here_signs_out_there(server: Server) {
        let world = World::new(server, Idp::rsa(ENTITY)).await;
        let bob = signed_in(&world, "s1").await;
        let page = bob.get("/logout").await.expect(200);
        assert!(page.body.contains("Sign out here and at Company") && page.body.contains("Sign out here only"), "{}", page.body);
        let out = bob.form("/logout", &[("everywhere", "on")]).await.expect(303);
        bob.get("/api/v1/me").await.expect(401);
        let to = out.location().expect("to the provider");
        let sent = message(&to, "SAMLRequest");
        assert!(sent.contains("<samlp:SessionIndex>s1</samlp:SessionIndex>") && sent.contains(">bob@acme.example</saml:NameID>"), "{sent}");
        assert!(query_of(&to, "Signature").is_some());
        let id = sent.split(" ID=\"").nth(1).and_then(|rest| rest.split('"').next()).expect("id").to_owned();
        let now = server.clock.now();
        let answer = |in_response_to: &str, status: &str| format!(
            r#"<samlp:LogoutResponse xmlns:samlp="urn:oasis:names:tc:SAML:2.0:protocol" xmlns:saml="urn:oasis:names:tc:SAML:2.0:assertion" ID="_a" Version="2.0" IssueInstant="{now}" Destination="{}" InResponseTo="{in_response_to}"><saml:Issuer>{ENTITY}</saml:Issuer><samlp:Status>{status}</samlp:Status></samlp:LogoutResponse>"#,
            slo(&world)
        );
        let success = format!("<samlp:StatusCode Value=\"{SUCCESS}\"/>");
        let send = async |xml: &str| {
            let query = world.idp.signed_query("SAMLResponse", xml, None);
            server.client().get(&format!("{}?{query}", path(&world))).await
        };
        assert_eq!(send(&answer("_guess", &success)).await.status, 403);
        let unsigned = post(&world, "SAMLResponse", &answer(&id, &success)).await;
        assert_eq!(unsigned.status, 403, "{unsigned:?}");
        let done = send(&answer(&id, &success)).await.expect(303).location().expect("to");
        assert_eq!(done, "/login?notice=signed_out_everywhere");
        assert!(server.client().get(&done).await.expect(200).body.contains("here and at your identity provider"));
        assert_eq!(send(&answer(&id, &success)).await.status, 403, "once");
        // Only partly done there: it says so.
        let bob = signed_in(&world, "s2").await;
        let to = bob.form("/logout", &[("everywhere", "on")]).await.expect(303).location().expect("to");
        let id = message(&to, "SAMLRequest").split(" ID=\"").nth(1).and_then(|rest| rest.split('"').next()).expect("id").to_owned();
        let partial = format!("<samlp:StatusCode Value=\"{SUCCESS}\"><samlp:StatusCode Value=\"{PARTIAL}\"/></samlp:StatusCode>");
        let done = send(&answer(&id, &partial)).await.expect(303).location().expect("to");
        let page = server.client().get(&done).await.expect(200);
        assert!(page.body.contains("did not confirm"), "{}", page.body);
        // Who wants to leave here only does.
        let bob = signed_in(&world, "s3").await;
        let to = bob.form("/logout", &[]).await.expect(303).location().expect("to");
        assert_eq!(to, "/login?notice=signed_out");
        bob.get("/api/v1/me").await.expect(401);
        // A session by password offers nothing else.
        let admin = server.client();
        admin.sign_in("acme", &world.tenant.email, &world.tenant.password).await.expect(303);
        assert!(!admin.get("/logout").await.expect(200).body.contains("Sign out here only"));
    }
}

fn deflated(xml: &str) -> Vec<u8> {
    let mut deflate = flate2::write::DeflateEncoder::new(Vec::new(), flate2::Compression::best());
    std::io::Write::write_all(&mut deflate, xml.as_bytes()).expect("deflated");
    deflate.finish().expect("deflated")
}
