//! Signatures. First their shape is checked against the allowed algorithms, then bergshamra verifies them,
//! and finally the node that was verified must be the node that is read.

use std::fmt;
use std::sync::Arc;

use bergshamra::dsig::verify::verify_all_document;
use bergshamra::{DsigContext, KeysManager, VerifyResult};
use uppsala::dom::Document;

use super::node::{DSIG, Node};
use super::text::SignatureRef;
use crate::certificate::Certificate;
use crate::check::{SamlCheck, SamlRejection, SamlReport, check_that};

/// The allowed signature algorithms, here and in the Redirect binding.
pub(super) const SIGNATURE_METHODS: [&str; 6] = [
    "http://www.w3.org/2001/04/xmldsig-more#rsa-sha256",
    "http://www.w3.org/2001/04/xmldsig-more#rsa-sha384",
    "http://www.w3.org/2001/04/xmldsig-more#rsa-sha512",
    "http://www.w3.org/2001/04/xmldsig-more#ecdsa-sha256",
    "http://www.w3.org/2001/04/xmldsig-more#ecdsa-sha384",
    "http://www.w3.org/2001/04/xmldsig-more#ecdsa-sha512",
];
const DIGEST_METHODS: [&str; 3] = [
    "http://www.w3.org/2001/04/xmlenc#sha256",
    "http://www.w3.org/2001/04/xmldsig-more#sha384",
    "http://www.w3.org/2001/04/xmlenc#sha512",
];
/// The allowed canonicalizations. Those that keep comments are not among them; documents with comments are
/// refused anyway.
const CANONICALIZATIONS: [&str; 3] = [
    "http://www.w3.org/2001/10/xml-exc-c14n#",
    "http://www.w3.org/TR/2001/REC-xml-c14n-20010315",
    "http://www.w3.org/2006/12/xml-c14n11",
];
const ENVELOPED: &str = "http://www.w3.org/2000/09/xmldsig#enveloped-signature";

/// The usable certificates of a connection, of which there must be at least one.
pub(super) fn trusted_certificates(
    certificates: &[String],
    report: &SamlReport,
) -> Result<Vec<Arc<Certificate>>, SamlRejection> {
    let read: Vec<_> = certificates.iter().map(|text| Certificate::read_cached(text)).collect();
    let reasons = || {
        let bad = read.iter().filter_map(|one| one.as_ref().err());
        bad.map(ToString::to_string).collect::<Vec<_>>().join("; ")
    };
    let expected = "a signing certificate with an RSA key of at least 2048 bits or an elliptic curve key";
    report.require(SamlCheck::Certificate, read.iter().any(Result::is_ok), expected, reasons())?;
    Ok(read.into_iter().filter_map(Result::ok).collect())
}

