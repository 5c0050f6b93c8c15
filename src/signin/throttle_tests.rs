use std::net::Ipv4Addr;

use super::*;
use crate::kernel::{Clock, Timestamp};

fn address(n: u8) -> IpAddr {
    Ipv4Addr::new(203, 0, 113, n).into()
}

#[test]
fn one_address_takes_long_to_lock_somebody_out() {
    let clock = Clock::manual(Timestamp(1_000_000));
    let throttle = Throttle::new(&clock);
    for _ in 0..5 {
        throttle.record_password_attempt(address(1), "ada", 10).expect("half of the attempts at once");
    }
    let refused = throttle.record_password_attempt(address(1), "ada", 10).expect_err("then one a minute");
    assert_eq!(refused.retry_after, 60);
    throttle.record_password_attempt(address(1), "bob", 10).expect("somebody else");
    throttle
        .record_password_attempt(address(2), "ada", 10)
        .expect("another address: Ada herself is not kept out");
    for minute in 0..5 {
        clock.advance(Duration::from_mins(1));
        throttle
            .record_password_attempt(address(1), "ada", 10)
            .unwrap_or_else(|e| panic!("minute {minute}: {e}"));
        throttle.record_password_attempt(address(1), "ada", 10).expect_err("one a minute");
    }
}

#[test]
fn a_right_password_gives_the_attempts_back() {
    let clock = Clock::manual(Timestamp(1_000_000));
    let throttle = Throttle::new(&clock);
    for _ in 0..50 {
        throttle.record_password_attempt(address(1), "ada", 3).expect("never throttled");
        throttle.clear_failures(address(1), "ada");
    }
}

#[test]
fn one_address_cannot_try_many_people() {
    let clock = Clock::manual(Timestamp(1_000_000));
    let throttle = Throttle::new(&clock);
    for _ in 0..ADDRESS_BURST.get() {
        throttle.check_step(address(1)).expect("within the burst");
    }
    assert!(throttle.check_step(address(1)).is_err());
    throttle.check_step(address(2)).expect("another address");
}

#[test]
fn who_is_quiet_is_forgotten() {
    let clock = Clock::manual(Timestamp(1_000_000));
    let throttle = Throttle::new(&clock);
    throttle.record_password_attempt(address(1), "ada", 10).expect("first");
    throttle.forget_idle();
    assert_eq!(throttle.guesses().len(), 1);
    clock.advance(Duration::from_mins(2));
    throttle.forget_idle();
    assert_eq!(throttle.guesses().len(), 0);
}
