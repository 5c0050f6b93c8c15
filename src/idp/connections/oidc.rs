//! The settings of an OpenID Connect or OAuth 2.0 connection.

use serde::{Deserialize, Serialize};
use url::Url;

use super::attribute_mapping::{AttributeMapping, normalize_line};
use crate::directory::Error;
use crate::idp::oidc::{ClientAuth, Preset};

/// The settings of a connection. The client secret is stored separately, see [`super::secret`].
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct OidcSettings {
    /// The provider's product, which determines endpoints and deviations from the standard.
    pub preset: Preset,
    /// The name on the sign-in page, if it differs from the connection's name.
    pub display_name: Option<String>,
    /// The issuer, below which the discovery document is; for plain OAuth 2.0 the address of the site.
    pub issuer: String,
    /// The base URL of the provider's own API, if it is not the preset's: GitHub's, Bitbucket's, or
    /// Microsoft Graph.
    pub api_url: Option<String>,
    /// Our client id at the provider.
    pub client_id: String,
    /// How the client authenticates; the preset's or the provider's preference if not set.
    pub client_auth: Option<ClientAuth>,
    /// Scopes to request in addition to the usual ones.
    pub scopes: Vec<String>,
    /// Entra ID: the tenants whose users may sign in and whose email addresses count as verified. If empty,
    /// any tenant may sign in and none is trusted for addresses.
    pub tenants: Vec<String>,
    /// Google: the Workspace domains whose users may sign in. Empty for any.
    pub hosted_domains: Vec<String>,
    /// Whether addresses count as verified although the provider does not say so: for the company's own
    /// provider, where users cannot choose their address.
    pub trust_email: bool,
    /// Whether users must authenticate at the provider at every sign-in.
    pub force_authn: bool,
    /// The authentication contexts (`acr`) of which one is required; empty for any.
    pub acr_values: Vec<String>,
    /// What is taken over about users. Without a group attribute, the preset's is used.
    #[serde(flatten)]
    pub people: AttributeMapping,
}

impl OidcSettings {
    /// Whether a successful test of `other` also holds for these settings.
    #[must_use]
    pub fn has_same_trust_as(&self, other: &Self) -> bool {
        let relevant = |s: &Self| {
            (
                (s.preset, s.issuer.clone(), s.api_url.clone(), s.client_id.clone(), s.client_auth),
                (s.scopes.clone(), s.tenants.clone(), s.hosted_domains.clone(), s.trust_email),
                (s.people.email_attribute.clone(), s.force_authn, s.acr_values.clone()),
            )
        };
        relevant(self) == relevant(other)
    }

    /// The claim with the groups, if linked groups follow the connection.
    #[must_use]
    pub fn group_claim(&self) -> Option<&str> {
        let name = self.people.group_attribute.as_deref().or(self.preset.group_attribute());
        name.filter(|_| self.people.group_sync)
    }

    /// Validates and normalizes the settings.
    pub fn checked(mut self) -> Result<Self, Error> {
        let invalid = |field, reason: &str| Err(Error::Invalid { field, reason: reason.to_owned() });
        if self.issuer.is_empty() {
            let Some(issuer) = self.preset.issuer() else {
                let reason = "is required; enter the issuer exactly as the provider publishes it";
                return invalid("issuer", reason);
            };
            issuer.clone_into(&mut self.issuer);
        }
        for (field, url) in [("issuer", Some(&self.issuer)), ("api_url", self.api_url.as_ref())] {
            let Some(text) = url else { continue };
            let fits = Url::parse(text).is_ok_and(|url| {
                matches!(url.scheme(), "https" | "http") && url.query().is_none() && url.fragment().is_none()
            });
            if !fits || text.len() > 1024 {
                let reason = "must be a URL such as https://id.example.com, without query or fragment";
                return invalid(field, reason);
            }
        }
        if self.client_id.trim().is_empty() || self.client_id.len() > 512 {
            let reason = "is required; enter the client ID from the provider (up to 512 characters)";
            return invalid("client_id", reason);
        }
        if self.people.group_sync && self.group_claim().is_none() {
            return invalid("group_attribute", "is required when group sync is enabled");
        }
        if self.trust_email && !self.preset.spec().may_trust_email {
            let reason = "is not available for this provider: its users can choose their email address";
            return invalid("trust_email", reason);
        }
        if self.force_authn && !self.preset.spec().states_auth_time {
            let reason = "is not available for this provider: it does not report when a user authenticated";
            return invalid("force_authn", reason);
        }
        let is_acr = |text: &String| {
            !text.is_empty() && text.len() <= 300 && text.chars().all(|c| c.is_ascii_graphic())
        };
        if self.acr_values.len() > 10 || !self.acr_values.iter().all(is_acr) {
            let reason = "must contain at most 10 values of up to 300 characters without spaces";
            return invalid("acr_values", reason);
        }
        if !self.acr_values.is_empty() && self.preset.is_oauth2_only() {
            let reason = "is not available for this provider: it does not report how a user authenticated";
            return invalid("acr_values", reason);
        }
        let is_scope = |text: &String| {
            !text.is_empty()
                && text.len() <= 200
                && text.chars().all(|c| c.is_ascii_graphic() && c != '"' && c != '\\')
        };
        if self.scopes.len() > 30 || !self.scopes.iter().all(is_scope) {
            return invalid("scopes", "must contain at most 30 valid scopes");
        }
        for (field, list) in [("tenants", &mut self.tenants), ("hosted_domains", &mut self.hosted_domains)] {
            for text in list.iter_mut() {
                *text = text.trim().to_lowercase();
            }
            list.retain(|text| !text.is_empty());
            if list.len() > 100 || list.iter().any(|text| text.len() > 253) {
                return invalid(field, "must contain at most 100 entries of up to 253 characters");
            }
        }
        normalize_line("display_name", &mut self.display_name)?;
        self.people.normalize()?;
        Ok(self)
    }
}
