//! Messages that come through a browser: responses as XML and as form fields, logouts by form and by address.
//! Nobody here has the key, so nothing passes; what matters is that every check says so without falling over.
#![no_main]

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use libfuzzer_sys::fuzz_target;
use vestibule_saml::{
    Decryption, EmailSource, EncodedMessage, ExpectedLogout, ExpectedResponse, validate_logout_request,
    validate_logout_response, validate_response,
};

const CERTIFICATE: &str = include_str!("../../crates/vestibule-saml/testdata/rsa_certificate.txt");
const KEY: &[u8] = include_bytes!("../../crates/vestibule-saml/testdata/rsa_key.der");

fuzz_target!(|bytes: &[u8]| {
    let now = jiff::Timestamp::constant(1_800_000_000, 0);
    let (certificates, keys) = ([CERTIFICATE.trim().to_owned()], [KEY.to_vec()]);
    let decryption = Decryption { keys: &keys, allow_cbc: true };
    let expected = ExpectedResponse {
        idp_entity_id: "https://idp.example/entity",
        certificates: &certificates,
        sp_entity_id: "https://id.example.com/saml/1/metadata",
        acs: "https://id.example.com/saml/1/acs",
        email_source: EmailSource::Standard,
        read_email: |text| Some(text.to_owned()),
        decryption,
        now,
    };
    let packed = STANDARD.encode(bytes);
    // The signatures in the corpus are another's, so that the checks behind them are not reached; the rules
    // themselves are tried in tests. What is signed for this key would be a find.
    assert!(validate_response(packed.as_bytes(), &expected).is_err());
    let _ = validate_response(bytes, &expected);
    let expected = ExpectedLogout {
        idp_entity_id: "https://idp.example/entity",
        certificates: &certificates,
        slo: "https://id.example.com/saml/1/slo",
        decryption,
        now,
    };
    assert!(validate_logout_request(EncodedMessage::Post(&packed), &expected).is_err());
    assert!(validate_logout_response(EncodedMessage::Post(&packed), &expected).is_err());
    if let Ok(query) = std::str::from_utf8(bytes) {
        assert!(validate_logout_request(EncodedMessage::Redirect(query), &expected).is_err());
    }
});
