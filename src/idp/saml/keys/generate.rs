//! Generating the key pairs of a connection.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use rcgen::{CertificateParams, DistinguishedName, DnType, KeyPair, PKCS_RSA_SHA256};

/// A new key pair with its self-signed certificate.
pub struct ServiceProviderKey {
    /// PKCS#8, DER, not yet encrypted.
    pub private_key: Vec<u8>,
    /// base64 of DER, for the metadata.
    pub certificate: String,
}

/// Generates an RSA-2048 key, which every identity provider can verify. This takes a good part of a second,
/// so call it where blocking is allowed.
pub fn generate_key(common_name: &str) -> Result<ServiceProviderKey, rcgen::Error> {
    let pair = KeyPair::generate_for(&PKCS_RSA_SHA256)?;
    let mut params = CertificateParams::default();
    let mut name = DistinguishedName::new();
    name.push(DnType::CommonName, common_name);
    params.distinguished_name = name;
    // The certificate is only a container for the key. SAML peers ignore its dates; the key is retired by
    // rotation.
    params.not_before = rcgen::date_time_ymd(2020, 1, 1);
    params.not_after = rcgen::date_time_ymd(2120, 1, 1);
    let certificate = params.self_signed(&pair)?;
    Ok(ServiceProviderKey {
        private_key: pair.serialize_der(),
        certificate: STANDARD.encode(certificate.der()),
    })
}
