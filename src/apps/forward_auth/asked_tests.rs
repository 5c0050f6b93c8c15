use axum::http::{HeaderMap, HeaderName, HeaderValue};

use super::{AskedRequest, Unclear};

fn read(lines: &[(&str, &str)], appended: &str, https: bool) -> Result<String, Unclear> {
    let mut headers = HeaderMap::new();
    for (name, value) in lines {
        let name: HeaderName = name.parse().expect("name");
        headers.append(name, HeaderValue::from_str(value).expect("value"));
    }
    AskedRequest::read(&headers, appended, https)
        .map(|asked| format!("{} {}", asked.method, asked.address.url()))
}

#[test]
fn the_request_is_read_as_each_kind_of_proxy_forwards_it() {
    let host = ("x-forwarded-host", "app.test");
    for (lines, appended, https, asked) in [
        (
            vec![
                host,
                ("x-forwarded-uri", "/a?b=1,2"),
                ("x-forwarded-method", "POST"),
                ("x-forwarded-proto", "http"),
            ],
            "",
            false,
            "POST http://app.test/a?b=1,2",
        ),
        (
            vec![host, ("x-forwarded-uri", "/a"), ("x-forwarded-proto", "wss")],
            "",
            false,
            "GET https://app.test/a",
        ),
        (
            vec![host, ("x-forwarded-uri", "/a"), ("x-forwarded-proto", "http")],
            "",
            true,
            "GET https://app.test/a",
        ),
        (vec![host], "/from/path?x=1", false, "GET http://app.test/from/path?x=1"),
        (
            vec![("x-original-url", "https://app.test/a?b"), ("x-original-method", "PUT")],
            "",
            false,
            "PUT https://app.test/a?b",
        ),
        (
            vec![host, ("x-original-url", "https://app.test/a"), ("x-forwarded-uri", "/a")],
            "",
            false,
            "GET https://app.test/a",
        ),
    ] {
        assert_eq!(read(&lines, appended, https).as_deref(), Ok(asked), "{lines:?}");
    }
}

#[test]
fn what_could_be_read_in_two_ways_is_not_read() {
    let host = ("x-forwarded-host", "app.test");
    for (lines, unclear) in [
        (vec![], Unclear::Missing),
        (vec![("x-forwarded-uri", "/a")], Unclear::Missing),
        (vec![host, host], Unclear::Ambiguous),
        (vec![("x-forwarded-host", "app.test, evil.test")], Unclear::Ambiguous),
        (vec![host, ("x-forwarded-uri", "/a"), ("x-forwarded-uri", "/b")], Unclear::Ambiguous),
        (vec![host, ("x-original-url", "https://evil.test/a")], Unclear::Ambiguous),
        (vec![host, ("x-original-url", "https://app.test/a"), ("x-forwarded-uri", "/b")], Unclear::Ambiguous),
        (vec![host, ("x-forwarded-proto", "gopher")], Unclear::Invalid),
        (vec![("x-forwarded-host", "app.test@evil.test")], Unclear::Invalid),
        (vec![("x-original-url", "/a")], Unclear::Invalid),
    ] {
        assert_eq!(read(&lines, "/", false), Err(unclear), "{lines:?}");
    }
}
