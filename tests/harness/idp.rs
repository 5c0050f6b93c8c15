//! A SAML identity provider that signs whatever a test requests, valid or forged.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bergshamra::keys::loader::load_pem_auto;
use bergshamra::{DsigContext, KeysManager};
use rcgen::{CertificateParams, KeyPair, PKCS_ECDSA_P256_SHA256, PKCS_RSA_SHA256, SignatureAlgorithm};
use serde_json::{Value, json};
use vestibule::kernel::Timestamp;

use super::{Answer, Client, Server, Tenant};

/// An identity provider with one signing key.
pub struct Idp {
    pub entity_id: String,
    pub certificate: String,
    key_pem: String,
    pub key_der: Vec<u8>,
    signature_method: &'static str,
}

/// The content of a response. Tests change members to forge one.
#[derive(Clone)]
pub struct Says {
    pub issuer: String,
    pub email: String,
    /// The NameID element, if it is not the email address in the format that says so. See [`name_id`].
    pub name_id: Option<String>,
    pub audience: String,
    pub recipient: String,
    pub destination: String,
    pub in_response_to: Option<String>,
    pub not_before: Timestamp,
    pub not_on_or_after: Timestamp,
    pub status: String,
    pub assertion_id: String,
    pub attributes: Vec<(String, String)>,
    /// The authentication context class of the sign-in.
    pub context: String,
    /// XML that is inserted at the end of the assertion.
    pub extra: String,
}

/// Which elements are signed.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Sign {
    Assertion,
    Response,
    Both,
    Neither,
}

impl Idp {
    pub fn rsa(entity_id: &str) -> Self {
        Self::new(entity_id, &PKCS_RSA_SHA256, "http://www.w3.org/2001/04/xmldsig-more#rsa-sha256")
    }

    pub fn ec(entity_id: &str) -> Self {
        Self::new(entity_id, &PKCS_ECDSA_P256_SHA256, "http://www.w3.org/2001/04/xmldsig-more#ecdsa-sha256")
    }

    fn new(entity_id: &str, algorithm: &'static SignatureAlgorithm, signature_method: &'static str) -> Self {
        let pair = KeyPair::generate_for(algorithm).expect("key");
        Self::of(entity_id, (&pair, signature_method), CertificateParams::default())
    }

    /// An identity provider whose certificate expires at (year, month, day).
    pub fn ending(entity_id: &str, (year, month, day): (i32, u8, u8)) -> Self {
        let pair = KeyPair::generate_for(&PKCS_RSA_SHA256).expect("key");
        let mut params = CertificateParams::default();
        params.not_after = rcgen::date_time_ymd(year, month, day);
        Self::of(entity_id, (&pair, "http://www.w3.org/2001/04/xmldsig-more#rsa-sha256"), params)
    }

