use super::*;

fn rules(allowed: &[&str]) -> NetworkRules {
    NetworkRules { allowed: allowed.iter().map(|n| n.parse().expect("network")).collect() }
}

fn check(rules: &NetworkRules, url: &str) -> Result<(), Error> {
    rules.check_url(&url.parse().expect("url"))
}

#[test]
fn inside_addresses_are_refused_in_every_spelling() {
    let rules = rules(&[]);
    for url in [
        "https://127.0.0.1/",
        "https://10.1.2.3/",
        "https://169.254.169.254/latest/meta-data",
        "https://[::1]/",
        "https://[::ffff:127.0.0.1]/",
        "https://[fd00::1]/",
        "https://[fe80::1]/",
        "https://0.0.0.0/",
        "https://2130706433/",
        "https://0x7f.1/",
        "https://100.64.0.1/",
        "https://[2002:7f00:1::]/",
        "https://224.0.0.1/",
    ] {
        assert!(matches!(check(&rules, url), Err(Error::PrivateNetwork)), "{url}");
    }
    assert!(check(&rules, "https://93.184.216.34/metadata").is_ok());
}

#[test]
fn networks_of_an_account_are_its_own() {
    let config: config::OutgoingConfig = serde_json::from_value(serde_json::json!({
        "allowed_networks": ["10.1.0.0/16"],
        "account_networks": {"acme": ["127.0.0.1/32", "fd00::/64"]},
    }))
    .expect("configuration");
    let clients = HttpClients::new(&config);
    let literal =
        |slug: &str, url: &str| clients.of_account(slug).check_literal(&url.parse().expect("url")).is_ok();
    for (url, acme, evil) in [
        ("https://10.1.2.3/", true, true),
        ("https://127.0.0.1/", true, false),
        ("ldaps://127.0.0.1", true, false),
        ("ldaps://0x7f.1", true, false),
        ("ldaps://[fd00::1]:636", true, false),
        ("ldaps://[fd00:0:0:1::1]", false, false),
        // One address is not its network.
        ("https://127.0.0.2/", false, false),
        ("https://10.2.0.1/", false, false),
        ("https://db.internal/", true, true),
    ] {
        assert_eq!((literal("acme", url), literal("evil", url)), (acme, evil), "{url}");
    }
}

#[test]
fn every_failure_to_connect_reads_the_same() {
    let closed = std::io::Error::from(std::io::ErrorKind::ConnectionRefused);
    let all = [
        FailedConnection::PrivateNetwork("db".into()),
        FailedConnection::Unencrypted("db".into()),
        FailedConnection::NotConnected { host: "db".into(), error: closed },
        FailedConnection::Protocol("tls: handshake failure".into()),
    ];
    for cause in all.map(Error::Unreachable) {
        assert_eq!(cause.to_string(), UNREACHABLE);
        assert_ne!(cause.cause(), UNREACHABLE);
    }
    let certificate = Error::of_text("TLS: invalid peer certificate: Expired".to_owned());
    assert_eq!(certificate.to_string(), "invalid peer certificate: Expired");
}

#[test]
fn plain_http_needs_a_listed_network() {
    assert!(matches!(check(&rules(&[]), "http://idp.example.com/m"), Err(Error::InvalidUrl)));
    assert!(matches!(check(&rules(&[]), "file:///etc/passwd"), Err(Error::InvalidUrl)));
    assert!(matches!(check(&rules(&[]), "https://user:pw@idp.example.com/m"), Err(Error::InvalidUrl)));
    assert!(check(&rules(&["127.0.0.0/8"]), "http://127.0.0.1:9/m").is_ok());
}
