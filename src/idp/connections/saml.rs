//! The settings of a SAML connection.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use vestibule_saml::{Binding, Comparison, LogoutService, NameIdFormat};

use super::attribute_mapping::{AttributeMapping, normalize_line};
use crate::directory::Error;
use crate::kernel::Timestamp;
use crate::kernel::urls::local_path;

/// The settings of a connection. Our private keys and the Graph client secret are stored separately.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
#[expect(clippy::struct_excessive_bools, reason = "each is a switch of its own")]
pub struct SamlSettings {
    /// The provider's product, which determines the wording of the setup page and nothing else.
    pub vendor: Vendor,
    /// The name on the sign-in page, if it differs from the connection's name.
    pub display_name: Option<String>,
    /// The identity provider's entity ID, which every issuer must equal.
    pub idp_entity_id: String,
    /// The single sign-on URL for the HTTP-Redirect binding; empty if the provider has none.
    pub sso_url: String,
    /// The single sign-on URL for the HTTP-POST binding.
    pub sso_post_url: Option<String>,
    /// The preferred binding for requests, see [`SamlSettings::sso`].
    pub request_binding: Binding,
    /// The single logout endpoint and its binding.
    pub logout: Option<LogoutService>,
    /// The identity provider's signing certificates, base64 of DER. No other certificate is trusted, except
    /// those in `retiring`.
    pub certificates: Vec<String>,
    /// Certificates that have left the metadata and are still accepted for a while.
    pub retiring: Vec<RetiringCertificate>,
    /// The URL from which metadata is refreshed, if there is one.
    pub metadata_url: Option<String>,
    /// The certificate that must have signed metadata from that URL, base64 of DER.
    pub metadata_certificate: Option<String>,
    /// Our entity ID, if it is not the URL of our metadata.
    pub sp_entity_id: Option<String>,
    /// Whether requests are signed.
    pub sign_requests: bool,
    /// The requested `NameIDPolicy` format.
    pub name_id_format: NameIdFormat,
    /// Whether users must authenticate at the provider at every sign-in.
    pub force_authn: bool,
    /// The requested authentication contexts (`AuthnContextClassRef`); empty for any.
    pub authn_context: Vec<String>,
    /// How the context that was used must compare to the requested ones.
    pub authn_context_comparison: Comparison,
    /// Whether AES in CBC mode, which is not authenticated, is accepted.
    pub allow_cbc: bool,
    /// What is taken over about users.
    #[serde(flatten)]
    pub people: AttributeMapping,
    /// The Microsoft Graph client for users in more groups than Entra ID puts into an assertion.
    pub graph: Option<Graph>,
    /// Whether sign-ins that the identity provider starts are accepted.
    pub allow_idp_initiated: bool,
    /// The local path that such a sign-in leads to.
    pub landing: Option<String>,
}

/// Products whose set-up is described step by step.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Vendor {
    /// Okta.
    Okta,
    /// Microsoft Entra ID.
    Entra,
    /// OneLogin.
    OneLogin,
    /// Keycloak.
    Keycloak,
    /// Google Workspace.
    Google,
    /// Another one that speaks SAML 2.0.
    #[default]
    Other,
}

impl Vendor {
    /// All vendors, in the order in which they are offered.
    pub const ALL: [Self; 6] =
        [Self::Okta, Self::Entra, Self::OneLogin, Self::Keycloak, Self::Google, Self::Other];

    /// The name in the API.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Okta => "okta",
            Self::Entra => "entra",
            Self::OneLogin => "onelogin",
            Self::Keycloak => "keycloak",
            Self::Google => "google",
            Self::Other => "other",
        }
    }

    /// The display name.
    #[must_use]
    pub const fn label(self) -> &'static str {
        match self {
            Self::Okta => "Okta",
            Self::Entra => "Microsoft Entra ID",
            Self::OneLogin => "OneLogin",
            Self::Keycloak => "Keycloak",
            Self::Google => "Google Workspace",
            Self::Other => "Another identity provider",
        }
    }

    /// Reads [`Vendor::as_str`]; anything else is [`Vendor::Other`].
    #[must_use]
    pub fn parse(text: &str) -> Self {
        Self::ALL.into_iter().find(|vendor| vendor.as_str() == text).unwrap_or_default()
    }
}

