use super::model::has_ended;
use crate::directory::accounts::SessionSettings;
use crate::kernel::Timestamp;

const MINUTE: i64 = 60_000;

#[test]
fn limits_are_exact() {
    let settings = SessionSettings { inactivity_minutes: 30, absolute_minutes: 60 };
    let at = |used: i64, now: i64| has_ended(&settings, Timestamp(0), Timestamp(used), Timestamp(now));
    assert!(!at(0, 30 * MINUTE - 1));
    assert!(at(0, 30 * MINUTE));
    assert!(!at(29 * MINUTE + 999, 59 * MINUTE + 998));
    assert!(at(59 * MINUTE, 60 * MINUTE), "the absolute limit, however busy");
    let endless = SessionSettings { inactivity_minutes: 30, absolute_minutes: 0 };
    assert!(!has_ended(&endless, Timestamp(0), Timestamp(99_999 * MINUTE), Timestamp(100_000 * MINUTE)));
}
