//! Chromium, driven by its own driver.

use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use fantoccini::{Client, ClientBuilder, Locator};
use serde_json::json;
use tempfile::TempDir;

use super::peers::Ending;

/// A browser with a profile of its own. Ends with its owner.
pub struct Browser {
    pub page: Client,
    base: String,
    _driver: Ending,
    _profile: TempDir,
}

fn driver() -> (Child, u16) {
    let missing = "Chromium's driver is missing: run 'make peers'";
    let mut child =
        Command::new("chromedriver").arg("--port=0").stdout(Stdio::piped()).spawn().expect(missing);
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
        Self { page, base: base.to_owned(), _driver: Ending(child), _profile: profile }
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
            // A page that was replaced meanwhile has no such element any more; the next one may.
            if let Ok(text) = found.text().await {
                return text;
            }
        }
    }

    /// Waits until the address begins with `path` on this server.
    pub async fn at(&self, path: &str) {
        let prefix = format!("{}{path}", self.base);
        let reached = async {
            loop {
                if self.page.current_url().await.expect("address").as_str().starts_with(&prefix) {
                    return;
                }
            }
        };
        if tokio::time::timeout(std::time::Duration::from_secs(20), reached).await.is_err() {
            let body = self.text("body").await;
            panic!("not at {path} but at {}: {body}", self.page.current_url().await.expect("address"));
        }
    }

    /// Saves a picture of the whole page at this width.
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

    /// Pictures of a page at two widths, one of them dark now and then, in `target/pictures` to be looked at;
    /// fails when the page is wider than its window. An empty path is the page it is on.
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
        // Back to the size of a desk, or what is clicked next may be out of sight.
        self.cdp(json!({"cmd": "Emulation.clearDeviceMetricsOverride", "params": {}})).await;
    }

    /// Waits until the page shows this text.
    pub async fn sees(&self, text: &str) {
        let shown = async {
            while !self.text("body").await.contains(text) {
                tokio::task::yield_now().await;
            }
        };
        let seen = tokio::time::timeout(std::time::Duration::from_secs(20), shown).await.is_ok();
        assert!(seen, "{text} is not on the page: {}", self.text("body").await);
    }

    /// How far the page is wider than the window, in pixels.
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
        #[derive(Debug)]
        struct Cdp(String);
        impl fantoccini::wd::WebDriverCompatibleCommand for Cdp {
            fn endpoint(&self, base: &url::Url, session: Option<&str>) -> Result<url::Url, url::ParseError> {
                base.join(&format!("session/{}/goog/cdp/execute", session.unwrap_or_default()))
            }
            fn method_and_body(&self, _: &url::Url) -> (http::Method, Option<String>) {
                (http::Method::POST, Some(self.0.clone()))
            }
        }
        self.page.issue_cmd(Cdp(body.to_string())).await.expect("the browser obeys");
    }
}
