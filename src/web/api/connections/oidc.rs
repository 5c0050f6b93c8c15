//! The part of a connection that is specific to `OpenID` Connect and OAuth.

use serde::Serialize;
use utoipa::ToSchema;

use super::attribute_mapping::PeopleBody;
use crate::idp::connections::{self, ClientAuth, OidcConnection, OidcSettings, Preset};
use crate::idp::oidc::{CLIENT_SECRET, RpEndpoints};
use crate::kernel;
use crate::web::{AppState, Error};

/// Both sides of such a connection.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct OidcBody {
    preset: Preset,
    display_name: Option<String>,
    issuer: String,
    api_url: Option<String>,
    client_id: String,
    /// Whether a client secret is set. It is never shown.
    has_client_secret: bool,
    client_auth: Option<ClientAuth>,
    scopes: Vec<String>,
    tenants: Vec<String>,
    hosted_domains: Vec<String>,
    trust_email: bool,
    force_authn: bool,
    #[serde(flatten)]
    people: PeopleBody,
    /// Ours: start of a sign-in, redirect address, where logouts come back to and are told of, our public key.
    login_url: String,
    callback_url: String,
    post_logout_redirect_url: String,
    backchannel_logout_url: String,
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
            people: settings.people.into(),
            login_url: ours.login,
            callback_url: ours.callback,
            post_logout_redirect_url: ours.signed_out,
            backchannel_logout_url: ours.backchannel_logout,
            jwks_url: ours.jwks,
        })
    }
}
