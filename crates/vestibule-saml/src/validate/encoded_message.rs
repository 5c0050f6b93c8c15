//! Messages as they arrive: deflated in a URL with a signature beside them (saml-bindings §3.4), or in a form
//! field with a signature inside (§3.5).

use std::io::Read as _;
use std::sync::Arc;

use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED, ECDSA_P384_SHA384_FIXED, ECDSA_P521_SHA512_FIXED, RSA_PKCS1_2048_8192_SHA256,
    RSA_PKCS1_2048_8192_SHA384, RSA_PKCS1_2048_8192_SHA512, UnparsedPublicKey, VerificationAlgorithm,
};
use url::form_urlencoded;

use super::signature::SIGNATURE_METHODS;
use super::text::{self, MAX_BYTES};
use crate::certificate::Certificate;
use crate::check::{SamlCheck, SamlRejection, SamlReport, check_that};

/// A message as it arrived.
#[derive(Debug, Clone, Copy)]
pub enum EncodedMessage<'a> {
    /// The query of the URL, unchanged: the signature covers its exact characters.
    Redirect(&'a str),
    /// The value of the form field.
    Post(&'a str),
}

/// A query parameter, as it arrived and decoded.
struct Parameter<'a> {
    raw: &'a str,
    value: String,
}

/// The parameter with this name, which must not occur more than once.
fn parameter<'a>(
    query: &'a str,
    name: &str,
    report: &SamlReport,
) -> Result<Option<Parameter<'a>>, SamlRejection> {
    let mut found = query.split('&').filter(|pair| pair.split('=').next() == Some(name));
    let Some(raw) = found.next() else { return Ok(None) };
    report.require(
        SamlCheck::Structure,
        found.next().is_none(),
        format!("one {name} parameter"),
        "several",
    )?;
    let decoded = form_urlencoded::parse(raw.as_bytes()).next();
    Ok(decoded.map(|(_, value)| Parameter { raw, value: value.into_owned() }))
}

impl EncodedMessage<'_> {
    /// The text of the message in the parameter or field `name`. The signature of a Redirect message has been
    /// verified when this returns; a POST message contains its signature.
    pub(super) fn decode(
        self,
        name: &str,
        certificates: &[Arc<Certificate>],
        report: &mut SamlReport,
    ) -> Result<String, SamlRejection> {
        let query = match self {
            Self::Post(encoded) => {
                return text::decode_utf8(text::decode_base64(encoded.as_bytes(), report)?, report);
            }
            Self::Redirect(query) => query,
        };
        let missing = |found: &str| report.fail(SamlCheck::Structure, format!("{name} in the URL"), found);
        let message = parameter(query, name, report)?.ok_or_else(|| missing("none"))?;
        let relay_state = parameter(query, "RelayState", report)?;
        let method = parameter(query, "SigAlg", report)?;
        let signature = parameter(query, "Signature", report)?;
        let (Some(method), Some(signature)) = (method, signature) else {
            return Err(report.fail(SamlCheck::SignatureCoverage, "SigAlg and Signature in the URL", "none"));
        };
        report.pass(SamlCheck::SignatureCoverage);
        let known = SIGNATURE_METHODS.contains(&&*method.value);
        report.record(SamlCheck::Algorithm, check_that(known, "RSA or ECDSA with SHA-2", &method.value))?;
        let signed: Vec<&str> =
            [Some(message.raw), relay_state.as_ref().map(|state| state.raw), Some(method.raw)]
                .into_iter()
                .flatten()
                .collect();
        let signed = signed.join("&");
        let bytes = text::decode_lenient_base64(signature.value.as_bytes()).unwrap_or_default();
        let valid = certificates
            .iter()
            .any(|one| verify_detached_signature(one, &method.value, signed.as_bytes(), &bytes));
        let expected = "a valid signature made with a certificate of this connection";
        report.require(SamlCheck::Signature, valid, expected, "a signature that does not match")?;
        report.pass(SamlCheck::Signature);
        let compressed = text::decode_base64(message.value.as_bytes(), report)?;
        text::decode_utf8(inflate(&compressed, report)?, report)
    }
}

/// Decompresses DEFLATE (RFC 1951), but no further than one byte beyond the size limit.
fn inflate(compressed: &[u8], report: &SamlReport) -> Result<Vec<u8>, SamlRejection> {
    let mut out = Vec::new();
    let limit = MAX_BYTES as u64 + 1;
    let unpacked = flate2::read::DeflateDecoder::new(compressed).take(limit).read_to_end(&mut out);
    unpacked.map_err(|error| report.fail(SamlCheck::Encoding, "DEFLATE", error))?;
    Ok(out)
}

fn verify_detached_signature(
    certificate: &Certificate,
    method: &str,
    message: &[u8],
    signature: &[u8],
) -> bool {
    let name = method.rsplit('#').next().unwrap_or_default();
    let algorithm: &'static dyn VerificationAlgorithm = match (certificate.is_rsa(), name) {
        (true, "rsa-sha256") => &RSA_PKCS1_2048_8192_SHA256,
        (true, "rsa-sha384") => &RSA_PKCS1_2048_8192_SHA384,
        (true, "rsa-sha512") => &RSA_PKCS1_2048_8192_SHA512,
        (false, "ecdsa-sha256") => &ECDSA_P256_SHA256_FIXED,
        (false, "ecdsa-sha384") => &ECDSA_P384_SHA384_FIXED,
        (false, "ecdsa-sha512") => &ECDSA_P521_SHA512_FIXED,
        _ => return false,
    };
    UnparsedPublicKey::new(algorithm, &certificate.public_key).verify(message, signature).is_ok()
}
