//! Responses that the identity provider itself signed, whatever is in them: behind the signature the rules have to
//! stand on their own.
#![no_main]

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bergshamra::keys::loader::load_pem_auto;
use bergshamra::{DsigContext, KeysManager};
use libfuzzer_sys::fuzz_target;
use vestibule_saml::{Decryption, EmailSource, ExpectedResponse, validate_response};

const CERTIFICATE: &str = include_str!("../../crates/vestibule-saml/testdata/ec_certificate.txt");
const KEY: &[u8] = include_bytes!("../../crates/vestibule-saml/testdata/ec_key.pem");
const ACS: &str = "https://id.example.com/saml/1/acs";

fuzz_target!(|xml: &str| {
    let mut keys = KeysManager::new();
    keys.add_key(load_pem_auto(KEY, None).expect("the key of this target"));
    // What has a signature to be filled in gets one; the rest goes as it is.
    let signed = bergshamra::sign(&DsigContext::new_permissive(keys), xml).unwrap_or_else(|_| xml.to_owned());
    let certificates = [CERTIFICATE.trim().to_owned()];
    let expected = ExpectedResponse {
        idp_entity_id: "https://idp.example/entity",
        certificates: &certificates,
        sp_entity_id: "https://id.example.com/saml/1/metadata",
        acs: ACS,
        email_source: EmailSource::Standard,
        read_email: |text| text.contains('@').then(|| text.to_owned()),
        decryption: Decryption::default(),
        now: jiff::Timestamp::constant(1_800_000_000, 0),
    };
    if let Ok(accepted) = validate_response(STANDARD.encode(&signed).as_bytes(), &expected) {
        assert!(accepted.email.contains('@'), "what is no address does not pass");
        assert!(!accepted.assertion_id.is_empty(), "what is not remembered can be replayed");
        assert!(accepted.report.checks.iter().all(|check| check.passed));
        assert!(signed.contains(ACS));
    }
});
