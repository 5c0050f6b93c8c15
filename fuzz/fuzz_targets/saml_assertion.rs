//! Responses that the identity provider itself signed, whatever is in them: behind the signature the rules have to
//! stand on their own.
#![no_main]

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bergshamra::keys::loader::load_pem_auto;
use bergshamra::{DsigContext, KeysManager};
use libfuzzer_sys::fuzz_target;
use vestibule::idp::saml::judge::{Decryption, Expected, judge};
use vestibule::kernel::Timestamp;

const CERTIFICATE: &str = include_str!("../ec_certificate.txt");
const KEY: &[u8] = include_bytes!("../ec_key.pem");
const ACS: &str = "https://id.example.com/saml/1/acs";

fuzz_target!(|xml: &str| {
    let mut keys = KeysManager::new();
    keys.add_key(load_pem_auto(KEY, None).expect("the key of this target"));
    // What has a signature to be filled in gets one; the rest goes as it is.
    let signed = bergshamra::sign(&DsigContext::new_permissive(keys), xml).unwrap_or_else(|_| xml.to_owned());
    let certificates = [CERTIFICATE.trim().to_owned()];
    let expected = Expected {
        idp_entity_id: "https://idp.example/entity",
        certificates: &certificates,
        sp_entity_id: "https://id.example.com/saml/1/metadata",
        acs: ACS,
        email_attribute: None,
        decryption: Decryption::default(),
        now: Timestamp(1_800_000_000_000),
    };
    if let Ok(accepted) = judge(STANDARD.encode(&signed).as_bytes(), &expected) {
        assert!(accepted.email.contains('@') && !accepted.email.contains(char::is_whitespace));
        assert!(!accepted.assertion_id.is_empty(), "what is not remembered can be replayed");
        assert!(accepted.report.checks.iter().all(|check| check.passed));
        assert!(signed.contains(ACS));
    }
});
