//! What messages are validated against, and what they say once they have been.

use std::collections::BTreeMap;

use jiff::Timestamp;

use crate::check::SamlReport;
use crate::model::NameId;

/// Our keys for decryption, and what may be decrypted with them.
#[derive(Debug, Clone, Copy, Default)]
pub struct Decryption<'a> {
    /// Private keys, PKCS#8.
    pub keys: &'a [Vec<u8>],
    /// Whether AES in CBC mode is accepted.
    pub allow_cbc: bool,
}

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
    /// Reads an email address and gives it back as addresses are compared; none where the text is none.
    pub read_email: fn(&str) -> Option<String>,
    /// For what is encrypted.
    pub decryption: Decryption<'a>,
    /// Now.
    pub now: Timestamp,
}

/// A response that passed.
#[derive(Debug, Clone)]
pub struct ValidatedAssertion {
    /// The assertion's id, for the replay store.
    pub assertion_id: String,
    /// Until when the replay store has to remember it.
    pub remember_until: Timestamp,
    /// The request it answers; none when the identity provider began.
    pub in_response_to: Option<String>,
    /// The person's address.
    pub email: String,
    /// The name under which a logout will come.
    pub name_id: Option<NameId>,
    /// The identity provider's session.
    pub session_index: Option<String>,
    /// All attributes by name.
    pub attributes: BTreeMap<String, Vec<String>>,
    /// How the person proved themselves there, `AuthnContextClassRef`; empty when not said.
    pub authn_context: String,
    /// The checks passed.
    pub report: SamlReport,
}

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
    pub report: SamlReport,
}

/// A `LogoutResponse` that was accepted.
#[derive(Debug, Clone)]
pub struct LogoutResponse {
    /// The request it answers.
    pub in_response_to: String,
    /// Whether the person is signed out everywhere.
    pub complete: bool,
    /// The checks passed.
    pub report: SamlReport,
}
