//! The rules for a verified assertion: it must be addressed to us, valid now and consistent with its
//! response. The rules are in the order in which they are applied, and each belongs to one check.

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::Timestamp;

use super::decrypt;
use super::model::{EmailSource, ExpectedResponse, ValidatedAssertion};
use super::node::{ASSERTION, Node, PROTOCOL};
use super::text::{self, only_element};
use crate::check::{SamlCheck, SamlCheckResult, SamlRejection, SamlReport, check_that};
use crate::model::{NameId, SUCCESS};
use crate::time::{add, format_time, parse_time};

/// The tolerated difference between clocks.
pub(super) const SKEW: Duration = Duration::from_mins(1);
const BEARER: &str = "urn:oasis:names:tc:SAML:2.0:cm:bearer";
/// The conditions that we understand. Any other one makes the assertion invalid (saml-core §2.5.1).
const KNOWN_CONDITIONS: [&str; 3] = ["AudienceRestriction", "OneTimeUse", "ProxyRestriction"];
/// The attributes in which identity providers send the email address if it is not the NameID.
const EMAIL_ATTRIBUTES: [&str; 6] = [
    "email",
    "mail",
    "emailAddress",
    "http://schemas.xmlsoap.org/ws/2005/05/identity/claims/emailaddress",
    "urn:oid:0.9.2342.19200300.100.1.3",
    "urn:oid:1.2.840.113549.1.9.1",
];

/// A rule examines a response and returns its result.
type AssertionRule = fn(&AssertionChecks<'_>) -> SamlCheckResult;

/// The rules for every response. The checks from size to signature come before them.
const RULES: [(SamlCheck, AssertionRule); 10] = [
    (SamlCheck::Version, version),
    (SamlCheck::Status, status),
    (SamlCheck::Issuer, issuer),
    (SamlCheck::Destination, destination),
    (SamlCheck::Audience, conditions),
    (SamlCheck::Audience, audience),
    (SamlCheck::SubjectConfirmation, subject_confirmation),
    (SamlCheck::Recipient, recipient),
    (SamlCheck::Times, times),
    (SamlCheck::InResponseTo, in_response_to),
];

/// A verified response and what it must match.
pub(super) struct AssertionChecks<'c> {
    pub(super) expected: &'c ExpectedResponse<'c>,
    pub(super) response: Node<'c>,
    pub(super) assertion: Node<'c>,
    /// Whether the Response is signed, and with it everything inside.
    pub(super) response_signed: bool,
}

