use super::{LookupBy, SubjectMatch, match_of};
use crate::kernel::ConnectionId;
use crate::signin::{ExternalSubject, Method, Proof, ProviderClaims};

fn subject(address_is_verified: bool) -> ExternalSubject {
    ExternalSubject {
        issuer: "https://idp.example".into(),
        id: "s1".into(),
        address_is_verified,
        is_address: false,
    }
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
        provider_acr: String::new(),
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
    assert!(matches!(
        LookupBy::of_proof(&by_address),
        LookupBy::ConnectionAddress { connection_id, identifier: "ann@example.com" } if *connection_id == "c1"
    ));
    // A subject has no meaning without the connection that it came from.
    let alone = Proof { connection_id: None, ..proof() };
    assert!(matches!(LookupBy::of_proof(&alone), LookupBy::Identifier("ann@example.com")));
}

#[test]
fn a_subject_that_is_linked_needs_no_address_and_a_new_one_needs_a_verified_one() {
    let connection_id = ConnectionId::from("c1");
    let (verified, unverified) = (subject(true), subject(false));
    let of = |subject, is_linked, has_subject_at_issuer| {
        let connection_id = &connection_id;
        let lookup_by = LookupBy::ExternalSubject { connection_id, subject, identifier: "ann@example.com" };
        match_of(lookup_by, is_linked, has_subject_at_issuer)
    };
    for has_subject_at_issuer in [false, true] {
        assert_eq!(of(&unverified, true, has_subject_at_issuer), SubjectMatch::Linked);
        assert_eq!(of(&verified, true, has_subject_at_issuer), SubjectMatch::Linked);
        assert_eq!(of(&unverified, false, has_subject_at_issuer), SubjectMatch::NewWithUnverifiedAddress);
    }
    assert_eq!(of(&verified, false, false), SubjectMatch::NewWithVerifiedAddress);
    assert_eq!(of(&verified, false, true), SubjectMatch::AddressOfOtherSubject);
}

#[test]
fn an_address_without_a_subject_does_not_lead_to_who_has_a_subject_at_the_provider() {
    let connection_id = ConnectionId::from("c1");
    let lookup_by =
        LookupBy::ConnectionAddress { connection_id: &connection_id, identifier: "ann@example.com" };
    assert_eq!(match_of(lookup_by, false, false), SubjectMatch::NewWithVerifiedAddress);
    assert_eq!(match_of(lookup_by, false, true), SubjectMatch::AddressOfOtherSubject);
    assert_eq!(match_of(LookupBy::Identifier("ann"), false, true), SubjectMatch::NotAsked);
}
