//! The specification of a preset: one [`PresetSpec`] for each provider, in a file of its own.

use futures_util::future::BoxFuture;
use serde_json::Value;
use url::Url;

use super::api::{ProviderApi, ProviderApiError};
use crate::idp::oidc::client_auth::ClientAuth;

/// Everything that differs between providers. A provider that conforms to OpenID Connect sets its name,
/// label, issuer and steps and takes the rest from [`OPENID_CONNECT`].
#[expect(clippy::struct_excessive_bools, reason = "each is a habit of its own")]
pub(crate) struct PresetSpec {
    /// The name in the API and in stored settings; the file has the same name.
    pub(crate) name: &'static str,
    /// The display name.
    pub(crate) label: &'static str,
    /// The issuer, or for plain OAuth 2.0 the address of the site; `None` if every installation has its
    /// own.
    pub(crate) issuer: Option<&'static str>,
    /// The scopes to request in addition to `openid`.
    pub(crate) scopes: &'static [&'static str],
    /// The scopes to request in addition if linked groups follow the provider's groups.
    pub(crate) group_scopes: &'static [&'static str],
    /// How the client authenticates; `None` to follow the discovery document.
    pub(crate) client_auth: Option<ClientAuth>,
    /// The claim with the user's groups, if it is known to send one.
    pub(crate) group_attribute: Option<&'static str>,
    /// The naming of groups at the provider, for the page that links them; empty if there is nothing to
    /// explain.
    pub(crate) group_hint: &'static str,
    /// How a connection can be restricted to certain users.
    pub(crate) people: PeopleScope,
    /// Whether an administrator may declare its email addresses verified. Only for providers whose users
    /// cannot choose their address.
    pub(crate) may_trust_email: bool,
    /// Whether the user is asked to choose an account: many users are signed in there with several, and the
    /// first one is often the wrong one.
    pub(crate) asks_for_account: bool,
    /// Whether it accepts a PKCE challenge (RFC 7636) from a client with a secret.
    pub(crate) supports_pkce: bool,
    /// Whether its ID tokens contain the nonce.
    pub(crate) returns_nonce: bool,
    /// Whether its ID tokens state when the user authenticated (`auth_time`), if that is requested. Otherwise
    /// nothing shows that a user authenticated again.
    pub(crate) states_auth_time: bool,
    /// For plain OAuth 2.0: the endpoints, and how its API identifies the user.
    pub(crate) oauth2: Option<OAuth2Api>,
    /// The steps for registering the application there, in the provider's own terms.
    pub(crate) steps: &'static [SetupStep],
}

/// The defaults, for a provider that conforms to OpenID Connect.
pub(super) const OPENID_CONNECT: PresetSpec = PresetSpec {
    name: "",
    label: "",
    issuer: None,
    scopes: &["email", "profile"],
    group_scopes: &[],
    client_auth: None,
    group_attribute: None,
    group_hint: "",
    people: PeopleScope::Everyone,
    may_trust_email: false,
    asks_for_account: false,
    supports_pkce: true,
    returns_nonce: true,
    states_auth_time: true,
    oauth2: None,
    steps: &[],
};

/// How a connection can be restricted to certain users.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum PeopleScope {
    /// It cannot.
    Everyone,
    /// To Google Workspace domains: `hd` in the request, and as a claim.
    HostedDomains,
    /// To Entra ID tenants. One issuer with `{tenantid}` in it serves many tenants, and `tid` in the token
    /// names the tenant. An email address counts only from a configured tenant or with `xms_edov`. If there
    /// are too many groups for a token, they are read from Microsoft Graph.
    Tenants,
}

/// OAuth 2.0 without OpenID Connect: no discovery and no ID token.
pub(crate) struct OAuth2Api {
    /// The authorization endpoint, relative to the site.
    pub(crate) authorize_path: &'static str,
    /// The token endpoint, relative to the site.
    pub(crate) token_path: &'static str,
    /// The base URL of the API, given the address of the site.
    pub(crate) api_base: fn(&Url) -> Option<Url>,
    /// Reads the user's claims.
    pub(crate) fetch_claims: FetchClaims,
}

/// Reads the user's claims from the API, with groups if the second argument is true. Returns a JSON object
/// with the claims of OpenID Connect: `sub` (an id that never changes), `email`, `email_verified`, `name`,
/// and the groups under the preset's `group_attribute`.
pub(crate) type FetchClaims =
    for<'a> fn(&'a ProviderApi<'a>, bool) -> BoxFuture<'a, Result<Value, ProviderApiError>>;

/// One step of the registration.
pub(crate) struct SetupStep {
    /// What to do.
    pub(crate) text: &'static str,
    /// The name of the provider's field and the value to enter in it; `None` for a step without a field.
    pub(crate) field: Option<(&'static str, SetupValue)>,
}

/// One of our URLs that a step refers to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum SetupValue {
    /// The redirect URI.
    Callback,
    /// The post-logout redirect URI.
    SignedOut,
    /// The back-channel logout URI.
    BackchannelLogout,
    /// The URL of our public key.
    Jwks,
}

/// A step without a field.
pub(super) const fn instruction(text: &'static str) -> SetupStep {
    SetupStep { text, field: None }
}

/// A step that enters one of our URLs in a field.
pub(super) const fn enter(text: &'static str, field: &'static str, value: SetupValue) -> SetupStep {
    SetupStep { text, field: Some((field, value)) }
}
