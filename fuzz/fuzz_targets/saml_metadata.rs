//! Metadata that somebody brings: any text is read or refused, and nothing is read twice differently.
#![no_main]

use libfuzzer_sys::fuzz_target;
use vestibule_saml::read_metadata;

const CERTIFICATE: &str = include_str!("../../crates/vestibule-saml/testdata/rsa_certificate.txt");

fuzz_target!(|text: &str| {
    let now = jiff::Timestamp::constant(1_800_000_000, 0);
    if let Ok(read) = read_metadata(text, None, now) {
        assert!(!read.entity_id.is_empty() && !read.certificates.is_empty());
        assert_eq!(read_metadata(text, None, now).as_ref(), Ok(&read));
    }
    // Pinned: nobody can sign it here, so nothing passes.
    assert!(read_metadata(text, Some(CERTIFICATE.trim()), now).is_err());
});
