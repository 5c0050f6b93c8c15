use super::{local_path, return_to_of};

#[test]
fn a_return_address_stays_on_this_server() {
    for good in ["/", "/console", "/reports?q=//x", "/a#b"] {
        assert_eq!(local_path(Some(good), "/f"), good);
    }
    for bad in [
        "",
        "https://evil.example",
        "//evil.example",
        "/\\evil.example",
        "javascript:alert(1)",
        "/a\r\nX: y",
        "a",
    ] {
        assert_eq!(local_path(Some(bad), "/f"), "/f", "{bad:?}");
    }
}

#[test]
fn the_last_return_to_counts_and_an_unencoded_one_reaches_to_the_end() {
    for (query, return_to) in [
        ("", None),
        ("account=acme", None),
        ("return_to=%2Fa%3Fb%3D1%26c&account=acme", Some("/a?b=1&c")),
        ("return_to=/a&account=acme", Some("/a")),
        ("return_to=%2Fa&return_to=%2Fb", Some("/b")),
        ("account=acme&return_to=/reports?a=1&b=2", Some("/reports?a=1&b=2")),
        ("return_to=/x?return_to=/y&z=%20", Some("/x?return_to=/y&z=%20")),
        ("return_to=https://app.test/a%20b", Some("https://app.test/a%20b")),
        ("return_to=https://app.test/a?b=%20&c", Some("https://app.test/a?b=%20&c")),
        ("return_to=https://app.test/a%3Fb%3D1", Some("https://app.test/a?b=1")),
        ("return_to=https%3A%2F%2Fapp.test%2Fa%2520b", Some("https://app.test/a%20b")),
    ] {
        assert_eq!(return_to_of(query).as_deref(), return_to, "{query}");
    }
}
