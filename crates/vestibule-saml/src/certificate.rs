//! The identity provider's certificates: containers for keys, with a date by which people expect a new one.

use std::collections::HashMap;
use std::sync::{Arc, LazyLock, Mutex, PoisonError};

use aws_lc_rs::digest;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bergshamra::Key;
use bergshamra::keys::loader::load_x509_cert_der;
use jiff::Timestamp;
use x509_parser::prelude::{FromDer as _, X509Certificate};
use x509_parser::public_key::PublicKey;

/// RSA keys below this can be factored by those who want to (NIST SP 800-131A).
const MIN_RSA_BITS: usize = 2048;

/// Certificates that are remembered; with more, the memory begins anew.
const MAX_CACHED: usize = 1000;
static CACHE: LazyLock<Mutex<HashMap<String, Arc<Certificate>>>> = LazyLock::new(Mutex::default);

/// What is known of a certificate.
#[derive(Debug, Clone)]
pub struct Certificate {
    /// When it ends. SAML trusts the key, not the date, but providers change keys by it.
    pub not_after: Timestamp,
    key_type: KeyType,
    bits: usize,
    der: Vec<u8>,
    /// What stands in the certificate as its key: an `RSAPublicKey`, or an uncompressed point.
    pub(crate) public_key: Vec<u8>,
    /// The key as bergshamra has it.
    pub(crate) verifier: Key,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum KeyType {
    Rsa,
    Ec,
}

/// Why a certificate is of no use.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadCertificate {
    /// Not base64 of a certificate.
    #[error("{0}")]
    Unreadable(String),
    /// A key that is too short.
    #[error("its RSA key has {0} bits; 2048 is the least")]
    Weak(usize),
    /// A key of a kind that is not verified with.
    #[error("its key is neither RSA nor an elliptic curve")]
    UnsupportedKey,
}

impl Certificate {
    /// Reads base64 of DER, with any white space.
    pub fn read(text: &str) -> Result<Self, BadCertificate> {
        let unreadable = |error: &dyn std::fmt::Display| BadCertificate::Unreadable(error.to_string());
        let compact: String = text.split_whitespace().collect();
        let der = STANDARD.decode(compact).map_err(|error| unreadable(&error))?;
        let (rest, parsed) = X509Certificate::from_der(&der).map_err(|error| unreadable(&error))?;
        if !rest.is_empty() {
            return Err(unreadable(&"there is something after its end"));
        }
        let (key_type, bits) = match parsed.public_key().parsed().map_err(|error| unreadable(&error))? {
            PublicKey::RSA(rsa) => {
                // A leading zero keeps the number positive.
                let bits = rsa.modulus.iter().skip_while(|byte| **byte == 0).count() * 8;
                if bits < MIN_RSA_BITS {
                    return Err(BadCertificate::Weak(bits));
                }
                (KeyType::Rsa, bits)
            }
            PublicKey::EC(point) => (KeyType::Ec, point.key_size()),
            _ => return Err(BadCertificate::UnsupportedKey),
        };
        let not_after = parsed.validity().not_after.timestamp();
        let beyond = if not_after < 0 { Timestamp::MIN } else { Timestamp::MAX };
        let verifier = load_x509_cert_der(&der).map_err(|error| unreadable(&error))?;
        Ok(Self {
            not_after: Timestamp::from_second(not_after).unwrap_or(beyond),
            key_type,
            bits,
            public_key: parsed.public_key().subject_public_key.data.to_vec(),
            verifier,
            der,
        })
    }

    /// The same, remembered. A provider signs with one certificate for years, and reading it takes a good part of the
    /// time that a validation takes. For certificates of connections, not for what comes from outside.
    pub(crate) fn read_cached(text: &str) -> Result<Arc<Self>, BadCertificate> {
        let known = CACHE.lock().unwrap_or_else(PoisonError::into_inner).get(text).cloned();
        if let Some(known) = known {
            return Ok(known);
        }
        let read = Arc::new(Self::read(text)?);
        let mut all = CACHE.lock().unwrap_or_else(PoisonError::into_inner);
        if all.len() >= MAX_CACHED {
            all.clear();
        }
        all.insert(text.to_owned(), read.clone());
        Ok(read)
    }

    /// Its subject, as X.500 writes names.
    #[must_use]
    pub fn subject(&self) -> String {
        X509Certificate::from_der(&self.der)
            .map(|(_, parsed)| parsed.subject().to_string())
            .unwrap_or_default()
    }

    /// SHA-256, as hex in pairs.
    #[must_use]
    pub fn fingerprint(&self) -> String {
        let digest = digest::digest(&digest::SHA256, &self.der);
        let pairs: Vec<String> = digest.as_ref().iter().map(|byte| format!("{byte:02X}")).collect();
        pairs.join(":")
    }

    /// `RSA 2048` or `EC 256`.
    #[must_use]
    pub fn key(&self) -> String {
        let kind = if self.is_rsa() { "RSA" } else { "EC" };
        format!("{kind} {}", self.bits)
    }

    /// Base64 of DER in one line, as it is stored.
    #[must_use]
    pub fn to_base64(&self) -> String {
        STANDARD.encode(&self.der)
    }

    pub(crate) fn is_rsa(&self) -> bool {
        self.key_type == KeyType::Rsa
    }
}

/// Base64 in the lines of 64 characters that PEM has (RFC 7468 §2).
#[must_use]
pub fn to_pem(label: &str, base64: &str) -> String {
    let lines = base64.as_bytes().chunks(64).map(String::from_utf8_lossy).collect::<Vec<_>>().join("\n");
    format!("-----BEGIN {label}-----\n{lines}\n-----END {label}-----\n")
}
