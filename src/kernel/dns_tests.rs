use std::time::Instant;

use super::{DnsClient, DnsLookupError, TIMEOUT};
use crate::kernel::config::{DnsConfig, DnsServer};

#[tokio::test]
async fn a_silent_server_is_no_answer() {
    let silent = tokio::net::UdpSocket::bind(("127.0.0.1", 0)).await.expect("a port");
    let address = silent.local_addr().expect("address").to_string();
    let servers = vec![DnsServer::try_from(address).expect("an address")];
    let begun = Instant::now();
    let found = DnsClient::new(&DnsConfig { servers }).txt("_vestibule.acme.example").await;
    assert!(matches!(found, Err(DnsLookupError::Timeout)), "{found:?}");
    assert!(begun.elapsed() <= TIMEOUT + TIMEOUT / 5, "{:?}", begun.elapsed());
}
