//! Decryption of encrypted elements. The plaintext is a document of its own, which is parsed once, like every
//! message.

use aws_lc_rs::rsa::{
    OAEP_SHA1_MGF1SHA1, OAEP_SHA256_MGF1SHA256, OaepAlgorithm, OaepPrivateDecryptingKey, PrivateDecryptingKey,
};
use bergshamra::crypto::cipher;

use super::model::Decryption;
use super::node::{DSIG, ENC, Node};
use super::text::{MAX_BYTES, decode_lenient_base64};
use crate::check::{SamlCheck, SamlRejection, SamlReport};

const ENC11: &str = "http://www.w3.org/2009/xmlenc11#";
/// Authenticated encryption: the algorithm, and the bytes of its key.
const GCM: [(&str, usize); 2] =
    [("http://www.w3.org/2009/xmlenc11#aes128-gcm", 16), ("http://www.w3.org/2009/xmlenc11#aes256-gcm", 32)];
/// Unauthenticated encryption. An attacker who can have modified ciphertexts decrypted learns their contents
/// (Jager and Somorovsky, "How to Break XML Encryption", 2011). It is therefore accepted only if an
/// administrator allows it and a signature covers the ciphertext, which then cannot be modified.
const CBC: [(&str, usize); 2] = [
    ("http://www.w3.org/2001/04/xmlenc#aes128-cbc", 16),
    ("http://www.w3.org/2001/04/xmlenc#aes256-cbc", 32),
];
const OAEP_MGF1P: &str = "http://www.w3.org/2001/04/xmlenc#rsa-oaep-mgf1p";
const OAEP: &str = "http://www.w3.org/2009/xmlenc11#rsa-oaep";
const SHA1: &str = "http://www.w3.org/2000/09/xmldsig#sha1";
const SHA256: &str = "http://www.w3.org/2001/04/xmlenc#sha256";
const MGF1_SHA1: &str = "http://www.w3.org/2009/xmlenc11#mgf1sha1";
const MGF1_SHA256: &str = "http://www.w3.org/2009/xmlenc11#mgf1sha256";
/// A message has a few recipients at most, and each costs an RSA operation for each of our keys.
const MAX_RECIPIENTS: usize = 4;

/// Decrypts an element such as `EncryptedAssertion` (saml-core §2.2.4), which has one `EncryptedData` and its
/// key inside or beside it. The plaintext is returned in a wrapper element that declares the namespaces in
/// scope at the original place, because an identity provider may have omitted them (xmlenc-core §4.3).
/// `covered` tells whether a verified signature covers the element.
pub(super) fn decrypt_element(
    container: Node<'_>,
    decryption: Decryption<'_>,
    covered: bool,
    report: &mut SamlReport,
) -> Result<String, SamlRejection> {
    let expected = "one EncryptedData element and its key";
    let broken = |found: &str| report.fail(SamlCheck::Decryption, expected, found);
    let data = container.only_child(ENC, "EncryptedData").ok_or_else(|| broken("none or several"))?;
    let method = data.algorithm(ENC, "EncryptionMethod");
    let cbc: &[_] = if decryption.allow_cbc && covered { &CBC } else { &[] };
    let known = GCM.iter().chain(cbc).find(|(name, _)| *name == method);
    let Some((_, key_length)) = known else {
        let expected = match (decryption.allow_cbc, covered) {
            (false, _) => "AES-128 or AES-256 in GCM mode",
            (true, true) => "AES-128 or AES-256",
            (true, false) => "AES-128 or AES-256; CBC mode is allowed only in a signed response",
        };
        return Err(report.fail(SamlCheck::Algorithm, expected, method));
    };
    let inside = data.only_child(DSIG, "KeyInfo");
    let keys: Vec<Node<'_>> = inside
        .into_iter()
        .flat_map(|info| info.children(ENC, "EncryptedKey"))
        .chain(container.children(ENC, "EncryptedKey"))
        .collect();
    if keys.is_empty() || keys.len() > MAX_RECIPIENTS {
        return Err(broken(&format!("{} encrypted keys", keys.len())));
    }
    let transports = keys.into_iter().map(|key| transport(key, report)).collect::<Result<Vec<_>, _>>()?;
    let ciphertext = cipher_value(data).ok_or_else(|| broken("no CipherValue"))?;
    // All failures have the same error, because the difference would help only an attacker.
    let expected = "data encrypted with the encryption certificate of this connection";
    let failed = || report.fail(SamlCheck::Decryption, expected, "data that cannot be decrypted");
    let unwrapped = transports.iter().find_map(|(algorithm, wrapped)| {
        decryption.keys.iter().find_map(|key| unwrap_key(key, algorithm, wrapped))
    });
    let key = unwrapped.filter(|key| key.len() == *key_length).ok_or_else(failed)?;
    let plain = cipher::from_uri(method).and_then(|cipher| cipher.decrypt(&key, &ciphertext));
    let plain = plain.ok().filter(|plain| plain.len() <= MAX_BYTES).ok_or_else(failed)?;
    let plain = String::from_utf8(plain).map_err(|_| failed())?;
    report.pass(SamlCheck::Decryption);
    Ok(wrap_plaintext(data, &plain))
}

