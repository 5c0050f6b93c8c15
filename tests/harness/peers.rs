//! Third-party identity providers, started on free ports and stopped with their owner.

use std::io::{BufRead as _, BufReader};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use tempfile::TempDir;

/// A port of this machine that is free.
pub fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").expect("a free port").local_addr().expect("address").port()
}

/// A child process that is killed when this value is dropped.
pub struct Ending(pub Child);

impl Drop for Ending {
    fn drop(&mut self) {
        drop(self.0.kill());
        drop(self.0.wait());
    }
}

/// A third-party SAML identity provider.
pub trait SamlIdp {
    async fn metadata(&self) -> String;
    /// Registers a service provider.
    async fn trust(&self, entity_id: &str, acs: &str, metadata: &str);
    /// Signs a user in on the page that the browser was sent to.
    async fn sign_in(&self, browser: &fantoccini::Client, email: &str);
    fn metadata_url(&self) -> String;
    /// Sets what it signs (`response`, `assertion` or `both`) and whether it encrypts.
    async fn mode(&self, sign: &str, encrypt: bool);
    /// Whether it can only encrypt in CBC mode.
    const CBC_ONLY: bool = false;
    /// Generates a new signing key and publishes it beside the old one.
    async fn rotate(&self);
    /// The URL of an IdP-initiated sign-in.
    fn start_url(&self, entity_id: &str) -> String;
    /// The URL of an IdP-initiated logout.
    fn logout_url(&self, email: &str) -> String;
}

async fn post(url: &str, body: String) {
    let http = reqwest::Client::builder().no_proxy().build().expect("client");
    let answer = http.post(url).body(body).send().await.expect("the provider answers");
    let (status, text) = (answer.status(), answer.text().await.expect("text"));
    assert_eq!(status, 200, "{url}: {text}");
}

/// The first line that a child prints.
pub fn first_line(child: &mut Child) -> String {
    let mut line = String::new();
    BufReader::new(child.stdout.take().expect("stdout")).read_line(&mut line).expect("a line");
    line.trim().to_owned()
}

/// A provider built from a library, run by one of our scripts, which all take the same commands.
pub struct Script {
    base: String,
    _process: Ending,
    _dir: TempDir,
}

impl Script {
    /// pysaml2, from `PyPI`.
    pub fn pysaml2() -> Self {
        let python = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/peers/venv/bin/python");
        assert!(python.exists(), "pysaml2 is missing: run 'make peers'");
        Self::start(Command::new(python), "pysaml2_idp.py")
    }

    /// samlify, from npm.
    pub fn samlify() -> Self {
        let modules = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/peers/node/node_modules");
        assert!(modules.join("samlify").exists(), "samlify is missing: run 'make peers'");
        let mut node = Command::new("node");
        node.env("NODE_MODULES", modules);
        Self::start(node, "samlify_idp.js")
    }

    fn start(mut interpreter: Command, script: &str) -> Self {
        let dir = tempfile::tempdir().expect("dir");
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/peers").join(script);
        let mut child =
            interpreter.arg(script).arg(dir.path()).stdout(Stdio::piped()).spawn().expect("the interpreter");
        let base = first_line(&mut child);
        assert!(base.starts_with("http"), "the provider did not start: {base}");
        Self { base, _process: Ending(child), _dir: dir }
    }
}

impl SamlIdp for Script {
    async fn metadata(&self) -> String {
        let http = reqwest::Client::builder().no_proxy().build().expect("client");
        let answer = http.get(self.metadata_url()).send().await.expect("metadata");
        answer.text().await.expect("text")
    }

    async fn trust(&self, _: &str, _: &str, metadata: &str) {
        post(&format!("{}/trust", self.base), metadata.to_owned()).await;
    }

    async fn sign_in(&self, browser: &fantoccini::Client, email: &str) {
        let field =
            browser.wait().for_element(fantoccini::Locator::Id("email")).await.expect("the provider's page");
        field.send_keys(email).await.expect("typed");
        browser.find(fantoccini::Locator::Id("go")).await.expect("button").click().await.expect("clicked");
    }

    fn metadata_url(&self) -> String {
        format!("{}/metadata", self.base)
    }

