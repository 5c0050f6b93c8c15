//! What a hostile XML writer can think of, made by the dozen. Nothing of it signs anybody in, each fails at the
//! check that is there for it, and memory stays flat.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE};
use vestibule_saml::{Decryption, EmailSource, ExpectedResponse, validate_response};

use super::world::{ENTITY, SUCCESS, World};
use crate::harness::idp::{Idp, Says, Sign};
use crate::harness::{Backend, Server};
use crate::on_both;

const RSA_SHA256: &str = "http://www.w3.org/2001/04/xmldsig-more#rsa-sha256";
const SHA256: &str = "http://www.w3.org/2001/04/xmlenc#sha256";
const BEARER: &str = "urn:oasis:names:tc:SAML:2.0:cm:bearer";
const DS: &str = "xmlns:ds=\"http://www.w3.org/2000/09/xmldsig#\"";

/// One forgery: its name, the check that stops it, and the form field.
pub struct Attack {
    pub name: String,
    pub check: &'static str,
    pub field: Vec<u8>,
}

/// Collects forgeries of the answer to one request.
struct Workshop<'a> {
    idp: &'a Idp,
    says: Says,
    attacks: Vec<Attack>,
}

impl Workshop<'_> {
    fn raw(&mut self, name: &str, check: &'static str, field: Vec<u8>) {
        self.attacks.push(Attack { name: name.to_owned(), check, field });
    }

    fn xml(&mut self, name: &str, check: &'static str, xml: &str) {
        self.raw(name, check, STANDARD.encode(xml).into_bytes());
    }

    /// The honest answer, changed after it was signed.
    fn altered(&mut self, name: &str, check: &'static str, from: &str, to: &str) {
        let honest = self.idp.response(&self.says, Sign::Assertion);
        assert!(honest.contains(from), "{name}: {from}");
        self.xml(name, check, &honest.replace(from, to));
    }

    /// What the identity provider itself signs, though it should not: the assertion is changed before.
    fn signed(&mut self, name: &str, check: &'static str, from: &str, to: &str) {
        let assertion = self.idp.assertion(&self.says, true);
        assert!(assertion.contains(from), "{name}: {from}");
        let signed = self.idp.sign(&assertion.replace(from, to));
        self.xml(name, check, &self.idp.wrap(&self.says, &signed, false));
    }

    /// The same for the response around it.
    fn around(&mut self, name: &str, check: &'static str, from: &str, to: &str) {
        let response = self.idp.wrap(&self.says, &self.idp.assertion(&self.says, false), true);
        assert!(response.contains(from), "{name}: {from}");
        self.xml(name, check, &self.idp.sign(&response.replace(from, to)));
    }

    fn evil(&self, id: &str) -> String {
        let says = Says { email: "admin@acme.example".into(), assertion_id: id.into(), ..self.says.clone() };
        self.idp.assertion(&says, false).replace(" ID=\"\"", "")
    }
}

/// Takes the signature out of a signed element: (signature, the rest).
fn unsigned(xml: &str) -> (String, String) {
    let start = xml.find("<ds:Signature").expect("signature");
    let end = xml.find("</ds:Signature>").expect("end") + 15;
    (xml[start..end].to_owned(), format!("{}{}", &xml[..start], &xml[end..]))
}

