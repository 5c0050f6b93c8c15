//! Mails as a recipient gets them, from the outbox folder or from a real SMTP server.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use mailparse::{MailHeaderMap as _, ParsedMail, parse_mail};
use rcgen::{CertificateParams, KeyPair};
use tempfile::TempDir;

use super::peers::{Ending, first_line, free_port};

/// A parsed mail.
#[derive(Debug, Clone)]
pub struct Mail {
    pub to: String,
    pub from: String,
    pub subject: String,
    pub message_id: String,
    pub text: String,
    pub html: String,
    /// The mail as it was transmitted.
    pub raw: String,
}

fn part(mail: &ParsedMail<'_>, kind: &str) -> String {
    if mail.ctype.mimetype == kind {
        return mail.get_body().expect("a body");
    }
    mail.subparts.iter().map(|sub| part(sub, kind)).find(|text| !text.is_empty()).unwrap_or_default()
}

impl Mail {
    fn read(path: &Path) -> Option<Self> {
        let raw = std::fs::read(path).ok()?;
        let text = String::from_utf8_lossy(&raw).into_owned();
        // The file may not be complete yet. A complete mail ends with the closing boundary of its parts.
        if !text.trim_end().ends_with("--") {
            return None;
        }
        let mail = parse_mail(&raw).ok()?;
        let header = |name: &str| mail.headers.get_first_value(name).unwrap_or_default();
        Some(Self {
            to: header("To"),
            from: header("From"),
            subject: header("Subject"),
            message_id: header("Message-ID"),
            text: part(&mail, "text/plain"),
            html: part(&mail, "text/html"),
            raw: text,
        })
    }

    /// The first link in the text.
    pub fn link(&self) -> String {
        let at = self.text.find("http").unwrap_or_else(|| panic!("no link in {}", self.text));
        self.text[at..].split_whitespace().next().expect("a link").to_owned()
    }

    /// The secret in that link.
    pub fn token(&self) -> String {
        self.link().split("token=").nth(1).expect("a token").to_owned()
    }
}

/// All complete mails in a folder, the oldest first. The names of the files are random, but the server numbers mails in
/// the order in which it makes them.
pub fn all(folder: &Path) -> Vec<Mail> {
    let entries = std::fs::read_dir(folder).map(|entries| entries.flatten().collect::<Vec<_>>());
    let mut paths: Vec<PathBuf> = entries.unwrap_or_default().iter().map(std::fs::DirEntry::path).collect();
    paths.retain(|path| path.extension().is_some_and(|ending| ending == "eml"));
    let mut mails: Vec<Mail> = paths.iter().filter_map(|path| Mail::read(path)).collect();
    mails.sort_by(|one, other| one.message_id.cmp(&other.message_id));
    mails
}

/// Waits until at least `count` mails match, and returns them.
pub async fn wait_for(folder: &Path, count: usize, fits: impl Fn(&Mail) -> bool) -> Vec<Mail> {
    let found = async {
        loop {
            let found: Vec<Mail> = all(folder).into_iter().filter(|mail| fits(mail)).collect();
            if found.len() >= count {
                return found;
            }
            crate::harness::pause().await;
        }
    };
    let found = tokio::time::timeout(crate::harness::WAIT_LIMIT, found).await.ok();
    found.unwrap_or_else(|| panic!("{count} mails were expected; there are: {:#?}", all(folder)))
}

/// An aiosmtpd server, from `PyPI`, with STARTTLS and AUTH.
pub struct Smtp {
    pub port: u16,
    folder: TempDir,
    process: Option<Ending>,
}

impl Smtp {
    /// Chooses a port and creates a certificate. The server is not started yet.
    pub fn prepare() -> Self {
        let folder = tempfile::tempdir().expect("dir");
        let key = KeyPair::generate().expect("key");
        let certificate = CertificateParams::new(vec!["localhost".to_owned()]).expect("name");
        let certificate = certificate.self_signed(&key).expect("certificate");
        std::fs::write(folder.path().join("cert.pem"), certificate.pem()).expect("file");
        std::fs::write(folder.path().join("key.pem"), key.serialize_pem()).expect("file");
        Self { port: free_port(), folder, process: None }
    }

    pub fn start(&mut self) {
        let root = Path::new(env!("CARGO_MANIFEST_DIR"));
        let python = root.join("target/peers/venv/bin/python");
        assert!(python.exists(), "aiosmtpd is missing: run 'make peers'");
        let mut child = Command::new(python)
            .arg(root.join("tests/peers/smtp_server.py"))
            .arg(self.folder.path())
            .arg(self.port.to_string())
            .stdout(Stdio::piped())
            .spawn()
            .expect("python");
        assert_eq!(first_line(&mut child), "listening", "aiosmtpd did not start");
        self.process = Some(Ending(child));
    }

    pub fn url(&self) -> String {
        format!("smtp://vestibule:secret@localhost:{}?tls=required", self.port)
    }

    pub fn ca_file(&self) -> PathBuf {
        self.folder.path().join("cert.pem")
    }

    pub fn folder(&self) -> &Path {
        self.folder.path()
    }
}
