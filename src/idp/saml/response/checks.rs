//! What the verified assertion says, and whether it says it to us, now, for this browser.

use std::collections::BTreeMap;
use std::time::Duration;

use uppsala::dom::{Document, NodeId};

use super::Expected;
use super::document::{ASSERTION, PROTOCOL, Parts, attribute, children, only_child, text};
use super::report::{Check, Failed, Report};
use super::signature::{Signed, is_statement};
use crate::directory::Email;
use crate::kernel::Timestamp;

/// How far clocks may be apart.
const SKEW: Duration = Duration::from_mins(1);
const SUCCESS: &str = "urn:oasis:names:tc:SAML:2.0:status:Success";
const BEARER: &str = "urn:oasis:names:tc:SAML:2.0:cm:bearer";
/// Conditions we understand. One we do not makes the assertion invalid (saml-core §2.5.1).
const KNOWN_CONDITIONS: [&str; 3] = ["AudienceRestriction", "OneTimeUse", "ProxyRestriction"];
/// Where identity providers put the address when it is not the NameID.
const EMAIL_ATTRIBUTES: [&str; 6] = [
    "email",
    "mail",
    "emailAddress",
    "http://schemas.xmlsoap.org/ws/2005/05/identity/claims/emailaddress",
    "urn:oid:0.9.2342.19200300.100.1.3",
    "urn:oid:1.2.840.113549.1.9.1",
];

/// A response that passed.
#[derive(Debug, Clone)]
pub struct Accepted {
    /// The assertion's id, for the replay store.
    pub assertion_id: String,
    /// Until when the replay store has to remember it.
    pub remember_until: Timestamp,
    /// The request it answers; none when the identity provider began.
    pub in_response_to: Option<String>,
    /// The person's address.
    pub email: String,
    /// All attributes by name.
    pub attributes: BTreeMap<String, Vec<String>>,
    /// How the person proved themselves there, `AuthnContextClassRef`; empty when not said.
    pub authn_context: String,
    /// The checks passed.
    pub report: Report,
}

pub(super) fn apply(
    document: &Document<'_>,
    parts: &Parts,
    signed: Signed,
    expected: &Expected<'_>,
    report: &mut Report,
) -> Result<Accepted, Failed> {
    let Parts { response, assertion, .. } = *parts;
    version(document, &[response, assertion], report)?;
    status(document, response, report)?;
    issuer(document, response, assertion, expected, report)?;
    destination(document, response, signed, expected, report)?;
    let conditions_end = conditions(document, assertion, expected, report)?;
    let bearer = bearer(document, assertion, expected, report)?;
    let authn_context = authn_statement(document, assertion, expected, report)?;
    report.pass(Check::Times);
    let in_response_to = in_response_to(document, response, signed, bearer.in_response_to, report)?;
    let attributes = attributes(document, assertion);
    let email = email(document, assertion, &attributes, expected, report)?;
    Ok(Accepted {
        assertion_id: attribute(document, assertion, "ID").unwrap_or_default().to_owned(),
        remember_until: bearer.not_on_or_after.max(conditions_end).plus(2 * SKEW),
        in_response_to,
        email,
        attributes,
        authn_context,
        report: report.clone(),
    })
}

fn version(document: &Document<'_>, nodes: &[NodeId], report: &mut Report) -> Result<(), Failed> {
    for node in nodes {
        let found = attribute(document, *node, "Version").unwrap_or_default();
        report.require(Check::Version, found == "2.0", "2.0", found)?;
    }
    report.pass(Check::Version);
    Ok(())
}

fn status(document: &Document<'_>, response: NodeId, report: &mut Report) -> Result<(), Failed> {
    let found = only_child(document, response, PROTOCOL, "Status")
        .and_then(|status| only_child(document, status, PROTOCOL, "StatusCode"))
        .and_then(|code| attribute(document, code, "Value"))
        .unwrap_or_default();
    report.require(Check::Status, found == SUCCESS, SUCCESS, found)?;
    report.pass(Check::Status);
    Ok(())
}

/// The assertion's issuer must be there and be the connection's; the response's may be missing.
fn issuer(
    document: &Document<'_>,
    response: NodeId,
    assertion: NodeId,
    expected: &Expected<'_>,
    report: &mut Report,
) -> Result<(), Failed> {
    let of = |node| only_child(document, node, ASSERTION, "Issuer").and_then(|issuer| text(document, issuer));
    let wanted = expected.idp_entity_id;
    let found = of(assertion).unwrap_or_default();
    report.require(Check::Issuer, found == wanted, wanted, &found)?;
    if !children(document, response, ASSERTION, "Issuer").is_empty() {
        let found = of(response).unwrap_or_default();
        report.require(Check::Issuer, found == wanted, wanted, &found)?;
    }
    report.pass(Check::Issuer);
    Ok(())
}

