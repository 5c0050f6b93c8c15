//! The identity provider's certificates: containers for keys, with a date by which people expect a new one.

use aws_lc_rs::digest;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use x509_parser::prelude::{FromDer as _, X509Certificate};
use x509_parser::public_key::PublicKey;

use crate::kernel::Timestamp;

/// RSA keys below this can be factored by those who want to (NIST SP 800-131A).
const MIN_RSA_BITS: usize = 2048;

/// What is known of a certificate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Certificate {
    /// Its subject, as X.500 writes names.
    pub subject: String,
    /// When it ends. SAML trusts the key, not the date, but providers change keys by it.
    pub not_after: Timestamp,
    /// SHA-256, as hex in pairs.
    pub fingerprint: String,
    /// `RSA 2048` or `EC 256`.
    pub key: String,
    pub(super) der: Vec<u8>,
    /// What stands in the certificate as its key: an `RSAPublicKey`, or an uncompressed point.
    pub(super) public_key: Vec<u8>,
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
    Kind,
}

impl Certificate {
    /// Reads base64 of DER, with any white space.
    ///
    /// # Errors
    /// [`BadCertificate`].
    pub fn read(text: &str) -> Result<Self, BadCertificate> {
        let unreadable = |error: &dyn std::fmt::Display| BadCertificate::Unreadable(error.to_string());
        let compact: String = text.split_whitespace().collect();
        let der = STANDARD.decode(compact).map_err(|error| unreadable(&error))?;
        let (rest, parsed) = X509Certificate::from_der(&der).map_err(|error| unreadable(&error))?;
        if !rest.is_empty() {
            return Err(unreadable(&"there is something after its end"));
        }
        let key = match parsed.public_key().parsed().map_err(|error| unreadable(&error))? {
            PublicKey::RSA(rsa) => {
                // A leading zero keeps the number positive.
                let bits = rsa.modulus.iter().skip_while(|byte| **byte == 0).count() * 8;
                if bits < MIN_RSA_BITS {
                    return Err(BadCertificate::Weak(bits));
                }
                format!("RSA {bits}")
            }
            PublicKey::EC(point) => format!("EC {}", point.key_size()),
            _ => return Err(BadCertificate::Kind),
        };
        bergshamra::keys::loader::load_x509_cert_der(&der).map_err(|error| unreadable(&error))?;
        let fingerprint = digest::digest(&digest::SHA256, &der);
        let pairs: Vec<String> = fingerprint.as_ref().iter().map(|byte| format!("{byte:02X}")).collect();
        Ok(Self {
            subject: parsed.subject().to_string(),
            not_after: Timestamp(parsed.validity().not_after.timestamp().saturating_mul(1000)),
            fingerprint: pairs.join(":"),
            key,
            public_key: parsed.public_key().subject_public_key.data.to_vec(),
            der,
        })
    }

    /// Base64 of DER in one line, as it is stored.
    #[must_use]
    pub fn encoded(&self) -> String {
        STANDARD.encode(&self.der)
    }

    pub(super) fn is_rsa(&self) -> bool {
        self.key.starts_with("RSA")
    }
}

/// Base64 in the lines of 64 characters that PEM has (RFC 7468 §2).
#[must_use]
pub fn pem(label: &str, base64: &str) -> String {
    let lines = base64.as_bytes().chunks(64).map(String::from_utf8_lossy).collect::<Vec<_>>().join("\n");
    format!("-----BEGIN {label}-----\n{lines}\n-----END {label}-----\n")
}
