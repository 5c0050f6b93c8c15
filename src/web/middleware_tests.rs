use super::*;

fn address(peer: &str, forwarded: &str) -> String {
    let mut headers = HeaderMap::new();
    headers.insert("x-forwarded-for", forwarded.parse().expect("header"));
    let trusted = ["10.0.0.0/8".parse().expect("net")];
    client_address(peer.parse().expect("ip"), &headers, &trusted).to_string()
}

#[test]
fn a_forwarded_address_is_believed_from_our_proxies_only() {
    assert_eq!(address("203.0.113.9", "1.2.3.4"), "203.0.113.9", "a stranger says what they like");
    assert_eq!(address("10.0.0.1", "1.2.3.4"), "1.2.3.4");
    assert_eq!(
        address("10.0.0.1", "6.6.6.6, 1.2.3.4"),
        "1.2.3.4",
        "what the client wrote itself is not believed"
    );
    assert_eq!(address("10.0.0.1", "1.2.3.4, 10.0.0.2"), "1.2.3.4", "two of our own");
    assert_eq!(address("10.0.0.1", "nonsense"), "10.0.0.1");
    assert_eq!(address("::ffff:10.0.0.1", "1.2.3.4"), "1.2.3.4", "IPv4 in IPv6 clothes");
}

#[test]
fn a_forwarded_address_may_have_a_port() {
    for (forwarded, client) in [
        ("1.2.3.4:50123", "1.2.3.4"),
        ("2001:db8::1", "2001:db8::1"),
        ("[2001:db8::1]", "2001:db8::1"),
        ("[2001:db8::1]:50123", "2001:db8::1"),
        ("6.6.6.6:1, 1.2.3.4:50123, 10.0.0.2:8080", "1.2.3.4"),
        ("[::ffff:1.2.3.4]:50123", "1.2.3.4"),
        // What cannot be read is not an address.
        ("1.2.3.4, unknown", "10.0.0.1"),
        ("1.2.3.4:", "10.0.0.1"),
        ("1.2.3.4:99999", "10.0.0.1"),
        ("[1.2.3.4", "10.0.0.1"),
        ("", "10.0.0.1"),
    ] {
        assert_eq!(address("10.0.0.1", forwarded), client, "{forwarded}");
    }
}

#[tokio::test]
async fn a_request_that_takes_too_long_says_when_to_come_back() {
    let never = std::future::pending::<Response>;
    for (path, content_type) in [
        ("/login/password", "text/html; charset=utf-8"),
        ("/api/v1/users", "application/problem+json"),
        ("/scim/v2/Users", "application/scim+json"),
    ] {
        let cut_off = answer_within(Duration::ZERO, never()).await;
        let answer = render_refusal(cut_off, path, "a-request-id");
        assert_eq!(answer.status(), StatusCode::SERVICE_UNAVAILABLE, "{path}");
        assert_eq!(answer.headers()[header::RETRY_AFTER], "10", "{path}");
        assert_eq!(answer.headers()[header::CONTENT_TYPE], content_type, "{path}");
        let body = axum::body::to_bytes(answer.into_body(), 1 << 20).await.expect("a body");
        let text = String::from_utf8_lossy(&body);
        assert!(text.contains("Wait a few seconds and try again."), "{path}: {text}");
    }
    let at_once = answer_within(Duration::ZERO, async { StatusCode::NO_CONTENT.into_response() }).await;
    assert_eq!(at_once.status(), StatusCode::NO_CONTENT);
}
