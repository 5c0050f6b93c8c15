use super::*;

#[test]
fn connections_are_counted_by_address_or_ipv6_network() {
    let trusted_proxies = vec!["10.0.0.0/8".parse().expect("network"), "fd00::/8".parse().expect("network")];
    let server = ServerConfig { trusted_proxies, ..ServerConfig::default() };
    let client = |peer: &str| client_of(&server, peer.parse().expect("an address"));
    assert_eq!(client("192.0.2.7"), Some("192.0.2.7".parse().expect("an address")));
    assert_eq!(client("::ffff:192.0.2.7"), client("192.0.2.7"), "on a socket for both protocols");
    assert_ne!(client("192.0.2.7"), client("192.0.2.8"));
    assert_eq!(client("2001:db8:0:1::1"), client("2001:db8:0:1:ffff::2"), "one /64");
    assert_ne!(client("2001:db8:0:1::1"), client("2001:db8:0:2::1"));
    for proxy in ["10.1.2.3", "::ffff:10.1.2.3", "fd00::1"] {
        assert_eq!(client(proxy), None, "{proxy}");
    }
    assert!(client("127.0.0.1").is_some(), "a proxy on this machine has to be configured as well");
}

#[tokio::test]
async fn overdue_connections_are_found_soon() {
    let limits = |head, idle| ConnectionLimits {
        connections: 1,
        per_address: 1,
        head_timeout: Duration::from_millis(head),
        idle_timeout: Duration::from_millis(idle),
        proxy_idle_timeout: Duration::from_hours(1),
    };
    assert_eq!(ticks(&limits(10_000, 75_000)).period(), Duration::from_secs(1));
    assert_eq!(ticks(&limits(200, 75_000)).period(), Duration::from_millis(20));
    assert_eq!(ticks(&limits(10_000, 1)).period(), Duration::from_millis(1));
}

#[test]
fn connections_are_closed_for_want_of_files_or_memory_only() {
    let is_for_want = |errno: Errno| is_for_want_of_files(&errno.into());
    for errno in [Errno::MFILE, Errno::NFILE, Errno::NOBUFS, Errno::NOMEM] {
        assert!(is_for_want(errno), "{errno}");
    }
    for errno in [Errno::PERM, Errno::PROTO, Errno::NETDOWN, Errno::CONNABORTED, Errno::INTR] {
        assert!(!is_for_want(errno), "{errno}");
    }
    assert!(!is_for_want_of_files(&io::Error::other("without a number")));
}

#[test]
fn each_condition_is_warned_of_once_in_its_time() {
    let mut warnings = Warnings::default();
    assert!(is_due(&mut warnings.last_refused) && !is_due(&mut warnings.last_refused));
    assert!(is_due(&mut warnings.last_not_accepted), "although the other has just been logged");
}
