use super::{domains_above, hostname_of, parse_host, strip_default_port};

#[test]
fn a_host_has_one_form() {
    for (typed, host) in [
        ("app.example.com", "app.example.com"),
        (" APP.Example.com. ", "app.example.com"),
        ("app.example.com:443", "app.example.com"),
        ("app.example.com:80", "app.example.com"),
        ("app.example.com:8443", "app.example.com:8443"),
        ("bücher.example", "xn--bcher-kva.example"),
        ("10.0.0.1:3000", "10.0.0.1:3000"),
        ("[::1]:3000", "[::1]:3000"),
    ] {
        assert_eq!(parse_host(typed).as_deref(), Ok(host), "{typed}");
    }
    for typed in [
        "",
        " ",
        "*",
        "*.example.com",
        "https://app.example.com",
        "app.example.com/x",
        "a b",
        "a@b",
        "a?b",
        "a#b",
        "app:port",
        "app:99999",
        "a\\b",
        ":80",
    ] {
        assert!(parse_host(typed).is_err(), "{typed}");
    }
}

#[test]
fn the_nearest_domain_is_first() {
    let above = |name| domains_above(name).collect::<Vec<_>>();
    assert_eq!(above("a.b.example.com"), ["a.b.example.com", "b.example.com", "example.com"]);
    assert_eq!(above("localhost"), Vec::<&str>::new());
    assert_eq!(above("[::1]"), Vec::<&str>::new());
    assert_eq!(above(""), Vec::<&str>::new());
}

#[test]
fn a_port_is_told_from_a_name() {
    assert_eq!(hostname_of("app.example.com:8443"), "app.example.com");
    assert_eq!(hostname_of("app.example.com"), "app.example.com");
    assert_eq!(hostname_of("[::1]:3000"), "[::1]");
    assert_eq!(hostname_of("[::1]"), "[::1]");
    assert_eq!(strip_default_port("App.example.com:443"), "app.example.com");
    assert_eq!(strip_default_port("app.example.com:8443"), "app.example.com:8443");
}