/// The eight shapes of signature wrapping (Somorovsky et al., "On Breaking SAML", 2012), each with an id of its
/// own, without one, with the signed one's, and with that in other letters.
fn wrapping(shop: &mut Workshop<'_>) {
    let own = shop.says.assertion_id.clone();
    let honest = shop.idp.sign(&shop.idp.assertion(&shop.says, true));
    let (signature, bare) = unsigned(&honest);
    let into_signature =
        |inside: &str| signature.replace("</ds:Signature>", &format!("{inside}</ds:Signature>"));
    for (variant, id) in
        [("own id", "_evil"), ("no id", ""), ("same id", &own), ("case", &own.to_uppercase())]
    {
        let evil = shop.evil(id);
        let with = |part: &str| evil.replace("<saml:Subject>", &format!("{part}<saml:Subject>"));
        let inside = |part: &str| evil.replace("</saml:Assertion>", &format!("{part}</saml:Assertion>"));
        let object = format!("<ds:Object>{bare}</ds:Object>");
        let shapes = [
            ("xsw3", format!("{evil}{honest}")),
            ("xsw4", inside(&honest)),
            ("xsw5", format!("{}{bare}", with(&signature))),
            ("xsw6", with(&into_signature(&bare))),
            ("xsw7", format!("<samlp:Extensions>{evil}</samlp:Extensions>{honest}")),
            ("xsw8", with(&into_signature(&object))),
        ];
        for (shape, content) in shapes {
            let xml = shop.idp.wrap(&shop.says, &content, false);
            shop.xml(&format!("{shape}, {variant}"), "structure", &xml);
        }
        // The first two are for signed responses.
        let response = shop.idp.response(&shop.says, Sign::Response);
        let (outer, rest) = unsigned(&response);
        let copy = shop.idp.wrap(&shop.says, &evil, false).replace("\"_response\"", "\"_copy\"");
        let around = |part: &str| copy.replace("<samlp:Status>", &format!("{part}<samlp:Status>"));
        let wrapped = outer.replace("</ds:Signature>", &format!("{rest}</ds:Signature>"));
        shop.xml(&format!("xsw1, {variant}"), "structure", &around(&wrapped));
        shop.xml(&format!("xsw2, {variant}"), "structure", &around(&format!("{rest}{outer}")));
    }
}

fn signatures(shop: &mut Workshop<'_>) {
    let stranger = Idp::rsa(ENTITY);
    let (idp, says) = (shop.idp, shop.says.clone());
    let honest = idp.sign(&idp.assertion(&says, true));
    let other = idp.sign(&idp.assertion(&Says { assertion_id: "_other".into(), ..says.clone() }, true));
    let (signature, bare) = unsigned(&honest);
    let value = |xml: &str, name: &str| {
        let from = xml.find(&format!("<ds:{name}>")).expect("start") + name.len() + 5;
        xml[from..].split('<').next().expect("value").to_owned()
    };
    shop.xml("unsigned", "signature_coverage", &idp.response(&says, Sign::Neither));
    shop.xml("signature stripped", "signature_coverage", &idp.wrap(&says, &bare, false));
    let response = idp.response(&says, Sign::Response);
    shop.xml("response's signature stripped", "signature_coverage", &unsigned(&response).1);
    for name in ["DigestValue", "SignatureValue"] {
        let swapped = honest.replace(&value(&honest, name), &value(&other, name));
        shop.xml(&format!("{name} of another"), "signature", &idp.wrap(&says, &swapped, false));
        let empty = honest.replace(&value(&honest, name), "");
        shop.xml(&format!("{name} empty"), "signature", &idp.wrap(&says, &empty, false));
        for (what, junk) in [("comment", "<!-- -->"), ("instruction", "<?x?>")] {
            let split = value(&honest, name);
            let split = honest.replace(&split, &format!("{}{junk}{}", &split[..8], &split[8..]));
            shop.xml(&format!("{what} in {name}"), "structure", &idp.wrap(&says, &split, false));
        }
    }
    shop.xml("signed by a stranger", "signature", &stranger.response(&says, Sign::Both));
    // KeyInfo does not decide whom to trust.
    let info = |inside: &str| format!("</ds:SignatureValue><ds:KeyInfo>{inside}</ds:KeyInfo>");
    let own = format!(
        "<ds:X509Data><ds:X509Certificate>{}</ds:X509Certificate></ds:X509Data>",
        stranger.certificate
    );
    for (what, inside) in [
        ("the stranger's certificate", own.as_str()),
        ("a place to fetch the key", "<ds:RetrievalMethod URI=\"https://evil.example/key\"/>"),
        ("our name for it", "<ds:KeyName>Company</ds:KeyName>"),
    ] {
        let forged = stranger.response(&says, Sign::Assertion).replace("</ds:SignatureValue>", &info(inside));
        shop.xml(&format!("KeyInfo with {what}"), "signature", &forged);
    }
    shop.xml("stranger beside the provider", "signature_coverage", &{
        let theirs = unsigned(&stranger.sign(&idp.assertion(&says, true))).0;
        idp.wrap(&says, &honest.replace("<saml:Subject>", &format!("{theirs}<saml:Subject>")), false)
    });
    shop.xml("the same signature twice", "signature_coverage", &{
        idp.wrap(&says, &honest.replace("<saml:Subject>", &format!("{signature}<saml:Subject>")), false)
    });
    shop.xml("signature in the Subject", "signature_coverage", &{
        idp.wrap(&says, &bare.replace("<saml:NameID", &format!("{signature}<saml:NameID")), false)
    });
    shop.xml("signature of the assertion in the response", "signature_coverage", &{
        idp.wrap(&says, &bare, false).replace("<samlp:Status>", &format!("{signature}<samlp:Status>"))
    });
    shop.xml("one signature right, one wrong", "signature", &{
        let both = idp.response(&says, Sign::Both);
        both.replace(
            &format!("<samlp:StatusCode Value=\"{SUCCESS}\""),
            &format!("<samlp:StatusCode a=\"\" Value=\"{SUCCESS}\""),
        )
    });
}

