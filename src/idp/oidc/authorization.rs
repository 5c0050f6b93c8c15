//! Authorization requests under way. A request travels in the `state` parameter, encrypted, so that the
//! provider cannot read its PKCE verifier. Except for a connection test, it opens only in the browser that
//! was sent to the provider.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize};

use super::client::{ClientError, RequestUrl};
use super::provider::{DiscoveredProvider, DiscoveryError};
use super::requirements::AuthenticationRequirements;
use super::{ProviderCache, RpEndpoints};
use crate::access::Principal;
use crate::idp::connections::{Connection, OidcConnection, OidcSettings};
use crate::kernel::sealed_state::{self, SealedState};
use crate::kernel::{Kernel, Timestamp, UserId, random, tokens};

/// An authorization request under way.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct AuthorizationRequest {
    /// The id by which the waiting sign-in or test is found.
    pub(super) request: String,
    /// The nonce that the ID token must contain.
    pub(super) nonce: String,
    /// The PKCE verifier, which proves to the token endpoint that we began the request (RFC 7636).
    pub(super) verifier: String,
    /// What the request is for.
    pub(super) purpose: AuthorizationPurpose,
    /// What it demands of the authentication; missing in the requests of earlier versions.
    #[serde(default)]
    asked: Option<AuthenticationRequirements>,
}

/// Why the user was sent to the provider.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum AuthorizationPurpose {
    /// To sign in.
    SignIn,
    /// To test the connection; holds the secret of the test.
    #[serde(rename = "Trial")]
    ConnectionTest(String),
    /// To link an external identity to the user who is signed in.
    Link {
        /// The id of that user.
        user: UserId,
    },
}

/// Why no authorization request could be made.
#[derive(Debug, thiserror::Error)]
pub enum AuthorizationRequestError {
    /// The provider's endpoints could not be discovered.
    #[error(transparent)]
    Discovery(#[from] DiscoveryError),
    /// An endpoint of the provider cannot be used.
    #[error(transparent)]
    Client(#[from] ClientError),
    /// The vault failed.
    #[error(transparent)]
    Vault(#[from] crate::kernel::vault::Error),
}

impl AuthorizationRequest {
    pub(super) fn new(purpose: AuthorizationPurpose, settings: &OidcSettings, now: Timestamp) -> Self {
        let secret = || URL_SAFE_NO_PAD.encode(random::bytes::<32>());
        let asked = Some(AuthenticationRequirements::of(settings, Some(now)));
        Self { request: secret(), nonce: secret(), verifier: secret(), purpose, asked }
    }

    /// What the response must show about the authentication. A request that does not say what it demanded
    /// was sent by an earlier version: the settings decide.
    pub(super) fn requirements(&self, settings: &OidcSettings) -> AuthenticationRequirements {
        self.asked.clone().unwrap_or_else(|| AuthenticationRequirements::of(settings, None))
    }

    /// The URL to send the browser to. `browser` is the secret in its flow cookie. A test is not bound to
    /// it, because it may be completed in another browser and creates no session.
    pub(super) fn authorization_url(
        &self,
        kernel: &Kernel,
        connection: &OidcConnection,
        provider: &DiscoveredProvider,
        browser: &str,
        login_hint: &str,
    ) -> Result<String, AuthorizationRequestError> {
        let browser =
            if matches!(self.purpose, AuthorizationPurpose::ConnectionTest(_)) { "" } else { browser };
        let bound = state_binding(connection, browser);
        let state = sealed_state::issue(kernel, &bound, self, crate::idp::connection_tests::LIFETIME)?;
        let endpoints = RpEndpoints::of(&kernel.urls, &connection.id);
        let url = RequestUrl {
            endpoints: &endpoints,
            state: &state,
            nonce: &self.nonce,
            verifier: &self.verifier,
            login_hint,
            requirements: &self.requirements(&connection.settings),
        };
        Ok(url.build(&connection.settings, provider)?)
    }
}

fn state_binding(connection: &Connection, browser: &str) -> String {
    let browser = if browser.is_empty() { String::new() } else { tokens::hash(browser) };
    format!("oidc/{}/{browser}", connection.id)
}

/// Opens a state that came back to this connection: one bound to this browser, or one of a test, which is
/// bound to none. Returns `None` if it was altered, was issued for another connection or browser, or has
/// expired.
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

/// Starts linking an identity at the provider to the user who is signed in. Returns the URL to send the
/// browser to.
pub async fn begin_link(
    kernel: &Kernel,
    providers: &ProviderCache,
    principal: &Principal,
    connection: &OidcConnection,
    browser: &str,
) -> Result<String, AuthorizationRequestError> {
    let provider = providers.discover(kernel, connection).await?;
    let purpose = AuthorizationPurpose::Link { user: principal.user_id() };
    let authorization = AuthorizationRequest::new(purpose, &connection.settings, kernel.clock.now());
    authorization.authorization_url(kernel, connection, &provider, browser, "")
}
