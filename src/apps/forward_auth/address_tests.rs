use super::ReturnAddress;

#[test]
fn an_address_is_kept_as_it_was_sent() {
    for url in [
        "https://app.example.com/",
        "https://app.example.com/a/../b?x=1&y=2&return_to=/z",
        "https://app.example.com//double",
        "http://app.example.com:8080/%2F%0d%0a?a=%20b",
        "https://app.example.com/path\\with?a=b\\c",
    ] {
        assert_eq!(ReturnAddress::parse(url).map(|address| address.url()).as_deref(), Some(url), "{url}");
    }
    let address = ReturnAddress::parse("https://APP.example.com:443?x#y").expect("an address");
    assert_eq!(address.url(), "https://app.example.com/?x");
    let long = format!("https://app.example.com/{}", "x".repeat(3000));
    assert_eq!(ReturnAddress::parse(&long).expect("an address").url(), "https://app.example.com/");
}

#[test]
fn what_a_browser_could_read_as_another_host_is_no_address() {
    for url in [
        "",
        "/",
        "//evil.test/",
        "javascript:alert(1)",
        "https:/app.example.com/",
        "https://",
        "https://app.example.com@evil.test/",
        "https://app.example.com%2eevil.test/",
        "https://app.example.com\u{ff0f}.evil.test/",
        "ftp://app.example.com/",
        "HTTPS://app.example.com/",
        "https://app.example.com/\r\nX: y",
        "https://app.example.com/ x",
        "https://app.example.com/ü",
        " https://app.example.com/",
        "https://app.example.com\t/",
    ] {
        assert_eq!(ReturnAddress::parse(url), None, "{url}");
    }
    // A browser reads the backslash as a slash; so do we, and the host is still the one before it.
    let address = ReturnAddress::parse("https://app.example.com\\@evil.test/");
    assert_eq!(address, None, "a target begins with a slash");
}
