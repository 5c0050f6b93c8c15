//! Signatures: allowed shapes first, then the mathematics by bergshamra, then the question that
//! matters: is the node that was verified the node we will read?

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bergshamra::dsig::verify::verify_all_document;
use bergshamra::keys::loader::load_x509_cert_der;
use bergshamra::{DsigContext, KeysManager, VerifyResult};
use uppsala::dom::{Document, NodeId};

use super::document::{ASSERTION, DSIG, Parts, attribute, children, only_child};
use super::report::{Check, Failed, Report};

const SIGNATURE_METHODS: [&str; 6] = [
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
/// Canonicalizations without comments; there are no comments, and this way nobody can argue.
const CANONICALIZATIONS: [&str; 3] = [
    "http://www.w3.org/2001/10/xml-exc-c14n#",
    "http://www.w3.org/TR/2001/REC-xml-c14n-20010315",
    "http://www.w3.org/2006/12/xml-c14n11",
];
const ENVELOPED: &str = "http://www.w3.org/2000/09/xmldsig#enveloped-signature";

/// What is signed. At least one of the two is.
#[derive(Debug, Clone, Copy)]
pub(super) struct Signed {
    /// The Response with everything in it.
    pub(super) response: bool,
}

/// Verifies every signature there is. All must be right: one that is wrong is no ornament.
pub(super) fn verify(
    document: &Document<'_>,
    parts: &Parts,
    certificates: &[String],
    report: &mut Report,
) -> Result<Signed, Failed> {
    let covers = |node: NodeId| parts.signatures.iter().filter(|(_, parent)| *parent == node).count();
    let (on_response, on_assertion) = (covers(parts.response), covers(parts.assertion));
    let in_place =
        on_response <= 1 && on_assertion <= 1 && on_response + on_assertion == parts.signatures.len();
    report.require(
        Check::SignatureCoverage,
        in_place && !parts.signatures.is_empty(),
        "one signature on the Response, the Assertion, or each",
        format!(
            "{} signatures, {on_response} on the Response, {on_assertion} on the Assertion",
            parts.signatures.len()
        ),
    )?;
    report.pass(Check::SignatureCoverage);
    for (signature, parent) in &parts.signatures {
        check_shape(document, *signature, *parent, report)?;
    }
    report.pass(Check::Algorithm);

    let context = DsigContext::new(trusted_keys(certificates, report)?);
    let results = verify_all_document(&context, document)
        .map_err(|e| report.fail(Check::Signature, "signatures that can be verified", e))?;
    for (signature, parent) in &parts.signatures {
        let covered = results.iter().any(|result| is_proof(result, *signature, *parent));
        let reason = || {
            let reasons = results.iter().filter_map(|r| match r {
                VerifyResult::Invalid { reason } => Some(reason.as_str()),
                VerifyResult::Valid { .. } => None,
            });
            reasons.collect::<Vec<_>>().join("; ")
        };
        report.require(
            Check::Signature,
            covered,
            "a valid signature by a certificate of this connection",
            reason(),
        )?;
    }
    report.pass(Check::Signature);
    Ok(Signed { response: on_response == 1 })
}

/// Whether this result says: `signature` is valid, and what it covers **is** `parent`.
fn is_proof(result: &VerifyResult, signature: NodeId, parent: NodeId) -> bool {
    match result {
        VerifyResult::Valid { signature_node, references, .. } => {
            *signature_node == signature
                && matches!(&references[..], [only] if only.digest_verified && only.resolved_node == Some(parent))
        }
        VerifyResult::Invalid { .. } => false,
    }
}

/// saml-core §5.4: one reference, by id, to the parent; enveloped and canonicalized, nothing else.
fn check_shape(
    document: &Document<'_>,
    signature: NodeId,
    parent: NodeId,
    report: &mut Report,
) -> Result<(), Failed> {
    let coverage = |found: &str| report.fail(Check::SignatureCoverage, "a plain enveloped signature", found);
    if !children(document, signature, DSIG, "Object").is_empty() {
        return Err(coverage("an Object inside the signature"));
    }
    let info = only_child(document, signature, DSIG, "SignedInfo")
        .ok_or_else(|| coverage("no single SignedInfo"))?;
    let reference =
        only_child(document, info, DSIG, "Reference").ok_or_else(|| coverage("no single Reference"))?;
    let id = attribute(document, parent, "ID").ok_or_else(|| coverage("no ID on the signed element"))?;
    let uri = attribute(document, reference, "URI").unwrap_or_default();
    if uri.strip_prefix('#') != Some(id) {
        return Err(coverage(&format!("a reference to \"{uri}\"")));
    }
    let algorithm = |node: NodeId, name: &str| {
        only_child(document, node, DSIG, name)
            .and_then(|n| attribute(document, n, "Algorithm"))
            .unwrap_or_default()
    };
    for (allowed, found) in [
        (&CANONICALIZATIONS[..], algorithm(info, "CanonicalizationMethod")),
        (&SIGNATURE_METHODS[..], algorithm(info, "SignatureMethod")),
        (&DIGEST_METHODS[..], algorithm(reference, "DigestMethod")),
    ] {
        report.require(Check::Algorithm, allowed.contains(&found), allowed.join(", "), found)?;
    }
    let transforms =
        only_child(document, reference, DSIG, "Transforms").ok_or_else(|| coverage("no Transforms"))?;
    let transforms = children(document, transforms, DSIG, "Transform");
    let names: Vec<&str> = transforms.iter().filter_map(|t| attribute(document, *t, "Algorithm")).collect();
    let fits = names.len() == transforms.len()
        && names.len() <= 2
        && names.first() == Some(&ENVELOPED)
        && names[1..].iter().all(|name| CANONICALIZATIONS.contains(name));
    report.require(Check::Algorithm, fits, "enveloped-signature, then a canonicalization", names.join(", "))
}

fn trusted_keys(certificates: &[String], report: &mut Report) -> Result<KeysManager, Failed> {
    let mut keys = KeysManager::new();
    for certificate in certificates {
        let key = STANDARD.decode(certificate).ok().and_then(|der| load_x509_cert_der(&der).ok());
        keys.add_key(
            key.ok_or_else(|| report.fail(Check::Signature, "readable certificates", "a damaged one"))?,
        );
    }
    Ok(keys)
}

/// The signature element belongs to the signed one but is not what it says; readers skip it.
pub(super) fn is_statement(document: &Document<'_>, node: NodeId) -> bool {
    document.element(node).is_some_and(|e| e.name.namespace_uri.as_deref() == Some(ASSERTION))
}
