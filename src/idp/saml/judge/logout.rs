//! Logout, asked for by the identity provider or answered by it (saml-core §3.7, saml-profiles §4.4).

use super::decrypt::{self, Decryption};
use super::encoded_message::EncodedMessage;
use super::node::{ASSERTION, Node, PROTOCOL};
use super::report::{SamlCheck, SamlCheckFailed, SamlCheckReport, check_that};
use super::rules::{NameId, SKEW, SUCCESS, issuer_of, read_name_id, status_of, time_window_violation};
use super::{only_element, signature, text};
use crate::kernel::Timestamp;

/// What a logout message must fit.
#[derive(Debug, Clone)]
pub struct ExpectedLogout<'a> {
    /// The identity provider's entity id.
    pub idp_entity_id: &'a str,
    /// Its signing certificates, base64 of DER.
    pub certificates: &'a [String],
    /// The address the message came to.
    pub slo: &'a str,
    /// For a name that is encrypted.
    pub decryption: Decryption<'a>,
    /// Now.
    pub now: Timestamp,
}

/// A `LogoutRequest` that was accepted.
#[derive(Debug, Clone)]
pub struct LogoutRequest {
    /// Its id, which the answer names.
    pub id: String,
    /// Until when it has to be remembered.
    pub remember_until: Timestamp,
    /// Who is to be signed out.
    pub name_id: NameId,
    /// Which of the provider's sessions; all of the person's where none is named.
    pub session_indexes: Vec<String>,
    /// The checks passed.
    pub report: SamlCheckReport,
}

/// A `LogoutResponse` that was accepted.
#[derive(Debug, Clone)]
pub struct LogoutResponse {
    /// The request it answers.
    pub in_response_to: String,
    /// Whether the person is signed out everywhere.
    pub complete: bool,
    /// The checks passed.
    pub report: SamlCheckReport,
}

/// How long a request without `NotOnOrAfter` is looked at after it was made.
const MAX_REQUEST_AGE: std::time::Duration = std::time::Duration::from_mins(5);

/// Judges a `SAMLRequest` to sign somebody out.
pub fn validate_logout_request(
    encoded: EncodedMessage<'_>,
    expected: &ExpectedLogout<'_>,
) -> Result<LogoutRequest, SamlCheckFailed> {
    let mut report = SamlCheckReport::default();
    let text = open_message(encoded, "SAMLRequest", expected, &mut report)?;
    let document = text::parse(&text, &mut report)?;
    let message = verify_message(&document, "LogoutRequest", encoded, expected, &mut report)?;
    // Without NotOnOrAfter its age has to do.
    let issued = message.attribute("IssueInstant").and_then(Timestamp::parse).unwrap_or(Timestamp(0));
    let stated_end = message.attribute("NotOnOrAfter").and_then(Timestamp::parse);
    let end = stated_end.unwrap_or(issued.plus(MAX_REQUEST_AGE)).min(issued.plus(MAX_REQUEST_AGE));
    let now = expected.now;
    let fresh = issued <= now.plus(SKEW) && now < end.plus(SKEW);
    report.record(SamlCheck::Times, check_that(fresh, format!("between {issued} and {end}"), now))?;
    let name_id = match message.only_child(ASSERTION, "EncryptedID") {
        Some(container) => {
            let plain = decrypt::decrypt_element(container, expected.decryption, true, &mut report)?;
            let document = text::parse(&plain, &mut report)?;
            read_name_id(only_element(&document, &report)?)
        }
        None => message.only_child(ASSERTION, "NameID").and_then(read_name_id),
    };
    let name_id = name_id.filter(|name_id| !name_id.value.is_empty());
    let name_id = name_id.ok_or_else(|| report.fail(SamlCheck::Structure, "a NameID", "none, or several"))?;
    Ok(LogoutRequest {
        id: message.attribute("ID").unwrap_or_default().to_owned(),
        remember_until: end.plus(2 * SKEW),
        name_id,
        session_indexes: message.children(PROTOCOL, "SessionIndex").filter_map(Node::text).collect(),
        report,
    })
}

/// Judges a `SAMLResponse` to a request of ours to sign somebody out.
pub fn validate_logout_response(
    encoded: EncodedMessage<'_>,
    expected: &ExpectedLogout<'_>,
) -> Result<LogoutResponse, SamlCheckFailed> {
    let mut report = SamlCheckReport::default();
    let text = open_message(encoded, "SAMLResponse", expected, &mut report)?;
    let document = text::parse(&text, &mut report)?;
    let message = verify_message(&document, "LogoutResponse", encoded, expected, &mut report)?;
    let answered = message.attribute("InResponseTo").filter(|id| !id.is_empty());
    let answered =
        answered.ok_or_else(|| report.fail(SamlCheck::InResponseTo, "a request of ours", "none"))?;
    // A PartialLogout stands below a status Success (saml-core §3.2.2.2): that is not everywhere.
    let below = message
        .only_child(PROTOCOL, "Status")
        .and_then(|status| status.only_child(PROTOCOL, "StatusCode"))
        .and_then(|code| code.only_child(PROTOCOL, "StatusCode"));
    let complete = status_of(message) == SUCCESS && below.is_none();
    Ok(LogoutResponse { in_response_to: answered.to_owned(), complete, report })
}

fn open_message(
    encoded: EncodedMessage<'_>,
    name: &str,
    expected: &ExpectedLogout<'_>,
    report: &mut SamlCheckReport,
) -> Result<String, SamlCheckFailed> {
    let certificates = signature::trusted_certificates(expected.certificates, report)?;
    encoded.decode(name, &certificates, report)
}

/// The message, with everything checked that is the same for both: where it stands, who signed it, from whom
/// it is and for whom.
fn verify_message<'d>(
    document: &'d uppsala::dom::Document<'d>,
    name: &str,
    encoded: EncodedMessage<'_>,
    expected: &ExpectedLogout<'_>,
    report: &mut SamlCheckReport,
) -> Result<Node<'d>, SamlCheckFailed> {
    let message = Node::root(document).filter(|root| root.is(PROTOCOL, name));
    let message = message.ok_or_else(|| report.fail(SamlCheck::Structure, name, "something else"))?;
    let signatures = text::check_tree(document, report, |_| Ok(()))?;
    report.pass(SamlCheck::Structure);
    let certificates = signature::trusted_certificates(expected.certificates, report)?;
    let [signed] = signature::verify(document, &signatures, [message], &certificates, report)?;
    let covered = signed || matches!(encoded, EncodedMessage::Redirect(_));
    report.require(SamlCheck::SignatureCoverage, covered, format!("a signature on the {name}"), "none")?;
    let version = message.attribute("Version").unwrap_or("none");
    report.record(SamlCheck::Version, check_that(version == "2.0", "2.0", version))?;
    let issuer = issuer_of(message).unwrap_or_default();
    report.record(
        SamlCheck::Issuer,
        check_that(issuer == expected.idp_entity_id, expected.idp_entity_id, &issuer),
    )?;
    let destination = message.attribute("Destination");
    let meant = destination == Some(expected.slo);
    report.record(SamlCheck::Destination, check_that(meant, expected.slo, destination.unwrap_or("none")))?;
    if let Some((wanted, found)) = time_window_violation(message, expected.now) {
        return Err(report.fail(SamlCheck::Times, wanted, found));
    }
    Ok(message)
}
