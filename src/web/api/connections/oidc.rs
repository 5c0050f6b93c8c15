//! The part of a connection that is specific to `OpenID` Connect and OAuth.

use serde::Serialize;
use utoipa::ToSchema;

use super::attribute_mapping::PeopleBody;
use crate::idp::connections::{self, ClientAuth, OidcConnection, OidcSettings, Preset};
use crate::idp::oidc::{CLIENT_SECRET, RpEndpoints};
use crate::kernel;
use crate::web::{AppState, Error};

/// The settings of an OpenID Connect or OAuth connection, and the values to enter at the provider.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct OidcBody {
    /// The provider, which determines default URLs and scopes.
    preset: Preset,
    /// The button label on the sign-in page; `null` for the connection's name.
    display_name: Option<String>,
    /// The issuer; for a provider without OpenID Connect, the provider's URL.
    issuer: String,
    /// The URL of the provider's API, or of Microsoft Graph; `null` for the default.
    api_url: Option<String>,
    /// The client ID.
    client_id: String,
    /// Whether a client secret is set. The secret itself is never returned.
    has_client_secret: bool,
    /// How the client authenticates at the token endpoint; `null` for the provider's default.
    client_auth: Option<ClientAuth>,
    /// Scopes that are requested in addition to the default scopes.
    scopes: Vec<String>,
    /// For Microsoft Entra ID: the IDs of the tenants whose users can sign in; empty for any tenant.
    tenants: Vec<String>,
    /// For Google: the Workspace domains whose users can sign in; empty for any Google account.
    hosted_domains: Vec<String>,
    /// Whether all email addresses from the provider count as verified.
    trust_email: bool,
    /// Whether users must re-authenticate at the provider at each sign-in (`prompt=login`, `max_age=0`).
    force_authn: bool,
    /// The authentication contexts (`acr`) of which the ID token must contain one; empty for any.
    acr_values: Vec<String>,
    #[serde(flatten)]
    people: PeopleBody,
    /// The URL at which a sign-in with this connection starts.
    login_url: String,
    /// The redirect URI.
    callback_url: String,
    /// The post-logout redirect URI.
    post_logout_redirect_url: String,
    /// The back-channel logout URI.
    backchannel_logout_url: String,
    /// The URL of the public key (JWKS) for `private_key_jwt`.
    jwks_url: String,
}

impl OidcBody {
    pub(super) async fn read(
        app: &AppState,
        c: &mut kernel::database::DbConn,
        connection: &OidcConnection,
    ) -> Result<Self, Error> {
        let settings = OidcSettings::clone(&connection.settings);
        let ours = RpEndpoints::of(&app.kernel.urls, &connection.id);
        Ok(Self {
            has_client_secret: connections::has_secret(c, &connection.id, CLIENT_SECRET).await?,
            preset: settings.preset,
            display_name: settings.display_name,
            issuer: settings.issuer,
            api_url: settings.api_url,
            client_id: settings.client_id,
            client_auth: settings.client_auth,
            scopes: settings.scopes,
            tenants: settings.tenants,
            hosted_domains: settings.hosted_domains,
            trust_email: settings.trust_email,
            force_authn: settings.force_authn,
            acr_values: settings.acr_values,
            people: settings.people.into(),
            login_url: ours.login,
            callback_url: ours.callback,
            post_logout_redirect_url: ours.signed_out,
            backchannel_logout_url: ours.backchannel_logout,
            jwks_url: ours.jwks,
        })
    }
}
