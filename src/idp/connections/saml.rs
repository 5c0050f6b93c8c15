//! The settings of a SAML connection.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use vestibule_saml::{Binding, Comparison, LogoutService, NameIdFormat};

use super::attribute_mapping::{AttributeMapping, normalize_line};
use crate::directory::Error;
use crate::kernel::Timestamp;
use crate::kernel::text_enum::text_enum;
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

text_enum! {
    /// Identity providers with setup steps of their own; `other` is any other SAML 2.0 identity provider.
    #[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
    #[serde(rename_all = "lowercase")]
    pub enum Vendor {
        /// Okta.
        Okta = "okta" => "Okta",
        /// Microsoft Entra ID.
        Entra = "entra" => "Microsoft Entra ID",
        /// OneLogin.
        OneLogin = "onelogin" => "OneLogin",
        /// Keycloak.
        Keycloak = "keycloak" => "Keycloak",
        /// Google Workspace.
        Google = "google" => "Google Workspace",
        /// Another identity provider that supports SAML 2.0.
        #[default]
        Other = "other" => "Another identity provider",
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

/// The Microsoft Graph client that reads the groups of a user. Its client secret is set separately.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Graph {
    /// The directory (tenant) ID.
    pub tenant_id: String,
    /// The application (client) ID.
    pub client_id: String,
    /// The Graph URL. It differs in sovereign clouds.
    #[serde(default = "default_graph_url")]
    pub graph_url: String,
    /// The authority URL, which issues the tokens. It differs in sovereign clouds.
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
                s.authn_context_comparison,
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
                "the identity provider has no SSO URL for the HTTP-POST binding",
            );
        }
        if self.people.group_sync && self.people.group_attribute.is_none() {
            return invalid("group_attribute", "is required when group sync is enabled");
        }
        if let Some(landing) = &self.landing
            && local_path(Some(landing), "") != landing
        {
            return invalid("landing", "must be a path on this server, such as /profile");
        }
        if self.authn_context.len() > 10 || self.authn_context.iter().any(|uri| uri.len() > 300) {
            return invalid("authn_context", "must contain at most 10 URIs of up to 300 characters");
        }
        normalize_line("display_name", &mut self.display_name)?;
        normalize_line("sp_entity_id", &mut self.sp_entity_id)?;
        self.people.normalize()?;
        Ok(self)
    }
}
