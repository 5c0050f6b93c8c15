use super::Email;

#[test]
fn ordinary_addresses_pass_and_header_injection_does_not() {
    for good in ["a@b.example", " Ada.Lovelace+x@Example.COM ", "ü@bücher.example", "o'brien@b.example"] {
        assert!(Email::parse(good).is_ok(), "{good}");
    }
    for bad in ["", "a", "@b", "a@", "a b@c", "a@b\r\nBcc: x@y", "<a@b>", "a@b,c@d", "a@b@c", "\"a\"@b"] {
        assert!(Email::parse(bad).is_err(), "{bad:?}");
    }
    assert_eq!(Email::parse("Ada@Example.COM").expect("valid").folded(), "ada@example.com");
    assert_eq!(Email::parse("Ada@Example.COM").expect("valid").domain(), "example.com");
    let is_guest = |text| Email::parse(text).expect("valid").is_guest_name();
    assert!(is_guest("eve_partner.example#EXT#@acme.onmicrosoft.com"));
    assert!(is_guest("eve_partner.example#ext#@acme.example") && !is_guest("eve+ext@acme.example"));
}
