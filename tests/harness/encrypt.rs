//! XML Encryption as an identity provider performs it, implemented independently of the server's code.

use aws_lc_rs::aead::{AES_128_GCM, AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use aws_lc_rs::cipher::{AES_128, AES_256, EncryptionContext, PaddedBlockEncryptingKey, UnboundCipherKey};
use aws_lc_rs::rsa::{
    OAEP_SHA1_MGF1SHA1, OAEP_SHA256_MGF1SHA256, OaepPublicEncryptingKey, Pkcs1PublicEncryptingKey,
    PublicEncryptingKey,
};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use vestibule::kernel::random;
use x509_parser::prelude::{FromDer as _, X509Certificate};

pub const GCM_128: &str = "http://www.w3.org/2009/xmlenc11#aes128-gcm";
pub const GCM_256: &str = "http://www.w3.org/2009/xmlenc11#aes256-gcm";
pub const CBC_128: &str = "http://www.w3.org/2001/04/xmlenc#aes128-cbc";
pub const CBC_256: &str = "http://www.w3.org/2001/04/xmlenc#aes256-cbc";

/// How the content key is encrypted.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Transport {
    /// RSA-OAEP with SHA-1 as digest and in MGF1, under its older identifier.
    OaepSha1,
    /// RSA-OAEP with SHA-256 as digest and in MGF1.
    OaepSha256,
    /// RSA PKCS#1 v1.5, which the server must refuse.
    Pkcs1,
}

/// How an element is encrypted.
#[derive(Clone, Copy)]
pub struct Recipe {
    pub data: &'static str,
    pub transport: Transport,
    /// Whether the encrypted key is beside the encrypted data instead of inside it.
    pub beside: bool,
}

impl Default for Recipe {
    fn default() -> Self {
        Self { data: GCM_256, transport: Transport::OaepSha1, beside: false }
    }
}

/// `<saml:{holder}>` that contains `xml`, encrypted for the key of `certificate` (base64 of DER).
pub fn encrypt(holder: &str, xml: &str, certificate: &str, recipe: Recipe) -> String {
    let length = if matches!(recipe.data, GCM_128 | CBC_128) { 16 } else { 32 };
    let key = random::bytes::<32>()[..length].to_vec();
    let ciphertext = match recipe.data {
        GCM_128 | GCM_256 => gcm(&key, xml.as_bytes()),
        _ => cbc(&key, xml.as_bytes()),
    };
    let wrapped = STANDARD.encode(wrap(certificate, &key, recipe.transport));
    let method = match recipe.transport {
        Transport::OaepSha1 => {
            r#"<xenc:EncryptionMethod Algorithm="http://www.w3.org/2001/04/xmlenc#rsa-oaep-mgf1p"><ds:DigestMethod Algorithm="http://www.w3.org/2000/09/xmldsig#sha1"/></xenc:EncryptionMethod>"#
        }
        Transport::OaepSha256 => {
            r#"<xenc:EncryptionMethod Algorithm="http://www.w3.org/2009/xmlenc11#rsa-oaep"><ds:DigestMethod Algorithm="http://www.w3.org/2001/04/xmlenc#sha256"/><xenc11:MGF xmlns:xenc11="http://www.w3.org/2009/xmlenc11#" Algorithm="http://www.w3.org/2009/xmlenc11#mgf1sha256"/></xenc:EncryptionMethod>"#
        }
        Transport::Pkcs1 => {
            r#"<xenc:EncryptionMethod Algorithm="http://www.w3.org/2001/04/xmlenc#rsa-1_5"/>"#
        }
    };
    let encrypted_key = format!(
        "<xenc:EncryptedKey>{method}<xenc:CipherData><xenc:CipherValue>{wrapped}</xenc:CipherValue></xenc:CipherData></xenc:EncryptedKey>"
    );
    let (inside, beside) = if recipe.beside {
        (String::new(), encrypted_key)
    } else {
        (format!("<ds:KeyInfo>{encrypted_key}</ds:KeyInfo>"), String::new())
    };
    // Most libraries break base64 into lines.
    let text = STANDARD
        .encode(ciphertext)
        .as_bytes()
        .chunks(76)
        .map(String::from_utf8_lossy)
        .collect::<Vec<_>>()
        .join("\n");
    format!(
        r#"<saml:{holder} xmlns:saml="urn:oasis:names:tc:SAML:2.0:assertion"><xenc:EncryptedData xmlns:xenc="http://www.w3.org/2001/04/xmlenc#" xmlns:ds="http://www.w3.org/2000/09/xmldsig#" Type="http://www.w3.org/2001/04/xmlenc#Element"><xenc:EncryptionMethod Algorithm="{}"/>{inside}<xenc:CipherData><xenc:CipherValue>{text}</xenc:CipherValue></xenc:CipherData></xenc:EncryptedData>{}</saml:{holder}>"#,
        recipe.data,
        beside.replace("<xenc:EncryptedKey>", r#"<xenc:EncryptedKey xmlns:xenc="http://www.w3.org/2001/04/xmlenc#" xmlns:ds="http://www.w3.org/2000/09/xmldsig#">"#),
    )
}

fn gcm(key: &[u8], plain: &[u8]) -> Vec<u8> {
    let algorithm = if key.len() == 16 { &AES_128_GCM } else { &AES_256_GCM };
    let key = LessSafeKey::new(UnboundKey::new(algorithm, key).expect("key"));
    let nonce = random::bytes::<12>();
    let mut sealed = plain.to_vec();
    key.seal_in_place_append_tag(Nonce::assume_unique_for_key(nonce), Aad::empty(), &mut sealed)
        .expect("sealed");
    [&nonce[..], &sealed].concat()
}

fn cbc(key: &[u8], plain: &[u8]) -> Vec<u8> {
    let algorithm = if key.len() == 16 { &AES_128 } else { &AES_256 };
    let key = PaddedBlockEncryptingKey::cbc_pkcs7(UnboundCipherKey::new(algorithm, key).expect("key"));
    let iv = random::bytes::<16>();
    let mut sealed = plain.to_vec();
    let context = EncryptionContext::Iv128(iv.into());
    key.expect("key").less_safe_encrypt(&mut sealed, context).expect("encrypted");
    [&iv[..], &sealed].concat()
}

fn wrap(certificate: &str, key: &[u8], transport: Transport) -> Vec<u8> {
    let der = STANDARD.decode(certificate).expect("base64");
    let (_, parsed) = X509Certificate::from_der(&der).expect("certificate");
    let public = PublicEncryptingKey::from_der(parsed.public_key().raw).expect("RSA");
    if transport == Transport::Pkcs1 {
        let wrapping = Pkcs1PublicEncryptingKey::new(public).expect("key");
        let mut out = vec![0; wrapping.ciphertext_size()];
        wrapping.encrypt(key, &mut out).expect("wrapped");
        return out;
    }
    let wrapping = OaepPublicEncryptingKey::new(public).expect("key");
    let algorithm =
        if transport == Transport::OaepSha1 { &OAEP_SHA1_MGF1SHA1 } else { &OAEP_SHA256_MGF1SHA256 };
    let mut out = vec![0; wrapping.ciphertext_size()];
    wrapping.encrypt(algorithm, key, &mut out, None).expect("wrapped");
    out
}