/// Verifies every signature of a document. If one is invalid, the document is refused. Each signature must be
/// a child of one of `places`, with at most one in each place. Returns which of the places are signed.
pub(super) fn verify<const N: usize>(
    document: &Document<'_>,
    signatures: &[SignatureRef<'_>],
    places: [Node<'_>; N],
    certificates: &[Arc<Certificate>],
    report: &mut SamlReport,
) -> Result<[bool; N], SamlRejection> {
    let signed =
        places.map(|place| signatures.iter().filter(|signature| signature.parent.id == place.id).count());
    let in_place = signed.iter().all(|count| *count <= 1) && signed.iter().sum::<usize>() == signatures.len();
    let found = || {
        let names = signatures.iter().map(|signature| format!("a signature in {}", signature.parent.name()));
        names.collect::<Vec<_>>().join(", ")
    };
    report.require(
        SamlCheck::SignatureCoverage,
        in_place,
        "signatures only in the elements that are read, at most one in each",
        found(),
    )?;
    if signatures.is_empty() {
        return Ok([false; N]);
    }
    let methods =
        signatures.iter().map(|signature| check_shape(*signature, report)).collect::<Result<Vec<_>, _>>()?;
    report.record(SamlCheck::Algorithm, check_that(true, "RSA or ECDSA with SHA-2", methods.join(", ")))?;
    let mut keys = KeysManager::new();
    keys.add_keys(certificates.iter().map(|certificate| certificate.verifier.clone()));
    let results = verify_all_document(&DsigContext::new(keys), document)
        .map_err(|error| report.fail(SamlCheck::Signature, "signatures that can be verified", error))?;
    for signature in signatures {
        let reason = || {
            let reasons = results.iter().filter_map(|result| match result {
                VerifyResult::Invalid { reason } => Some(reason.as_str()),
                VerifyResult::Valid { .. } => None,
            });
            reasons.collect::<Vec<_>>().join("; ")
        };
        let covered = results.iter().any(|result| is_valid_over_parent(result, *signature));
        report.require(
            SamlCheck::Signature,
            covered,
            "a valid signature made with a certificate of this connection",
            reason(),
        )?;
    }
    report.pass(SamlCheck::Signature);
    Ok(signed.map(|count| count == 1))
}

/// Whether the signature is valid and what it covers **is** its parent.
fn is_valid_over_parent(result: &VerifyResult, signature: SignatureRef<'_>) -> bool {
    match result {
        VerifyResult::Valid { signature_node, references, .. } => {
            let [only] = &references[..] else { return false };
            *signature_node == signature.element.id
                && only.digest_verified
                && only.resolved_node == Some(signature.parent.id)
        }
        VerifyResult::Invalid { .. } => false,
    }
}

/// saml-core §5.4: exactly one reference, by id, to the parent, with an enveloped transform and a
/// canonicalization and nothing else. Returns the signature algorithm.
fn check_shape<'d>(signature: SignatureRef<'d>, report: &SamlReport) -> Result<&'d str, SamlRejection> {
    let coverage =
        |found: &str| report.fail(SamlCheck::SignatureCoverage, "a plain enveloped signature", found);
    if signature.element.children(DSIG, "Object").next().is_some() {
        return Err(coverage("an Object element inside the signature"));
    }
    let info = signature
        .element
        .only_child(DSIG, "SignedInfo")
        .ok_or_else(|| coverage("none or several SignedInfo elements"))?;
    let reference =
        info.only_child(DSIG, "Reference").ok_or_else(|| coverage("none or several Reference elements"))?;
    let id = signature.parent.attribute("ID").ok_or_else(|| coverage("no ID on the signed element"))?;
    let uri = reference.attribute("URI").unwrap_or_default();
    if uri.strip_prefix('#') != Some(id) {
        return Err(coverage(&format!("a reference to \"{uri}\"")));
    }
    let method = info.algorithm(DSIG, "SignatureMethod");
    for (allowed, found) in [
        (&CANONICALIZATIONS[..], info.algorithm(DSIG, "CanonicalizationMethod")),
        (&SIGNATURE_METHODS[..], method),
        (&DIGEST_METHODS[..], reference.algorithm(DSIG, "DigestMethod")),
    ] {
        report.require(SamlCheck::Algorithm, allowed.contains(&found), CommaSeparated(allowed), found)?;
    }
    let transforms = reference.only_child(DSIG, "Transforms").ok_or_else(|| coverage("no Transforms"))?;
    // Every child element counts, whether it is called Transform or not.
    let names: Vec<&str> =
        transforms.elements().map(|t| t.attribute("Algorithm").unwrap_or_default()).collect();
    let fits = names.len() <= 2
        && names.first() == Some(&ENVELOPED)
        && names[1..].iter().all(|name| CANONICALIZATIONS.contains(name));
    report.require(
        SamlCheck::Algorithm,
        fits,
        "the enveloped-signature transform, followed by a canonicalization",
        CommaSeparated(&names),
    )?;
    Ok(method)
}

/// Names with commas between them, which are joined only if the text is needed.
struct CommaSeparated<'a>(&'a [&'a str]);

impl fmt::Display for CommaSeparated<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.join(", "))
    }
}
