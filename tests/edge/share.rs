//! Connections have a limit, and each address has a share of it. Those that wait make room.

use std::net::Ipv4Addr;

use super::generous;
use super::wire::{HALF_A_HEAD, PATIENCE, REQUEST, Wire};
use crate::harness::Server;

const fn at(last: u8) -> Ipv4Addr {
    Ipv4Addr::new(127, 0, 0, last)
}

async fn half_open_from(from: Ipv4Addr, server: &Server) -> Wire {
    let mut wire = Wire::open_from(from, &server.url).await;
    wire.send(HALF_A_HEAD).await;
    wire
}

/// A server for six connections, three for each address but that of the proxy, 127.0.0.9.
async fn small() -> Server {
    let mut limits = generous();
    (limits.connections, limits.per_address) = (6, 3);
    Server::start_within(limits, |config| {
        config.server.trusted_proxies = vec!["127.0.0.9/32".parse().expect("network")];
    })
    .await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_connection_that_waits_for_longest_makes_room_for_a_new_one() {
    let server = small().await;
    let mut held = Vec::new();
    for last in [1, 2, 3, 1, 2, 3] {
        held.push(half_open_from(at(last), &server).await);
    }
    let mut new = Wire::open_from(at(4), &server.url).await;
    new.expect_answer(REQUEST).await;
    let mut others = held.split_off(1);
    held[0].closed().await;
    for other in &mut others {
        other.expect_answer("\r\n").await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_address_that_has_its_share_closes_connections_of_its_own() {
    let server = small().await;
    let mut other = half_open_from(at(2), &server).await;
    let mut held = Vec::new();
    for _ in 0..3 {
        held.push(half_open_from(at(3), &server).await);
    }
    for _ in 0..10 {
        held.push(half_open_from(at(3), &server).await);
    }
    let mut last = held.split_off(10);
    for wire in &mut held {
        wire.closed().await;
    }
    for wire in &mut last {
        wire.expect_answer("\r\n").await;
    }
    other.expect_answer("\r\n").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_trusted_proxy_has_no_share_and_keeps_its_connections() {
    let server = small().await;
    let mut pool = Vec::new();
    for _ in 0..4 {
        let mut wire = Wire::open_from(at(9), &server.url).await;
        wire.expect_answer(REQUEST).await;
        pool.push(wire);
    }
    let mut strangers = Vec::new();
    for last in 10..40 {
        strangers.push(half_open_from(at(last), &server).await);
    }
    for wire in &mut pool {
        wire.expect_answer(REQUEST).await;
    }
    let mut last = strangers.split_off(28);
    for wire in &mut strangers {
        wire.closed().await;
    }
    for wire in &mut last {
        wire.expect_answer("\r\n").await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn requests_in_progress_are_not_ended_for_new_connections() {
    let server = small().await;
    let mut busy = Vec::new();
    for _ in 0..3 {
        busy.push(Wire::busy_from(at(2), &server.url).await);
    }
    Wire::open_from(at(2), &server.url).await.closed().await;
    Wire::open_from(at(3), &server.url).await.expect_answer(REQUEST).await;
    for _ in 0..3 {
        busy.push(Wire::busy_from(at(9), &server.url).await);
    }
    // All six are busy, so even a proxy and an address with nothing open are refused.
    Wire::open_from(at(4), &server.url).await.closed().await;
    Wire::open_from(at(9), &server.url).await.closed().await;
    for wire in &mut busy {
        assert!(wire.finish().await.starts_with("HTTP/1.1 "));
    }
    // What was answered makes room again.
    Wire::open_from(at(4), &server.url).await.expect_answer(REQUEST).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn connections_that_their_clients_drop_during_a_request_count_no_longer() {
    // The share of an address, and the limit of all by way of the proxy, which has no share.
    for (last, limit) in [(2, 3), (9, 6)] {
        let server = small().await;
        let mut busy = Vec::new();
        for _ in 0..limit {
            busy.push(Wire::busy_from(at(last), &server.url).await);
        }
        Wire::open_from(at(last), &server.url).await.closed().await;
        drop(busy);
        // If they counted on, every new one would be refused, because they have a request in progress.
        let answered = async { while !Wire::open_from(at(last), &server.url).await.is_answered().await {} };
        tokio::time::timeout(PATIENCE, answered).await.expect("the server sees that they are gone");
    }
}
