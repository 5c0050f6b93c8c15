//! Our metadata (saml-metadata §2.4.4).

use samael::key_info::{KeyInfo, X509Data};
use samael::metadata::{
    EncryptionMethod, Endpoint, EntityDescriptor, HTTP_POST_BINDING, HTTP_REDIRECT_BINDING, IndexedEndpoint,
    KeyDescriptor, SpSsoDescriptor,
};
use samael::traits::ToXml as _;

use super::error::WriteError;
use crate::model::NameIdFormat;

/// The encryption algorithms that we offer, in the order of preference.
const ENCRYPTION_METHODS: [&str; 3] = [
    "http://www.w3.org/2009/xmlenc11#aes256-gcm",
    "http://www.w3.org/2009/xmlenc11#aes128-gcm",
    "http://www.w3.org/2001/04/xmlenc#rsa-oaep-mgf1p",
];

/// The contents of our metadata. Certificates are base64 of DER.
#[derive(Debug, Clone)]
pub struct SpMetadata<'a> {
    /// Our entity ID.
    pub entity_id: &'a str,
    /// The URL of our assertion consumer service.
    pub acs: &'a str,
    /// The URL of our single logout service.
    pub slo: &'a str,
    /// The requested format of the NameID. `Unspecified` is published as the format of email addresses.
    pub name_id_format: NameIdFormat,
    /// Whether our requests are signed.
    pub sign_requests: bool,
    /// The certificates of all keys that we may sign with.
    pub signing_certificates: Vec<&'a str>,
    /// The certificates of all keys that we decrypt with. Most identity providers use the first.
    pub encryption_certificates: Vec<&'a str>,
}

impl SpMetadata<'_> {
    /// The `EntityDescriptor` as XML.
    pub fn to_xml(&self) -> Result<String, WriteError> {
        let signing = self.signing_certificates.iter().map(|one| key_descriptor("signing", one, &[]));
        let encryption = self
            .encryption_certificates
            .iter()
            .map(|one| key_descriptor("encryption", one, &ENCRYPTION_METHODS));
        let logout_services = [HTTP_REDIRECT_BINDING, HTTP_POST_BINDING].map(|binding| Endpoint {
            binding: binding.into(),
            location: self.slo.to_owned(),
            response_location: None,
        });
        let role = SpSsoDescriptor {
            protocol_support_enumeration: Some("urn:oasis:names:tc:SAML:2.0:protocol".into()),
            key_descriptors: Some(signing.chain(encryption).collect()),
            single_logout_services: Some(logout_services.to_vec()),
            name_id_formats: Some(vec![match self.name_id_format {
                NameIdFormat::Unspecified => NameIdFormat::Email.uri().into(),
                format => format.uri().into(),
            }]),
            authn_requests_signed: Some(self.sign_requests),
            want_assertions_signed: Some(true),
            assertion_consumer_services: vec![IndexedEndpoint {
                binding: HTTP_POST_BINDING.into(),
                location: self.acs.to_owned(),
                index: 0,
                is_default: Some(true),
                ..IndexedEndpoint::default()
            }],
            ..SpSsoDescriptor::default()
        };
        let entity = EntityDescriptor {
            entity_id: Some(self.entity_id.to_owned()),
            sp_sso_descriptors: Some(vec![role]),
            ..EntityDescriptor::default()
        };
        entity.to_string().map_err(|error| WriteError::new(&error))
    }
}

fn key_descriptor(key_use: &str, certificate: &str, methods: &[&str]) -> KeyDescriptor {
    let methods: Vec<_> =
        methods.iter().map(|algorithm| EncryptionMethod { algorithm: (*algorithm).into() }).collect();
    KeyDescriptor {
        key_use: Some(key_use.into()),
        key_info: KeyInfo {
            id: None,
            x509_data: Some(X509Data { certificates: vec![certificate.to_owned()] }),
        },
        encryption_methods: (!methods.is_empty()).then_some(methods),
    }
}
