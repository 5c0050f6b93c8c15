//! Logout, asked for by the identity provider or answered by it (saml-core §3.7, saml-profiles §4.4).

use super::decrypt::{self, Decryption};
use super::node::{ASSERTION, Node, PROTOCOL};
use super::packed::Packed;
use super::report::{Check, Failed, Report, verdict};
use super::rules::{NameId, SKEW, SUCCESS, issuer_of, outside_window, read_name_id, status_of};
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
pub struct LogoutOrder {
    /// Its id, which the answer names.
    pub id: String,
    /// Until when it has to be remembered.
    pub remember_until: Timestamp,
    /// Who is to be signed out.
    pub name_id: NameId,
    /// Which of the provider's sessions; all of the person's where none is named.
    pub session_indexes: Vec<String>,
    /// The checks passed.
    pub report: Report,
}

/// A `LogoutResponse` that was accepted.
#[derive(Debug, Clone)]
pub struct LogoutAnswer {
    /// The request it answers.
    pub in_response_to: String,
    /// Whether the person is signed out everywhere.
    pub complete: bool,
    /// The checks passed.
    pub report: Report,
}

/// How long a request without `NotOnOrAfter` is looked at after it was made.
const FRESH: std::time::Duration = std::time::Duration::from_mins(5);

/// Judges a `SAMLRequest` to sign somebody out.
///
/// # Errors
/// [`Failed`].
pub fn judge_logout_order(packed: Packed<'_>, expected: &ExpectedLogout<'_>) -> Result<LogoutOrder, Failed> {
    let mut report = Report::default();
    let text = open(packed, "SAMLRequest", expected, &mut report)?;
    let document = text::parse(&text, &mut report)?;
    let message = verified(&document, "LogoutRequest", packed, expected, &mut report)?;
    // Without NotOnOrAfter its age has to do.
    let issued = message.attribute("IssueInstant").and_then(Timestamp::parse).unwrap_or(Timestamp(0));
    let stated_end = message.attribute("NotOnOrAfter").and_then(Timestamp::parse);
    let end = stated_end.unwrap_or(issued.plus(FRESH)).min(issued.plus(FRESH));
    let now = expected.now;
    let fresh = issued <= now.plus(SKEW) && now < end.plus(SKEW);
    report.note(Check::Times, verdict(fresh, format!("between {issued} and {end}"), now))?;
    let name_id = match message.only(ASSERTION, "EncryptedID") {
        Some(holder) => {
            let plain = decrypt::open(holder, (expected.decryption, true), &mut report)?;
            let document = text::parse(&plain, &mut report)?;
            read_name_id(only_element(&document, &report)?)
        }
        None => message.only(ASSERTION, "NameID").and_then(read_name_id),
    };
    let name_id = name_id.filter(|name_id| !name_id.value.is_empty());
    let name_id = name_id.ok_or_else(|| report.fail(Check::Structure, "a NameID", "none, or several"))?;
    Ok(LogoutOrder {
        id: message.attribute("ID").unwrap_or_default().to_owned(),
        remember_until: end.plus(2 * SKEW),
        name_id,
        session_indexes: message.children(PROTOCOL, "SessionIndex").filter_map(Node::text).collect(),
        report,
    })
}

/// Judges a `SAMLResponse` to a request of ours to sign somebody out.
///
/// # Errors
/// [`Failed`].
pub fn judge_logout_answer(
    packed: Packed<'_>,
    expected: &ExpectedLogout<'_>,
) -> Result<LogoutAnswer, Failed> {
    let mut report = Report::default();
    let text = open(packed, "SAMLResponse", expected, &mut report)?;
    let document = text::parse(&text, &mut report)?;
    let message = verified(&document, "LogoutResponse", packed, expected, &mut report)?;
    let answered = message.attribute("InResponseTo").filter(|id| !id.is_empty());
    let answered = answered.ok_or_else(|| report.fail(Check::InResponseTo, "a request of ours", "none"))?;
    // A PartialLogout stands below a status Success (saml-core §3.2.2.2): that is not everywhere.
    let below = message
        .only(PROTOCOL, "Status")
        .and_then(|status| status.only(PROTOCOL, "StatusCode"))
        .and_then(|code| code.only(PROTOCOL, "StatusCode"));
    let complete = status_of(message) == SUCCESS && below.is_none();
    Ok(LogoutAnswer { in_response_to: answered.to_owned(), complete, report })
}

fn open(
    packed: Packed<'_>,
    name: &str,
    expected: &ExpectedLogout<'_>,
    report: &mut Report,
) -> Result<String, Failed> {
    let certificates = signature::trusted(expected.certificates, report)?;
    packed.open(name, &certificates, report)
}

/// The message, with everything checked that is the same for both: where it stands, who signed it, from whom
/// it is and for whom.
fn verified<'d>(
    document: &'d uppsala::dom::Document<'d>,
    name: &str,
    packed: Packed<'_>,
    expected: &ExpectedLogout<'_>,
    report: &mut Report,
) -> Result<Node<'d>, Failed> {
    let message = Node::root(document).filter(|root| root.is(PROTOCOL, name));
    let message = message.ok_or_else(|| report.fail(Check::Structure, name, "something else"))?;
    let seals = text::walk(document, report, |_| Ok(()))?;
    report.pass(Check::Structure);
    let certificates = signature::trusted(expected.certificates, report)?;
    let [signed] = signature::verify(document, &seals, [message], &certificates, report)?;
    let covered = signed || matches!(packed, Packed::Redirect(_));
    report.require(Check::SignatureCoverage, covered, format!("a signature on the {name}"), "none")?;
    let version = message.attribute("Version").unwrap_or("none");
    report.note(Check::Version, verdict(version == "2.0", "2.0", version))?;
    let issuer = issuer_of(message).unwrap_or_default();
    report.note(Check::Issuer, verdict(issuer == expected.idp_entity_id, expected.idp_entity_id, &issuer))?;
    let destination = message.attribute("Destination");
    let meant = destination == Some(expected.slo);
    report.note(Check::Destination, verdict(meant, expected.slo, destination.unwrap_or("none")))?;
    if let Some((wanted, found)) = outside_window(message, expected.now) {
        return Err(report.fail(Check::Times, wanted, found));
    }
    Ok(message)
}