fn references_and_algorithms(shop: &mut Workshop<'_>) {
    let reference = format!("URI=\"#{}\"", shop.says.assertion_id);
    for (name, to) in [
        ("empty reference", "URI=\"\"".to_owned()),
        ("no reference", String::new()),
        ("reference to the response", "URI=\"#_response\"".to_owned()),
        ("reference to elsewhere", "URI=\"https://evil.example/a.xml\"".to_owned()),
        ("reference to a file", "URI=\"file:///etc/passwd\"".to_owned()),
        ("xpointer", format!("URI=\"#xpointer(id('{}'))\"", shop.says.assertion_id)),
    ] {
        shop.altered(name, "signature_coverage", &reference, &to);
    }
    let more = format!(
        "<ds:Reference URI=\"#_response\"><ds:DigestMethod Algorithm=\"{SHA256}\"/><ds:DigestValue/></ds:Reference></ds:SignedInfo>"
    );
    shop.altered("one reference more", "signature_coverage", "</ds:SignedInfo>", &more);
    shop.altered(
        "Manifest in an Object",
        "signature_coverage",
        "</ds:Signature>",
        "<ds:Object><ds:Manifest/></ds:Object></ds:Signature>",
    );
    let two = format!("<ds:SignedInfo {DS}/><ds:SignatureValue>");
    shop.altered("two SignedInfo", "signature_coverage", "<ds:SignatureValue>", &two);
    for method in [
        "http://www.w3.org/2000/09/xmldsig#rsa-sha1",
        "http://www.w3.org/2001/04/xmldsig-more#rsa-md5",
        "http://www.w3.org/2000/09/xmldsig#dsa-sha1",
        "http://www.w3.org/2000/09/xmldsig#hmac-sha1",
        "http://www.w3.org/2001/04/xmldsig-more#hmac-sha256",
        "",
    ] {
        shop.altered(&format!("signature method {method}"), "algorithm", RSA_SHA256, method);
    }
    for method in ["http://www.w3.org/2000/09/xmldsig#sha1", "http://www.w3.org/2001/04/xmldsig-more#md5", ""]
    {
        shop.altered(&format!("digest method {method}"), "algorithm", SHA256, method);
    }
    let exclusive = "<ds:CanonicalizationMethod Algorithm=\"http://www.w3.org/2001/10/xml-exc-c14n#\"/>";
    for method in ["http://www.w3.org/2001/10/xml-exc-c14n#WithComments", "urn:none"] {
        let to = format!("<ds:CanonicalizationMethod Algorithm=\"{method}\"/>");
        shop.altered(&format!("canonicalization {method}"), "algorithm", exclusive, &to);
    }
    for transform in [
        "http://www.w3.org/TR/1999/REC-xpath-19991116",
        "http://www.w3.org/TR/1999/REC-xslt-19991116",
        "http://www.w3.org/2002/06/xmldsig-filter2",
        "http://www.w3.org/2000/09/xmldsig#base64",
        "http://www.w3.org/2000/09/xmldsig#enveloped-signature",
    ] {
        let to = format!("<ds:Transform Algorithm=\"{transform}\"/></ds:Transforms>");
        shop.altered(&format!("transform {transform}"), "algorithm", "</ds:Transforms>", &to);
    }
    let enveloped = "<ds:Transform Algorithm=\"http://www.w3.org/2000/09/xmldsig#enveloped-signature\"/>";
    shop.altered("no enveloped-signature", "algorithm", enveloped, "");
    // HMAC, keyed with what everybody knows: the certificate.
    let hmac = "http://www.w3.org/2001/04/xmldsig-more#hmac-sha256";
    let template = shop.idp.assertion(&shop.says, true).replace(RSA_SHA256, hmac);
    let forged = Idp::hmac(&shop.idp.certificate, &template);
    let xml = shop.idp.wrap(&shop.says, &forged, false);
    shop.xml("HMAC with the public key", "algorithm", &xml);
}