    fn of(
        entity_id: &str,
        (pair, signature_method): (&KeyPair, &'static str),
        params: CertificateParams,
    ) -> Self {
        let certificate = params.self_signed(pair).expect("certificate");
        Self {
            entity_id: entity_id.to_owned(),
            certificate: STANDARD.encode(certificate.der()),
            key_pem: pair.serialize_pem(),
            key_der: pair.serialize_der(),
            signature_method,
        }
    }

    pub fn metadata(&self) -> String {
        self.metadata_with("")
    }

    /// Metadata with additional services, such as [`SLO`].
    pub fn metadata_with(&self, services: &str) -> String {
        let Self { entity_id, certificate, .. } = self;
        format!(
            r#"<?xml version="1.0"?><md:EntityDescriptor xmlns:md="urn:oasis:names:tc:SAML:2.0:metadata" entityID="{entity_id}"><md:IDPSSODescriptor protocolSupportEnumeration="urn:oasis:names:tc:SAML:2.0:protocol"><md:KeyDescriptor use="signing"><ds:KeyInfo xmlns:ds="http://www.w3.org/2000/09/xmldsig#"><ds:X509Data><ds:X509Certificate>{certificate}</ds:X509Certificate></ds:X509Data></ds:KeyInfo></md:KeyDescriptor>{services}<md:SingleSignOnService Binding="urn:oasis:names:tc:SAML:2.0:bindings:HTTP-Redirect" Location="https://idp.example/sso"/></md:IDPSSODescriptor></md:EntityDescriptor>"#
        )
    }

    /// The assertion as text, with a signature template if it is to be signed.
    pub fn assertion(&self, says: &Says, signed: bool) -> String {
        let Says { issuer, email, audience, recipient, assertion_id, context, extra, .. } = says;
        let in_response_to =
            says.in_response_to.as_ref().map(|id| format!(r#" InResponseTo="{id}""#)).unwrap_or_default();
        let (begin, end) = (says.not_before, says.not_on_or_after);
        let signature = if signed { self.template(assertion_id) } else { String::new() };
        let subject = says.name_id.clone().unwrap_or_else(|| name_id(EMAIL_FORMAT, email));
        let attributes: Vec<String> = says
            .attributes
            .iter()
            .map(|(name, value)| format!(r#"<saml:Attribute Name="{name}"><saml:AttributeValue>{value}</saml:AttributeValue></saml:Attribute>"#))
            .collect();
        let attributes = attributes.concat();
        let attributes = if attributes.is_empty() {
            attributes
        } else {
            format!("<saml:AttributeStatement>{attributes}</saml:AttributeStatement>")
        };
        format!(
            r#"<saml:Assertion xmlns:saml="urn:oasis:names:tc:SAML:2.0:assertion" ID="{assertion_id}" Version="2.0" IssueInstant="{begin}"><saml:Issuer>{issuer}</saml:Issuer>{signature}<saml:Subject>{subject}<saml:SubjectConfirmation Method="urn:oasis:names:tc:SAML:2.0:cm:bearer"><saml:SubjectConfirmationData NotOnOrAfter="{end}" Recipient="{recipient}"{in_response_to}/></saml:SubjectConfirmation></saml:Subject><saml:Conditions NotBefore="{begin}" NotOnOrAfter="{end}"><saml:AudienceRestriction><saml:Audience>{audience}</saml:Audience></saml:AudienceRestriction></saml:Conditions><saml:AuthnStatement AuthnInstant="{begin}"><saml:AuthnContext><saml:AuthnContextClassRef>{context}</saml:AuthnContextClassRef></saml:AuthnContext></saml:AuthnStatement>{attributes}{extra}</saml:Assertion>"#
        )
    }

    /// Puts an assertion into a response.
    pub fn wrap(&self, says: &Says, assertion: &str, signed: bool) -> String {
        let Says { issuer, destination, status, .. } = says;
        let in_response_to =
            says.in_response_to.as_ref().map(|id| format!(r#" InResponseTo="{id}""#)).unwrap_or_default();
        let now = says.not_before;
        let signature = if signed { self.template("_response") } else { String::new() };
        format!(
            r#"<samlp:Response xmlns:samlp="urn:oasis:names:tc:SAML:2.0:protocol" ID="_response" Version="2.0" IssueInstant="{now}" Destination="{destination}"{in_response_to}><saml:Issuer xmlns:saml="urn:oasis:names:tc:SAML:2.0:assertion">{issuer}</saml:Issuer>{signature}<samlp:Status><samlp:StatusCode Value="{status}"/></samlp:Status>{assertion}</samlp:Response>"#
        )
    }

    /// A complete response with these signatures.
    pub fn response(&self, says: &Says, sign: Sign) -> String {
        let on_assertion = matches!(sign, Sign::Assertion | Sign::Both);
        let on_response = matches!(sign, Sign::Response | Sign::Both);
        let mut assertion = self.assertion(says, on_assertion);
        if on_assertion {
            assertion = self.sign(&assertion);
        }
        let response = self.wrap(says, &assertion, on_response);
        if on_response { self.sign(&response) } else { response }
    }

    /// Fills in the first signature template of a document.
    pub fn sign(&self, xml: &str) -> String {
        let mut keys = KeysManager::new();
        keys.add_key(load_pem_auto(self.key_pem.as_bytes(), None).expect("private key"));
        bergshamra::sign(&DsigContext::new_permissive(keys), xml).expect("signs")
    }

    /// The query string of a message in the HTTP-Redirect binding, with its signature (saml-bindings
    /// §3.4.4.1).
    pub fn signed_query(&self, name: &str, xml: &str, relay_state: Option<&str>) -> String {
        use std::io::Write as _;
        let mut deflate = flate2::write::DeflateEncoder::new(Vec::new(), flate2::Compression::default());
        deflate.write_all(xml.as_bytes()).expect("deflated");
        let packed = STANDARD.encode(deflate.finish().expect("deflated"));
        self.signed_query_of(name, &packed, relay_state)
    }

    /// The same for a value that is encoded already, or malformed on purpose.
    pub fn signed_raw(&self, name: &str, packed: &str) -> String {
        self.signed_query_of(name, packed, None)
    }

    fn signed_query_of(&self, name: &str, packed: &str, relay_state: Option<&str>) -> String {
        use aws_lc_rs::signature::{RSA_PKCS1_SHA256, RsaKeyPair};
        let value = |text: &str| url::form_urlencoded::byte_serialize(text.as_bytes()).collect::<String>();
        let state = relay_state.map(|state| format!("&RelayState={state}")).unwrap_or_default();
        let method = value("http://www.w3.org/2001/04/xmldsig-more#rsa-sha256");
        let query = format!("{name}={}{state}&SigAlg={method}", value(packed));
        let key = RsaKeyPair::from_pkcs8(&self.key_der).expect("an RSA key");
        let mut signature = vec![0; key.public_modulus_len()];
        let random = aws_lc_rs::rand::SystemRandom::new();
        key.sign(&RSA_PKCS1_SHA256, &random, query.as_bytes(), &mut signature).expect("signs");
        format!("{query}&Signature={}", value(&STANDARD.encode(signature)))
    }

    /// Signs with HMAC, with a public certificate as the key. A verifier must not accept that.
    pub fn hmac(certificate: &str, template: &str) -> String {
        let mut keys = KeysManager::new();
        let key = bergshamra::keys::loader::load_hmac_key(certificate.as_bytes());
        keys.add_key(key.expect("key"));
        bergshamra::sign(&DsigContext::new_permissive(keys), template).expect("signs")
    }

    pub fn template(&self, id: &str) -> String {
        let method = self.signature_method;
        format!(
            r##"<ds:Signature xmlns:ds="http://www.w3.org/2000/09/xmldsig#"><ds:SignedInfo><ds:CanonicalizationMethod Algorithm="http://www.w3.org/2001/10/xml-exc-c14n#"/><ds:SignatureMethod Algorithm="{method}"/><ds:Reference URI="#{id}"><ds:Transforms><ds:Transform Algorithm="http://www.w3.org/2000/09/xmldsig#enveloped-signature"/><ds:Transform Algorithm="http://www.w3.org/2001/10/xml-exc-c14n#"/></ds:Transforms><ds:DigestMethod Algorithm="http://www.w3.org/2001/04/xmlenc#sha256"/><ds:DigestValue></ds:DigestValue></ds:Reference></ds:SignedInfo><ds:SignatureValue></ds:SignatureValue></ds:Signature>"##
        )
    }
}

/// A single logout service, for the metadata.
pub const SLO: &str = r#"<md:SingleLogoutService Binding="urn:oasis:names:tc:SAML:2.0:bindings:HTTP-Redirect" Location="https://idp.example/slo"/>"#;

/// The authentication context class of a sign-in with a password.
pub const PASSWORD: &str = "urn:oasis:names:tc:SAML:2.0:ac:classes:PasswordProtectedTransport";

/// An enabled SAML connection of a tenant, and the identity provider behind it.
pub struct Provider {
    idp: Idp,
    pub id: String,
    /// See [`Says::context`].
    pub context: String,
    /// See [`Says::attributes`].
    pub attributes: Vec<(String, String)>,
    /// See [`Says::name_id`].
    pub name_id: Option<String>,
}

impl Provider {
    /// Creates and enables the connection. `more` adds members to the request.
    pub async fn new(server: &Server, tenant: &Tenant, more: Value) -> Self {
        let api = server.client().bearer(&tenant.token);
        let idp = Idp::ec("https://idp.example/metadata");
        let domain = tenant.email.rsplit('@').next().expect("a domain");
        let mut body = json!({"kind": "saml", "name": "Company", "metadata_xml": idp.metadata(),
            "email_domains": [domain]});
        body.as_object_mut().expect("object").extend(more.as_object().expect("object").clone());
        let made = api.post("/api/v1/connections", &body).await.created();
        let id = made["id"].as_str().expect("id").to_owned();
        let on = json!({"enabled": true, "override_untested": true});
        api.patch(&format!("/api/v1/connections/{id}"), &on).await.expect(200);
        Self { idp, id, context: PASSWORD.to_owned(), attributes: Vec::new(), name_id: None }
    }

    /// Requests `sent`, follows the redirect to the provider, and answers with a valid response.
    pub async fn answer(&self, server: &Server, browser: &Client, sent: &str, email: &str) -> Answer {
        let to = browser.get(sent).await.expect(303).location().expect("to the provider");
        self.post(server, browser, Some(request_id(&to)), email).await
    }

    /// Answers a request that has a `RelayState` with a valid response, modified by `change`.
    pub async fn answer_with_relay(
        &self,
        server: &Server,
        browser: &Client,
        (sent, email): (&str, &str),
        change: impl FnOnce(&mut Says),
    ) -> Answer {
        let url = reqwest::Url::parse(sent).expect("url");
        let relay =
            url.query_pairs().find(|(name, _)| name == "RelayState").expect("RelayState").1.into_owned();
        let mut says = self.says(server, Some(request_id(sent)), email);
        change(&mut says);
        let response = encode(&self.idp.response(&says, Sign::Assertion));
        let path = format!("/saml/{}/acs", self.id);
        let request = browser.request(reqwest::Method::POST, &path).header("sec-fetch-site", "cross-site");
        browser.send(request.form(&[("SAMLResponse", response.as_str()), ("RelayState", &relay)])).await
    }

    /// Begins a sign-in at our server and answers it.
    pub async fn sign_in(&self, server: &Server, browser: &Client, email: &str) -> Answer {
        self.answer(server, browser, &format!("/saml/{}/login?return_to=/profile", self.id), email).await
    }

    /// Begins a sign-in, and expects that the response is refused before there is a proof.
    pub async fn refused(&self, server: &Server) -> Answer {
        let browser = server.client();
        let sent = browser.get(&format!("/saml/{}/login", self.id)).await.expect(303);
        let to = sent.location().expect("to the provider");
        let says = self.says(server, Some(request_id(&to)), "");
        let response = encode(&self.idp.response(&says, Sign::Assertion));
        browser.form(&says.recipient, &[("SAMLResponse", &response)]).await.expect(403)
    }

    /// Sends an unsolicited response.
    pub async fn unsolicited(&self, server: &Server, browser: &Client, email: &str) -> Answer {
        self.post(server, browser, None, email).await
    }

    async fn post(&self, server: &Server, browser: &Client, request: Option<String>, email: &str) -> Answer {
        let to = self.hand_over(server, browser, request, email).await;
        browser.get(&to).await
    }

    /// Sends a response, to this request or to none: where the browser is to continue.
    pub async fn hand_over(
        &self,
        server: &Server,
        browser: &Client,
        request: Option<String>,
        email: &str,
    ) -> String {
        let says = self.says(server, request, email);
        let response = encode(&self.idp.response(&says, Sign::Assertion));
        let handed = browser.form(&says.recipient, &[("SAMLResponse", &response)]).await.expect(303);
        handed.location().expect("continue")
    }

    fn says(&self, server: &Server, request: Option<String>, email: &str) -> Says {
        let acs = format!("{}/saml/{}/acs", server.url, self.id);
        let now = server.clock.now();
        Says {
            issuer: self.idp.entity_id.clone(),
            email: email.to_owned(),
            name_id: self.name_id.clone(),
            audience: format!("{}/saml/{}/metadata", server.url, self.id),
            recipient: acs.clone(),
            destination: acs.clone(),
            in_response_to: request,
            not_before: now,
            not_on_or_after: now.plus(std::time::Duration::from_mins(5)),
            status: "urn:oasis:names:tc:SAML:2.0:status:Success".to_owned(),
            assertion_id: format!("_a{}", vestibule::kernel::ids::new_id(now)),
            attributes: self.attributes.clone(),
            context: self.context.clone(),
            extra: String::new(),
        }
    }
}

/// The format of a NameID that is an email address.
pub const EMAIL_FORMAT: &str = "urn:oasis:names:tc:SAML:1.1:nameid-format:emailAddress";
pub const UNSPECIFIED_FORMAT: &str = "urn:oasis:names:tc:SAML:1.1:nameid-format:unspecified";
pub const PERSISTENT_FORMAT: &str = "urn:oasis:names:tc:SAML:2.0:nameid-format:persistent";
pub const TRANSIENT_FORMAT: &str = "urn:oasis:names:tc:SAML:2.0:nameid-format:transient";

/// A NameID element.
pub fn name_id(format: &str, value: &str) -> String {
    format!(r#"<saml:NameID Format="{format}">{value}</saml:NameID>"#)
}

/// The value of a query parameter of a URL.
pub fn query_of(url: &str, name: &str) -> Option<String> {
    let url = reqwest::Url::parse(url).expect("url");
    url.query_pairs().find(|(known, _)| known == name).map(|(_, value)| value.into_owned())
}

/// The SAML message in a redirect URL, decoded from base64 and DEFLATE.
pub fn message(url: &str, name: &str) -> String {
    use std::io::Read as _;
    let encoded = query_of(url, name).unwrap_or_else(|| panic!("no {name} in {url}"));
    let compressed = STANDARD.decode(encoded.as_bytes()).expect("base64");
    let mut xml = String::new();
    flate2::read::DeflateDecoder::new(&compressed[..]).read_to_string(&mut xml).expect("DEFLATE");
    xml
}

/// The ID of the SAML request in a redirect URL.
pub fn request_id(url: &str) -> String {
    let xml = message(url, "SAMLRequest");
    let at = xml.find(" ID=\"").expect("an id") + 5;
    xml[at..].split('"').next().expect("id").to_owned()
}

pub fn encode(xml: &str) -> String {
    STANDARD.encode(xml)
}
