//! Chromium, controlled through chromedriver.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, Stdio};
use std::time::Duration;

use fantoccini::{Client, ClientBuilder, Locator};
use serde_json::{Value, json};
use tempfile::TempDir;

use super::peers::Ending;

/// A browser with its own profile. It is closed when this value is dropped.
pub struct Browser {
    pub page: Client,
    base: String,
    // The order of drops matters: the browser must be gone before its driver, and both before the profile.
    _session: Session,
    _driver: Ending,
    _profile: TempDir,
}

/// The session of the driver. Dropping it closes the browser, because a killed driver would leave the
/// browser and its child processes running.
struct Session {
    port: u16,
    id: String,
}

impl Drop for Session {
    fn drop(&mut self) {
        let Ok(mut driver) = TcpStream::connect(("127.0.0.1", self.port)) else { return };
        let head = "Host: 127.0.0.1\r\nConnection: close\r\nContent-Length: 0";
        let request = format!("DELETE /session/{} HTTP/1.1\r\n{head}\r\n\r\n", self.id);
        drop(driver.set_read_timeout(Some(Duration::from_secs(5))));
        if driver.write_all(request.as_bytes()).is_ok() {
            // The driver answers once the browser has exited.
            drop(driver.read_to_end(&mut Vec::new()));
        }
    }
}

fn driver() -> (Child, u16) {
    let missing = "Chromium's driver is missing: run 'make peers'";
    let mut child = std::process::Command::new("chromedriver")
        .arg("--port=0")
        .stdout(Stdio::piped())
        .spawn()
        .expect(missing);
    let lines = BufReader::new(child.stdout.take().expect("stdout")).lines();
    let mut lines = lines.map_while(Result::ok);
    let line = lines.find(|line| line.contains("started successfully on port")).expect("chromedriver starts");
    let port =
        line.rsplit(' ').next().and_then(|word| word.trim_end_matches('.').parse().ok()).expect("a port");
    std::thread::spawn(move || lines.for_each(drop));
    (child, port)
}

impl Browser {
    /// Opens a browser for the server at `base`.
    pub async fn open(base: &str) -> Self {
        let (child, port) = driver();
        let profile = tempfile::tempdir().expect("dir");
        let data = format!("--user-data-dir={}", profile.path().display());
        let arguments = [
            "--headless",
            "--no-sandbox",
            "--disable-gpu",
            "--disable-quic",
            "--no-first-run",
            "--disable-dev-shm-usage",
            "--disable-background-networking",
            "--disable-component-update",
            "--disable-sync",
            "--window-size=1280,900",
            &data,
        ];
        let wanted = json!({"browserName": "chrome", "goog:chromeOptions": {"args": arguments}});
        let capabilities = wanted.as_object().expect("object").clone();
        let page = ClientBuilder::new(hyper_util::client::legacy::connect::HttpConnector::new())
            .capabilities(capabilities)
            .connect(&format!("http://127.0.0.1:{port}"))
            .await
            .expect("Chromium starts");
        let id = page.session_id().await.expect("a session").expect("its id");
        let session = Session { port, id };
        Self { page, base: base.to_owned(), _session: session, _driver: Ending(child), _profile: profile }
    }

    pub async fn goto(&self, path: &str) {
        let url = if path.starts_with("http") { path.to_owned() } else { format!("{}{path}", self.base) };
        self.page.goto(&url).await.expect("the page loads");
    }

    pub async fn fill(&self, name: &str, value: &str) {
        let selector = format!("[name={name}]:not([type=hidden])");
        let field = self
            .page
            .wait()
            .for_element(Locator::Css(&selector))
            .await
            .unwrap_or_else(|e| panic!("{name}: {e}"));
        field.clear().await.expect("cleared");
        field.send_keys(value).await.expect("typed");
    }

    /// Clicks the button or link with this text.
    pub async fn click(&self, text: &str) {
        let path = format!("//*[self::button or self::a][normalize-space()='{text}']");
        let found = self
            .page
            .wait()
            .for_element(Locator::XPath(&path))
            .await
            .unwrap_or_else(|e| panic!("{text}: {e}"));
        found.click().await.expect("clicked");
    }

