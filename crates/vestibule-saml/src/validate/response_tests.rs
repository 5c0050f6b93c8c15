use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bergshamra::keys::loader::load_pem_auto;
use bergshamra::{DsigContext, KeysManager};
use jiff::Timestamp;

use super::*;
use crate::validate::model::{Decryption, EmailSource};

const CERTIFICATE: &str = include_str!("../../testdata/ec_certificate.txt");
const OTHER_CERTIFICATE: &str = include_str!("../../testdata/rsa_certificate.txt");
const KEY: &[u8] = include_bytes!("../../testdata/ec_key.pem");
const NOW: Timestamp = Timestamp::constant(1_800_000_000, 0);

const SIGNATURE: &str = "<ds:Signature xmlns:ds=\"http://www.w3.org/2000/09/xmldsig#\"><ds:SignedInfo>\
    <ds:CanonicalizationMethod Algorithm=\"http://www.w3.org/2001/10/xml-exc-c14n#\"/>\
    <ds:SignatureMethod Algorithm=\"http://www.w3.org/2001/04/xmldsig-more#ecdsa-sha256\"/>\
    <ds:Reference URI=\"#_assertion\"><ds:Transforms>\
    <ds:Transform Algorithm=\"http://www.w3.org/2000/09/xmldsig#enveloped-signature\"/>\
    <ds:Transform Algorithm=\"http://www.w3.org/2001/10/xml-exc-c14n#\"/></ds:Transforms>\
    <ds:DigestMethod Algorithm=\"http://www.w3.org/2001/04/xmlenc#sha256\"/><ds:DigestValue></ds:DigestValue>\
    </ds:Reference></ds:SignedInfo><ds:SignatureValue></ds:SignatureValue></ds:Signature>";

/// A response about Ada that is valid once it is signed. 1,800,000,000 is 2027-01-15T08:00:00Z.
fn response() -> String {
    format!(
        "<samlp:Response xmlns:samlp=\"urn:oasis:names:tc:SAML:2.0:protocol\" \
         xmlns:saml=\"urn:oasis:names:tc:SAML:2.0:assertion\" ID=\"_response\" Version=\"2.0\" \
         Destination=\"https://sp.example/acs\" InResponseTo=\"_request\"><saml:Issuer>https://idp.example</saml:Issuer>\
         <samlp:Status><samlp:StatusCode Value=\"urn:oasis:names:tc:SAML:2.0:status:Success\"/></samlp:Status>\
         <saml:Assertion ID=\"_assertion\" Version=\"2.0\"><saml:Issuer>https://idp.example</saml:Issuer>{SIGNATURE}\
         <saml:Subject><saml:NameID Format=\"urn:oasis:names:tc:SAML:1.1:nameid-format:emailAddress\">Ada@Acme.example</saml:NameID>\
         <saml:SubjectConfirmation Method=\"urn:oasis:names:tc:SAML:2.0:cm:bearer\">\
         <saml:SubjectConfirmationData Recipient=\"https://sp.example/acs\" InResponseTo=\"_request\" \
         NotOnOrAfter=\"2027-01-15T08:05:00Z\"/></saml:SubjectConfirmation></saml:Subject>\
         <saml:Conditions NotBefore=\"2027-01-15T07:59:00Z\" NotOnOrAfter=\"2027-01-15T08:05:00Z\">\
         <saml:AudienceRestriction><saml:Audience>https://sp.example</saml:Audience></saml:AudienceRestriction>\
         </saml:Conditions><saml:AuthnStatement SessionIndex=\"s1\"><saml:AuthnContext>\
         <saml:AuthnContextClassRef>urn:x:password</saml:AuthnContextClassRef></saml:AuthnContext></saml:AuthnStatement>\
         <saml:AttributeStatement><saml:Attribute Name=\"groups\"><saml:AttributeValue>staff</saml:AttributeValue>\
         <saml:AttributeValue>makers</saml:AttributeValue></saml:Attribute></saml:AttributeStatement></saml:Assertion>\
         </samlp:Response>"
    )
}

fn sign(xml: &str) -> String {
    let mut keys = KeysManager::new();
    keys.add_key(load_pem_auto(KEY, None).expect("a key"));
    bergshamra::sign(&DsigContext::new(keys), xml).expect("signed")
}

fn validate(xml: &str, certificate: &str) -> Result<ValidatedAssertion, SamlRejection> {
    validate_with(xml, certificate, EmailSource::Standard)
}

fn validate_with(
    xml: &str,
    certificate: &str,
    email_source: EmailSource<'_>,
) -> Result<ValidatedAssertion, SamlRejection> {
    let certificates = [certificate.trim().to_owned()];
    let expected = ExpectedResponse {
        idp_entity_id: "https://idp.example",
        certificates: &certificates,
        sp_entity_id: "https://sp.example",
        acs: "https://sp.example/acs",
        email_source,
        read_email: |text| text.contains('@').then(|| text.to_lowercase()),
        decryption: Decryption::default(),
        now: NOW,
    };
    validate_response(STANDARD.encode(xml).as_bytes(), &expected)
}

