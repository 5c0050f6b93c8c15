use std::time::Duration;

use super::*;

const HOUR: Duration = Duration::from_hours(1);

fn limits(head_timeout: Duration, idle_timeout: Duration, proxy_idle_timeout: Duration) -> ConnectionLimits {
    ConnectionLimits { connections: 1, per_address: 1, head_timeout, idle_timeout, proxy_idle_timeout }
}

/// A connection whose response is in transfer.
fn sending(is_proxy: bool) -> ConnectionActivity {
    let activity = ConnectionActivity::new(is_proxy);
    assert!(activity.begin_request());
    activity.begin_response();
    activity
}

#[test]
fn a_response_in_transfer_is_a_request_in_progress() {
    let patient = limits(HOUR, HOUR, HOUR);
    let activity = sending(false);
    activity.bytes_sent();
    activity.bytes_flushed();
    assert!(activity.waits_since(&patient).is_none() && !activity.close(&patient), "more of the body comes");
    activity.end_response();
    assert!(activity.waits_since(&patient).is_none() && !activity.close(&patient), "not all of it has gone");
    activity.bytes_sent();
    activity.bytes_flushed();
    assert!(activity.waits_since(&patient).is_some() && activity.close(&patient));
}

#[test]
fn a_client_that_takes_nothing_of_its_response_waits_and_is_overdue_later() {
    let stalled = limits(Duration::ZERO, HOUR, HOUR);
    let late = limits(HOUR, Duration::ZERO, HOUR);
    for is_proxy in [false, true] {
        let activity = sending(is_proxy);
        assert!(activity.waits_since(&stalled).is_some() && !activity.is_overdue(&stalled));
        assert!(activity.is_overdue(&late) && activity.close(&late));
        activity.end_response();
        activity.bytes_flushed();
        assert!(!activity.begin_request(), "what is closed stays closed");
    }
}

#[test]
fn a_proxy_keeps_connections_between_requests_and_before_the_first() {
    let usual = limits(Duration::ZERO, Duration::ZERO, HOUR);
    let proxy = ConnectionActivity::new(true);
    assert!(proxy.waits_since(&usual).is_some() && !proxy.is_overdue(&usual), "it has sent nothing yet");
    proxy.bytes_received();
    assert!(proxy.is_overdue(&usual), "a head has the same time");
    assert!(proxy.begin_request());
    proxy.begin_response();
    proxy.end_response();
    proxy.bytes_flushed();
    assert!(!proxy.is_overdue(&usual));
    assert!(proxy.is_overdue(&limits(HOUR, HOUR, Duration::ZERO)));
    assert!(ConnectionActivity::new(false).is_overdue(&usual), "anyone else has sent nothing in time");
}
