//! The seeds of the fuzz targets, made of what the other tests send. `FUZZ_CORPUS=fuzz/corpus cargo test
//! corpus` writes them.

use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::attacks::attacks;
use super::world::{ENTITY, SUCCESS};
use crate::harness::idp::{Idp, PASSWORD, SLO, Says, Sign};

fn says() -> Says {
    let now = vestibule::kernel::Timestamp(1_800_000_000_000);
    let acs = "https://id.example.com/saml/1/acs".to_owned();
    Says {
        issuer: ENTITY.into(),
        email: "bob@acme.example".into(),
        audience: "https://id.example.com/saml/1/metadata".into(),
        recipient: acs.clone(),
        destination: acs,
        in_response_to: Some("_request".into()),
        not_before: now,
        not_on_or_after: now.plus(std::time::Duration::from_mins(5)),
        status: SUCCESS.into(),
        assertion_id: "_assertion".into(),
        attributes: vec![("groups".into(), "a".into())],
        context: PASSWORD.into(),
        extra: String::new(),
        name_id: None,
    }
}

#[test]
fn seeds_are_what_the_tests_send() {
    let idp = Idp::ec(ENTITY);
    let responses: Vec<String> = attacks(&Idp::rsa(ENTITY), says())
        .into_iter()
        .filter(|attack| attack.field.len() < 20_000)
        .filter_map(|attack| String::from_utf8(STANDARD.decode(&attack.field).ok()?).ok())
        .collect();
    assert!(responses.len() > 100);
    let unsigned = [
        idp.wrap(&says(), &idp.assertion(&says(), true), false),
        idp.wrap(&says(), &idp.assertion(&says(), false), true),
    ];
    let metadata = [idp.metadata(), idp.metadata_with(SLO), Idp::rsa(ENTITY).metadata()];
    let Some(folder) = std::env::var_os("FUZZ_CORPUS") else { return };
    let signed = [Sign::Assertion, Sign::Response, Sign::Both].map(|sign| idp.response(&says(), sign));
    for (target, seeds) in [
        ("saml_response", responses.iter().chain(&signed).cloned().collect::<Vec<_>>()),
        ("saml_assertion", unsigned.to_vec()),
        ("saml_metadata", metadata.to_vec()),
    ] {
        let into = Path::new(&folder).join(target);
        std::fs::create_dir_all(&into).expect("folder");
        for (n, seed) in seeds.iter().enumerate() {
            std::fs::write(into.join(format!("seed-{n:03}.xml")), seed).expect("seed");
        }
    }
}
