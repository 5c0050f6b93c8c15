//! A connection as its client sees it, byte by byte.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpSocket, TcpStream};

/// More than any of these tests takes. A server that never closes a connection would hold them for ever.
pub const PATIENCE: Duration = Duration::from_mins(2);

pub const REQUEST: &str = "GET /healthz HTTP/1.1\r\nhost: x\r\n\r\n";
pub const HALF_A_HEAD: &str = "GET /healthz HTTP/1.1\r\nhost: x\r\n";

pub struct Wire(TcpStream);

fn address(url: &str) -> SocketAddr {
    url.trim_start_matches("http://").parse().expect("an address")
}

impl Wire {
    pub async fn open(url: &str) -> Self {
        Self::open_from(Ipv4Addr::LOCALHOST, url).await
    }

    /// A connection from another address of this machine: 127.0.0.2 and so on.
    pub async fn open_from(from: Ipv4Addr, url: &str) -> Self {
        let socket = TcpSocket::new_v4().expect("a socket");
        socket.bind((from, 0).into()).expect("an address of this machine");
        let connected = tokio::time::timeout(PATIENCE, socket.connect(address(url))).await;
        Self(connected.expect("in time").expect("the server accepts"))
    }

    /// A connection that has begun a request and waits.
    pub async fn half_open(url: &str) -> Self {
        let mut wire = Self::open(url).await;
        // Where there are too many, it may be closed already.
        drop(wire.try_send(HALF_A_HEAD).await);
        wire
    }

    /// A connection whose request has begun: the server waits for its body.
    pub async fn busy_from(from: Ipv4Addr, url: &str) -> Self {
        let mut wire = Self::open_from(from, url).await;
        let head = format!(
            "POST /login HTTP/1.1\r\nhost: x\r\norigin: {url}\r\nexpect: 100-continue\r\n\
             content-type: application/x-www-form-urlencoded\r\ncontent-length: 12\r\n\r\n"
        );
        wire.send(&head).await;
        assert!(wire.answer().await.starts_with("HTTP/1.1 100 "), "the server asks for the body");
        wire
    }

    /// Sends the body of a request of [`Self::busy_from`] and returns the answer.
    pub async fn finish(&mut self) -> String {
        self.send("identifier=a").await;
        self.answer().await
    }

    pub async fn send(&mut self, text: &str) {
        self.0.write_all(text.as_bytes()).await.expect("the connection is open");
    }

    /// Sends what the server may not want any more.
    pub async fn try_send(&mut self, text: &str) -> io::Result<()> {
        let sent = tokio::time::timeout(PATIENCE, self.0.write_all(text.as_bytes())).await;
        sent.expect("the server takes it or closes the connection")
    }

    /// The head of the next response, whose body is read too.
    pub async fn answer(&mut self) -> String {
        let read = tokio::time::timeout(PATIENCE, self.read_answer()).await;
        read.expect("in time").expect("the connection is open")
    }

    async fn read_answer(&mut self) -> io::Result<String> {
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            head.push(self.0.read_u8().await?);
        }
        let head = String::from_utf8(head).expect("text").to_lowercase();
        let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
        let mut body = vec![0; length.map_or(0, |length| length.parse().expect("a number"))];
        self.0.read_exact(&mut body).await?;
        Ok(head.replace("http/1.1", "HTTP/1.1"))
    }

    /// Sends a request and expects it to be answered with 200.
    pub async fn expect_answer(&mut self, request: &str) {
        self.send(request).await;
        let head = self.answer().await;
        assert!(head.starts_with("HTTP/1.1 200 "), "{head}");
    }

    /// Whether a request is answered on this connection, which the server may refuse.
    pub async fn is_answered(&mut self) -> bool {
        if self.try_send(REQUEST).await.is_err() {
            return false;
        }
        let read = tokio::time::timeout(PATIENCE, self.read_answer()).await;
        read.expect("in time").is_ok_and(|head| head.starts_with("HTTP/1.1 200 "))
    }

    /// Waits until the server has closed the connection, and returns what it sent before.
    pub async fn closed(&mut self) -> String {
        let mut rest = Vec::new();
        // A connection that is closed while something sent to it is unread ends with an error.
        let ended = tokio::time::timeout(PATIENCE, self.0.read_to_end(&mut rest)).await;
        drop(ended.expect("the server closes the connection"));
        String::from_utf8_lossy(&rest).into_owned()
    }

    /// Whether the server has closed the connection by now.
    pub fn is_closed(&self) -> bool {
        let mut byte = [0];
        match self.0.try_read(&mut byte) {
            Ok(read) => read == 0,
            Err(error) => error.kind() != io::ErrorKind::WouldBlock,
        }
    }
}
