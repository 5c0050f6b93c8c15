//! A client with almost no overhead, so that the server is what is measured: one connection, HTTP/1.1, and
//! no parsing beyond status, headers and length.

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

/// A persistent connection.
pub(crate) struct Wire {
    stream: TcpStream,
    host: String,
    buffer: Vec<u8>,
    body_at: usize,
}

/// The status and headers of an answer. [`Wire::body`] has its body until the next request.
pub(crate) struct Reply {
    pub(crate) status: u16,
    head: String,
}

impl Reply {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let lines = self.head.lines().skip(1);
        let mut found = lines.filter_map(|line| line.split_once(": "));
        found.find_map(|(key, value)| key.eq_ignore_ascii_case(name).then_some(value))
    }
}

impl Wire {
    pub(crate) async fn open(url: &str) -> Self {
        let host = url.trim_start_matches("http://").to_owned();
        let stream = TcpStream::connect(&host).await.expect("connects");
        stream.set_nodelay(true).expect("option");
        Self { stream, host, buffer: Vec::with_capacity(8192), body_at: 0 }
    }

    /// The body of the last answer.
    pub(crate) fn body(&self) -> &[u8] {
        &self.buffer[self.body_at..]
    }

    /// Sends a request. `headers` are complete lines with their line ends; `form` is an encoded form or
    /// JSON.
    pub(crate) async fn send(&mut self, method: &str, path: &str, headers: &str, form: &str) -> Reply {
        let kind = match form.as_bytes() {
            [] => "",
            [b'{', ..] => "content-type: application/scim+json\r\n",
            _ => "content-type: application/x-www-form-urlencoded\r\n",
        };
        let request = format!(
            "{method} {path} HTTP/1.1\r\nhost: {host}\r\norigin: http://{host}\r\n{kind}content-length: {}\r\n{headers}\r\n{form}",
            form.len(),
            host = self.host,
        );
        self.stream.write_all(request.as_bytes()).await.expect("sent");
        self.buffer.clear();
        loop {
            let read = self.stream.read_buf(&mut self.buffer).await.expect("answers");
            assert!(read > 0, "the server closed the connection");
            let Some(end) = self.buffer.windows(4).position(|four| four == b"\r\n\r\n") else { continue };
            self.body_at = end + 4;
            let head = String::from_utf8_lossy(&self.buffer[..end]).into_owned();
            let status = head.get(9..12).and_then(|s| s.parse().ok()).expect("a status");
            let reply = Reply { status, head };
            let length: usize = reply.header("content-length").and_then(|n| n.parse().ok()).unwrap_or(0);
            while self.buffer.len() < end + 4 + length {
                let read = self.stream.read_buf(&mut self.buffer).await.expect("a body");
                assert!(read > 0, "the server closed the connection");
            }
            return reply;
        }
    }
}

/// Signs in through the pages; returns the status of the last answer and the session's cookie.
pub(crate) async fn sign_in(
    wire: &mut Wire,
    name: &str,
    password: &str,
    address: &str,
) -> (u16, Option<String>) {
    let from = format!("x-forwarded-for: {address}\r\n");
    let cookie_of = |reply: &Reply| {
        reply.header("set-cookie").and_then(|cookie| cookie.split(';').next()).map(str::to_owned)
    };
    let form = format!("identifier={name}%40bench.example");
    let sent = wire.send("POST", "/login", &from, &form).await;
    let cookie = cookie_of(&sent).expect("cookie");
    let flow = sent.header("location").and_then(|to| to.split("flow=").nth(1)).expect("flow");
    let form = format!("flow={flow}&password={}", password.replace(' ', "+"));
    let done = wire.send("POST", "/login/password", &format!("{from}cookie: {cookie}\r\n"), &form).await;
    (done.status, cookie_of(&done))
}
