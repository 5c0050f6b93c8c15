use super::*;

#[test]
fn times_with_a_zone_are_read_and_written_in_utc() {
    for (text, written) in [
        ("2026-11-23T14:05:00Z", "2026-11-23T14:05:00.000Z"),
        (" 2026-11-23T14:05:00.1239Z ", "2026-11-23T14:05:00.123Z"),
        ("2026-11-23T14:05:00+02:00", "2026-11-23T12:05:00.000Z"),
    ] {
        assert_eq!(parse_time(text).map(format_time).as_deref(), Some(written), "{text}");
    }
    for text in ["", "2026-11-23", "2026-11-23T14:05:00", "yesterday"] {
        assert_eq!(parse_time(text), None, "{text}");
    }
}

#[test]
fn nothing_is_later_than_the_last_moment() {
    let second = Duration::from_secs(1);
    assert_eq!(add(Timestamp::UNIX_EPOCH, second).as_second(), 1);
    assert_eq!(add(Timestamp::MAX, second), Timestamp::MAX);
}