/// saml-bindings §3.5.5.2: a signed message must say where it goes; one that says so must mean us.
fn destination(
    document: &Document<'_>,
    response: NodeId,
    signed: Signed,
    expected: &Expected<'_>,
    report: &mut Report,
) -> Result<(), Failed> {
    let found = attribute(document, response, "Destination");
    let fits = found.map_or(!signed.response, |found| found == expected.acs);
    report.require(Check::Destination, fits, expected.acs, found.unwrap_or("none"))?;
    report.pass(Check::Destination);
    Ok(())
}

/// Returns the end of validity.
fn conditions(
    document: &Document<'_>,
    assertion: NodeId,
    expected: &Expected<'_>,
    report: &mut Report,
) -> Result<Timestamp, Failed> {
    let conditions = only_child(document, assertion, ASSERTION, "Conditions")
        .ok_or_else(|| report.fail(Check::Audience, "Conditions with an AudienceRestriction", "none"))?;
    let end = window(document, conditions, expected, report)?;
    for child in document.children_iter(conditions) {
        let Some(element) = document.element(child) else { continue };
        let known = is_statement(document, child) && KNOWN_CONDITIONS.contains(&&*element.name.local_name);
        report.require(Check::Audience, known, "conditions we understand", &element.name.local_name)?;
    }
    let restrictions = children(document, conditions, ASSERTION, "AudienceRestriction");
    let names_us = |restriction: &NodeId| {
        children(document, *restriction, ASSERTION, "Audience")
            .iter()
            .any(|audience| text(document, *audience).as_deref() == Some(expected.sp_entity_id))
    };
    // Several restrictions all apply (saml-core §2.5.1.4); none at all means "for anybody", which is not us.
    let fits = !restrictions.is_empty() && restrictions.iter().all(names_us);
    let found = || {
        let audiences = restrictions.iter().flat_map(|r| children(document, *r, ASSERTION, "Audience"));
        audiences.filter_map(|a| text(document, a)).collect::<Vec<_>>().join(", ")
    };
    report.require(Check::Audience, fits, expected.sp_entity_id, found())?;
    report.pass(Check::Audience);
    Ok(end.unwrap_or(expected.now))
}

/// Checks `NotBefore` and `NotOnOrAfter` of an element, where present; returns the latter.
fn window(
    document: &Document<'_>,
    node: NodeId,
    expected: &Expected<'_>,
    report: &mut Report,
) -> Result<Option<Timestamp>, Failed> {
    let read = |name: &str| match attribute(document, node, name) {
        None => Ok(None),
        Some(value) => match Timestamp::parse(value) {
            Some(time) => Ok(Some(time)),
            None => Err(report.fail(Check::Times, format!("a time in {name}"), value)),
        },
    };
    let (begin, end) = (read("NotBefore")?, read("NotOnOrAfter")?);
    if let Some(begin) = begin {
        let fits = expected.now.plus(SKEW) >= begin;
        report.require(Check::Times, fits, format!("at or after {begin}"), expected.now)?;
    }
    if let Some(end) = end {
        let fits = expected.now < end.plus(SKEW);
        report.require(Check::Times, fits, format!("before {end}"), expected.now)?;
    }
    Ok(end)
}

struct Bearer {
    in_response_to: Option<String>,
    not_on_or_after: Timestamp,
}

