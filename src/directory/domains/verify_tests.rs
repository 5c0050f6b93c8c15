use std::time::Duration;

use super::next_check;
use crate::kernel::Timestamp;

#[test]
fn checks_fall_on_the_times_that_have_consequences() {
    let hours = |n: u64| Timestamp(0).plus(Duration::from_hours(n));
    let next = |now: u64| next_check(hours(now), hours(6 * 24), hours(7 * 24));
    assert_eq!(next(0), hours(24));
    assert_eq!(next(6 * 24 - 5), hours(6 * 24));
    assert_eq!(next(6 * 24), hours(7 * 24));
    assert_eq!(next(6 * 24 + 3), hours(7 * 24));
}