/// A certificate that has left the provider's metadata.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RetiringCertificate {
    /// base64 of DER.
    pub certificate: String,
    /// Until when it is accepted.
    pub until: Timestamp,
}

/// Where and as whom the groups of a person are read from Microsoft Graph. The client's secret is kept apart.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Graph {
    /// The directory (tenant) id.
    pub tenant_id: String,
    /// The application (client) id.
    pub client_id: String,
    /// Graph's address; another one in sovereign clouds.
    #[serde(default = "default_graph_url")]
    pub graph_url: String,
    /// Where tokens are had; another one in sovereign clouds.
    #[serde(default = "default_token_host")]
    pub login_url: String,
}

impl Graph {
    /// The public cloud's endpoints, for a client in a tenant.
    #[must_use]
    pub fn of_tenant(tenant_id: &str, client_id: &str) -> Self {
        Self {
            tenant_id: tenant_id.to_owned(),
            client_id: client_id.to_owned(),
            graph_url: default_graph_url(),
            login_url: default_token_host(),
        }
    }
}

fn default_graph_url() -> String {
    "https://graph.microsoft.com".to_owned()
}

fn default_token_host() -> String {
    "https://login.microsoftonline.com".to_owned()
}

impl SamlSettings {
    /// Whether a successful test of `other` also holds for these settings.
    #[must_use]
    pub fn has_same_trust_as(&self, other: &Self) -> bool {
        let relevant = |s: &Self| {
            (
                (s.idp_entity_id.clone(), s.sso_url.clone(), s.sso_post_url.clone(), s.request_binding),
                (s.certificates.clone(), s.sp_entity_id.clone(), s.people.email_attribute.clone()),
                (s.sign_requests, s.name_id_format, s.force_authn, s.authn_context.clone(), s.allow_cbc),
            )
        };
        relevant(self) == relevant(other)
    }

    /// The certificates that are accepted at `now`.
    #[must_use]
    pub fn trusted_certificates_at(&self, now: Timestamp) -> Vec<String> {
        let retiring = self.retiring.iter().filter(|one| now < one.until).map(|one| &one.certificate);
        self.certificates.iter().chain(retiring).cloned().collect()
    }

    /// The single sign-on URL and the binding to use with it.
    #[must_use]
    pub fn sso(&self) -> (&str, Binding) {
        match (&self.sso_post_url, self.request_binding) {
            (Some(url), Binding::Post) => (url, Binding::Post),
            (Some(url), Binding::Redirect) if self.sso_url.is_empty() => (url, Binding::Post),
            _ => (&self.sso_url, Binding::Redirect),
        }
    }

    /// Validates and normalizes the settings.
    pub fn checked(mut self) -> Result<Self, Error> {
        let invalid = |field, reason: &str| Err(Error::Invalid { field, reason: reason.to_owned() });
        if self.request_binding == Binding::Post && self.sso_post_url.is_none() {
            return invalid(
                "request_binding",
                "the identity provider has no address for the HTTP-POST binding",
            );
        }
        if self.people.group_sync && self.people.group_attribute.is_none() {
            return invalid("group_attribute", "is needed to put people into groups");
        }
        if let Some(landing) = &self.landing
            && local_path(Some(landing), "") != landing
        {
            return invalid("landing", "must be a path of this server such as /profile");
        }
        if self.authn_context.len() > 10 || self.authn_context.iter().any(|uri| uri.len() > 300) {
            return invalid("authn_context", "must be at most ten URIs");
        }
        normalize_line("display_name", &mut self.display_name)?;
        normalize_line("sp_entity_id", &mut self.sp_entity_id)?;
        self.people.normalize()?;
        Ok(self)
    }
}