/// saml-profiles §4.1.4.2: a bearer confirmation with Recipient and `NotOnOrAfter`, without `NotBefore`.
fn bearer(
    document: &Document<'_>,
    assertion: NodeId,
    expected: &Expected<'_>,
    report: &mut Report,
) -> Result<Bearer, Failed> {
    let subject = only_child(document, assertion, ASSERTION, "Subject")
        .ok_or_else(|| report.fail(Check::Recipient, "a Subject", "none"))?;
    let confirmations = children(document, subject, ASSERTION, "SubjectConfirmation");
    let data: Vec<NodeId> = confirmations
        .into_iter()
        .filter(|c| attribute(document, *c, "Method") == Some(BEARER))
        .filter_map(|c| only_child(document, c, ASSERTION, "SubjectConfirmationData"))
        .collect();
    let for_us = data.iter().copied().find(|d| attribute(document, *d, "Recipient") == Some(expected.acs));
    let found =
        || data.iter().filter_map(|d| attribute(document, *d, "Recipient")).collect::<Vec<_>>().join(", ");
    let data = for_us.ok_or_else(|| report.fail(Check::Recipient, expected.acs, found()))?;
    report.pass(Check::Recipient);
    let end = window(document, data, expected, report)?;
    let not_on_or_after =
        end.ok_or_else(|| report.fail(Check::Times, "NotOnOrAfter in SubjectConfirmationData", "none"))?;
    let in_response_to = attribute(document, data, "InResponseTo").map(str::to_owned);
    Ok(Bearer { in_response_to, not_on_or_after })
}

/// The statement that somebody authenticated, still good; returns how they did.
fn authn_statement(
    document: &Document<'_>,
    assertion: NodeId,
    expected: &Expected<'_>,
    report: &mut Report,
) -> Result<String, Failed> {
    let statements = children(document, assertion, ASSERTION, "AuthnStatement");
    let statement =
        *statements.first().ok_or_else(|| report.fail(Check::Times, "an AuthnStatement", "none"))?;
    if let Some(end) = attribute(document, statement, "SessionNotOnOrAfter") {
        let fits = Timestamp::parse(end).is_some_and(|time| expected.now < time.plus(SKEW));
        report.require(Check::Times, fits, "a session that has not ended there", end)?;
    }
    Ok(only_child(document, statement, ASSERTION, "AuthnContext")
        .and_then(|context| only_child(document, context, ASSERTION, "AuthnContextClassRef"))
        .and_then(|class| text(document, class))
        .unwrap_or_default())
}

/// The request that is answered. What the confirmation says is signed; what the response says counts
/// only where the response is. Where both speak they must agree.
fn in_response_to(
    document: &Document<'_>,
    response: NodeId,
    signed: Signed,
    confirmed: Option<String>,
    report: &mut Report,
) -> Result<Option<String>, Failed> {
    let stated = attribute(document, response, "InResponseTo").filter(|id| !id.is_empty());
    let agree = match (stated, &confirmed) {
        (Some(stated), Some(confirmed)) => stated == confirmed,
        (Some(_), None) => signed.response,
        (None, _) => true,
    };
    let expected = confirmed.as_deref().unwrap_or("the same in response and confirmation");
    report.require(Check::InResponseTo, agree, expected, stated.unwrap_or("none"))?;
    report.pass(Check::InResponseTo);
    Ok(confirmed.or_else(|| stated.map(str::to_owned)))
}

fn attributes(document: &Document<'_>, assertion: NodeId) -> BTreeMap<String, Vec<String>> {
    let mut all: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for statement in children(document, assertion, ASSERTION, "AttributeStatement") {
        for node in children(document, statement, ASSERTION, "Attribute") {
            let Some(name) = attribute(document, node, "Name") else { continue };
            let values = children(document, node, ASSERTION, "AttributeValue");
            let values = values.into_iter().filter_map(|value| text(document, value));
            all.entry(name.to_owned()).or_default().extend(values);
        }
    }
    all
}

/// The mapped attribute decides where one is set; otherwise the NameID, then the usual attributes.
fn email(
    document: &Document<'_>,
    assertion: NodeId,
    attributes: &BTreeMap<String, Vec<String>>,
    expected: &Expected<'_>,
    report: &mut Report,
) -> Result<String, Failed> {
    let first = |name: &str| attributes.get(name).and_then(|values| values.first()).cloned();
    let name_id = only_child(document, assertion, ASSERTION, "Subject")
        .and_then(|subject| only_child(document, subject, ASSERTION, "NameID"))
        .and_then(|name_id| text(document, name_id));
    let candidates: Vec<String> = match expected.email_attribute {
        Some(name) => first(name).into_iter().collect(),
        None => name_id.into_iter().chain(EMAIL_ATTRIBUTES.into_iter().filter_map(first)).collect(),
    };
    let email = candidates.iter().find_map(|candidate| Email::parse(candidate).ok());
    let source = expected.email_attribute.unwrap_or("NameID or an email attribute");
    let email = email.ok_or_else(|| {
        report.fail(Check::Email, format!("an email address in {source}"), candidates.join(", "))
    })?;
    report.pass(Check::Email);
    Ok(email.folded())
}
