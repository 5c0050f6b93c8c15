//! Logout messages: requests of the identity provider, and its responses to ours (saml-core §3.7,
//! saml-profiles §4.4).

use jiff::Timestamp;

use super::encoded_message::EncodedMessage;
use super::model::{ExpectedLogout, LogoutRequest, LogoutResponse};
use super::node::{ASSERTION, Node, PROTOCOL};
use super::rules::{SKEW, issuer_of, read_name_id, status_of, time_window_violation};
use super::text::{self, only_element};
use super::{decrypt, signature};
use crate::check::{SamlCheck, SamlRejection, SamlReport, check_that};
use crate::model::SUCCESS;
use crate::time::{add, format_time, parse_time};

/// How long a request is accepted after it was issued, even if its `NotOnOrAfter` is later.
const MAX_REQUEST_AGE: std::time::Duration = std::time::Duration::from_mins(5);

/// Validates a `SAMLRequest` that signs a user out.
pub fn validate_logout_request(
    encoded: EncodedMessage<'_>,
    expected: &ExpectedLogout<'_>,
) -> Result<LogoutRequest, SamlRejection> {
    let mut report = SamlReport::default();
    let text = open_message(encoded, "SAMLRequest", expected, &mut report)?;
    let document = text::parse(&text, &mut report)?;
    let message = verify_message(&document, "LogoutRequest", encoded, expected, &mut report)?;
    // A request without `IssueInstant` counts as issued in 1970 and is refused below.
    let issued = message.attribute("IssueInstant").and_then(parse_time).unwrap_or(Timestamp::UNIX_EPOCH);
    let stated_end = message.attribute("NotOnOrAfter").and_then(parse_time);
    let latest = add(issued, MAX_REQUEST_AGE);
    let end = stated_end.unwrap_or(latest).min(latest);
    let now = expected.now;
    let fresh = issued <= add(now, SKEW) && now < add(end, SKEW);
    let expected_time = format!("between {} and {}", format_time(issued), format_time(end));
    report.record(SamlCheck::Times, check_that(fresh, expected_time, format_time(now)))?;
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
        remember_until: add(end, 2 * SKEW),
        name_id,
        session_indexes: message.children(PROTOCOL, "SessionIndex").filter_map(Node::text).collect(),
        report,
    })
}

/// Validates a `SAMLResponse` to a logout request of ours.
pub fn validate_logout_response(
    encoded: EncodedMessage<'_>,
    expected: &ExpectedLogout<'_>,
) -> Result<LogoutResponse, SamlRejection> {
    let mut report = SamlReport::default();
    let text = open_message(encoded, "SAMLResponse", expected, &mut report)?;
    let document = text::parse(&text, &mut report)?;
    let message = verify_message(&document, "LogoutResponse", encoded, expected, &mut report)?;
    let answered = message.attribute("InResponseTo").filter(|id| !id.is_empty());
    let answered =
        answered.ok_or_else(|| report.fail(SamlCheck::InResponseTo, "a request from this server", "none"))?;
    // `PartialLogout` is a status below Success (saml-core §3.2.2.2) and means that some sessions remain.
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
    report: &mut SamlReport,
) -> Result<String, SamlRejection> {
    let certificates = signature::trusted_certificates(expected.certificates, report)?;
    encoded.decode(name, &certificates, report)
}

/// Finds the message and makes the checks that requests and responses share: structure, signature, version,
/// issuer, destination and times.
fn verify_message<'d>(
    document: &'d uppsala::dom::Document<'d>,
    name: &str,
    encoded: EncodedMessage<'_>,
    expected: &ExpectedLogout<'_>,
    report: &mut SamlReport,
) -> Result<Node<'d>, SamlRejection> {
    let message = Node::root(document).filter(|root| root.is(PROTOCOL, name));
    let message = message.ok_or_else(|| report.fail(SamlCheck::Structure, name, "a different element"))?;
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
