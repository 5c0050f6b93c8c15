//! Logout that begins here (`OpenID` Connect RP-Initiated Logout 1.0): the session here ends first, whatever the
//! provider says.

use serde_json::{Value, json};
use url::Url;

use super::super::connections::{Connection, OidcSettings};
use super::answer::Accepted;
use super::judge::text;
use super::{Addresses, Providers};
use crate::kernel::Kernel;
use crate::signin::ProviderSession;
use crate::signin::sessions::Origin;

/// A way out that leads through the provider.
pub struct Leaving {
    connection: Connection,
    settings: OidcSettings,
    id_token: Option<String>,
}

impl Leaving {
    /// The way out of a session that came through `connection`; none for plain OAuth 2.0, which has no logout.
    pub(in super::super) fn of(connection: Connection, origin: &Origin) -> Option<Self> {
        let settings = connection.oidc().filter(|settings| !settings.preset.is_plain())?;
        let detail: Value = serde_json::from_str(&origin.provider_detail).unwrap_or_default();
        let id_token = detail["id_token"].as_str().map(str::to_owned);
        Some(Self { connection, settings, id_token })
    }

    /// What the provider is called.
    #[must_use]
    pub fn label(&self) -> String {
        self.connection.label()
    }
}

/// What is kept of a sign-in for its end.
pub(super) fn session(accepted: &Accepted) -> ProviderSession {
    ProviderSession {
        subject: accepted.subject.clone(),
        session: text(&accepted.claims, "sid").map(str::to_owned),
        detail: json!({"id_token": accepted.id_token}).to_string(),
    }
}

/// The address at which the provider signs the person out there and brings them back; none where it has none.
pub async fn leave(kernel: &Kernel, providers: &Providers, leaving: &Leaving) -> Option<String> {
    let known = providers.known(kernel, &leaving.settings).await.ok()?;
    let mut url = Url::parse(known.metadata.end_session_endpoint.as_deref()?).ok()?;
    let ours = Addresses::of(&kernel.urls, &leaving.connection.id);
    let mut query = url.query_pairs_mut();
    if let Some(id_token) = &leaving.id_token {
        query.append_pair("id_token_hint", id_token);
    }
    query.append_pair("client_id", &leaving.settings.client_id);
    query.append_pair("post_logout_redirect_uri", &ours.signed_out);
    drop(query);
    Some(url.into())
}
