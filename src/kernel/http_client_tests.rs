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
fn plain_http_needs_a_listed_network() {
    assert!(matches!(check(&rules(&[]), "http://idp.example.com/m"), Err(Error::InvalidUrl)));
    assert!(matches!(check(&rules(&[]), "file:///etc/passwd"), Err(Error::InvalidUrl)));
    assert!(matches!(check(&rules(&[]), "https://user:pw@idp.example.com/m"), Err(Error::InvalidUrl)));
    assert!(check(&rules(&["127.0.0.0/8"]), "http://127.0.0.1:9/m").is_ok());
}
