use super::local_path;

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
