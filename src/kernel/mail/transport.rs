//! Delivers a mail by SMTP or, while no server is configured, writes it into a directory.

use std::path::{Path, PathBuf};
use std::time::Duration;

use lettre::message::{Mailbox, MultiPart};
use lettre::transport::smtp::client::{Certificate, Tls, TlsParameters};
use lettre::{AsyncFileTransport, AsyncSmtpTransport, AsyncTransport as _, Message, Tokio1Executor};

use super::RenderedEmail;
use crate::kernel::config;

/// Time limit for the mail server's responses.
const TIMEOUT: Duration = Duration::from_secs(30);

/// Why a mail could not be delivered.
#[derive(Debug, thiserror::Error)]
pub enum TransportError {
    /// The sender or recipient address is invalid. A retry will not help.
    #[error("invalid email address or mail setting: {0}")]
    Address(String),
    /// The server refused it permanently.
    #[error("rejected by the mail server: {0}")]
    Permanent(String),
    /// A temporary failure, to be retried.
    #[error("not delivered: {0}")]
    Transient(String),
}

/// A configured transport.
pub struct Transport {
    from: Mailbox,
    backend: MailBackend,
}

enum MailBackend {
    Smtp(AsyncSmtpTransport<Tokio1Executor>),
    Folder(PathBuf),
}

impl Transport {
    /// Builds the transport from the `[mail]` section.
    pub fn new(config: &config::MailConfig) -> Result<Self, TransportError> {
        let from = config.from.parse().map_err(|e| TransportError::Address(format!("mail.from: {e}")))?;
        let way = match &config.url {
            Some(url) => MailBackend::Smtp(smtp(url, config.ca_file.as_deref())?),
            None => MailBackend::Folder(config.directory.clone()),
        };
        Ok(Self { from, backend: way })
    }

    /// Delivers `mail`.
    ///
    /// `id` becomes the Message-ID, so that mail clients recognise a mail that is delivered twice after a
    /// crash.
    pub async fn send(&self, id: &str, mail: &RenderedEmail) -> Result<(), TransportError> {
        let message = self.message(id, mail)?;
        match &self.backend {
            MailBackend::Smtp(smtp) => smtp.send(message).await.map(drop).map_err(|e| {
                let text = e.to_string();
                if e.is_permanent() {
                    TransportError::Permanent(text)
                } else {
                    TransportError::Transient(text)
                }
            }),
            MailBackend::Folder(folder) => {
                let later = |e: &dyn std::fmt::Display| TransportError::Transient(e.to_string());
                tokio::fs::create_dir_all(folder).await.map_err(|e| later(&e))?;
                AsyncFileTransport::<Tokio1Executor>::new(folder)
                    .send(message)
                    .await
                    .map(drop)
                    .map_err(|e| later(&e))
            }
        }
    }

    fn message(&self, id: &str, mail: &RenderedEmail) -> Result<Message, TransportError> {
        let to: Mailbox = mail.to.parse().map_err(|e| TransportError::Address(format!("{e}")))?;
        let mut from = self.from.clone();
        if let Some(name) = &mail.from_name {
            from.name = Some(name.clone());
        }
        Message::builder()
            .from(from)
            .to(to)
            .message_id(Some(format!("<{id}@{}>", self.from.email.domain())))
            .subject(mail.subject.clone())
            .multipart(MultiPart::alternative_plain_html(mail.text.clone(), mail.html.clone()))
            .map_err(|e| TransportError::Address(e.to_string()))
    }
}

/// An SMTP client. Certificates in `ca_file` are trusted in addition to the system's, as the server's own
/// or as its issuer's.
fn smtp(url: &str, ca_file: Option<&Path>) -> Result<AsyncSmtpTransport<Tokio1Executor>, TransportError> {
    let wrong = |e: &dyn std::fmt::Display| TransportError::Address(format!("mail.url: {e}"));
    let mut builder =
        AsyncSmtpTransport::<Tokio1Executor>::from_url(url).map_err(|e| wrong(&e))?.timeout(Some(TIMEOUT));
    if let Some(file) = ca_file {
        let unusable = |e: &dyn std::fmt::Display| {
            TransportError::Address(format!("mail.ca_file {}: {e}", file.display()))
        };
        let pem = std::fs::read(file).map_err(|e| unusable(&e))?;
        let parsed = url::Url::parse(url).map_err(|e| wrong(&e))?;
        let tls = TlsParameters::builder(parsed.host_str().unwrap_or_default().to_owned())
            .add_root_certificate(Certificate::from_pem(&pem).map_err(|e| unusable(&e))?)
            .build()
            .map_err(|e| unusable(&e))?;
        let wanted = parsed.query_pairs().find(|(key, _)| key == "tls").map(|(_, value)| value.into_owned());
        builder = builder.tls(match (parsed.scheme(), wanted.as_deref()) {
            ("smtps", _) => Tls::Wrapper(tls),
            (_, Some("required")) => Tls::Required(tls),
            (_, Some("opportunistic")) => Tls::Opportunistic(tls),
            _ => return Err(wrong(&"mail.ca_file needs TLS: use smtps:// or the parameter tls=required")),
        });
    }
    Ok(builder.build())
}