fn documents(shop: &mut Workshop<'_>) {
    let (idp, says) = (shop.idp, shop.says.clone());
    let honest = idp.response(&says, Sign::Assertion);
    for (name, dtd) in [
        ("internal DTD", "<!DOCTYPE a [<!ENTITY b \"c\">]>"),
        ("external DTD", "<!DOCTYPE a SYSTEM \"file:///etc/passwd\">"),
        ("public DTD", "<!DOCTYPE a PUBLIC \"x\" \"https://evil.example/x.dtd\">"),
        ("parameter entity", "<!DOCTYPE a [<!ENTITY % x SYSTEM \"https://evil.example/\"> %x;]>"),
        ("ids by DTD", "<!DOCTYPE a [<!ATTLIST saml:Assertion x ID #IMPLIED>]>"),
    ] {
        shop.xml(name, "dtd", &format!("{dtd}{honest}"));
    }
    let laughs: Vec<String> =
        (1..10).map(|n| format!("<!ENTITY l{n} \"{}\">", format!("&l{};", n - 1).repeat(10))).collect();
    let bomb = honest.replace("bob@acme", "&l9;");
    shop.xml(
        "a billion laughs",
        "dtd",
        &format!("<!DOCTYPE a [<!ENTITY l0 \"ha\">{}]>{bomb}", laughs.concat()),
    );
    shop.xml("unknown entity", "parse", &honest.replace("bob@acme", "&evil;"));
    shop.xml("NUL", "parse", &honest.replace("bob@acme", "bob&#0;@acme"));
    shop.xml("two roots", "parse", &format!("{honest}{honest}"));
    shop.xml("cut off", "parse", &honest[..honest.len() / 2]);
    shop.xml(
        "prefix without a namespace",
        "parse",
        &honest.replace(" xmlns:samlp=\"urn:oasis:names:tc:SAML:2.0:protocol\"", ""),
    );
    shop.xml(
        "an attribute twice",
        "parse",
        &honest.replace("Version=\"2.0\"", "Version=\"2.0\" Version=\"2.0\""),
    );
    shop.xml("nothing", "parse", "");
    shop.xml("HTML", "structure", "<html><body>sign in</body></html>");
    let deep = format!("{}{}", "<a>".repeat(2000), "</a>".repeat(2000));
    shop.xml("deep", "depth", &honest.replace("</saml:Assertion>", &format!("{deep}</saml:Assertion>")));
    shop.xml(
        "a huge attribute",
        "size",
        &honest.replace("Version=\"2.0\"", &format!("x=\"{}\" Version=\"2.0\"", "y".repeat(300_000))),
    );
    shop.xml(
        "many attributes",
        "size",
        &honest.replace("</saml:Assertion>", &format!("{}</saml:Assertion>", "<a b=\"c\"/>".repeat(30_000))),
    );
    shop.raw("larger than anything", "size", vec![b'A'; 700_000]);
    for (name, check, from, to) in [
        ("comment in the NameID", "structure", "bob@acme.example<", "bob@acme.example<!-- -->.evil.example<"),
        (
            "instruction in the NameID",
            "structure",
            "bob@acme.example<",
            "bob@acme.example<?x?>.evil.example<",
        ),
        ("element in the NameID", "email", "bob@acme.example<", "bob@acme.example<b/><"),
        ("stylesheet", "structure", "<saml:Issuer>", "<?xml-stylesheet href=\"x\"?><saml:Issuer>"),
    ] {
        shop.signed(name, check, from, to);
    }
}

