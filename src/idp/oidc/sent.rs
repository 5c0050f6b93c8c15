//! What is remembered while somebody is at the provider. It travels as `state`, sealed: the provider cannot read the
//! PKCE verifier in it, and it opens only in the browser that was sent out.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize};

use super::super::connections::{Connection, OidcSettings};
use super::client::{ClientError, authorization_url};
use super::provider::{Known, Unusable};
use super::{Addresses, Providers};
use crate::access::Principal;
use crate::kernel::tickets::{self, Ticket};
use crate::kernel::{Kernel, random, tokens};

/// A request under way.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Sent {
    /// Its id, by which the sign-in or test that waits for it is found.
    pub(super) request: String,
    /// What the ID token must repeat.
    pub(super) nonce: String,
    /// What proves to the token endpoint that we began it (RFC 7636).
    pub(super) verifier: String,
    /// What it is for.
    pub(super) purpose: Purpose,
}

/// What somebody was sent for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Purpose {
    /// To sign in.
    SignIn,
    /// To try the connection: the secret of the test.
    Trial(String),
    /// To give the one who is signed in another way to do so.
    Link {
        /// Who they are.
        user: String,
    },
}

/// Why nobody could be sent to a provider.
#[derive(Debug, thiserror::Error)]
pub enum SendError {
    /// The provider does not say where.
    #[error(transparent)]
    Unusable(#[from] Unusable),
    /// It says something that is no address.
    #[error(transparent)]
    Client(#[from] ClientError),
    /// The vault failed.
    #[error(transparent)]
    Vault(#[from] crate::kernel::vault::Error),
}

impl Sent {
    pub(super) fn new(purpose: Purpose) -> Self {
        let secret = || URL_SAFE_NO_PAD.encode(random::bytes::<32>());
        Self { request: secret(), nonce: secret(), verifier: secret(), purpose }
    }

    /// The address to send the browser to. `browser`: the secret in its flow cookie. A test is begun in one browser
    /// and may go on in another; nobody is signed in by it.
    pub(super) fn address(
        &self,
        kernel: &Kernel,
        (connection, settings): (&Connection, &OidcSettings),
        (known, browser, login_hint): (&Known, &str, &str),
    ) -> Result<String, SendError> {
        let browser = if matches!(self.purpose, Purpose::Trial(_)) { "" } else { browser };
        let bound = bound_to(connection, browser);
        let state = tickets::issue(kernel, &bound, self, super::super::trials::LIFETIME)?;
        let ours = Addresses::of(&kernel.urls, &connection.id);
        Ok(authorization_url(settings, (known, &ours), (&state, self, login_hint))?)
    }
}

fn bound_to(connection: &Connection, browser: &str) -> String {
    let browser = if browser.is_empty() { String::new() } else { tokens::hash(browser) };
    format!("oidc/{}/{browser}", connection.id)
}

/// Opens a state that came back to this connection in this browser; none when it was altered, is another
/// connection's or browser's, or is over.
pub(super) async fn open(
    kernel: &Kernel,
    connection: &Connection,
    (state, browser): (&str, Option<&str>),
) -> Result<Option<Ticket<Sent>>, sqlx::Error> {
    if let Some(browser) = browser
        && let Some(found) = tickets::open::<Sent>(kernel, &bound_to(connection, browser), state).await?
    {
        return Ok(Some(found));
    }
    tickets::open::<Sent>(kernel, &bound_to(connection, ""), state).await
}

/// Sends the one who is signed in to the provider, to link who they are there: the address.
///
/// # Errors
/// [`SendError`].
pub async fn begin_link(
    kernel: &Kernel,
    providers: &Providers,
    principal: &Principal,
    (connection, settings): (&Connection, &OidcSettings),
    browser: &str,
) -> Result<String, SendError> {
    let known = providers.known(kernel, settings).await?;
    let sent = Sent::new(Purpose::Link { user: principal.id.clone() });
    sent.address(kernel, (connection, settings), (&known, browser, ""))
}