#[test]
fn a_genuine_response_is_read() {
    let read = validate(&sign(&response()), CERTIFICATE).expect("accepted");
    assert_eq!((read.assertion_id.as_str(), read.email.as_str()), ("_assertion", "ada@acme.example"));
    assert_eq!(read.in_response_to.as_deref(), Some("_request"));
    assert_eq!((read.session_index.as_deref(), read.authn_context.as_str()), (Some("s1"), "urn:x:password"));
    assert_eq!(read.attributes["groups"], ["staff", "makers"]);
    assert!(read.report.checks.iter().all(|item| item.passed));
    assert!(read.remember_until > NOW, "it is remembered as long as it could be used again");
}

#[test]
fn what_the_provider_signed_for_others_is_refused_by_the_right_check() {
    for (text, instead, check) in [
        ("<saml:Audience>https://sp.example<", "<saml:Audience>https://other.example<", "audience"),
        (
            "<saml:AudienceRestriction>",
            "<saml:OneTimeUse/><saml:Strange/><saml:AudienceRestriction>",
            "audience",
        ),
        ("Recipient=\"https://sp.example/acs\"", "Recipient=\"https://other.example/acs\"", "recipient"),
        ("cm:bearer", "cm:sender-vouches", "subject_confirmation"),
        ("Destination=\"https://sp.example/acs\"", "Destination=\"https://other.example\"", "destination"),
        ("status:Success", "status:Requester", "status"),
        ("<saml:Issuer>https://idp.example<", "<saml:Issuer>https://other.example<", "issuer"),
        ("Version=\"2.0\"", "Version=\"1.1\"", "version"),
        ("NotBefore=\"2027-01-15T07:59:00Z\"", "NotBefore=\"2027-01-15T08:02:00Z\"", "times"),
        ("NotOnOrAfter=\"2027-01-15T08:05:00Z\"", "NotOnOrAfter=\"2027-01-15T07:59:00Z\"", "times"),
        (
            "InResponseTo=\"_request\"><saml:Issuer>",
            "InResponseTo=\"_other\"><saml:Issuer>",
            "in_response_to",
        ),
        ("Ada@Acme.example", "Ada", "email"),
        (">Ada@", "><!-- x -->Ada@", "structure"),
        ("ID=\"_response\"", "ID=\"_ASSERTION\"", "structure"),
        ("ecdsa-sha256", "ecdsa-sha256-x", "algorithm"),
    ] {
        let xml = response();
        assert!(xml.contains(text), "{text}");
        let changed = xml.replace(text, instead);
        let signed = if check == "algorithm" { changed } else { sign(&changed) };
        let refused = validate(&signed, CERTIFICATE).expect_err(instead);
        assert_eq!(refused.check.as_str(), check, "{instead}: {refused}");
        assert_eq!(refused.report.checks.last().map(|item| item.passed), Some(false));
    }
}

#[test]
fn a_name_id_is_an_address_only_where_its_format_or_the_connection_says_so() {
    const EMAIL: &str = "urn:oasis:names:tc:SAML:1.1:nameid-format:emailAddress";
    let mapped = "<saml:Attribute Name=\"mail\"><saml:AttributeValue>eve@partner.example</saml:AttributeValue>\
                  </saml:Attribute>";
    let with_format = |format: &str, attribute: &str| {
        let xml = response().replace(&format!(" Format=\"{EMAIL}\""), format);
        sign(&xml.replace("<saml:AttributeStatement>", &format!("<saml:AttributeStatement>{attribute}")))
    };
    for format in [
        String::new(),
        " Format=\"urn:oasis:names:tc:SAML:1.1:nameid-format:unspecified\"".to_owned(),
        " Format=\"urn:oasis:names:tc:SAML:2.0:nameid-format:persistent\"".to_owned(),
        " Format=\"urn:example:emailAddress\"".to_owned(),
    ] {
        // A user name that looks like an administrator's address is no address.
        let refused = validate(&with_format(&format, ""), CERTIFICATE).expect_err("no address");
        assert_eq!(refused.check, SamlCheck::Email, "{format}");
        let read = validate(&with_format(&format, mapped), CERTIFICATE).expect("accepted");
        assert_eq!(read.email, "eve@partner.example", "{format}");
        let explicit = validate_with(&with_format(&format, mapped), CERTIFICATE, EmailSource::NameId);
        assert_eq!(explicit.expect("accepted").email, "ada@acme.example", "{format}");
    }
    let attribute = EmailSource::Attribute("mail");
    let named = with_format(&format!(" Format=\"{EMAIL}\""), mapped);
    assert_eq!(validate(&named, CERTIFICATE).expect("accepted").email, "ada@acme.example");
    let chosen = validate_with(&named, CERTIFICATE, attribute).expect("accepted");
    assert_eq!(chosen.email, "eve@partner.example");
}

#[test]
fn what_was_changed_after_it_was_signed_is_refused() {
    let signed = sign(&response());
    let assertion = &signed[signed.find("<saml:Assertion").expect("one")
        ..signed.find("</saml:Assertion>").expect("its end") + "</saml:Assertion>".len()];
    for (changed, check) in [
        (signed.replace("Ada@", "Eve@"), "signature"),
        (signed.replace("</samlp:Response>", &format!("{assertion}</samlp:Response>")), "structure"),
        (format!("<!DOCTYPE x>{signed}"), "dtd"),
        (signed.replace(assertion, ""), "structure"),
        (response(), "signature"),
    ] {
        assert_eq!(validate(&changed, CERTIFICATE).expect_err("refused").check.as_str(), check);
    }
    let by_another = validate(&signed, OTHER_CERTIFICATE).expect_err("refused");
    assert_eq!(by_another.check, SamlCheck::Signature);
}
