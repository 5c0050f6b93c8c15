use std::net::Ipv4Addr;

use super::*;
use crate::kernel::{Clock, Timestamp};

fn address(n: u8) -> IpAddr {
    Ipv4Addr::new(203, 0, 113, n).into()
}

#[test]
fn guessing_one_persons_password_from_many_addresses_is_slow() {
    let clock = Clock::manual(Timestamp(1_000_000));
    let throttle = Throttle::new(&clock);
    for n in 0..20 {
        throttle.attempt(address(n), "Ada@Example.com").expect("within the burst");
    }
    let refused =
        throttle.attempt(address(99), "ada@example.com").expect_err("the same person in other case");
    assert_eq!(refused.retry_after, 7);
    throttle.attempt(address(99), "bob@example.com").expect("others are not affected");
    clock.advance(Duration::from_secs(7));
    throttle.attempt(address(99), "ada@example.com").expect("later again");
}

#[test]
fn one_address_cannot_try_many_people() {
    let clock = Clock::manual(Timestamp(1_000_000));
    let throttle = Throttle::new(&clock);
    for n in 0..ADDRESS_BURST.get() {
        throttle.attempt(address(1), &format!("user{n}")).expect("within the burst");
    }
    assert!(throttle.attempt(address(1), "one more").is_err());
    throttle.attempt(address(2), "one more").expect("another address");
}
