//! Logout that begins here (OpenID Connect RP-Initiated Logout 1.0). The session here ends first, whatever
//! the provider answers.

use serde_json::{Value, json};
use url::Url;

use super::callback::OidcIdentity;
use super::token_validation::text_claim;
use super::{ProviderCache, RpEndpoints};
use crate::idp::connections::OidcConnection;
use crate::kernel::Kernel;
use crate::signin::ProviderSession;
use crate::signin::sessions::UpstreamSession;

/// The logout of a session at its provider.
pub struct OidcLogout {
    connection: OidcConnection,
    id_token: Option<String>,
}

impl OidcLogout {
    /// The logout of a session that came through `connection`; `None` for plain OAuth 2.0, which has no
    /// logout.
    pub(crate) fn of(connection: OidcConnection, origin: &UpstreamSession) -> Option<Self> {
        if connection.settings.preset.is_oauth2_only() {
            return None;
        }
        let detail: Value = serde_json::from_str(&origin.provider_detail).unwrap_or_default();
        let id_token = detail["id_token"].as_str().map(str::to_owned);
        Some(Self { connection, id_token })
    }

    /// The display name of the provider.
    #[must_use]
    pub fn label(&self) -> String {
        self.connection.label()
    }
}

/// What is stored about a sign-in so that the session can be ended later, by us or by the provider.
pub(super) fn provider_session(identity: &OidcIdentity) -> ProviderSession {
    ProviderSession {
        subject: identity.subject.clone(),
        session: text_claim(&identity.claims, "sid").map(str::to_owned),
        detail: json!({"id_token": identity.id_token}).to_string(),
    }
}

/// The URL at which the provider ends the user's session and from which it returns the browser; `None` if
/// it has no such endpoint or cannot be discovered.
pub async fn logout_url(kernel: &Kernel, providers: &ProviderCache, logout: &OidcLogout) -> Option<String> {
    let provider = providers.discover(kernel, &logout.connection).await.ok()?;
    let mut url = Url::parse(provider.metadata.end_session_endpoint.as_deref()?).ok()?;
    let endpoints = RpEndpoints::of(&kernel.urls, &logout.connection.id);
    let mut query = url.query_pairs_mut();
    if let Some(id_token) = &logout.id_token {
        query.append_pair("id_token_hint", id_token);
    }
    query.append_pair("client_id", &logout.connection.settings.client_id);
    query.append_pair("post_logout_redirect_uri", &endpoints.signed_out);
    drop(query);
    Some(url.into())
}
