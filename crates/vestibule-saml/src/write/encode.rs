//! Encodes outbound messages for their binding, with our signature beside the message or inside it.

use std::io::Write as _;

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{RSA_PKCS1_SHA256, RsaKeyPair};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bergshamra::keys::loader::load_pem_auto;
use bergshamra::{DsigContext, KeysManager};
use flate2::Compression;
use flate2::write::DeflateEncoder;
use url::{Url, form_urlencoded};

use super::error::WriteError;
use crate::certificate::to_pem;
use crate::model::Binding;

const RSA_SHA256: &str = "http://www.w3.org/2001/04/xmldsig-more#rsa-sha256";

/// A message to the identity provider.
#[derive(Debug, Clone, Copy)]
pub struct OutboundMessage<'a> {
    /// `SAMLRequest` or `SAMLResponse`.
    pub name: &'static str,
    /// The message's id.
    pub id: &'a str,
    /// The message without a signature.
    pub xml: &'a str,
    /// Opaque state of at most 80 bytes that comes back with the response (saml-bindings §3.4.3). The caller
    /// keeps to that limit.
    pub relay_state: Option<&'a str>,
}

/// How a browser carries a message to the identity provider.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum BrowserRequest {
    /// By a redirect to this URL.
    Redirect(String),
    /// By posting a form.
    Post {
        /// The form's action.
        url: String,
        /// The form's hidden fields, by name and value.
        fields: Vec<(&'static str, String)>,
    },
}

/// Encodes `text` as the value of a query parameter.
fn query_value(text: &str) -> String {
    form_urlencoded::byte_serialize(text.as_bytes()).collect()
}

impl OutboundMessage<'_> {
    /// Encodes the message. `key` is our private key in PKCS#8, if the message is to be signed.
    pub fn encode(
        self,
        url: &str,
        binding: Binding,
        key: Option<&[u8]>,
    ) -> Result<BrowserRequest, WriteError> {
        match binding {
            Binding::Redirect => self.encode_redirect(url, key).map(BrowserRequest::Redirect),
            Binding::Post => self.encode_post(url, key),
        }
    }

    fn encode_redirect(self, url: &str, key: Option<&[u8]>) -> Result<String, WriteError> {
        let mut deflate = DeflateEncoder::new(Vec::new(), Compression::default());
        let packed = deflate.write_all(self.xml.as_bytes()).and_then(|()| deflate.finish());
        let packed = packed.map_err(|error| WriteError::new(&error))?;
        let mut query = format!("{}={}", self.name, query_value(&STANDARD.encode(packed)));
        if let Some(relay_state) = self.relay_state {
            query.push_str("&RelayState=");
            query.push_str(&query_value(relay_state));
        }
        if let Some(key) = key {
            // saml-bindings §3.4.4.1: the signature covers these parameters in this order and encoding.
            query.push_str("&SigAlg=");
            query.push_str(&query_value(RSA_SHA256));
            let signature = sign_detached(key, query.as_bytes())
                .ok_or_else(|| WriteError::new(&"the key cannot sign"))?;
            query.push_str("&Signature=");
            query.push_str(&query_value(&STANDARD.encode(signature)));
        }
        let mut url = Url::parse(url).map_err(|error| WriteError::new(&error))?;
        let own = url.query().filter(|own| !own.is_empty()).map(|own| format!("{own}&"));
        url.set_query(Some(&format!("{}{query}", own.unwrap_or_default())));
        Ok(url.into())
    }

    fn encode_post(self, url: &str, key: Option<&[u8]>) -> Result<BrowserRequest, WriteError> {
        let xml = match key {
            Some(key) => sign_enveloped(key, self.id, self.xml)?,
            None => self.xml.to_owned(),
        };
        let mut fields = vec![(self.name, STANDARD.encode(xml))];
        fields.extend(self.relay_state.map(|state| ("RelayState", state.to_owned())));
        Ok(BrowserRequest::Post { url: url.to_owned(), fields })
    }
}

fn sign_detached(pkcs8: &[u8], message: &[u8]) -> Option<Vec<u8>> {
    let key = RsaKeyPair::from_pkcs8(pkcs8).ok()?;
    let mut signature = vec![0; key.public_modulus_len()];
    key.sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), message, &mut signature).ok()?;
    Some(signature)
}

/// Inserts a signature after the Issuer, where the schema demands it. In all our messages the Issuer is the
/// first element that ends.
fn sign_enveloped(pkcs8: &[u8], id: &str, xml: &str) -> Result<String, WriteError> {
    let end = xml.find("</").and_then(|at| xml[at..].find('>').map(|length| at + length + 1));
    let end = end.ok_or_else(|| WriteError::new(&"the message has no Issuer element"))?;
    let template = format!(
        "<ds:Signature xmlns:ds=\"http://www.w3.org/2000/09/xmldsig#\"><ds:SignedInfo>\
         <ds:CanonicalizationMethod Algorithm=\"http://www.w3.org/2001/10/xml-exc-c14n#\"/>\
         <ds:SignatureMethod Algorithm=\"{RSA_SHA256}\"/><ds:Reference URI=\"#{id}\"><ds:Transforms>\
         <ds:Transform Algorithm=\"http://www.w3.org/2000/09/xmldsig#enveloped-signature\"/>\
         <ds:Transform Algorithm=\"http://www.w3.org/2001/10/xml-exc-c14n#\"/></ds:Transforms>\
         <ds:DigestMethod Algorithm=\"http://www.w3.org/2001/04/xmlenc#sha256\"/><ds:DigestValue></ds:DigestValue>\
         </ds:Reference></ds:SignedInfo><ds:SignatureValue></ds:SignatureValue></ds:Signature>"
    );
    let pem = to_pem("PRIVATE KEY", &STANDARD.encode(pkcs8));
    let mut keys = KeysManager::new();
    keys.add_key(load_pem_auto(pem.as_bytes(), None).map_err(|error| WriteError::new(&error))?);
    let prepared = format!("{}{template}{}", &xml[..end], &xml[end..]);
    bergshamra::sign(&DsigContext::new(keys), &prepared).map_err(|error| WriteError::new(&error))
}