/// The algorithm of a wrapped key, and the wrapped key. RSA with PKCS#1 v1.5 is not allowed, because it
/// serves as a padding oracle (Bleichenbacher).
fn transport(key: Node<'_>, report: &SamlReport) -> Result<(&'static OaepAlgorithm, Vec<u8>), SamlRejection> {
    let broken = |found: &str| report.fail(SamlCheck::Decryption, "a supported EncryptedKey element", found);
    let method = key.only_child(ENC, "EncryptionMethod").ok_or_else(|| broken("no EncryptionMethod"))?;
    let name = method.attribute("Algorithm").unwrap_or_default();
    let digest = match method.algorithm(DSIG, "DigestMethod") {
        "" => SHA1,
        named => named,
    };
    // xmlenc-core1 §5.5.2: the older algorithm fixes the mask to SHA-1, and the newer one defaults to it.
    let mask = match method.algorithm(ENC11, "MGF") {
        "" => MGF1_SHA1,
        named => named,
    };
    let algorithm = match (name, digest, mask) {
        (OAEP_MGF1P | OAEP, SHA1, MGF1_SHA1) => &OAEP_SHA1_MGF1SHA1,
        (OAEP, SHA256, MGF1_SHA256) => &OAEP_SHA256_MGF1SHA256,
        _ => {
            let expected = "RSA-OAEP with SHA-1 or SHA-256, the same for the digest and for MGF1";
            return Err(report.fail(SamlCheck::Algorithm, expected, format!("{name} {digest} {mask}")));
        }
    };
    if method.children(ENC, "OAEPparams").next().is_some() {
        return Err(broken("OAEPparams, which are not supported"));
    }
    Ok((algorithm, cipher_value(key).ok_or_else(|| broken("no CipherValue"))?))
}

fn cipher_value(node: Node<'_>) -> Option<Vec<u8>> {
    let text = node.only_child(ENC, "CipherData")?.only_child(ENC, "CipherValue")?.text()?;
    decode_lenient_base64(text.as_bytes()).ok()
}

fn unwrap_key(pkcs8: &[u8], algorithm: &'static OaepAlgorithm, wrapped: &[u8]) -> Option<Vec<u8>> {
    let key = OaepPrivateDecryptingKey::new(PrivateDecryptingKey::from_pkcs8(pkcs8).ok()?).ok()?;
    let mut plain = vec![0; key.min_output_size()];
    let length = key.decrypt(algorithm, wrapped, &mut plain, None).ok()?.len();
    plain.truncate(length);
    Some(plain)
}

/// Wraps the plaintext in an element. The parser and [`only_element`](super::text::only_element) refuse a
/// plaintext with several elements or with an end tag that has no start tag.
fn wrap_plaintext(place: Node<'_>, plain: &str) -> String {
    let mut declared: Vec<(&str, &str)> = Vec::new();
    let mut at = Some(place);
    while let Some(node) = at {
        for (prefix, uri) in node.element().iter().flat_map(|element| &element.namespace_declarations) {
            if declared.iter().all(|(known, _)| *known != &**prefix) {
                declared.push((prefix, uri));
            }
        }
        at = node.parent();
    }
    let declarations: Vec<String> = declared
        .into_iter()
        .map(|(prefix, uri)| {
            let name = if prefix.is_empty() { "xmlns".to_owned() } else { format!("xmlns:{prefix}") };
            let uri = uri.replace('&', "&amp;").replace('<', "&lt;").replace('"', "&quot;");
            format!(" {name}=\"{uri}\"")
        })
        .collect();
    // An XML declaration cannot stand inside an element.
    let plain = plain.trim_start_matches('\u{feff}').trim();
    let plain = match plain.strip_prefix("<?xml").and_then(|rest| rest.split_once("?>")) {
        Some((_, rest)) => rest,
        None => plain,
    };
    format!("<plain{}>{plain}</plain>", declarations.concat())
}
