//! Third-party identity providers, started on free ports and stopped with their owner.

use std::io::{BufRead as _, BufReader};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use tempfile::TempDir;

/// A child process that ends with its owner.
pub struct Ending(pub Child);

impl Drop for Ending {
    fn drop(&mut self) {
        drop(self.0.kill());
        drop(self.0.wait());
    }
}

/// A SAML identity provider of somebody else's making.
pub trait SamlIdp {
    /// Its metadata.
    async fn metadata(&self) -> String;
    /// Makes it trust a service provider.
    async fn trust(&self, entity_id: &str, acs: &str, metadata: &str);
    /// Signs a person in on the page the browser was sent to.
    async fn sign_in(&self, browser: &fantoccini::Client, email: &str);
}

/// The first line a child prints.
pub fn first_line(child: &mut Child) -> String {
    let mut line = String::new();
    BufReader::new(child.stdout.take().expect("stdout")).read_line(&mut line).expect("a line");
    line.trim().to_owned()
}

/// pysaml2, from `PyPI`.
pub struct Pysaml2 {
    base: String,
    _process: Ending,
    _dir: TempDir,
}

impl Pysaml2 {
    pub fn start() -> Self {
        let dir = tempfile::tempdir().expect("dir");
        let root = Path::new(env!("CARGO_MANIFEST_DIR"));
        let python = root.join("target/peers/venv/bin/python");
        assert!(python.exists(), "pysaml2 is missing: run 'make peers'");
        let mut child = Command::new(python)
            .arg(root.join("tests/peers/pysaml2_idp.py"))
            .arg(dir.path())
            .stdout(Stdio::piped())
            .spawn()
            .expect("python");
        let base = first_line(&mut child);
        assert!(base.starts_with("http"), "pysaml2 did not start: {base}");
        Self { base, _process: Ending(child), _dir: dir }
    }
}

impl SamlIdp for Pysaml2 {
    async fn metadata(&self) -> String {
        let http = reqwest::Client::builder().no_proxy().build().expect("client");
        http.get(format!("{}/metadata", self.base))
            .send()
            .await
            .expect("metadata")
            .text()
            .await
            .expect("text")
    }

    async fn trust(&self, _: &str, _: &str, metadata: &str) {
        let http = reqwest::Client::builder().no_proxy().build().expect("client");
        let answer = http.post(format!("{}/trust", self.base)).body(metadata.to_owned()).send().await;
        assert_eq!(answer.expect("trust").status(), 200);
    }

    async fn sign_in(&self, browser: &fantoccini::Client, email: &str) {
        let field =
            browser.wait().for_element(fantoccini::Locator::Id("email")).await.expect("pysaml2's page");
        field.send_keys(email).await.expect("typed");
        browser.find(fantoccini::Locator::Id("go")).await.expect("button").click().await.expect("clicked");
    }
}

/// `SimpleSAMLphp`, from Debian, under PHP's own web server.
pub struct SimpleSaml {
    base: String,
    config: PathBuf,
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
        let made = Command::new("openssl")
            .args(["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=ssp"])
            .arg("-keyout")
            .arg(at("cert/idp.key"))
            .arg("-out")
            .arg(at("cert/idp.crt"))
            .output()
            .expect("openssl");
        assert!(made.status.success());
        let port =
            TcpListener::bind("127.0.0.1:0").expect("a free port").local_addr().expect("address").port();
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
        let hosted = format!(
            "<?php $metadata['{base}/idp'] = ['host' => '__DEFAULT__', 'privatekey' => 'idp.key', \
             'certificate' => 'idp.crt', 'auth' => 'people', 'saml20.sign.assertion' => true, \
             'NameIDFormat' => 'urn:oasis:names:tc:SAML:1.1:nameid-format:emailAddress', \
             'simplesaml.nameidattribute' => 'mail', 'authproc' => [1 => ['class' => 'saml:AttributeNameID', \
             'attribute' => 'mail', 'Format' => 'urn:oasis:names:tc:SAML:1.1:nameid-format:emailAddress']]];"
        );
        std::fs::write(at("metadata/saml20-idp-hosted.php"), hosted).expect("config");
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
        Self { base, config: at("metadata"), _process: Ending(child), _dir: dir }
    }
}

impl SamlIdp for SimpleSaml {
    async fn metadata(&self) -> String {
        let http = reqwest::Client::builder().no_proxy().build().expect("client");
        let url = format!("{}/saml2/idp/metadata.php", self.base);
        let started = async {
            loop {
                if let Ok(answer) = http.get(&url).send().await {
                    let (status, text) = (answer.status(), answer.text().await.expect("text"));
                    assert_eq!(status, 200, "SimpleSAMLphp: {text}");
                    return text;
                }
                tokio::task::yield_now().await;
            }
        };
        tokio::time::timeout(std::time::Duration::from_secs(30), started).await.expect("SimpleSAMLphp starts")
    }

    async fn trust(&self, entity_id: &str, acs: &str, _: &str) {
        let remote = format!(
            "<?php $metadata['{entity_id}'] = ['AssertionConsumerService' => '{acs}', \
             'NameIDFormat' => 'urn:oasis:names:tc:SAML:1.1:nameid-format:emailAddress'];"
        );
        std::fs::write(self.config.join("saml20-sp-remote.php"), remote).expect("trust");
    }

    async fn sign_in(&self, browser: &fantoccini::Client, email: &str) {
        let name = browser
            .wait()
            .for_element(fantoccini::Locator::Id("username"))
            .await
            .expect("SimpleSAMLphp's page");
        name.send_keys(email).await.expect("typed");
        let password = browser.find(fantoccini::Locator::Id("password")).await.expect("password");
        // Enter submits whichever button the theme has.
        password.send_keys("pw\u{e007}").await.expect("typed");
    }
}
