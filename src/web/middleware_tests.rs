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
