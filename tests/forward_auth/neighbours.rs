//! Reverse proxies that run the recipes of the console, and an application behind them that answers with
//! what it received.

use std::path::Path;
use std::process::{Command, Stdio};

use serde_json::json;
use tempfile::TempDir;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

use super::world::Site;
use crate::harness::peers::Ending;
pub use crate::harness::peers::free_port;

/// A running reverse proxy.
pub struct Neighbour {
    _process: Ending,
    _dir: TempDir,
}

/// A recipe with the addresses of this test, without TLS.
fn recipe(name: &str, site: &Site<'_>, upstream: &Upstream) -> String {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("templates/apps/recipes").join(name);
    let text = std::fs::read_to_string(file).expect("a recipe");
    let ours = site.server.url.replace("http://localhost:", "127.0.0.1:");
    text.replace("APPLICATION_ID", &site.id)
        .replace("127.0.0.1:8080", &ours)
        .replace("127.0.0.1:3000", &format!("127.0.0.1:{}", upstream.port))
}

/// Replaces a line of a recipe, which must be there.
fn line(text: &str, from: &str, to: &str) -> String {
    assert!(text.contains(from), "the recipe has no {from}");
    text.replace(from, to)
}

impl Neighbour {
    fn spawn(program: &str, arguments: &[&str], dir: TempDir) -> Self {
        assert!(Path::new(program).exists(), "{program} is missing: run 'make peers'");
        let mut command = Command::new(program);
        command.args(arguments).current_dir(dir.path()).env("HOME", dir.path());
        command.env("XDG_DATA_HOME", dir.path()).env("XDG_CONFIG_HOME", dir.path());
        let child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("the proxy starts");
        Self { _process: Ending(child), _dir: dir }
    }

    pub fn nginx(site: &Site<'_>, port: u16, upstream: &Upstream) -> Self {
        let dir = tempfile::tempdir().expect("dir");
        let text = recipe("nginx.conf", site, upstream);
        let text = line(&text, "listen 443 ssl;", &format!("listen 127.0.0.1:{port};"));
        let text = line(&text, "ssl_certificate ", "# ");
        let text = line(&text, "ssl_certificate_key ", "# ");
        let text = line(&text, "server_name app.example.com;", "server_name app.localhost;");
        let at = dir.path().display();
        let kinds = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"];
        let temporary = kinds.map(|kind| format!("{kind}_temp_path {at}/{kind};\n")).concat();
        let text = format!(
            "daemon off; master_process off; pid {at}/pid; error_log {at}/error.log;\nevents {{}}\n\
             http {{ access_log off;\n{temporary}{text}}}\n"
        );
        std::fs::write(dir.path().join("nginx.conf"), text).expect("file");
        let file = format!("{at}/nginx.conf");
        Self::spawn("/usr/sbin/nginx", &["-c", &file, "-e", &format!("{at}/error.log")], dir)
    }

    pub fn caddy(site: &Site<'_>, port: u16, upstream: &Upstream) -> Self {
        let dir = tempfile::tempdir().expect("dir");
        let text = recipe("Caddyfile", site, upstream);
        let text = line(&text, "app.example.com {", &format!("http://app.localhost:{port} {{"));
        let text = format!("{{\n    admin off\n    auto_https off\n}}\n{text}");
        std::fs::write(dir.path().join("Caddyfile"), text).expect("file");
        let file = format!("{}/Caddyfile", dir.path().display());
        Self::spawn("/usr/bin/caddy", &["run", "--adapter", "caddyfile", "--config", &file], dir)
    }

    pub fn haproxy(site: &Site<'_>, port: u16, upstream: &Upstream) -> Self {
        let dir = tempfile::tempdir().expect("dir");
        let at = dir.path().display().to_string();
        let text = recipe("haproxy.cfg", site, upstream);
        let text = line(&text, "/etc/haproxy/vestibule.lua", &format!("{at}/vestibule.lua"));
        let tls = "bind :443 ssl crt /etc/haproxy/app.example.com.pem";
        let text = line(&text, tls, &format!("bind 127.0.0.1:{port}"));
        std::fs::write(dir.path().join("haproxy.cfg"), text).expect("file");
        std::fs::write(dir.path().join("vestibule.lua"), recipe("haproxy.lua", site, upstream))
            .expect("file");
        Self::spawn("/usr/sbin/haproxy", &["-db", "-f", &format!("{at}/haproxy.cfg")], dir)
    }

    /// Waits until it accepts connections.
    pub async fn is_ready(&self, port: u16) {
        let ready = async {
            while TcpStream::connect(("127.0.0.1", port)).await.is_err() {
                crate::harness::pause().await;
            }
        };
        tokio::time::timeout(crate::harness::WAIT_LIMIT, ready).await.expect("the proxy listens");
    }
}

/// An application that answers with what it received, and echoes after an upgrade.
pub struct Upstream {
    pub port: u16,
    task: JoinHandle<()>,
}

impl Drop for Upstream {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Upstream {
    pub async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let port = listener.local_addr().expect("address").port();
        let task = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(async move { drop(answer(stream).await) });
            }
        });
        Self { port, task }
    }
}

async fn answer(mut stream: TcpStream) -> std::io::Result<()> {
    let mut received = Vec::new();
    let end = loop {
        if let Some(end) = received.windows(4).position(|four| four == b"\r\n\r\n") {
            break end;
        }
        if stream.read_buf(&mut received).await? == 0 {
            return Ok(());
        }
    };
    let head = String::from_utf8_lossy(&received[..end]).into_owned();
    let mut lines = head.split("\r\n");
    let mut first = lines.next().unwrap_or_default().split(' ');
    let (method, target) = (first.next().unwrap_or_default(), first.next().unwrap_or_default());
    let headers: Vec<(&str, &str)> = lines.filter_map(|line| line.split_once(": ")).collect();
    let value =
        |name: &str| headers.iter().find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| *value);
    if value("upgrade") == Some("websocket") {
        let answer = "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
                      Sec-WebSocket-Accept: s3pPLMBiTKxaQ9kYGzzhZRbK+xOo=\r\n\r\n";
        stream.write_all(answer.as_bytes()).await?;
        let (mut from, mut to) = stream.split();
        return tokio::io::copy(&mut from, &mut to).await.map(drop);
    }
    let length: usize = value("content-length").and_then(|text| text.parse().ok()).unwrap_or(0);
    while received.len() < end + 4 + length {
        if stream.read_buf(&mut received).await? == 0 {
            break;
        }
    }
    let body = received.len() - end - 4;
    let (kind, text) = if target.starts_with("/page") {
        ("text/html", "<!doctype html><title>Application</title><h1>Application</h1>".to_owned())
    } else {
        let headers: Vec<_> = headers.iter().map(|(name, value)| json!([name, value])).collect();
        let all = json!({"method": method, "target": target, "headers": headers, "body": body});
        ("application/json", all.to_string())
    };
    let answer = format!(
        "HTTP/1.1 200 OK\r\nContent-Type: {kind}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{text}",
        text.len()
    );
    stream.write_all(answer.as_bytes()).await?;
    stream.shutdown().await
}