impl AssertionChecks<'_> {
    /// Applies every rule and reads the contents of the assertion.
    pub(super) fn run(
        &self,
        signed: bool,
        report: &mut SamlReport,
    ) -> Result<ValidatedAssertion, SamlRejection> {
        let coverage = check_that(
            signed,
            "a signature on the Response or on the Assertion",
            match (signed, self.response_signed) {
                (false, _) => "none",
                (true, true) => "the Response",
                (true, false) => "the Assertion",
            },
        );
        report.record(SamlCheck::SignatureCoverage, coverage)?;
        // An assertion without an id could not be kept in the replay cache (saml-core §2.3.3).
        let id = self.assertion.attribute("ID").unwrap_or_default();
        report.require(SamlCheck::Structure, !id.is_empty(), "an ID on the Assertion", "none")?;
        for (check, rule) in RULES {
            report.record(check, rule(self))?;
        }
        let name_id = self.name_id(report)?;
        let attributes = self.attributes(report)?;
        let email = self.email(name_id.as_ref(), &attributes, report)?;
        let statement = self.authn_statement();
        let context = statement
            .and_then(|statement| statement.only_child(ASSERTION, "AuthnContext"))
            .and_then(|context| context.only_child(ASSERTION, "AuthnContextClassRef"));
        let session_index = statement.and_then(|statement| statement.attribute("SessionIndex"));
        Ok(ValidatedAssertion {
            assertion_id: id.to_owned(),
            remember_until: add(self.expires_at(), 2 * SKEW),
            in_response_to: self.confirmed_request().or_else(|| self.stated_request()).map(str::to_owned),
            email,
            name_id,
            session_index: session_index.map(str::to_owned),
            attributes,
            authn_instant: statement.and_then(|one| one.attribute("AuthnInstant")).and_then(parse_time),
            authn_context: context.and_then(Node::text).unwrap_or_default(),
            report: report.clone(),
        })
    }

    fn conditions(&self) -> Option<Node<'_>> {
        self.assertion.only_child(ASSERTION, "Conditions")
    }

    fn subject(&self) -> Option<Node<'_>> {
        self.assertion.only_child(ASSERTION, "Subject")
    }

    /// The data of all bearer confirmations.
    fn bearer_confirmations(&self) -> Vec<Node<'_>> {
        let confirmations =
            self.subject().into_iter().flat_map(|s| s.children(ASSERTION, "SubjectConfirmation"));
        confirmations
            .filter(|confirmation| confirmation.attribute("Method") == Some(BEARER))
            .filter_map(|confirmation| confirmation.only_child(ASSERTION, "SubjectConfirmationData"))
            .collect()
    }

    /// The bearer confirmation for our URL.
    fn bearer_confirmation(&self) -> Option<Node<'_>> {
        self.bearer_confirmations()
            .into_iter()
            .find(|data| data.attribute("Recipient") == Some(self.expected.acs))
    }

    fn authn_statement(&self) -> Option<Node<'_>> {
        self.assertion.children(ASSERTION, "AuthnStatement").next()
    }

    /// The request that the confirmation names. It is part of the assertion, so that it is signed no matter
    /// where the signature is.
    fn confirmed_request(&self) -> Option<&str> {
        self.bearer_confirmation().and_then(|data| data.attribute("InResponseTo")).filter(|id| !id.is_empty())
    }

    fn stated_request(&self) -> Option<&str> {
        self.response.attribute("InResponseTo").filter(|id| !id.is_empty())
    }

    /// The latest time at which the assertion could be accepted.
    fn expires_at(&self) -> Timestamp {
        let nodes = [self.conditions(), self.bearer_confirmation()];
        let ends = nodes.into_iter().flatten().filter_map(|node| node.attribute("NotOnOrAfter"));
        ends.filter_map(parse_time).max().unwrap_or(self.expected.now)
    }

    /// Decrypts the only element inside `container` and passes it to `read`.
    fn read_decrypted<T>(
        &self,
        container: Node<'_>,
        report: &mut SamlReport,
        read: impl FnOnce(Node<'_>) -> Option<T>,
    ) -> Result<T, SamlRejection> {
        let plain = decrypt::decrypt_element(container, self.expected.decryption, true, report)?;
        let document = text::parse(&plain, report)?;
        let node = only_element(&document, report)?;
        text::check_tree(&document, report, |_| Ok(()))?;
        read(node)
            .ok_or_else(|| report.fail(SamlCheck::Structure, "an encrypted NameID or Attribute", node.name()))
    }

    fn name_id(&self, report: &mut SamlReport) -> Result<Option<NameId>, SamlRejection> {
        let Some(subject) = self.subject() else { return Ok(None) };
        match subject.only_child(ASSERTION, "EncryptedID") {
            Some(container) => self.read_decrypted(container, report, read_name_id).map(Some),
            None => Ok(subject.only_child(ASSERTION, "NameID").and_then(read_name_id)),
        }
    }

    fn attributes(&self, report: &mut SamlReport) -> Result<BTreeMap<String, Vec<String>>, SamlRejection> {
        let mut all: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for statement in self.assertion.children(ASSERTION, "AttributeStatement") {
            for node in statement.elements() {
                let read = if node.is(ASSERTION, "EncryptedAttribute") {
                    Some(self.read_decrypted(node, report, read_attribute)?)
                } else {
                    read_attribute(node)
                };
                if let Some((name, values)) = read {
                    all.entry(name).or_default().extend(values);
                }
            }
        }
        Ok(all)
    }

    /// If a source is configured, only that one counts: an attribute, or the NameID whatever its Format says.
    /// Otherwise the NameID counts if its Format says that it is an email address (saml-core §8.3.2), then
    /// the usual attributes. A NameID of another Format may be a username that users choose themselves.
    fn email(
        &self,
        name_id: Option<&NameId>,
        attributes: &BTreeMap<String, Vec<String>>,
        report: &mut SamlReport,
    ) -> Result<String, SamlRejection> {
        let first = |name: &str| attributes.get(name).and_then(|values| values.first()).cloned();
        let candidates: Vec<String> = match self.expected.email_source {
            EmailSource::Attribute(name) => first(name).into_iter().collect(),
            EmailSource::NameId => name_id.into_iter().map(|name_id| name_id.value.clone()).collect(),
            EmailSource::Standard => {
                let named = name_id.filter(|name_id| name_id.is_email()).map(|name_id| name_id.value.clone());
                named.into_iter().chain(EMAIL_ATTRIBUTES.into_iter().filter_map(first)).collect()
            }
        };
        let email = candidates.iter().find_map(|candidate| (self.expected.read_email)(candidate));
        let source = match self.expected.email_source {
            EmailSource::Attribute(name) => name,
            EmailSource::NameId => "the NameID",
            EmailSource::Standard => "a NameID of the format emailAddress or in an email attribute",
        };
        let ok = email.is_some();
        let found = email.unwrap_or_else(|| candidates.join(", "));
        report.record(SamlCheck::Email, check_that(ok, format!("an email address in {source}"), &found))?;
        Ok(found)
    }
}

