//! What is agreed with a SAML identity provider.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use vestibule_saml::{Binding, Comparison, LogoutService, NameIdFormat};

use super::attribute_mapping::{AttributeMapping, normalize_line};
use crate::directory::Error;
use crate::kernel::Timestamp;
use crate::kernel::urls::local_path;

/// What was agreed with a SAML identity provider.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
#[expect(clippy::struct_excessive_bools, reason = "each is a switch of its own")]
pub struct SamlSettings {
    /// Whose product it is: decides about the words of the set-up page, nothing else.
    pub vendor: Vendor,
    /// What people see on the sign-in page, when it is not the connection's name.
    pub display_name: Option<String>,
    /// The identity provider's entity id; every issuer must be this.
    pub idp_entity_id: String,
    /// Where browsers are sent with the HTTP-Redirect binding; empty when it has no such address.
    pub sso_url: String,
    /// The same with the HTTP-POST binding.
    pub sso_post_url: Option<String>,
    /// How browsers are sent.
    pub request_binding: Binding,
    /// Where logouts go, and how.
    pub logout: Option<LogoutService>,
    /// The identity provider's signing certificates, base64 of DER. Nothing else is trusted.
    pub certificates: Vec<String>,
    /// Certificates that are not in its metadata any more, and accepted for a while.
    pub retiring: Vec<RetiringCertificate>,
    /// Where the metadata is read from, if from an address.
    pub metadata_url: Option<String>,
    /// The certificate by which metadata from the address must be signed, base64 of DER.
    pub metadata_certificate: Option<String>,
    /// Our entity id, when it is not the metadata address.
    pub sp_entity_id: Option<String>,
    /// Whether requests are signed.
    pub sign_requests: bool,
    /// Which kind of name is asked for.
    pub name_id_format: NameIdFormat,
    /// Whether people have to prove themselves there each time.
    pub force_authn: bool,
    /// How people have to prove themselves there, `AuthnContextClassRef`; empty for whatever it likes.
    pub authn_context: Vec<String>,
    /// How what is asked for compares to what they do.
    pub authn_context_comparison: Comparison,
    /// Whether AES in CBC mode is accepted, which is not authenticated.
    pub allow_cbc: bool,
    /// What is taken over of people.
    #[serde(flatten)]
    pub people: AttributeMapping,
    /// Microsoft Graph, for people in more groups than Entra ID puts into an assertion.
    pub graph: Option<Graph>,
    /// Whether sign-ins that the identity provider begins are accepted.
    pub allow_idp_initiated: bool,
    /// Where such a sign-in leads, a local path.
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
    /// All, in the order in which they are offered.
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

    /// The name for people.
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

    /// Reads [`Vendor::as_str`]; anything else is another one.
    #[must_use]
    pub fn parse(text: &str) -> Self {
        Self::ALL.into_iter().find(|vendor| vendor.as_str() == text).unwrap_or_default()
    }
}

/// A certificate on its way out.
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
    /// Microsoft's own, for a client in a tenant.
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
    /// Whether a test of `other` says anything about these.
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

    /// Where browsers are sent.
    #[must_use]
    pub fn sso(&self) -> (&str, Binding) {
        match (&self.sso_post_url, self.request_binding) {
            (Some(url), Binding::Post) => (url, Binding::Post),
            (Some(url), Binding::Redirect) if self.sso_url.is_empty() => (url, Binding::Post),
            _ => (&self.sso_url, Binding::Redirect),
        }
    }

    /// The settings, if they go together.
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
