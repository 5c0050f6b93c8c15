//! What is known of a provider: one value of [`PresetSpec`] each, in a file of its own.

use futures_util::future::BoxFuture;
use serde_json::Value;
use url::Url;

use super::api::{ProviderApi, ProviderApiError};
use crate::idp::oidc::client_auth::ClientAuth;

/// Everything that differs between providers. A provider that keeps to `OpenID` Connect gives its name, label, issuer and
/// steps, and takes the rest from [`OPENID_CONNECT`].
#[expect(clippy::struct_excessive_bools, reason = "each is a habit of its own")]
pub(crate) struct PresetSpec {
    /// The name in the API and in stored settings; its file is called the same.
    pub(crate) name: &'static str,
    /// The name for people.
    pub(crate) label: &'static str,
    /// The issuer, or for plain OAuth 2.0 the address of the site; none where each has one of their own.
    pub(crate) issuer: Option<&'static str>,
    /// What is asked for beside `openid`.
    pub(crate) scopes: &'static [&'static str],
    /// What is asked for besides when groups follow the provider's.
    pub(crate) group_scopes: &'static [&'static str],
    /// How the client proves itself; none for what the discovery document says.
    pub(crate) client_auth: Option<ClientAuth>,
    /// The claim with the groups of a person, where it is known to send them.
    pub(crate) group_attribute: Option<&'static str>,
    /// What the groups are called there, for the page that links them; empty when there is nothing to say.
    pub(crate) group_hint: &'static str,
    /// Whose people a connection can be narrowed to.
    pub(crate) people: PeopleScope,
    /// Whether an administrator may declare its addresses verified: only where people cannot choose their address.
    pub(crate) may_trust_email: bool,
    /// Whether people are asked which account they mean: many are signed in there with several, and the first one is
    /// the wrong one.
    pub(crate) asks_for_account: bool,
    /// Whether it takes a PKCE challenge (RFC 7636) from a client with a secret.
    pub(crate) supports_pkce: bool,
    /// Whether its ID tokens repeat the nonce.
    pub(crate) returns_nonce: bool,
    /// For OAuth 2.0 without `OpenID` Connect: where the endpoints are, and how its API says who it is.
    pub(crate) oauth2: Option<OAuth2Api>,
    /// How the application is registered there, step by step and in its own words.
    pub(crate) steps: &'static [SetupStep],
}

/// A provider that keeps to `OpenID` Connect.
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
    oauth2: None,
    steps: &[],
};

/// Whose people a connection can be narrowed to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum PeopleScope {
    /// Nobody's in particular.
    Everyone,
    /// Those of Google Workspace domains: `hd` in the request, and as a claim.
    HostedDomains,
    /// Those of Entra ID tenants: one issuer with `{tenantid}` in it serves many of them, `tid` in the token says which,
    /// and an address counts only from a known tenant or with `xms_edov`. Groups that are too many for a token are read
    /// from Microsoft Graph.
    Tenants,
}

/// OAuth 2.0 without `OpenID` Connect: no discovery and no ID token.
pub(crate) struct OAuth2Api {
    /// The authorization endpoint, relative to the site.
    pub(crate) authorize_path: &'static str,
    /// The token endpoint, relative to the site.
    pub(crate) token_path: &'static str,
    /// Where the API is, given the address of the site.
    pub(crate) api_base: fn(&Url) -> Option<Url>,
    /// Reads who the person is.
    pub(crate) fetch_claims: FetchClaims,
}

/// Asks the API who the person is, and for their groups when the second argument is true. Gives a JSON object with the
/// claims of `OpenID` Connect: `sub` (an id that never changes), `email`, `email_verified`, `name`, and the groups under
/// the preset's `group_attribute`.
pub(crate) type FetchClaims =
    for<'a> fn(&'a ProviderApi<'a>, bool) -> BoxFuture<'a, Result<Value, ProviderApiError>>;

/// One step of the registration.
pub(crate) struct SetupStep {
    /// What to do.
    pub(crate) text: &'static str,
    /// What the field there is called, and what to put into it; none for a step without.
    pub(crate) field: Option<(&'static str, SetupValue)>,
}

/// An address of ours that a step asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum SetupValue {
    /// Where people come back to.
    Callback,
    /// Where people come back to from a logout.
    SignedOut,
    /// Where the provider tells of logouts.
    BackchannelLogout,
    /// Where our public key is.
    Jwks,
}

/// A step that says what to do.
pub(super) const fn instruction(text: &'static str) -> SetupStep {
    SetupStep { text, field: None }
}

/// A step that says where one of our addresses goes.
pub(super) const fn enter(text: &'static str, field: &'static str, value: SetupValue) -> SetupStep {
    SetupStep { text, field: Some((field, value)) }
}
