//! What messages must match, and the contents of those that were accepted.

use std::collections::BTreeMap;

use jiff::Timestamp;

use crate::check::SamlReport;
use crate::model::NameId;

/// Our keys for decryption, and the algorithms that they may be used with.
#[derive(Debug, Clone, Copy, Default)]
pub struct Decryption<'a> {
    /// Private keys in PKCS#8.
    pub keys: &'a [Vec<u8>],
    /// Whether AES in CBC mode is accepted.
    pub allow_cbc: bool,
}

/// Where an assertion has the email address.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum EmailSource<'a> {
    /// In the NameID if its Format says so, or else in a well-known attribute.
    #[default]
    Standard,
    /// In the NameID, whatever its Format says.
    NameId,
    /// In the attribute with this name.
    Attribute(&'a str),
}

/// What a response must match.
#[derive(Debug, Clone)]
pub struct ExpectedResponse<'a> {
    /// The identity provider's entity ID.
    pub idp_entity_id: &'a str,
    /// Its signing certificates, base64 of DER.
    pub certificates: &'a [String],
    /// Our entity ID.
    pub sp_entity_id: &'a str,
    /// The address the response was posted to.
    pub acs: &'a str,
    /// Where the email address is.
    pub email_source: EmailSource<'a>,
    /// Normalizes an email address for comparison. Returns `None` if the text is not an email address.
    pub read_email: fn(&str) -> Option<String>,
    /// The keys for encrypted content.
    pub decryption: Decryption<'a>,
    /// The current time.
    pub now: Timestamp,
}

/// The contents of a response that passed all checks.
#[derive(Debug, Clone)]
pub struct ValidatedAssertion {
    /// The assertion's id, for the replay cache.
    pub assertion_id: String,
    /// Until when the replay cache must keep the id.
    pub remember_until: Timestamp,
    /// The request that it answers; `None` if the sign-in is IdP-initiated.
    pub in_response_to: Option<String>,
    /// The user's email address, normalized.
    pub email: String,
    /// The name by which a later logout request identifies the user.
    pub name_id: Option<NameId>,
    /// The session at the identity provider.
    pub session_index: Option<String>,
    /// All attributes by name.
    pub attributes: BTreeMap<String, Vec<String>>,
    /// How the user authenticated at the identity provider (`AuthnContextClassRef`); empty if it does not
    /// say.
    pub authn_context: String,
    /// When the user authenticated at the identity provider (`AuthnInstant`).
    pub authn_instant: Option<Timestamp>,
    /// The checks that were passed.
    pub report: SamlReport,
}

/// What a logout message must match.
#[derive(Debug, Clone)]
pub struct ExpectedLogout<'a> {
    /// The identity provider's entity ID.
    pub idp_entity_id: &'a str,
    /// Its signing certificates, base64 of DER.
    pub certificates: &'a [String],
    /// The URL to which the message was sent.
    pub slo: &'a str,
    /// The keys for an encrypted NameID.
    pub decryption: Decryption<'a>,
    /// The current time.
    pub now: Timestamp,
}

/// A `LogoutRequest` that was accepted.
#[derive(Debug, Clone)]
pub struct LogoutRequest {
    /// Its id, which the response names.
    pub id: String,
    /// Until when the replay cache must keep the id.
    pub remember_until: Timestamp,
    /// The user to sign out.
    pub name_id: NameId,
    /// The identity provider's sessions to end; if empty, all sessions of the user.
    pub session_indexes: Vec<String>,
    /// The checks that were passed.
    pub report: SamlReport,
}

/// A `LogoutResponse` that was accepted.
#[derive(Debug, Clone)]
pub struct LogoutResponse {
    /// The request that it answers.
    pub in_response_to: String,
    /// Whether the user was signed out everywhere.
    pub complete: bool,
    /// The checks that were passed.
    pub report: SamlReport,
}