/// Reads a NameID with its format and qualifiers.
pub(super) fn read_name_id(node: Node<'_>) -> Option<NameId> {
    let own = |name| node.attribute(name).map(str::to_owned);
    let value = node.text().filter(|_| node.is(ASSERTION, "NameID"))?;
    Some(NameId {
        value,
        format: own("Format"),
        name_qualifier: own("NameQualifier"),
        sp_name_qualifier: own("SPNameQualifier"),
    })
}

fn read_attribute(node: Node<'_>) -> Option<(String, Vec<String>)> {
    let name = node.attribute("Name").filter(|_| node.is(ASSERTION, "Attribute"))?;
    let values = node.children(ASSERTION, "AttributeValue").filter_map(Node::text);
    Some((name.to_owned(), values.collect()))
}

fn version(checks: &AssertionChecks<'_>) -> SamlCheckResult {
    let found = [checks.response, checks.assertion].map(|node| node.attribute("Version").unwrap_or("none"));
    let odd = found.iter().find(|version| **version != "2.0");
    check_that(odd.is_none(), "2.0", odd.unwrap_or(&"2.0"))
}

pub(super) fn status_of(message: Node<'_>) -> &str {
    message
        .only_child(PROTOCOL, "Status")
        .and_then(|status| status.only_child(PROTOCOL, "StatusCode"))
        .and_then(|code| code.attribute("Value"))
        .unwrap_or("none")
}

fn status(checks: &AssertionChecks<'_>) -> SamlCheckResult {
    let found = status_of(checks.response);
    check_that(found == SUCCESS, SUCCESS, found)
}

/// The issuer of a message or assertion.
pub(super) fn issuer_of(node: Node<'_>) -> Option<String> {
    node.only_child(ASSERTION, "Issuer").and_then(Node::text)
}

/// The assertion must name the connection's issuer; the response may name none, but no other.
fn issuer(checks: &AssertionChecks<'_>) -> SamlCheckResult {
    let wanted = checks.expected.idp_entity_id;
    let own = issuer_of(checks.assertion).unwrap_or_default();
    let stated = checks.response.children(ASSERTION, "Issuer").next().is_some();
    let around = if stated { issuer_of(checks.response).unwrap_or_default() } else { own.clone() };
    let odd = if own == wanted { around } else { own };
    check_that(odd == wanted, wanted, odd)
}

/// saml-bindings §3.5.5.2: a signed message must state its destination, and a stated destination must be
/// ours.
fn destination(checks: &AssertionChecks<'_>) -> SamlCheckResult {
    let found = checks.response.attribute("Destination");
    let fits = found.map_or(!checks.response_signed, |found| found == checks.expected.acs);
    check_that(fits, checks.expected.acs, found.unwrap_or("none"))
}

/// Conditions must be present, and we must understand all of them.
fn conditions(checks: &AssertionChecks<'_>) -> SamlCheckResult {
    let Some(conditions) = checks.conditions() else {
        return check_that(false, "Conditions with an AudienceRestriction", "none");
    };
    let known =
        |node: &Node<'_>| node.namespace() == Some(ASSERTION) && KNOWN_CONDITIONS.contains(&node.name());
    let strange = conditions.elements().find(|node| !known(node));
    let found = strange.map_or("supported conditions", Node::name);
    check_that(strange.is_none(), "only supported conditions", found)
}

