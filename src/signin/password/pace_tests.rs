use super::*;
use crate::kernel::http::REQUEST_TIME_LIMIT;

/// How long the last caller with a permit waits for an answer, if each hash takes `took` from now on.
fn longest_queue(pace: &Pace, now: Instant, took: Duration) -> Duration {
    took * u32::try_from(pace.places(1, now)).expect("a few")
}

#[test]
fn a_queue_that_cannot_end_in_time_refuses_at_its_door() {
    let begun = Instant::now();
    let unknown = Pace::default();
    assert_eq!(unknown.places(2, begun), 2 * 11, "nothing has been measured yet");
    assert!(longest_queue(&unknown, begun, Duration::from_millis(2500)) <= REQUEST_TIME_LIMIT);

    let usual = || Pace { average: Some(Duration::from_millis(25)), under_way: Vec::new() };
    assert_eq!(usual().places(2, begun), 2 * 41, "a second's worth");
    for millis in [100, 500, 2000, 10_000, 20_000] {
        let took = Duration::from_millis(millis);
        let now = begun + took;
        let mut pace = usual();
        pace.begin(begun);
        assert!(longest_queue(&pace, now, took) <= REQUEST_TIME_LIMIT, "under way for {took:?}");
        pace.begin(now);
        pace.end(begun, now);
        assert_eq!(pace.under_way, [now]);
        assert!(longest_queue(&pace, now, took) <= REQUEST_TIME_LIMIT, "one took {took:?}");
    }
    let mut pace = usual();
    pace.begin(begun);
    let hour = begun + Duration::from_hours(1);
    assert_eq!(pace.places(2, hour), 2, "one on each thread, however slow, to see when that ends");
}

#[test]
fn the_first_hash_says_how_long_they_take() {
    let begun = Instant::now();
    let mut pace = Pace::default();
    pace.begin(begun);
    let slow = begun + Duration::from_secs(2);
    assert_eq!(pace.places(2, slow), 2, "the first has been running for two seconds");
    pace.end(begun, begun + Duration::from_millis(20));
    assert_eq!(pace.places(2, slow), 2 * 51, "a second of hashes that take 20 ms");
}

#[test]
fn cheap_hashes_of_other_systems_do_not_open_the_queue() {
    let begun = Instant::now();
    let mut pace = Pace::default();
    for _ in 0..100 {
        pace.begin(begun);
        pace.end(begun, begun + Duration::from_micros(5));
    }
    assert!(longest_queue(&pace, begun, Duration::from_millis(100)) <= REQUEST_TIME_LIMIT);
}
