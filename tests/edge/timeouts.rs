//! A client that does not finish what it began, or does nothing, does not hold a connection for ever.

use std::net::Ipv4Addr;
use std::time::Duration;

use vestibule::web::ConnectionLimits;

use super::wire::{HALF_A_HEAD, REQUEST, Wire};
use super::{generous, raise_limit_on_files};
use crate::harness::Server;

/// Long enough that a busy machine, which may stop a test for seconds, does not close what is in use.
const SOON: Duration = Duration::from_secs(5);
/// 2,000 and more can be tried by hand.
const HALF_HEADS: usize = 1_000;

/// A server whose clients connect directly.
async fn server_within(limits: ConnectionLimits) -> Server {
    Server::start_within(limits, |config| config.server.trusted_proxies.clear()).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_thousand_half_heads_are_closed_while_others_are_answered() {
    // The test holds both ends.
    raise_limit_on_files();
    let mut limits = generous();
    limits.head_timeout = SOON;
    let server = server_within(limits).await;
    let tenant = server.tenant("acme").await;
    let mut held = Vec::new();
    for _ in 0..HALF_HEADS {
        held.push(Wire::half_open(&server.url).await);
    }
    for _ in 0..20 {
        // A client of its own has a connection of its own.
        server.client().bearer(&tenant.token).get("/api/v1/me").await.expect(200);
        server.client().get("/readyz").await.expect(200);
    }
    for wire in &mut held {
        assert_eq!(wire.closed().await, "", "no answer to half a request");
    }
    server.client().get("/readyz").await.expect(200);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_head_that_comes_byte_by_byte_is_late_too() {
    let mut limits = generous();
    limits.head_timeout = SOON;
    let server = server_within(limits).await;
    let mut other = Wire::open(&server.url).await;
    other.expect_answer(REQUEST).await;
    let mut slow = Wire::half_open(&server.url).await;
    // The time does not begin again with each byte.
    while !slow.is_closed() && slow.try_send("x").await.is_ok() {
        other.expect_answer(REQUEST).await;
    }
    other.expect_answer(REQUEST).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_connection_that_sends_nothing_is_closed() {
    let mut limits = generous();
    limits.head_timeout = SOON;
    let server = server_within(limits).await;
    assert_eq!(Wire::open(&server.url).await.closed().await, "");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_second_head_has_no_more_time_than_the_first() {
    let mut limits = generous();
    limits.head_timeout = SOON;
    let server = server_within(limits).await;
    let mut wire = Wire::open(&server.url).await;
    wire.expect_answer(REQUEST).await;
    wire.send(HALF_A_HEAD).await;
    assert_eq!(wire.closed().await, "");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_idle_connection_is_closed_and_one_in_use_is_not() {
    let mut limits = generous();
    limits.idle_timeout = SOON;
    let server = server_within(limits).await;
    let mut idle = Wire::open(&server.url).await;
    idle.expect_answer(REQUEST).await;
    let mut used = Wire::open(&server.url).await;
    while !idle.is_closed() {
        used.expect_answer(REQUEST).await;
    }
    used.expect_answer(REQUEST).await;
    assert_eq!(used.closed().await, "");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_trusted_proxy_keeps_idle_connections_for_longer() {
    let mut limits = generous();
    (limits.head_timeout, limits.idle_timeout) = (SOON, SOON);
    let server = Server::start_within(limits, |config| {
        config.server.trusted_proxies = vec!["127.0.0.9/32".parse().expect("network")];
    })
    .await;
    let proxy = Ipv4Addr::new(127, 0, 0, 9);
    let mut unused = Wire::open_from(proxy, &server.url).await;
    let mut idle = Wire::open_from(proxy, &server.url).await;
    idle.expect_answer(REQUEST).await;
    let mut half = Wire::open_from(proxy, &server.url).await;
    half.send(HALF_A_HEAD).await;
    // Idle for as long, and closed, as is a half head, which has no reason to wait.
    let mut other = Wire::open(&server.url).await;
    other.expect_answer(REQUEST).await;
    other.closed().await;
    half.closed().await;
    unused.expect_answer(REQUEST).await;
    idle.expect_answer(REQUEST).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_request_in_progress_is_not_ended_by_these_times() {
    let mut limits = generous();
    (limits.head_timeout, limits.idle_timeout) = (SOON, SOON);
    let server = server_within(limits).await;
    let mut busy = Wire::busy_from(Ipv4Addr::LOCALHOST, &server.url).await;
    // Begun after it, and closed.
    Wire::half_open(&server.url).await.closed().await;
    assert!(busy.finish().await.starts_with("HTTP/1.1 "));
    busy.closed().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_that_does_not_read_its_responses_is_closed() {
    let mut limits = generous();
    (limits.head_timeout, limits.idle_timeout) = (SOON, SOON);
    let server = server_within(limits).await;
    let mut deaf = Wire::open(&server.url).await;
    let request = "GET /api/v1/openapi.json HTTP/1.1\r\nhost: x\r\n\r\n";
    // Until all buffers are full, the server takes more; then it waits for the client, and gives up.
    while deaf.try_send(request).await.is_ok() {}
    server.client().get("/healthz").await.expect(200);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_not_http_is_closed_at_once() {
    let server = Server::start_within(generous(), |_| {}).await;
    // HTTP/2, TLS, SSH, NULs, a bad version, a header without a name.
    for garbage in [
        "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        "\u{16}\u{3}\u{1}\u{2}\0\u{1}\0\u{1}\u{fc}\u{3}\u{3}",
        "SSH-2.0-OpenSSH_9.2\r\n\r\n",
        "\0\0\0\0\0\0\0\0\r\n\r\n",
        "GET / HTTP/9.9\r\n\r\n",
        "GET / HTTP/1.1\r\n: x\r\n\r\n",
    ] {
        let mut wire = Wire::open(&server.url).await;
        wire.send(garbage).await;
        let said = wire.closed().await;
        assert!(said.is_empty() || said.starts_with("HTTP/1.1 4"), "{garbage:?}: {said}");
    }
    // An endless head is refused when it is too long, whatever time it has.
    let mut wire = Wire::half_open(&server.url).await;
    let header = format!("x: {}\r\n", "x".repeat(10_000));
    while wire.try_send(&header).await.is_ok() {}
    server.client().get("/healthz").await.expect(200);
}
