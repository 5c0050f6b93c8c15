use std::collections::HashSet;

use super::{hash, random_codes};

#[test]
fn ten_codes_are_ten_codes() {
    let codes = random_codes();
    assert_eq!(codes.iter().collect::<HashSet<_>>().len(), 10);
    assert!(codes.iter().all(|code| code.len() == 19 && hash(&"u".into(), code).is_some()), "{codes:?}");
}

#[test]
fn a_code_is_known_however_it_is_typed_and_for_its_owner_only() {
    let code = random_codes().remove(0);
    let stored = hash(&"u".into(), &code).expect("a code");
    let typed = format!(" {} ", code.to_uppercase().replace('-', " "));
    assert_eq!(hash(&"u".into(), &typed), Some(stored.clone()));
    assert_ne!(hash(&"v".into(), &code), Some(stored));
    for garbage in [
        "",
        "123456",
        "abcd-efgh-ijkm",
        "abcd-efgh-ijkm-npq0",
        "abcd-efgh-ijkm-npqr-s",
        "äbcd-efgh-ijkm-npqr",
    ] {
        assert_eq!(hash(&"u".into(), garbage), None, "{garbage}");
    }
}