    pub async fn check(&self, name: &str) {
        let selector = format!("input[type=checkbox][name={name}]");
        let found = self
            .page
            .wait()
            .for_element(Locator::Css(&selector))
            .await
            .unwrap_or_else(|e| panic!("{name}: {e}"));
        found.click().await.expect("checked");
    }

    pub async fn text(&self, selector: &str) -> String {
        loop {
            let found = self.page.wait().for_element(Locator::Css(selector)).await.expect("element");
            // The page may have been replaced in the meantime, and the next one may have the element.
            if let Ok(text) = found.text().await {
                return text;
            }
        }
    }

    /// Waits until the URL begins with `path` on this server.
    pub async fn at(&self, path: &str) {
        let prefix = format!("{}{path}", self.base);
        let reached = async {
            loop {
                if self.page.current_url().await.expect("address").as_str().starts_with(&prefix) {
                    return;
                }
            }
        };
        if tokio::time::timeout(crate::harness::WAIT_LIMIT, reached).await.is_err() {
            let body = self.text("body").await;
            panic!("not at {path} but at {}: {body}", self.page.current_url().await.expect("address"));
        }
    }

    /// Saves a screenshot of the whole page at this width.
    pub async fn picture(&self, width: u32, file: &Path) {
        let metrics = |height: u64| {
            json!({"cmd": "Emulation.setDeviceMetricsOverride", "params": {
                "width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 600}})
        };
        self.cdp(metrics(900)).await;
        let height =
            self.page.execute("return document.documentElement.scrollHeight", vec![]).await.expect("height");
        self.cdp(metrics(height.as_u64().unwrap_or(900).clamp(400, 4000))).await;
        std::fs::write(file, self.page.screenshot().await.expect("picture")).expect("file");
    }

    /// Saves a screenshot of the top of the page, as a window of this size shows it.
    pub async fn window(&self, width: u32, height: u32, file: &Path) {
        let metrics = json!({"cmd": "Emulation.setDeviceMetricsOverride", "params": {
            "width": width, "height": height, "deviceScaleFactor": 1, "mobile": false}});
        self.cdp(metrics).await;
        std::fs::write(file, self.page.screenshot().await.expect("picture")).expect("file");
    }

    /// Saves screenshots of a page at two widths in `target/pictures` for review, some of the narrow ones in
    /// dark mode. Fails if the page is wider than its window. An empty `path` stands for the current page.
    pub async fn look(&self, name: &str, path: &str) {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/pictures");
        std::fs::create_dir_all(&folder).expect("folder");
        if !path.is_empty() {
            self.goto(path).await;
        }
        for width in [1280, 390] {
            self.dark(width == 390 && name.len().is_multiple_of(2)).await;
            self.picture(width, &folder.join(format!("{name}-{width}.png"))).await;
            assert_eq!(self.overflow().await, 0, "{name} at {width} pixels");
        }
        // Restores the desktop size; otherwise an element to be clicked next may be out of view.
        self.cdp(json!({"cmd": "Emulation.clearDeviceMetricsOverride", "params": {}})).await;
    }

    /// Waits until the page shows this text.
    pub async fn sees(&self, text: &str) {
        let shown = async {
            while !self.text("body").await.contains(text) {
                crate::harness::pause().await;
            }
        };
        let seen = tokio::time::timeout(crate::harness::WAIT_LIMIT, shown).await.is_ok();
        assert!(seen, "{text} is not on the page: {}", self.text("body").await);
    }

    /// By how many pixels the page is wider than the window.
    pub async fn overflow(&self) -> i64 {
        let script = "return document.documentElement.scrollWidth - document.documentElement.clientWidth";
        self.page.execute(script, vec![]).await.expect("script").as_i64().unwrap_or(0)
    }

    pub async fn dark(&self, dark: bool) {
        let value = if dark { "dark" } else { "light" };
        let features = json!([{"name": "prefers-color-scheme", "value": value}]);
        self.cdp(json!({"cmd": "Emulation.setEmulatedMedia", "params": {"features": features}})).await;
    }

    async fn cdp(&self, body: serde_json::Value) {
        self.command(http::Method::POST, "goog/cdp/execute".to_owned(), body).await;
    }

    /// Sends a command of the driver that its client library does not support.
    async fn command(&self, method: http::Method, path: String, body: Value) -> Value {
        self.page.issue_cmd(Command { method, path, body }).await.expect("the browser obeys")
    }

    /// Adds a virtual authenticator that consents to everything: one with passkeys and user verification, or
    /// a plain security key (Web Authentication §11).
    pub async fn plug_in(&self, keeps_passkeys: bool) -> Authenticator {
        let transport = if keeps_passkeys { "internal" } else { "usb" };
        let body = json!({"protocol": "ctap2", "transport": transport, "hasResidentKey": keeps_passkeys,
            "hasUserVerification": keeps_passkeys, "isUserConsenting": true, "isUserVerified": keeps_passkeys});
        let id = self.command(http::Method::POST, "webauthn/authenticator".to_owned(), body).await;
        Authenticator(id.as_str().expect("an id").to_owned())
    }

    pub async fn pull_out(&self, authenticator: &Authenticator) {
        let path = format!("webauthn/authenticator/{}", authenticator.0);
        self.command(http::Method::DELETE, path, Value::Null).await;
    }

    /// Sets whether user verification succeeds.
    pub async fn verifies(&self, authenticator: &Authenticator, verified: bool) {
        let path = format!("webauthn/authenticator/{}/uv", authenticator.0);
        self.command(http::Method::POST, path, json!({"isUserVerified": verified})).await;
    }

    /// The credentials in an authenticator, with their private keys.
    pub async fn keys(&self, authenticator: &Authenticator) -> Vec<Value> {
        let path = format!("webauthn/authenticator/{}/credentials", authenticator.0);
        self.command(http::Method::GET, path, Value::Null).await.as_array().expect("a list").clone()
    }

    /// Adds a copy of a credential to an authenticator.
    pub async fn copy_key(&self, authenticator: &Authenticator, key: &Value) {
        let path = format!("webauthn/authenticator/{}/credential", authenticator.0);
        self.command(http::Method::POST, path, key.clone()).await;
    }

    /// Fails if axe-core finds a violation of WCAG 2.2 A and AA or of its own best practices.
    pub async fn is_accessible(&self, name: &str) {
        let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/peers/axe.min.js");
        let axe = std::fs::read_to_string(file).expect("axe-core is missing: run 'make peers'");
        self.page.execute(&axe, vec![]).await.expect("axe-core loads");
        let script = "const done = arguments[0]; axe.run().then((found) => done(found.violations.map((v) => \
                      `${v.id} (${v.impact}): ${v.nodes.map((n) => n.html).join(' | ')}`)));";
        let found = self.page.execute_async(script, vec![]).await.expect("axe-core runs");
        assert_eq!(found, json!([]), "{name}");
    }

    /// The id, name or text of the element that has the focus.
    pub async fn focused(&self) -> String {
        let script = "const e = document.activeElement; return e.id || e.name || e.textContent.trim()";
        self.page.execute(script, vec![]).await.expect("script").as_str().unwrap_or_default().to_owned()
    }

    pub async fn press_tab(&self) {
        let active = self.page.active_element().await.expect("an element");
        active.send_keys("\u{e004}").await.expect("tab");
    }
}

/// The id of a virtual authenticator.
pub struct Authenticator(String);

#[derive(Debug)]
struct Command {
    method: http::Method,
    path: String,
    body: Value,
}

impl fantoccini::wd::WebDriverCompatibleCommand for Command {
    fn endpoint(&self, base: &url::Url, session: Option<&str>) -> Result<url::Url, url::ParseError> {
        base.join(&format!("session/{}/{}", session.unwrap_or_default(), self.path))
    }

    fn method_and_body(&self, _: &url::Url) -> (http::Method, Option<String>) {
        (self.method.clone(), Some(self.body.to_string()).filter(|_| self.method == http::Method::POST))
    }
}