fn ids_and_places(shop: &mut Workshop<'_>) {
    let (idp, says) = (shop.idp, shop.says.clone());
    let own = says.assertion_id.clone();
    let response_id = "ID=\"_response\"";
    shop.altered("an id twice", "structure", response_id, &format!("ID=\"{own}\""));
    shop.altered(
        "an id in other letters",
        "structure",
        response_id,
        &format!("ID=\"{}\"", own.to_uppercase()),
    );
    shop.altered("two ids by case", "structure", response_id, "ID=\"_response\" id=\"_two\"");
    shop.altered(
        "two ids by namespace",
        "structure",
        response_id,
        "ID=\"_response\" xmlns:x=\"urn:x\" x:Id=\"_two\"",
    );
    shop.altered("an empty id", "structure", response_id, "ID=\"\"");
    shop.altered("protocol of SAML 1.1", "structure", "SAML:2.0:protocol", "SAML:1.0:protocol");
    shop.altered("assertion of SAML 1.1", "structure", "SAML:2.0:assertion", "SAML:1.0:assertion");
    shop.signed(
        "assertion in the protocol's namespace",
        "structure",
        "<saml:Assertion xmlns:saml=\"urn:oasis:names:tc:SAML:2.0:assertion\"",
        "<saml:Assertion xmlns:saml=\"urn:oasis:names:tc:SAML:2.0:protocol\"",
    );
    let two = idp.sign(&idp.assertion(&Says { assertion_id: "_second".into(), ..says.clone() }, true));
    let first = idp.sign(&idp.assertion(&says, true));
    shop.xml("two assertions, both signed", "structure", &idp.wrap(&says, &format!("{first}{two}"), false));
    shop.xml("no assertion", "structure", &idp.wrap(&says, "", false));
    shop.xml("a bare assertion", "structure", &first);
    shop.xml(
        "an empty cipher text",
        "decryption",
        &idp.wrap(
            &says,
            "<saml:EncryptedAssertion xmlns:saml=\"urn:oasis:names:tc:SAML:2.0:assertion\"/>",
            false,
        ),
    );
}

fn bytes(shop: &mut Workshop<'_>) {
    let honest = shop.idp.response(&shop.says, Sign::Assertion);
    shop.raw("no base64", "encoding", b"!!!!".to_vec());
    shop.raw("base64 for addresses", "encoding", URL_SAFE.encode([0xfb, 0xff, 0xfe].repeat(20)).into_bytes());
    shop.raw("base64 of base64", "parse", STANDARD.encode(STANDARD.encode(&honest)).into_bytes());
    let utf16: Vec<u8> =
        std::iter::once(0xfeff).chain(honest.encode_utf16()).flat_map(u16::to_le_bytes).collect();
    shop.raw("UTF-16 with its mark", "encoding", STANDARD.encode(utf16).into_bytes());
    let latin1 = honest
        .replace("bob@acme", "b\u{e9}b@acme")
        .chars()
        .map(|c| u8::try_from(u32::from(c)).expect("Latin-1"))
        .collect::<Vec<u8>>();
    shop.raw("Latin-1", "encoding", STANDARD.encode(latin1).into_bytes());
    shop.xml(
        "says it is UTF-16",
        "encoding",
        &format!("<?xml version=\"1.0\" encoding=\"UTF-16\"?>{honest}"),
    );
    shop.xml(
        "UTF-7 for some readers",
        "encoding",
        &format!("<?xml version=\"1.0\" encoding=\"UTF-7\"?>{honest}"),
    );
    let mut deflate = flate2::write::DeflateEncoder::new(Vec::new(), flate2::Compression::best());
    std::io::Write::write_all(&mut deflate, &b"<a>".repeat(3_000_000)).expect("deflated");
    shop.raw(
        "a deflate bomb where nothing is inflated",
        "encoding",
        STANDARD.encode(deflate.finish().expect("deflated")).into_bytes(),
    );
}

