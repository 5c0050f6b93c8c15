//! The judge of SAML messages: bytes in, verdict out. No database, no HTTP, no clock of its own.
//!
//! The order matters. The text is parsed **once**; structure is checked before any signature is
//! looked at; a signature counts only if the node it covers *is* the Assertion that is read (or the
//! Response above it); and only then is anything read, from the same tree. What was encrypted is a
//! text of its own, and goes the same way.
//!
//! # To add a check
//! Give it a name in [`report`], write its rule in [`rules`] (a function from the case to a verdict) and
//! put it into `rules::RULES`. The test page, the audit trail and the API show it from then on.

mod decrypt;
mod encoded_message;
mod logout;
mod metadata;
mod node;
mod report;
mod rules;
mod signature;
mod text;

use uppsala::dom::Document;

use crate::kernel::Timestamp;

pub use decrypt::Decryption;
pub use encoded_message::EncodedMessage;
pub use logout::{
    ExpectedLogout, LogoutRequest, LogoutResponse, validate_logout_request, validate_logout_response,
};
pub use metadata::{IdpMetadata, MAX_METADATA_BYTES, MetadataError, read_metadata};
pub use report::{SamlCheck, SamlCheckFailed, SamlCheckReport};
pub use rules::{NameId, ValidatedAssertion};
pub use text::MAX_BYTES;

pub(super) use report::check_that;

use node::{ASSERTION, Node, PROTOCOL};
use rules::AssertionChecks;
use text::SignatureRef;

/// What a response must fit.
#[derive(Debug, Clone)]
pub struct ExpectedResponse<'a> {
    /// The identity provider's entity id.
    pub idp_entity_id: &'a str,
    /// Its signing certificates, base64 of DER.
    pub certificates: &'a [String],
    /// Our entity id.
    pub sp_entity_id: &'a str,
    /// The address the response was posted to.
    pub acs: &'a str,
    /// The attribute with the email address, if it is not found by itself.
    pub email_attribute: Option<&'a str>,
    /// For what is encrypted.
    pub decryption: Decryption<'a>,
    /// Now.
    pub now: Timestamp,
}

/// Judges the `SAMLResponse` form field.
pub fn validate_response(
    encoded: &[u8],
    expected: &ExpectedResponse<'_>,
) -> Result<ValidatedAssertion, SamlCheckFailed> {
    let mut report = SamlCheckReport::default();
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

/// Whether something in the field looks encrypted: a hint for who has to fetch keys, and no verdict.
#[must_use]
pub fn looks_encrypted(encoded: &[u8]) -> bool {
    const MARK: &[u8] = b"CipherValue";
    encoded.len() <= MAX_BYTES * 2
        && text::decode_lenient_base64(encoded)
            .is_ok_and(|bytes| bytes.windows(MARK.len()).any(|window| window == MARK))
}

/// Where the one assertion is.
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

/// Finds the one Response and the one Assertion in it, and refuses whatever does not belong.
fn check_response_structure<'d>(
    document: &'d Document<'d>,
    report: &SamlCheckReport,
) -> Result<ResponseParts<'d>, SamlCheckFailed> {
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

/// The same for an assertion that was encrypted.
fn check_assertion_structure<'d>(
    document: &'d Document<'d>,
    assertion: Node<'d>,
    report: &SamlCheckReport,
) -> Result<Vec<SignatureRef<'d>>, SamlCheckFailed> {
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

/// What is encrypted inside an assertion stands where it is looked for, or nowhere.
fn check_encrypted_placement(node: Node<'_>) -> Result<(), &'static str> {
    if node.namespace() != Some(ASSERTION) || !node.name().to_ascii_lowercase().starts_with("encrypted") {
        return Ok(());
    }
    let below = |name| node.parent().is_some_and(|parent| parent.is(ASSERTION, name));
    match node.name() {
        "EncryptedID" if below("Subject") => Ok(()),
        "EncryptedAttribute" if below("AttributeStatement") => Ok(()),
        _ => Err("an encrypted NameID of the Subject or encrypted attributes, and nothing else encrypted"),
    }
}

/// The one element that was encrypted, from the wrapping it comes in.
fn only_element<'d>(
    document: &'d Document<'d>,
    report: &SamlCheckReport,
) -> Result<Node<'d>, SamlCheckFailed> {
    let mut inside = Node::root(document).into_iter().flat_map(Node::elements);
    let only = inside.next().filter(|_| inside.next().is_none());
    only.ok_or_else(|| report.fail(SamlCheck::Decryption, "one element", "none or several"))
}
