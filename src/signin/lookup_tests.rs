use super::{LookupBy, SubjectMatch, match_subject};
use crate::signin::{ExternalSubject, Method, Proof, ProviderClaims};

fn subject(address_is_verified: bool) -> ExternalSubject {
    ExternalSubject { issuer: "https://idp.example".into(), id: "s1".into(), address_is_verified }
}

fn proof() -> Proof {
    Proof {
        method: Method::Oidc,
        account_id: "a1".into(),
        connection_id: Some("c1".into()),
        identifier: "ann@example.com".into(),
        user_id: None,
        external_subject: Some(subject(true)),
        amr: Vec::new(),
        acr: String::new(),
        second_factor: None,
        password_fingerprint: None,
        clear_failures_of: None,
        provider_claims: ProviderClaims::default(),
    }
}

#[test]
fn a_user_id_decides_before_a_subject_and_a_subject_before_an_address() {
    let known = Proof { user_id: Some("u1".into()), ..proof() };
    assert!(matches!(LookupBy::of_proof(&known), LookupBy::UserId(id) if *id == "u1"));
    let delivered = proof();
    assert!(matches!(
        LookupBy::of_proof(&delivered),
        LookupBy::ExternalSubject { connection_id, identifier: "ann@example.com", .. } if *connection_id == "c1"
    ));
    let by_address = Proof { external_subject: None, ..proof() };
    assert!(matches!(LookupBy::of_proof(&by_address), LookupBy::Identifier("ann@example.com")));
    // A subject has no meaning without the connection that it came from.
    let alone = Proof { connection_id: None, ..proof() };
    assert!(matches!(LookupBy::of_proof(&alone), LookupBy::Identifier("ann@example.com")));
}

#[test]
fn a_subject_that_is_linked_needs_no_address_and_a_new_one_needs_a_verified_one() {
    let (verified, unverified) = (subject(true), subject(false));
    for has_subject_at_issuer in [false, true] {
        assert_eq!(match_subject(&unverified, true, has_subject_at_issuer), SubjectMatch::Linked);
        assert_eq!(match_subject(&verified, true, has_subject_at_issuer), SubjectMatch::Linked);
        let unlinked = match_subject(&unverified, false, has_subject_at_issuer);
        assert_eq!(unlinked, SubjectMatch::NewWithUnverifiedAddress);
    }
    assert_eq!(match_subject(&verified, false, false), SubjectMatch::NewWithVerifiedAddress);
    assert_eq!(match_subject(&verified, false, true), SubjectMatch::AddressOfOtherSubject);
}
