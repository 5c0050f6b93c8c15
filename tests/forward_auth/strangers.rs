//! Addresses that send the headers of a reverse proxy, and the real one among them.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use serde_json::json;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpSocket;
use vestibule::apps::forward_auth::{
    UntrustedProxy, forget_untrusted_proxies, record_untrusted_proxies, untrusted_proxies,
};

use super::world::Site;
use crate::harness::{Backend, Server};
use crate::on_both;

/// The doctor of the same server, which trusts no proxy.
fn doctor(server: &Server) -> Vec<String> {
    let said = server.doctor_with(&[("VESTIBULE_SERVER__TRUSTED_PROXIES", "[]")]).1;
    let lines = said.lines().filter(|line| line.contains("reverse proxy"));
    lines.map(str::to_owned).collect()
}

/// The findings of the doctor about proxies, once the first one names `address`. Counts are written after the
/// response.
async fn findings_that_begin_with(server: &Server, address: Ipv4Addr) -> Vec<String> {
    let found = async {
        loop {
            let lines = doctor(server);
            if lines.first().is_some_and(|line| line.contains(&format!(" {address} "))) {
                return lines;
            }
            crate::harness::pause().await;
        }
    };
    tokio::time::timeout(crate::harness::WAIT_LIMIT, found).await.expect("the proxy is named first")
}

/// Sends a request from this address of the loopback network.
async fn send_from(server: &Server, address: Ipv4Addr, path: &str, headers: &str) {
    let to: SocketAddr = server.url.strip_prefix("http://").expect("a URL").parse().expect("an address");
    let socket = TcpSocket::new_v4().expect("a socket");
    socket.bind((address, 0).into()).expect("an address of the loopback network");
    let mut stream = socket.connect(to).await.expect("connected");
    let head = format!("GET {path} HTTP/1.1\r\nHost: {to}\r\n{headers}Connection: close\r\n\r\n");
    stream.write_all(head.as_bytes()).await.expect("sent");
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).await.expect("an answer");
    assert!(answer.starts_with(b"HTTP/1.1 4"), "{}", String::from_utf8_lossy(&answer));
}

fn stranger(n: u16) -> Ipv4Addr {
    let [high, low] = n.to_be_bytes();
    Ipv4Addr::new(127, 1, high, low)
}

async fn that_trusts_nothing() -> Server {
    Server::start_with(Backend::Sqlite, |config| config.server.trusted_proxies = Vec::new()).await
}

const PROXY: Ipv4Addr = Ipv4Addr::new(127, 9, 9, 9);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_thousand_strangers_do_not_hide_the_proxy() {
    let server = that_trusts_nothing().await;
    let site = Site::with(&server, json!({})).await;
    // Strangers know the application, and send what a proxy would.
    let path = format!("/forward-auth/{}", site.id);
    let headers = format!("X-Forwarded-For: 203.0.113.9\r\nX-Forwarded-Host: {}\r\n", site.host);
    for n in 0..1000 {
        send_from(&server, stranger(n), &path, &headers).await;
        if n % 20 == 0 {
            send_from(&server, PROXY, &path, &headers).await;
        }
        if n % 300 == 299 {
            server.advance(61);
        }
    }
    server.advance(61);
    send_from(&server, PROXY, &path, &headers).await;
    let lines = findings_that_begin_with(&server, PROXY).await;
    assert!(lines[0].contains("a registered application"), "{lines:?}");
    assert_eq!(lines.len(), 4, "three addresses and one line about the others: {lines:?}");
    assert!(lines[3].contains("other addresses") && !lines[3].contains("127.1."), "{lines:?}");
    // What is stored is limited, and the proxy stays.
    let mut tx = server.kernel.db.begin().await.expect("tx");
    forget_untrusted_proxies(&mut tx).await.expect("forgotten");
    let stored: i64 = sqlx::query_scalar("SELECT COUNT(*) FROM untrusted_proxies")
        .fetch_one(&mut *tx)
        .await
        .expect("a count");
    tx.commit().await.expect("commit");
    assert!(stored <= 100, "{stored}");
    findings_that_begin_with(&server, PROXY).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_asks_for_a_registered_host_comes_first() {
    let server = that_trusts_nothing().await;
    let site = Site::with(&server, json!({})).await;
    let path = format!("/forward-auth/{}", site.id);
    let lie = "X-Forwarded-For: 203.0.113.9\r\n";
    for n in 0..30 {
        for _ in 0..5 {
            send_from(&server, stranger(n), "/nothing", lie).await;
        }
        let evil = format!("{lie}X-Forwarded-Host: evil.test\r\n");
        send_from(&server, stranger(n), &path, &evil).await;
        send_from(&server, stranger(n), "/forward-auth/unknown", &evil).await;
    }
    send_from(&server, PROXY, &path, &format!("X-Forwarded-Host: {}\r\n", site.host)).await;
    server.advance(61);
    send_from(&server, stranger(0), "/nothing", lie).await;
    let lines = findings_that_begin_with(&server, PROXY).await;
    assert!(lines[0].contains("a registered application (1 lately)"), "{lines:?}");
    assert!(lines[1].contains("requests of others"), "{lines:?}");
    // Nothing that a stranger has written is repeated.
    assert!(lines.iter().all(|line| !line.contains("evil") && !line.contains("203.0.113.9")), "{lines:?}");
}

on_both! {
    async fn what_was_forwarded_adds_up_and_is_forgotten(server: Server) {
        let address = |n: u8| IpAddr::from([192, 0, 2, n]);
        let seen = |n: u8, requests: i64, for_application: bool| {
            UntrustedProxy { address: address(n), requests, for_application }
        };
        let record = async |all: Vec<UntrustedProxy>| {
            let mut tx = server.kernel.db.begin().await.expect("tx");
            record_untrusted_proxies(&mut tx, all).await.expect("recorded");
            tx.commit().await.expect("commit");
        };
        let reported = async || {
            let mut c = server.kernel.db.read().await.expect("connection");
            untrusted_proxies(&mut c, server.clock.now()).await.expect("the addresses")
        };
        let forget = async || {
            let mut tx = server.kernel.db.begin().await.expect("tx");
            forget_untrusted_proxies(&mut tx).await.expect("forgotten");
            tx.commit().await.expect("commit");
        };
        record((0..=200).map(|n| seen(n, 1, false)).collect()).await;
        record(vec![seen(9, 5, false), seen(7, 1, true)]).await;
        // Once it has asked for an application, that stays known.
        record(vec![seen(7, 1, false), seen(8, 20, false)]).await;
        assert_eq!(reported().await[..3], [seen(7, 3, true), seen(8, 21, false), seen(9, 6, false)]);
        assert_eq!(reported().await.len(), 20);
        forget().await;
        let mut c = server.kernel.db.read().await.expect("connection");
        let count = sqlx::query_scalar("SELECT COUNT(*) FROM untrusted_proxies");
        let stored: i64 = count.fetch_one(&mut *c).await.expect("a count");
        drop(c);
        assert_eq!(stored, 100);
        assert_eq!(reported().await[..3], [seen(7, 3, true), seen(8, 21, false), seen(9, 6, false)]);
        // After a week without a request.
        server.advance(6 * 24 * 3600);
        record(vec![seen(8, 1, false)]).await;
        server.advance(2 * 24 * 3600);
        assert_eq!(reported().await, [seen(8, 22, false)]);
        forget().await;
        server.advance(6 * 24 * 3600);
        assert!(reported().await.is_empty());
    }
}