/// Signed by the provider itself, and still not for us, now, or at all.
fn meaning(shop: &mut Workshop<'_>) {
    let says = shop.says.clone();
    let recipient = format!(" Recipient=\"{}\"", says.recipient);
    let audience = format!("<saml:Audience>{}</saml:Audience>", says.audience);
    let restriction = format!("<saml:AudienceRestriction>{audience}</saml:AudienceRestriction>");
    let confirmation_end = format!("<saml:SubjectConfirmationData NotOnOrAfter=\"{}\"", says.not_on_or_after);
    for (name, check, from, to) in [
        ("version 1.1", "version", "Version=\"2.0\"", "Version=\"1.1\""),
        ("no version", "version", " Version=\"2.0\"", ""),
        (
            "another issuer",
            "issuer",
            "<saml:Issuer>https://idp.example/entity",
            "<saml:Issuer>https://other.example",
        ),
        ("no issuer", "issuer", "<saml:Issuer>https://idp.example/entity</saml:Issuer>", ""),
        (
            "two issuers",
            "issuer",
            "<saml:Subject>",
            "<saml:Issuer>https://idp.example/entity</saml:Issuer><saml:Subject>",
        ),
        ("another audience", "audience", &audience, "<saml:Audience>https://other.example</saml:Audience>"),
        ("no audience", "audience", &restriction, ""),
        ("an audience without a restriction", "audience", &restriction, &audience),
        (
            "a second restriction that is not us",
            "audience",
            "</saml:Conditions>",
            "<saml:AudienceRestriction><saml:Audience>x</saml:Audience></saml:AudienceRestriction></saml:Conditions>",
        ),
        (
            "an audience that begins like us",
            "audience",
            "/metadata</saml:Audience>",
            "/metadata.evil.example</saml:Audience>",
        ),
        (
            "a condition nobody knows",
            "audience",
            "</saml:Conditions>",
            "<x:Strange xmlns:x=\"urn:x\"/></saml:Conditions>",
        ),
        ("two Conditions", "audience", "<saml:AuthnStatement", "<saml:Conditions/><saml:AuthnStatement"),
        ("holder of key", "subject_confirmation", BEARER, "urn:oasis:names:tc:SAML:2.0:cm:holder-of-key"),
        ("sender vouches", "subject_confirmation", BEARER, "urn:oasis:names:tc:SAML:2.0:cm:sender-vouches"),
        ("two Subjects", "subject_confirmation", "<saml:Conditions ", "<saml:Subject/><saml:Conditions "),
        ("another recipient", "recipient", &recipient, " Recipient=\"https://other.example\""),
        ("no recipient", "recipient", &recipient, ""),
        ("a confirmation without an end", "times", &confirmation_end, "<saml:SubjectConfirmationData"),
        (
            "a confirmation that ended",
            "times",
            &confirmation_end,
            "<saml:SubjectConfirmationData NotOnOrAfter=\"2020-01-01T00:00:00Z\"",
        ),
        (
            "an end that is no time",
            "times",
            &confirmation_end,
            "<saml:SubjectConfirmationData NotOnOrAfter=\"soon\"",
        ),
        (
            "a session that ended there",
            "times",
            "<saml:AuthnStatement ",
            "<saml:AuthnStatement SessionNotOnOrAfter=\"2020-01-01T00:00:00Z\" ",
        ),
        ("nobody authenticated", "times", "AuthnStatement", "AuthzDecisionStatement"),
        ("another request", "in_response_to", " InResponseTo=\"", " InResponseTo=\"_x"),
        (
            "two NameIDs",
            "email",
            "</saml:NameID>",
            "</saml:NameID><saml:NameID>admin@acme.example</saml:NameID>",
        ),
        ("a name that is no address", "email", "bob@acme.example", "bob"),
        ("two addresses in one", "email", "bob@acme.example", "bob@acme.example,admin@acme.example"),
    ] {
        shop.signed(name, check, from, to);
    }
}

/// The same for the response around it.
fn meaning_of_the_response(shop: &mut Workshop<'_>) {
    let says = shop.says.clone();
    let id = format!(" ID=\"{}\"", says.assertion_id);
    let status = format!("<samlp:StatusCode Value=\"{SUCCESS}\"/>");
    let destination = format!(" Destination=\"{}\"", says.destination);
    for (name, check, from, to) in [
        ("an assertion without an id, in a signed response", "structure", id.as_str(), ""),
        ("no status", "status", status.as_str(), ""),
        ("refused there", "status", SUCCESS, "urn:oasis:names:tc:SAML:2.0:status:Requester"),
        ("two statuses", "status", "</samlp:Status>", "</samlp:Status><samlp:Status/>"),
        ("another destination", "destination", &destination, " Destination=\"https://other.example\""),
        ("no destination, signed", "destination", &destination, ""),
        (
            "another issuer around it",
            "issuer",
            "https://idp.example/entity</saml:Issuer><ds",
            "https://other.example</saml:Issuer><ds",
        ),
    ] {
        shop.around(name, check, from, to);
    }
}

pub fn attacks(idp: &Idp, says: Says) -> Vec<Attack> {
    let mut shop = Workshop { idp, says, attacks: Vec::new() };
    wrapping(&mut shop);
    signatures(&mut shop);
    references_and_algorithms(&mut shop);
    documents(&mut shop);
    ids_and_places(&mut shop);
    bytes(&mut shop);
    meaning(&mut shop);
    meaning_of_the_response(&mut shop);
    shop.attacks
}