/// All restrictions apply together (saml-core §2.5.1.4). An assertion without any is not addressed to us and
/// is refused.
fn audience(checks: &AssertionChecks<'_>) -> SamlCheckResult {
    let restrictions: Vec<Vec<String>> = checks
        .conditions()
        .into_iter()
        .flat_map(|conditions| conditions.children(ASSERTION, "AudienceRestriction"))
        .map(|restriction| restriction.children(ASSERTION, "Audience").filter_map(Node::text).collect())
        .collect();
    let us = checks.expected.sp_entity_id;
    let fits =
        !restrictions.is_empty() && restrictions.iter().all(|names| names.iter().any(|name| name == us));
    check_that(fits, us, restrictions.concat().join(", "))
}

fn subject_confirmation(checks: &AssertionChecks<'_>) -> SamlCheckResult {
    let methods: Vec<&str> = checks
        .subject()
        .into_iter()
        .flat_map(|subject| subject.children(ASSERTION, "SubjectConfirmation"))
        .filter_map(|confirmation| confirmation.attribute("Method"))
        .collect();
    check_that(!checks.bearer_confirmations().is_empty(), BEARER, methods.join(", "))
}

/// saml-profiles §4.1.4.2: a bearer confirmation must name our URL as its recipient.
fn recipient(checks: &AssertionChecks<'_>) -> SamlCheckResult {
    let found: Vec<&str> =
        checks.bearer_confirmations().into_iter().filter_map(|data| data.attribute("Recipient")).collect();
    check_that(checks.bearer_confirmation().is_some(), checks.expected.acs, found.join(", "))
}

/// Checks `NotBefore` and `NotOnOrAfter` of an element, as far as they are present. Returns what was expected
/// and found if the current time is outside, or if one cannot be parsed.
pub(super) fn time_window_violation(node: Node<'_>, now: Timestamp) -> Option<(String, String)> {
    let (begin, end) = (node.attribute("NotBefore"), node.attribute("NotOnOrAfter"));
    let unreadable = [begin, end].into_iter().flatten().find(|text| parse_time(text).is_none());
    if let Some(text) = unreadable {
        return Some((format!("a valid time in {}", node.name()), text.to_owned()));
    }
    let (begin, end) = (begin.and_then(parse_time), end.and_then(parse_time));
    if let Some(begin) = begin.filter(|begin| add(now, SKEW) < *begin) {
        return Some((format!("at or after {}", format_time(begin)), format_time(now)));
    }
    end.filter(|end| now >= add(*end, SKEW))
        .map(|end| (format!("before {}", format_time(end)), format_time(now)))
}

/// The conditions, the confirmation and the session at the identity provider must be valid now.
fn times(checks: &AssertionChecks<'_>) -> SamlCheckResult {
    let now = checks.expected.now;
    let bearer = checks.bearer_confirmation();
    let mut windows = [checks.conditions(), bearer].into_iter().flatten();
    if let Some((expected, found)) = windows.find_map(|node| time_window_violation(node, now)) {
        return check_that(false, expected, found);
    }
    // saml-profiles §4.1.4.2: the confirmation must state when it expires.
    let Some(end) = bearer.and_then(|data| data.attribute("NotOnOrAfter")) else {
        return check_that(false, "NotOnOrAfter in SubjectConfirmationData", "none");
    };
    let Some(statement) = checks.authn_statement() else {
        return check_that(false, "an AuthnStatement", "none");
    };
    if let Some(session_end) = statement.attribute("SessionNotOnOrAfter") {
        let goes_on = parse_time(session_end).is_some_and(|time| now < add(time, SKEW));
        if !goes_on {
            return check_that(false, "a session at the identity provider that has not expired", session_end);
        }
    }
    check_that(true, format!("before {end}"), format_time(now))
}

/// The request that is answered. If only the response names one, the response must be signed; if the response
/// and the confirmation both name one, they must agree.
fn in_response_to(checks: &AssertionChecks<'_>) -> SamlCheckResult {
    let (stated, confirmed) = (checks.stated_request(), checks.confirmed_request());
    let agree = match (stated, confirmed) {
        (Some(stated), Some(confirmed)) => stated == confirmed,
        (Some(_), None) => checks.response_signed,
        (None, _) => true,
    };
    let expected = confirmed.unwrap_or("the same value in the response and in the subject confirmation");
    check_that(agree, expected, stated.or(confirmed).unwrap_or("none"))
}
