//! A `Response` with its assertion (saml-core §3.3.3, saml-profiles §4.1.4).

use uppsala::dom::Document;

use super::model::{ExpectedResponse, ValidatedAssertion};
use super::node::{ASSERTION, Node, PROTOCOL};
use super::rules::AssertionChecks;
use super::text::{self, MAX_BYTES, SignatureRef, only_element};
use super::{decrypt, signature};
use crate::check::{SamlCheck, SamlRejection, SamlReport};

/// Validates the `SAMLResponse` form field.
pub fn validate_response(
    encoded: &[u8],
    expected: &ExpectedResponse<'_>,
) -> Result<ValidatedAssertion, SamlRejection> {
    let mut report = SamlReport::default();
    let text = text::decode_utf8(text::decode_base64(encoded, &mut report)?, &mut report)?;
    let document = text::parse(&text, &mut report)?;
    let outer = check_response_structure(&document, &report)?;
    report.pass(SamlCheck::Structure);
    let certificates = signature::trusted_certificates(expected.certificates, &report)?;
    let container = match outer.content {
        AssertionElement::Encrypted(container) => container,
        AssertionElement::Assertion(assertion) => {
            let places = [outer.response, assertion];
            let [response_signed, assertion_signed] =
                signature::verify(&document, &outer.signatures, places, &certificates, &mut report)?;
            let checks = AssertionChecks { expected, response: outer.response, assertion, response_signed };
            return checks.run(response_signed || assertion_signed, &mut report);
        }
    };
    let [response_signed] =
        signature::verify(&document, &outer.signatures, [outer.response], &certificates, &mut report)?;
    let plain = decrypt::decrypt_element(container, expected.decryption, response_signed, &mut report)?;
    let inside = text::parse(&plain, &mut report)?;
    let assertion = only_element(&inside, &report)?;
    let signatures = check_assertion_structure(&inside, assertion, &report)?;
    let [assertion_signed] =
        signature::verify(&inside, &signatures, [assertion], &certificates, &mut report)?;
    let checks = AssertionChecks { expected, response: outer.response, assertion, response_signed };
    checks.run(response_signed || assertion_signed, &mut report)
}

/// Whether the field seems to contain something encrypted. This is a hint that decryption keys have to be
/// loaded, and not a result of validation.
#[must_use]
pub fn looks_encrypted(encoded: &[u8]) -> bool {
    const MARK: &[u8] = b"CipherValue";
    encoded.len() <= MAX_BYTES * 2
        && text::decode_lenient_base64(encoded)
            .is_ok_and(|bytes| bytes.windows(MARK.len()).any(|window| window == MARK))
}

/// The one assertion of a response.
enum AssertionElement<'d> {
    Assertion(Node<'d>),
    /// The `EncryptedAssertion` around it.
    Encrypted(Node<'d>),
}

struct ResponseParts<'d> {
    response: Node<'d>,
    content: AssertionElement<'d>,
    signatures: Vec<SignatureRef<'d>>,
}

/// Finds the one Response and the one Assertion in it, and refuses elements in other places.
fn check_response_structure<'d>(
    document: &'d Document<'d>,
    report: &SamlReport,
) -> Result<ResponseParts<'d>, SamlRejection> {
    let fail = |expected: &str, found: &str| report.fail(SamlCheck::Structure, expected, found);
    let response = Node::root(document).ok_or_else(|| fail("a Response", "an empty document"))?;
    if !response.is(PROTOCOL, "Response") {
        return Err(fail("a samlp:Response", response.name()));
    }
    let mut found = Vec::new();
    let signatures = text::check_tree(document, report, |node| {
        let is_assertion = node.is(ASSERTION, "Assertion");
        if is_assertion || node.is(ASSERTION, "EncryptedAssertion") {
            let in_place = node.parent().is_some_and(|parent| parent.id == response.id);
            found.push(if is_assertion {
                AssertionElement::Assertion(node)
            } else {
                AssertionElement::Encrypted(node)
            });
            return if in_place { Ok(()) } else { Err("the Assertion as a child of the Response") };
        }
        check_encrypted_placement(node)
    })?;
    let count = found.len();
    match (found.pop(), count) {
        (Some(content), 1) => Ok(ResponseParts { response, content, signatures }),
        _ => Err(fail("exactly one Assertion", &count.to_string())),
    }
}

/// The same for a decrypted assertion.
fn check_assertion_structure<'d>(
    document: &'d Document<'d>,
    assertion: Node<'d>,
    report: &SamlReport,
) -> Result<Vec<SignatureRef<'d>>, SamlRejection> {
    report.require(
        SamlCheck::Structure,
        assertion.is(ASSERTION, "Assertion"),
        "an Assertion in the EncryptedAssertion",
        assertion.name(),
    )?;
    text::check_tree(document, report, |node| {
        let is_assertion = node.is(ASSERTION, "Assertion") || node.is(ASSERTION, "EncryptedAssertion");
        if is_assertion && node.id != assertion.id {
            Err("exactly one Assertion")
        } else {
            check_encrypted_placement(node)
        }
    })
}

/// Encrypted elements of an assertion are allowed only in the places where they are read.
fn check_encrypted_placement(node: Node<'_>) -> Result<(), &'static str> {
    if node.namespace() != Some(ASSERTION) || !node.name().to_ascii_lowercase().starts_with("encrypted") {
        return Ok(());
    }
    let below = |name| node.parent().is_some_and(|parent| parent.is(ASSERTION, name));
    match node.name() {
        "EncryptedID" if below("Subject") => Ok(()),
        "EncryptedAttribute" if below("AttributeStatement") => Ok(()),
        _ => Err("encryption only of the assertion, the NameID of the Subject or attributes"),
    }
}

#[cfg(test)]
#[path = "response_tests.rs"]
mod tests;