on_both! {
    async fn nothing_of_it_signs_anybody_in(server: Server) {
        let world = World::new(server, Idp::rsa(ENTITY)).await;
        let request = world.begin(&server.client()).await;
        let all = attacks(&world.idp, world.says(Some(&request)));
        assert!(all.len() >= 130, "{}", all.len());
        let path = format!("/saml/{}/acs", world.connection);
        for (n, attack) in all.iter().enumerate() {
            let browser = server.client().from(&format!("10.{}.{}.1", n / 200, n % 200));
            let field = String::from_utf8(attack.field.clone()).expect("text");
            let answer = browser.form(&path, &[("SAMLResponse", &field)]).await;
            assert_eq!(answer.status, 403, "{}: {answer:?}", attack.name);
            assert!(answer.body.contains("Request ID") && !answer.body.contains("saml"), "{}", attack.name);
            browser.get("/api/v1/me").await.expect(401);
            assert_eq!(server.last_refusal(&world.tenant).await, format!("saml_{}", attack.check), "{}", attack.name);
        }
        // The request is still open: none of them used it up.
        let browser = server.client();
        world.sign_in(&browser, |_| {}).await.expect(303);
    }
}

/// Resident memory of this process, in KiB.
fn resident() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").expect("Linux");
    let line = status.lines().find(|line| line.starts_with("VmRSS:")).expect("VmRSS");
    line.split_whitespace().nth(1).and_then(|text| text.parse().ok()).expect("a number")
}

#[test]
fn memory_stays_flat_under_all_of_it() {
    let idp = Idp::rsa(ENTITY);
    let now = vestibule::kernel::Timestamp(1_800_000_000_000);
    let acs = "https://id.example.com/saml/1/acs".to_owned();
    let says = Says {
        issuer: ENTITY.into(),
        email: "bob@acme.example".into(),
        audience: "https://id.example.com/saml/1/metadata".into(),
        recipient: acs.clone(),
        destination: acs.clone(),
        in_response_to: Some("_request".into()),
        not_before: now,
        not_on_or_after: now.plus(std::time::Duration::from_mins(5)),
        status: SUCCESS.into(),
        assertion_id: "_assertion".into(),
        attributes: Vec::new(),
        context: String::new(),
        extra: String::new(),
        name_id: None,
    };
    let certificates = [idp.certificate.clone()];
    let expected = ExpectedResponse {
        idp_entity_id: ENTITY,
        certificates: &certificates,
        sp_entity_id: &says.audience.clone(),
        acs: &acs,
        email_source: EmailSource::Standard,
        read_email: |text| vestibule::directory::Email::parse(text).ok().map(|email| email.folded()),
        decryption: Decryption::default(),
        now: now.into(),
    };
    let genuine = STANDARD.encode(idp.response(&says, Sign::Both));
    validate_response(genuine.as_bytes(), &expected).expect("the genuine one");
    let all = attacks(&idp, says);
    let round = || {
        for attack in &all {
            let failed = validate_response(&attack.field, &expected).expect_err(&attack.name);
            assert_eq!(failed.check.as_str(), attack.check, "{}", attack.name);
        }
    };
    (0..3).for_each(|_| round());
    let before = resident();
    (0..12).for_each(|_| round());
    let grown = resident().saturating_sub(before);
    assert!(grown < 4096, "{grown} KiB more after {} documents", 12 * all.len());
}

/// What was used on one node is used on all.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_response_counts_once_on_all_nodes() {
    let first = Server::start(Backend::Postgres).await;
    let world = World::new(&first, Idp::rsa(ENTITY)).await;
    let second = Server::replica(&first).await;
    for _ in 0..5 {
        let browser = first.client();
        let request = world.begin(&browser).await;
        let field = STANDARD.encode(world.idp.response(&world.says(Some(&request)), Sign::Assertion));
        let path = format!("/saml/{}/acs", world.connection);
        let (there, form) = (second.client(), [("SAMLResponse", field.as_str())]);
        let (a, b) = tokio::join!(browser.form(&path, &form), there.form(&path, &form));
        let taken = [&a, &b].iter().filter(|answer| answer.status == 303).count();
        assert_eq!(taken, 1, "{a:?} {b:?}");
        assert_eq!(there.form(&path, &form).await.status, 403);
        assert_eq!(first.last_refusal(&world.tenant).await, "saml_replay");
    }
}
