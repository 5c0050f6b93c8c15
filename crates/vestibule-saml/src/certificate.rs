//! Certificates of identity providers. They carry a key and a date by which administrators expect a new one.

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

/// NIST SP 800-131A disallows shorter RSA keys.
const MIN_RSA_BITS: usize = 2048;

/// The capacity of the cache, which is cleared when it is full.
const MAX_CACHED: usize = 1000;
static CACHE: LazyLock<Mutex<HashMap<String, Arc<Certificate>>>> = LazyLock::new(Mutex::default);

/// A certificate that was read, with its key.
#[derive(Debug, Clone)]
pub struct Certificate {
    /// When it expires. SAML trusts the key and not the date, but identity providers change their keys by it.
    pub not_after: Timestamp,
    key_type: KeyType,
    bits: usize,
    der: Vec<u8>,
    /// The key as the certificate contains it: an `RSAPublicKey` or an uncompressed point.
    pub(crate) public_key: Vec<u8>,
    /// The key in bergshamra's form.
    pub(crate) verifier: Key,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum KeyType {
    Rsa,
    Ec,
}

/// Why a certificate cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadCertificate {
    /// It is not base64 of a certificate.
    #[error("{0}")]
    Unreadable(String),
    /// Its RSA key is too short.
    #[error("its RSA key has {0} bits; at least 2048 are required")]
    Weak(usize),
    /// Its key is neither RSA nor on an elliptic curve.
    #[error("its key is neither an RSA key nor an elliptic curve key")]
    UnsupportedKey,
}

impl Certificate {
    /// Reads base64 of DER, with any white space in it.
    pub fn read(text: &str) -> Result<Self, BadCertificate> {
        let unreadable = |error: &dyn std::fmt::Display| BadCertificate::Unreadable(error.to_string());
        let compact: String = text.split_whitespace().collect();
        let der = STANDARD.decode(compact).map_err(|error| unreadable(&error))?;
        let (rest, parsed) = X509Certificate::from_der(&der).map_err(|error| unreadable(&error))?;
        if !rest.is_empty() {
            return Err(unreadable(&"there is data after the end of the certificate"));
        }
        let (key_type, bits) = match parsed.public_key().parsed().map_err(|error| unreadable(&error))? {
            PublicKey::RSA(rsa) => {
                // A leading zero byte keeps the DER integer positive.
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

    /// Like [`Self::read`], but cached: an identity provider signs with one certificate for years, and
    /// reading it takes a good part of the time of a validation. It is for certificates of connections, not
    /// for input from outside.
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

    /// Its subject as an X.500 name.
    #[must_use]
    pub fn subject(&self) -> String {
        X509Certificate::from_der(&self.der)
            .map(|(_, parsed)| parsed.subject().to_string())
            .unwrap_or_default()
    }

    /// The SHA-256 hash of the DER, as pairs of hex digits with colons between them.
    #[must_use]
    pub fn fingerprint(&self) -> String {
        let digest = digest::digest(&digest::SHA256, &self.der);
        let pairs: Vec<String> = digest.as_ref().iter().map(|byte| format!("{byte:02X}")).collect();
        pairs.join(":")
    }

    /// The type and size of its key: `RSA 2048` or `EC 256`.
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

/// PEM, which has base64 in lines of 64 characters (RFC 7468 §2).
#[must_use]
pub fn to_pem(label: &str, base64: &str) -> String {
    let lines = base64.as_bytes().chunks(64).map(String::from_utf8_lossy).collect::<Vec<_>>().join("\n");
    format!("-----BEGIN {label}-----\n{lines}\n-----END {label}-----\n")
}
