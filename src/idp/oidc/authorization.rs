//! What is remembered while somebody is at the provider. It travels as `state`, sealed: the provider cannot read the
//! PKCE verifier in it, and it opens only in the browser that was sent out.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize};

use super::client::{ClientError, RequestUrl};
use super::provider::{DiscoveredProvider, DiscoveryError};
use super::{ProviderCache, RpEndpoints};
use crate::access::Principal;
use crate::idp::connections::{Connection, OidcConnection};
use crate::kernel::sealed_state::{self, SealedState};
use crate::kernel::{Kernel, random, tokens};

/// A request under way.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct AuthorizationRequest {
    /// Its id, by which the sign-in or test that waits for it is found.
    pub(super) request: String,
    /// What the ID token must repeat.
    pub(super) nonce: String,
    /// What proves to the token endpoint that we began it (RFC 7636).
    pub(super) verifier: String,
    /// What it is for.
    pub(super) purpose: AuthorizationPurpose,
}

/// What somebody was sent for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum AuthorizationPurpose {
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
pub enum AuthorizationRequestError {
    /// The provider does not say where.
    #[error(transparent)]
    Discovery(#[from] DiscoveryError),
    /// It says something that is no address.
    #[error(transparent)]
    Client(#[from] ClientError),
    /// The vault failed.
    #[error(transparent)]
    Vault(#[from] crate::kernel::vault::Error),
}

impl AuthorizationRequest {
    pub(super) fn new(purpose: AuthorizationPurpose) -> Self {
        let secret = || URL_SAFE_NO_PAD.encode(random::bytes::<32>());
        Self { request: secret(), nonce: secret(), verifier: secret(), purpose }
    }

    /// The address to send the browser to. `browser`: the secret in its flow cookie. A test is begun in one browser
    /// and may go on in another; nobody is signed in by it.
    pub(super) fn authorization_url(
        &self,
        kernel: &Kernel,
        connection: &OidcConnection,
        provider: &DiscoveredProvider,
        browser: &str,
        login_hint: &str,
    ) -> Result<String, AuthorizationRequestError> {
        let browser = if matches!(self.purpose, AuthorizationPurpose::Trial(_)) { "" } else { browser };
        let bound = state_binding(connection, browser);
        let state = sealed_state::issue(kernel, &bound, self, crate::idp::connection_tests::LIFETIME)?;
        let endpoints = RpEndpoints::of(&kernel.urls, &connection.id);
        let url = RequestUrl {
            endpoints: &endpoints,
            state: &state,
            nonce: &self.nonce,
            verifier: &self.verifier,
            login_hint,
        };
        Ok(url.build(&connection.settings, provider)?)
    }
}

fn state_binding(connection: &Connection, browser: &str) -> String {
    let browser = if browser.is_empty() { String::new() } else { tokens::hash(browser) };
    format!("oidc/{}/{browser}", connection.id)
}

/// Opens a state that came back to this connection in this browser; none when it was altered, is another
/// connection's or browser's, or is over.
pub(super) async fn open_state(
    kernel: &Kernel,
    connection: &Connection,
    state: &str,
    browser: Option<&str>,
) -> Result<Option<SealedState<AuthorizationRequest>>, sqlx::Error> {
    if let Some(browser) = browser
        && let Some(found) =
            sealed_state::open::<AuthorizationRequest>(kernel, &state_binding(connection, browser), state)
                .await?
    {
        return Ok(Some(found));
    }
    sealed_state::open::<AuthorizationRequest>(kernel, &state_binding(connection, ""), state).await
}

/// Sends the one who is signed in to the provider, to link who they are there: the address.
pub async fn begin_link(
    kernel: &Kernel,
    providers: &ProviderCache,
    principal: &Principal,
    connection: &OidcConnection,
    browser: &str,
) -> Result<String, AuthorizationRequestError> {
    let provider = providers.discover(kernel, &connection.settings).await?;
    let authorization = AuthorizationRequest::new(AuthorizationPurpose::Link { user: principal.id.clone() });
    authorization.authorization_url(kernel, connection, &provider, browser, "")
}
