//! What is agreed with an `OpenID` Connect or OAuth 2.0 provider.

use serde::{Deserialize, Serialize};
use url::Url;

use super::attribute_mapping::{AttributeMapping, normalize_lines};
use crate::directory::Error;
use crate::idp::oidc::{ClientAuth, Preset};

/// What was agreed with a provider. Its client secret is kept apart.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct OidcSettings {
    /// Whose it is: decides about addresses and habits that differ.
    pub preset: Preset,
    /// What people see on the sign-in page, when it is not the connection's name.
    pub display_name: Option<String>,
    /// The issuer, below which the discovery document is; for plain OAuth 2.0 the address of the site.
    pub issuer: String,
    /// Where the provider's own API is, when it is not where the preset says: GitHub's, Bitbucket's, or Microsoft
    /// Graph.
    pub api_url: Option<String>,
    /// Our name there.
    pub client_id: String,
    /// How we prove that; what the provider prefers when not set.
    pub client_auth: Option<ClientAuth>,
    /// Scopes to ask for beside the usual ones.
    pub scopes: Vec<String>,
    /// Entra ID: the tenants whose people may come, and whose word for an address counts. Empty for any tenant.
    pub tenants: Vec<String>,
    /// Google: the Workspace domains whose people may come. Empty for any.
    pub hosted_domains: Vec<String>,
    /// Whether addresses count as verified although the provider does not say so: for one's own provider, in
    /// which people cannot choose their address.
    pub trust_email: bool,
    /// Whether people have to prove themselves there each time.
    pub force_authn: bool,
    /// What is taken over of people; groups are where the preset is known to have them when that is not set.
    #[serde(flatten)]
    pub people: AttributeMapping,
}

impl OidcSettings {
    /// Whether a test of `other` says anything about these.
    #[must_use]
    pub fn has_same_trust_as(&self, other: &Self) -> bool {
        let relevant = |s: &Self| {
            (
                (s.preset, s.issuer.clone(), s.api_url.clone(), s.client_id.clone(), s.client_auth),
                (s.scopes.clone(), s.tenants.clone(), s.hosted_domains.clone(), s.trust_email),
                s.people.email_attribute.clone(),
            )
        };
        relevant(self) == relevant(other)
    }

    /// The claim with the groups, if groups follow the connection.
    #[must_use]
    pub fn group_claim(&self) -> Option<&str> {
        let name = self.people.group_attribute.as_deref().or(self.preset.group_attribute());
        name.filter(|_| self.people.group_sync)
    }

    /// The settings, if they go together.
    pub fn checked(mut self) -> Result<Self, Error> {
        let invalid = |field, reason: &str| Err(Error::Invalid { field, reason: reason.to_owned() });
        if self.issuer.is_empty() {
            let Some(issuer) = self.preset.issuer() else {
                return invalid("issuer", "is required: the address that the provider calls its issuer");
            };
            issuer.clone_into(&mut self.issuer);
        }
        for (field, url) in [("issuer", Some(&self.issuer)), ("api_url", self.api_url.as_ref())] {
            let Some(text) = url else { continue };
            let fits = Url::parse(text).is_ok_and(|url| {
                matches!(url.scheme(), "https" | "http") && url.query().is_none() && url.fragment().is_none()
            });
            if !fits || text.len() > 1024 {
                return invalid(field, "must be an address such as https://id.example.com");
            }
        }
        if self.client_id.trim().is_empty() || self.client_id.len() > 512 {
            return invalid("client_id", "is required: what the provider calls this application");
        }
        if self.people.group_sync && self.group_claim().is_none() {
            return invalid("group_attribute", "is needed to put people into groups");
        }
        if self.trust_email && !self.preset.spec().may_trust_email {
            return invalid("trust_email", "is for one's own provider: here anybody can choose an address");
        }
        let is_scope = |text: &String| {
            !text.is_empty()
                && text.len() <= 200
                && text.chars().all(|c| c.is_ascii_graphic() && c != '"' && c != '\\')
        };
        if self.scopes.len() > 30 || !self.scopes.iter().all(is_scope) {
            return invalid("scopes", "must be at most thirty words");
        }
        for (field, list) in [("tenants", &mut self.tenants), ("hosted_domains", &mut self.hosted_domains)] {
            for text in list.iter_mut() {
                *text = text.trim().to_lowercase();
            }
            list.retain(|text| !text.is_empty());
            if list.len() > 100 || list.iter().any(|text| text.len() > 253) {
                return invalid(field, "must be at most a hundred names");
            }
        }
        normalize_lines([("display_name", &mut self.display_name)])?;
        self.people.normalize()?;
        Ok(self)
    }
}
