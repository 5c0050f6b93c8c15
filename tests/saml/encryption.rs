//! Encrypted assertions, names and attributes.

use serde_json::{Value, json};

use super::world::{ENTITY, World};
use crate::harness::Server;
use crate::harness::encrypt::{CBC_128, CBC_256, GCM_128, GCM_256, Recipe, Transport, encrypt};
use crate::harness::idp::{Idp, Says, Sign};
use crate::on_both;

/// An assertion, encrypted, in a response; each signed as asked.
fn encrypted(idp: &Idp, says: &Says, sign: Sign, certificate: &str, recipe: Recipe) -> String {
    let inside = matches!(sign, Sign::Assertion | Sign::Both);
    let mut assertion = idp.assertion(says, inside);
    if inside {
        assertion = idp.sign(&assertion);
    }
    let outside = matches!(sign, Sign::Response | Sign::Both);
    let response = idp.wrap(says, &encrypt("EncryptedAssertion", &assertion, certificate, recipe), outside);
    if outside { idp.sign(&response) } else { response }
}

/// A recipe, and what is changed in the response before it is sent.
type Change<'a> = (Recipe, &'a dyn Fn(String) -> String);

on_both! {
    async fn what_is_encrypted_for_us_is_read(server: Server) {
        let world = World::new(server, Idp::rsa(ENTITY)).await;
        let certificate = world.encryption_certificate("active").await;
        for sign in [Sign::Assertion, Sign::Response, Sign::Both] {
            for (data, transport, beside) in [
                (GCM_256, Transport::OaepSha1, false),
                (GCM_128, Transport::OaepSha256, true),
            ] {
                let browser = server.client();
                let recipe = Recipe { data, transport, beside };
                let taken = world.answer(&browser, |idp, says| encrypted(idp, &says, sign, &certificate, recipe)).await;
                browser.get(&taken.expect(303).location().expect("continue")).await.expect(303);
                assert_eq!(browser.get("/api/v1/me").await.ok()["email"], "bob@acme.example");
            }
        }
    }

    async fn cbc_is_read_where_an_administrator_allows_it(server: Server) {
        let world = World::new(server, Idp::rsa(ENTITY)).await;
        let certificate = world.encryption_certificate("active").await;
        let recipe = |data| Recipe { data, ..Recipe::default() };
        for data in [CBC_128, CBC_256] {
            world.refused("algorithm", |idp, says| encrypted(idp, &says, Sign::Both, &certificate, recipe(data))).await;
        }
        world.change(json!({"allow_cbc": true})).await.expect(200);
        for data in [CBC_128, CBC_256] {
            let browser = server.client();
            let taken = world.answer(&browser, |idp, says| encrypted(idp, &says, Sign::Both, &certificate, recipe(data))).await;
            browser.get(&taken.expect(303).location().expect("continue")).await.expect(303);
        }
        // Only where the cipher text is signed: nobody can try changed ones then.
        world.refused("algorithm", |idp, says| encrypted(idp, &says, Sign::Assertion, &certificate, recipe(CBC_256))).await;
        world.refused("signature", |idp, says| {
            let xml = encrypted(idp, &says, Sign::Both, &certificate, recipe(CBC_256));
            let at = xml.rfind("<xenc:CipherValue>").expect("value") + 40;
            let other = if &xml[at..=at] == "A" { "B" } else { "A" };
            format!("{}{other}{}", &xml[..at], &xml[at + 1..])
        }).await;
        world.refused("decryption", |idp, says| {
            let xml = encrypted(idp, &says, Sign::Assertion, &certificate, recipe(GCM_256));
            let at = xml.rfind("<xenc:CipherValue>").expect("value") + 40;
            let other = if &xml[at..=at] == "A" { "B" } else { "A" };
            format!("{}{other}{}", &xml[..at], &xml[at + 1..])
        }).await;
    }

    async fn what_is_encrypted_badly_is_refused(server: Server) {
        let world = World::new(server, Idp::rsa(ENTITY)).await;
        let certificate = world.encryption_certificate("active").await;
        let elsewhere = World::with(server, "globex", Idp::rsa(ENTITY), json!({})).await;
        let other = elsewhere.encryption_certificate("active").await;
        let plain = Recipe::default();
        let same = |xml: String| xml;
        let cases: Vec<(&str, &str, Sign, Change<'_>)> = vec![
            ("algorithm", &certificate, Sign::Both, (Recipe { transport: Transport::Pkcs1, ..plain }, &same)),
            ("decryption", &other, Sign::Both, (plain, &same)),
            // Nobody signed anything.
            ("signature_coverage", &certificate, Sign::Neither, (plain, &same)),
            // What is not encrypted at all, under that name.
            ("decryption", &certificate, Sign::Assertion, (plain, &|xml| xml.replace("xenc:EncryptedData", "xenc:Data"))),
            ("decryption", &certificate, Sign::Assertion, (plain, &|xml| xml.replace("EncryptedKey", "Key"))),
            ("algorithm", &certificate, Sign::Assertion, (plain, &|xml| xml.replace(GCM_256, "http://www.w3.org/2001/04/xmlenc#tripledes-cbc"))),
            // The algorithm does not fit the key.
            ("decryption", &certificate, Sign::Assertion, (plain, &|xml| xml.replace(GCM_256, GCM_128))),
        ];
        for (check, certificate, sign, (recipe, change)) in cases {
            world.refused(check, |idp, says| change(encrypted(idp, &says, sign, certificate, recipe))).await;
        }
        // Two assertions in one, an end without a beginning, another document, nothing.
        let inside = |make: fn(&str) -> String, check: &'static str| (make, check);
        for (make, check) in [
            inside(|a| format!("{a}{a}"), "decryption"),
            inside(|a| format!("</plain>{a}<plain>"), "parse"),
            inside(|a| format!("<!DOCTYPE x>{a}"), "dtd"),
            inside(|a| format!("<x>{a}</x>"), "structure"),
            inside(|a| a.replace("<saml:Subject>", "<!-- --><saml:Subject>"), "structure"),
            inside(|_| String::new(), "decryption"),
        ] {
            world.refused(check, |idp, says| {
                let assertion = idp.sign(&idp.assertion(&says, true));
                let holder = encrypt("EncryptedAssertion", &make(&assertion), &certificate, plain);
                idp.wrap(&says, &holder, false)
            }).await;
        }
        // An encrypted one beside a plain one; one inside the other.
        world.refused("structure", |idp, says| {
            let assertion = idp.sign(&idp.assertion(&says, true));
            let holder = encrypt("EncryptedAssertion", &assertion, &certificate, plain);
            idp.wrap(&says, &format!("{assertion}{holder}"), false)
        }).await;
        world.refused("structure", |idp, says| {
            let assertion = idp.sign(&idp.assertion(&says, true));
            let holder = encrypt("EncryptedAssertion", &assertion, &certificate, plain);
            let again = encrypt("EncryptedAssertion", &holder, &certificate, plain);
            idp.wrap(&says, &again, false)
        }).await;
        // Encrypted for us by somebody who is not the identity provider.
        let stranger = Idp::rsa(ENTITY);
        world.refused("signature", |_, says| encrypted(&stranger, &says, Sign::Both, &certificate, plain)).await;
    }

    async fn names_and_attributes_may_be_encrypted_too(server: Server) {
        let jit = json!({"jit": {"enabled": true, "key": "department", "value": "sales"}});
        let world = World::with(server, "acme", Idp::rsa(ENTITY), jit).await;
        let certificate = world.encryption_certificate("active").await;
        let plain = Recipe::default();
        let hide = |xml: &str, from: &str, to: &str, holder: &str| {
            let (start, end) = (xml.find(from).expect("start"), xml.find(to).expect("end") + to.len());
            // Prefixes that were declared further up are not declared again by every library.
            let hidden = encrypt(holder, &xml[start..end], &certificate, plain);
            format!("{}{hidden}{}", &xml[..start], &xml[end..])
        };
        let browser = server.client();
        let taken = world.answer(&browser, |idp, mut says| {
            says.email = "eve@acme.example".into();
            says.attributes = vec![("department".into(), "sales".into())];
            let assertion = idp.assertion(&says, true);
            let assertion = hide(&assertion, "<saml:NameID", "</saml:NameID>", "EncryptedID");
            let assertion = hide(&assertion, "<saml:Attribute Name", "</saml:Attribute>", "EncryptedAttribute");
            assert!(!assertion.contains("eve@") && !assertion.contains("sales"));
            idp.wrap(&says, &idp.sign(&assertion), false)
        }).await;
        browser.get(&taken.expect(303).location().expect("continue")).await.expect(303);
        assert_eq!(browser.get("/api/v1/me").await.ok()["email"], "eve@acme.example");
        // Where it does not belong.
        world.refused("structure", |idp, says| {
            let holder = encrypt("EncryptedID", "<x/>", &certificate, plain);
            let assertion = idp.assertion(&says, true).replace("</saml:Conditions>", &format!("{holder}</saml:Conditions>"));
            idp.wrap(&says, &idp.sign(&assertion), false)
        }).await;
        // Something else under its cover.
        world.refused("structure", |idp, says| {
            let assertion = idp.assertion(&says, true);
            let (start, end) = (assertion.find("<saml:NameID").expect("start"), assertion.find("</saml:NameID>").expect("end") + 14);
            let holder = encrypt("EncryptedID", "<saml:BaseID>bob@acme.example</saml:BaseID>", &certificate, plain);
            let assertion = format!("{}{holder}{}", &assertion[..start], &assertion[end..]);
            idp.wrap(&says, &idp.sign(&assertion), false)
        }).await;
        let events = server.audit(&world.tenant).await;
        assert!(!Value::Array(events).to_string().contains("BEGIN"), "no keys in the trail");
    }
}