    async fn mode(&self, sign: &str, encrypt: bool) {
        post(
            &format!("{}/mode", self.base),
            serde_json::json!({"sign": sign, "encrypt": encrypt}).to_string(),
        )
        .await;
    }

    async fn rotate(&self) {
        post(&format!("{}/rotate", self.base), String::new()).await;
    }

    fn start_url(&self, _: &str) -> String {
        format!("{}/start", self.base)
    }

    fn logout_url(&self, email: &str) -> String {
        format!("{}/logout?email={email}", self.base)
    }
}

/// `SimpleSAMLphp`, from Debian, under PHP's own web server.
pub struct SimpleSaml {
    base: String,
    config: PathBuf,
    /// What it knows of the service provider: entity ID, assertion consumer service, encryption certificate.
    partner: std::sync::Mutex<(String, String, String)>,
    pairs: std::sync::atomic::AtomicUsize,
    _process: Ending,
    _dir: TempDir,
}

impl SimpleSaml {
    pub fn start() -> Self {
        let www = Path::new("/usr/share/simplesamlphp/www");
        assert!(www.exists(), "SimpleSAMLphp is missing: run 'make peers'");
        let dir = tempfile::tempdir().expect("dir");
        let at = |name: &str| dir.path().join(name);
        for folder in ["config", "metadata", "cert", "tmp", "sessions", "log"] {
            std::fs::create_dir(at(folder)).expect("folder");
        }
        make_pair(&at("cert"), 0);
        let port = free_port();
        let base = format!("http://127.0.0.1:{port}");
        let root = dir.path().display();
        let config = format!(
            "<?php $config = ['baseurlpath' => '{base}/', 'certdir' => '{root}/cert/', 'loggingdir' => '{root}/log/', \
             'datadir' => '{root}/', 'tempdir' => '{root}/tmp', 'metadatadir' => '{root}/metadata/', \
             'technicalcontact_email' => 'na@example.org', 'timezone' => 'UTC', 'secretsalt' => 'tests-and-only-tests', \
             'auth.adminpassword' => 'unused-in-tests', 'debug' => null, 'showerrors' => true, 'errorreporting' => false, \
             'logging.level' => 3, 'logging.handler' => 'file', 'logging.logfile' => 'ssp.log', \
             'enable.saml20-idp' => true, 'module.enable' => ['exampleauth' => true, 'core' => true, 'saml' => true], \
             'session.cookie.name' => 'ssp', 'session.cookie.secure' => false, 'session.cookie.samesite' => null, \
             'session.phpsession.savepath' => '{root}/sessions', 'session.phpsession.cookiename' => 'sspphp', \
             'store.type' => 'phpsession', 'language.default' => 'en', 'theme.use' => 'default', \
             'metadata.sources' => [['type' => 'flatfile']], 'trusted.url.domains' => [], 'admin.protectmetadata' => false];"
        );
        std::fs::write(at("config/config.php"), config).expect("config");
        let sources = "<?php $config = ['people' => ['exampleauth:UserPass', \
             'ada@acme.example:pw' => ['mail' => ['ada@acme.example'], 'uid' => ['ada']], \
             'bob@acme.example:pw' => ['mail' => ['bob@acme.example'], 'uid' => ['bob']]]];";
        std::fs::write(at("config/authsources.php"), sources).expect("config");
        std::fs::write(at("metadata/saml20-idp-hosted.php"), hosted(&base, 0)).expect("config");
        std::fs::write(at("metadata/saml20-sp-remote.php"), "<?php").expect("config");
        let child = Command::new("php")
            .args(["-d", "opcache.enable=0", "-S", &format!("127.0.0.1:{port}"), "-t"])
            .arg(www)
            .env("SIMPLESAMLPHP_CONFIG_DIR", at("config"))
            .env("PHP_CLI_SERVER_WORKERS", "2")
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("php");
        let (partner, pairs) = (std::sync::Mutex::default(), std::sync::atomic::AtomicUsize::new(1));
        Self { base, config: at("metadata"), partner, pairs, _process: Ending(child), _dir: dir }
    }

