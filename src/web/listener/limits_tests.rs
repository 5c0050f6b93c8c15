use super::*;

#[test]
fn connections_leave_files_for_everything_else() {
    let usual = ConnectionLimits::new(1_024, 16);
    assert_eq!(usual.connections, 1_024 - 256);
    assert_eq!(usual.per_address, 96);
    for files in [1, 2, 64, 256, 300, 512, 1_024, 4_096, 65_536, u64::MAX] {
        for database_connections in [1, 16, 1_000, u32::MAX] {
            let limits = ConnectionLimits::new(files, database_connections);
            let connections = u64::try_from(limits.connections).expect("fits");
            assert!(connections >= 1 && connections <= files, "{files} files: {connections}");
            assert!(connections <= 8_192, "{files} files: {connections}");
            assert!((1..=limits.connections).contains(&limits.per_address), "{files}: {limits:?}");
        }
    }
}

#[test]
fn a_high_limit_is_bounded_by_memory() {
    let limits = ConnectionLimits::new(u64::MAX, 16);
    assert_eq!((limits.connections, limits.per_address), (8_192, 1_024));
    assert_eq!(limits.for_metrics().connections, 64);
    assert_eq!(limits.for_metrics().head_timeout, limits.head_timeout);
    assert!(limits.proxy_idle_timeout > Duration::from_hours(1), "Envoy closes first");
}
