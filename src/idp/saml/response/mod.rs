//! The judge of SAML responses: bytes in, verdict out. No database, no HTTP, no clock of its own.
//!
//! The order matters. The text is parsed **once**; structure is checked before any signature is
//! looked at; a signature counts only if the node it covers *is* the Assertion that is read (or the
//! Response above it); and only then is anything read, from the same tree.

mod checks;
mod document;
mod report;
mod signature;

use base64::Engine as _;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use uppsala::parser::Parser;

use crate::kernel::Timestamp;

pub use checks::Accepted;
pub use report::{Check, Checked, Failed, Report};

/// A response of this many bytes, before and after base64, is looked at.
pub const MAX_BYTES: usize = 256 * 1024;
/// Element nesting that is looked at; real responses have about ten.
const MAX_DEPTH: u32 = 40;

/// Base64 as identity providers write it: line breaks are removed before, padding may be missing.
const LENIENT: GeneralPurpose = GeneralPurpose::new(
    &base64::alphabet::STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// What a response must fit.
#[derive(Debug, Clone)]
pub struct Expected<'a> {
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
    /// Now.
    pub now: Timestamp,
}

/// Judges the `SAMLResponse` form field.
///
/// # Errors
/// [`Failed`]: the check that failed, with what was expected and found; and the checks passed before it.
pub fn judge(encoded: &[u8], expected: &Expected<'_>) -> Result<Accepted, Failed> {
    let mut report = Report::default();
    let xml = decode(encoded, &mut report)?;
    let parser = Parser::new().with_forbid_dtd(true).with_max_depth(MAX_DEPTH).with_max_entity_expansion(0);
    let document = match parser.parse(&xml) {
        Ok(document) => document,
        Err(error) => {
            return Err(report.fail(Check::Parse, "well-formed XML without a DTD", error.to_string()));
        }
    };
    report.pass(Check::Parse);
    let parts = document::examine(&document, &mut report)?;
    let signed = signature::verify(&document, &parts, expected.certificates, &mut report)?;
    checks::apply(&document, &parts, signed, expected, &mut report)
}

fn decode(encoded: &[u8], report: &mut Report) -> Result<String, Failed> {
    if encoded.len() > MAX_BYTES * 4 / 3 + 4096 {
        return Err(report.fail(Check::Size, format!("at most {MAX_BYTES} bytes"), encoded.len()));
    }
    let compact: Vec<u8> = encoded.iter().copied().filter(|byte| !byte.is_ascii_whitespace()).collect();
    let bytes = LENIENT.decode(&compact).map_err(|e| report.fail(Check::Encoding, "base64", e))?;
    if bytes.len() > MAX_BYTES {
        return Err(report.fail(Check::Size, format!("at most {MAX_BYTES} bytes"), bytes.len()));
    }
    report.pass(Check::Size);
    let text = String::from_utf8(bytes).map_err(|e| report.fail(Check::Encoding, "UTF-8", e))?;
    report.pass(Check::Encoding);
    Ok(text)
}
