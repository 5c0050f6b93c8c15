use jiff::Timestamp;
use proptest::prelude::*;

use crate::model::{Binding, NameId};
use crate::validate::{
    Decryption, EncodedMessage, ExpectedLogout, validate_logout_request, validate_logout_response,
};
use crate::write::{BrowserRequest, MessageHeader, OutboundMessage};

const CERTIFICATE: &str = include_str!("../../testdata/rsa_certificate.txt");
const KEY: &[u8] = include_bytes!("../../testdata/rsa_key.der");
const ISSUER: &str = "https://sp.example/metadata?a=1&b=2";
const SLO: &str = "https://idp.example/slo";
const NOW: Timestamp = Timestamp::constant(1_800_000_000, 0);

fn with_expected<T>(work: impl FnOnce(&ExpectedLogout<'_>) -> T) -> T {
    let certificates = [CERTIFICATE.trim().to_owned()];
    work(&ExpectedLogout {
        idp_entity_id: ISSUER,
        certificates: &certificates,
        slo: SLO,
        decryption: Decryption::default(),
        now: NOW,
    })
}

fn header(id: &str) -> MessageHeader<'_> {
    MessageHeader { id, issue_instant: NOW, issuer: ISSUER, destination: SLO }
}

/// The message as the identity provider receives it: the query of the URL, or the value of the form field.
fn send(name: &'static str, xml: &str, binding: Binding) -> String {
    let message = OutboundMessage { name, id: "_1", xml, relay_state: Some("a b&c") };
    match message.encode(SLO, binding, Some(KEY)).expect("encodes") {
        BrowserRequest::Redirect(url) => url.split_once('?').expect("a query").1.to_owned(),
        BrowserRequest::Post { fields, .. } => fields[0].1.clone(),
    }
}

fn received(text: &str, binding: Binding) -> EncodedMessage<'_> {
    match binding {
        Binding::Redirect => EncodedMessage::Redirect(text),
        Binding::Post => EncodedMessage::Post(text),
    }
}

#[test]
fn an_answer_that_we_write_is_one_that_we_accept() {
    for binding in [Binding::Redirect, Binding::Post] {
        let sent = send("SAMLResponse", &header("_1").logout_response_xml("_request"), binding);
        let read = with_expected(|expected| validate_logout_response(received(&sent, binding), expected));
        let read = read.expect("accepted");
        assert_eq!((read.in_response_to.as_str(), read.complete), ("_request", true), "{binding:?}");
    }
}

#[test]
fn a_message_that_was_changed_or_not_signed_is_refused() {
    let name_id = NameId { value: "ada".into(), ..NameId::default() };
    let xml = header("_1").logout_request_xml(&name_id, None);
    let sent = send("SAMLRequest", &xml, Binding::Redirect);
    let unsigned = OutboundMessage { name: "SAMLRequest", id: "_1", xml: &xml, relay_state: None };
    let BrowserRequest::Redirect(unsigned) = unsigned.encode(SLO, Binding::Redirect, None).expect("encodes")
    else {
        panic!("not by an address");
    };
    for (query, check) in [
        (sent.replace("RelayState=a", "RelayState=b"), "signature"),
        (format!("{sent}&SAMLRequest=x"), "structure"),
        (unsigned.split_once('?').expect("a query").1.to_owned(), "signature_coverage"),
    ] {
        let refused =
            with_expected(|expected| validate_logout_request(EncodedMessage::Redirect(&query), expected));
        assert_eq!(refused.expect_err("refused").check.as_str(), check, "{query}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    #[test]
    fn any_name_arrives_as_it_was(value in "[^\\p{C}\\p{Z}]([^\\p{C} ]{0,18}[^\\p{C}\\p{Z}])?", session in "[^\\p{C}\\p{Z}]([^\\p{C} ]{0,18}[^\\p{C}\\p{Z}])?", format in proptest::option::of("[a-z:\"&<>]{1,20}")) {
        let name_id = NameId { value, format, name_qualifier: None, sp_name_qualifier: Some(ISSUER.to_owned()) };
        for binding in [Binding::Redirect, Binding::Post] {
            let sent = send("SAMLRequest", &header("_1").logout_request_xml(&name_id, Some(&session)), binding);
            let read = with_expected(|expected| validate_logout_request(received(&sent, binding), expected));
            let read = read.map_err(|rejection| TestCaseError::fail(rejection.to_string()))?;
            prop_assert_eq!(&read.name_id, &name_id);
            prop_assert_eq!(&read.session_indexes, &vec![session.clone()]);
            prop_assert_eq!(&read.id, "_1");
        }
    }
}