    /// Writes the metadata of the service provider, with what to sign and whether to encrypt.
    fn write_partner(&self, sign: &str, encrypt: bool) {
        let (entity_id, acs, certificate) = self.partner.lock().expect("lock").clone();
        let slo = acs.replace("/acs", "/slo");
        let (response, assertion) = (sign != "assertion", sign != "response");
        let remote = format!(
            "<?php $metadata['{entity_id}'] = ['AssertionConsumerService' => '{acs}', 'SingleLogoutService' => '{slo}', \
             'NameIDFormat' => 'urn:oasis:names:tc:SAML:1.1:nameid-format:emailAddress', \
             'saml20.sign.response' => {response}, 'saml20.sign.assertion' => {assertion}, \
             'assertion.encryption' => {encrypt}, 'sharedkey_algorithm' => 'http://www.w3.org/2009/xmlenc11#aes256-gcm', \
             'keys' => [['type' => 'X509Certificate', 'encryption' => true, 'signing' => false, \
             'X509Certificate' => '{certificate}']]];"
        );
        std::fs::write(self.config.join("saml20-sp-remote.php"), remote).expect("trust");
    }
}

fn make_pair(folder: &Path, number: usize) {
    let made = Command::new("openssl")
        .args(["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "90", "-subj", "/CN=ssp"])
        .arg("-keyout")
        .arg(folder.join(format!("idp{number}.key")))
        .arg("-out")
        .arg(folder.join(format!("idp{number}.crt")))
        .output()
        .expect("openssl");
    assert!(made.status.success());
}

/// The provider's own metadata. A `number` above 0 publishes that key pair as the new one beside the pair
/// before it, which still signs.
fn hosted(base: &str, number: usize) -> String {
    let plain = number.saturating_sub(1);
    let fresh = if number > 0 {
        format!("'new_privatekey' => 'idp{number}.key', 'new_certificate' => 'idp{number}.crt',")
    } else {
        String::new()
    };
    format!(
        "<?php $metadata['{base}/idp'] = ['host' => '__DEFAULT__', 'privatekey' => 'idp{plain}.key', \
         'certificate' => 'idp{plain}.crt', {fresh} 'auth' => 'people', 'sign.logout' => true, \
         'NameIDFormat' => 'urn:oasis:names:tc:SAML:1.1:nameid-format:emailAddress', \
         'simplesaml.nameidattribute' => 'mail', 'authproc' => [1 => ['class' => 'saml:AttributeNameID', \
         'attribute' => 'mail', 'Format' => 'urn:oasis:names:tc:SAML:1.1:nameid-format:emailAddress']]];"
    )
}

impl SamlIdp for SimpleSaml {
    const CBC_ONLY: bool = true;

    async fn metadata(&self) -> String {
        let http = reqwest::Client::builder().no_proxy().build().expect("client");
        let url = self.metadata_url();
        let started = async {
            loop {
                if let Ok(answer) = http.get(&url).send().await {
                    let (status, text) = (answer.status(), answer.text().await.expect("text"));
                    assert_eq!(status, 200, "SimpleSAMLphp: {text}");
                    return text;
                }
                crate::harness::pause().await;
            }
        };
        tokio::time::timeout(crate::harness::WAIT_LIMIT, started).await.expect("SimpleSAMLphp starts")
    }

    async fn trust(&self, entity_id: &str, acs: &str, metadata: &str) {
        let encryption = metadata.split("use=\"encryption\"").nth(1).unwrap_or_default();
        let certificate = encryption.split("X509Certificate>").nth(1).and_then(|rest| rest.split('<').next());
        let certificate = certificate.unwrap_or_default().split_whitespace().collect();
        *self.partner.lock().expect("lock") = (entity_id.to_owned(), acs.to_owned(), certificate);
        self.write_partner("assertion", false);
    }

    async fn sign_in(&self, browser: &fantoccini::Client, email: &str) {
        let name = browser
            .wait()
            .for_element(fantoccini::Locator::Id("username"))
            .await
            .expect("SimpleSAMLphp's page");
        name.send_keys(email).await.expect("typed");
        let password = browser.find(fantoccini::Locator::Id("password")).await.expect("password");
        // Enter submits the form, whichever button the theme has.
        password.send_keys("pw\u{e007}").await.expect("typed");
    }

    fn metadata_url(&self) -> String {
        format!("{}/saml2/idp/metadata.php", self.base)
    }

    async fn mode(&self, sign: &str, encrypt: bool) {
        self.write_partner(sign, encrypt);
    }

    async fn rotate(&self) {
        let number = self.pairs.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
        make_pair(&self.config.join("../cert"), number);
        std::fs::write(self.config.join("saml20-idp-hosted.php"), hosted(&self.base, number))
            .expect("config");
    }

    fn start_url(&self, entity_id: &str) -> String {
        let entity_id: String = url::form_urlencoded::byte_serialize(entity_id.as_bytes()).collect();
        format!("{}/saml2/idp/SSOService.php?spentityid={entity_id}", self.base)
    }

    fn logout_url(&self, _: &str) -> String {
        format!("{}/saml2/idp/initSLO.php?RelayState={}/", self.base, self.base)
    }
}

/// A third-party OpenID Connect provider.
pub struct OpenIdProvider {
    pub issuer: String,
    is_npm: bool,
    _process: Ending,
}

impl OpenIdProvider {
    /// oidc-provider, from npm.
    pub fn npm() -> Self {
        let modules = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/peers/node/node_modules");
        assert!(modules.join("oidc-provider").exists(), "oidc-provider is missing: run 'make peers'");
        let mut node = Command::new("node");
        node.env("NODE_MODULES", modules);
        Self::start(node, "oidc_provider.mjs", true)
    }

    /// oidc-provider-mock, from `PyPI`, which is built on Authlib.
    pub fn authlib() -> Self {
        let python = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/peers/venv/bin/python");
        assert!(python.exists(), "oidc-provider-mock is missing: run 'make peers'");
        Self::start(Command::new(python), "oidc_mock.py", false)
    }

    fn start(mut interpreter: Command, script: &str, is_npm: bool) -> Self {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/peers").join(script);
        interpreter.arg(script).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut child = interpreter.spawn().expect("the interpreter");
        let issuer = first_line(&mut child);
        assert!(issuer.starts_with("http"), "the provider did not start: {issuer}");
        Self { issuer, is_npm, _process: Ending(child) }
    }

    /// Registers us as a client; the mock accepts any client. `ours` is the connection as the API shows it.
    pub async fn trust(&self, ours: &serde_json::Value) {
        if !self.is_npm {
            return;
        }
        let method = ours["client_auth"].as_str().unwrap_or("client_secret_basic");
        let mut client = serde_json::json!({"client_id": "vestibule", "redirect_uris": [ours["callback_url"]],
            "post_logout_redirect_uris": [ours["post_logout_redirect_url"]],
            "backchannel_logout_uri": ours["backchannel_logout_url"], "token_endpoint_auth_method": method});
        if method == "private_key_jwt" {
            client["jwks_uri"] = ours["jwks_url"].clone();
            client["token_endpoint_auth_signing_alg"] = "ES256".into();
        } else {
            client["client_secret"] = "a secret that is long enough".into();
        }
        post(&format!("{}/_client", self.issuer), client.to_string()).await;
    }

    /// Rotates the signing key.
    pub async fn rotate(&self) {
        post(&format!("{}/_rotate", self.issuer), String::new()).await;
    }

    /// Signs a user in on the page that the browser was sent to.
    pub async fn sign_in(&self, browser: &super::browser::Browser, who: &str) {
        if self.is_npm {
            browser.fill("login", who).await;
            browser.fill("password", "any").await;
            browser.click("Sign-in").await;
        } else {
            browser.fill("sub", who).await;
            browser.click("Authorize").await;
        }
    }

    /// Confirms the logout on the provider's page.
    pub async fn confirm_logout(&self, browser: &super::browser::Browser) {
        // Until the browser has left it, our own page has a button to post as well.
        let there = async {
            while !browser.page.current_url().await.expect("address").as_str().starts_with(&self.issuer) {}
        };
        tokio::time::timeout(crate::harness::WAIT_LIMIT, there).await.expect("the provider's page");
        if self.is_npm {
            browser.click("Yes, sign me out").await;
        } else {
            let button = fantoccini::Locator::Css("form[method=post] button");
            let button = browser.page.wait().for_element(button).await.expect("the provider's page");
            button.click().await.expect("clicked");
        }
    }
}
