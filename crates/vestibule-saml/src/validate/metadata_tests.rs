use super::*;

const CERTIFICATE: &str = include_str!("../../testdata/rsa_certificate.txt");
const NOW: Timestamp = Timestamp::constant(1_800_000_000, 0);

fn metadata() -> String {
    format!(
        "<md:EntityDescriptor xmlns:md=\"{METADATA}\" xmlns:ds=\"{DSIG}\" entityID=\"https://idp.example\">\
         <md:IDPSSODescriptor WantAuthnRequestsSigned=\"true\"><md:KeyDescriptor><ds:KeyInfo><ds:X509Data>\
         <ds:X509Certificate>{}</ds:X509Certificate></ds:X509Data></ds:KeyInfo></md:KeyDescriptor>\
         <md:SingleLogoutService Binding=\"{POST}\" Location=\"https://idp.example/slo\" \
         ResponseLocation=\"https://idp.example/slo/done\"/>\
         <md:SingleSignOnService Binding=\"{REDIRECT}\" Location=\"https://idp.example/sso\"/>\
         </md:IDPSSODescriptor></md:EntityDescriptor>",
        CERTIFICATE.trim()
    )
}

#[test]
fn what_is_needed_of_a_provider_is_read() {
    let read = read_metadata(&metadata(), None, NOW).expect("reads");
    assert_eq!(
        (read.entity_id.as_str(), read.sso_url.as_str()),
        ("https://idp.example", "https://idp.example/sso")
    );
    assert_eq!((read.sso_post_url, read.wants_signed_requests), (None, true));
    assert_eq!(read.certificates, [CERTIFICATE.trim()]);
    let logout = read.logout.expect("a service");
    assert_eq!((logout.url.as_str(), logout.binding), ("https://idp.example/slo", Binding::Post));
    assert_eq!(logout.response_url.as_deref(), Some("https://idp.example/slo/done"));
}

#[test]
fn metadata_that_cannot_be_used_says_why() {
    let whole = metadata();
    for (text, expected) in [
        ("<".to_owned(), MetadataError::NotXml),
        (format!("<!DOCTYPE x>{whole}"), MetadataError::NotXml),
        ("<a/>".to_owned(), MetadataError::NotMetadata),
        (" ".repeat(10) + &"x".repeat(MAX_METADATA_BYTES + 1), MetadataError::TooLarge),
        (whole.replace("md:IDPSSODescriptor", "md:SPSSODescriptor"), MetadataError::Providers(0)),
        (whole.replace(" entityID=\"https://idp.example\"", ""), MetadataError::NoEntityId),
        (whole.replace("https://idp.example/sso", "javascript:x"), MetadataError::NoSsoEndpoint),
        (
            whole.replace("<md:KeyDescriptor>", "<md:KeyDescriptor use=\"encryption\">"),
            MetadataError::NoCertificate,
        ),
        (
            whole.replace("entityID=", "validUntil=\"2027-01-15T07:59:59Z\" entityID="),
            MetadataError::Expired("2027-01-15 07:59".into()),
        ),
    ] {
        assert_eq!(read_metadata(&text, None, NOW), Err(expected), "{}", text.get(..200).unwrap_or_default());
    }
}

#[test]
fn a_pinned_certificate_must_have_signed() {
    let refused = read_metadata(&metadata(), Some(CERTIFICATE.trim()), NOW);
    assert!(matches!(refused, Err(MetadataError::Signature(_))), "{refused:?}");
}
