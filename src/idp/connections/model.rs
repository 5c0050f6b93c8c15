//! What a connection is.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::kernel::Timestamp;

/// The protocols.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// People sign in with SAML 2.0.
    Saml,
    /// A directory provisions users and groups with SCIM 2.0.
    Scim,
}

impl Kind {
    /// The name in the database and the API.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Saml => "saml",
            Self::Scim => "scim",
        }
    }
}

/// A connection as stored.
#[derive(Debug, Clone, sqlx::FromRow)]
pub struct Connection {
    /// Its id, part of its URLs.
    pub id: String,
    /// The account it belongs to.
    pub account_id: String,
    pub(super) kind: String,
    /// Its name, unique in the account without case.
    pub name: String,
    pub(super) enabled: i32,
    pub(super) settings: String,
    /// The private key of this side, sealed.
    pub sealed_key: Option<String>,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it was changed last.
    pub updated_at: Timestamp,
    /// When a test of it as it is now succeeded.
    pub tested_at: Option<Timestamp>,
    /// The administrator who came through in that test, under their own address.
    pub tested_by: Option<String>,
}

impl Connection {
    /// Its protocol.
    #[must_use]
    pub fn kind(&self) -> Kind {
        if self.kind == "scim" { Kind::Scim } else { Kind::Saml }
    }

    /// Whether it is switched on.
    #[must_use]
    pub fn is_enabled(&self) -> bool {
        self.enabled != 0
    }

    /// The settings of a SAML connection; `None` for other kinds.
    #[must_use]
    pub fn saml(&self) -> Option<SamlSettings> {
        (self.kind() == Kind::Saml).then(|| serde_json::from_str(&self.settings).ok()).flatten()
    }

    /// What [`Connection::sealed_key`] is bound to.
    #[must_use]
    pub fn key_binding(id: &str) -> String {
        format!("connections/{id}/key")
    }
}

/// What was agreed with a SAML identity provider.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct SamlSettings {
    /// The identity provider's entity id; every issuer must be this.
    pub idp_entity_id: String,
    /// Where browsers are sent, HTTP-Redirect binding.
    pub sso_url: String,
    /// The identity provider's signing certificates, base64 of DER. Nothing else is trusted.
    pub certificates: Vec<String>,
    /// Where the metadata was read from, if from an address.
    pub metadata_url: Option<String>,
    /// Our entity id, when it is not the metadata address.
    pub sp_entity_id: Option<String>,
    /// Whether requests are signed.
    pub sign_requests: bool,
    /// The attribute with the email address; the NameID and the usual names when not set.
    pub email_attribute: Option<String>,
    /// Whether sign-ins that the identity provider begins are accepted.
    pub allow_idp_initiated: bool,
    /// Whether people unknown here are created.
    pub jit: Jit,
    /// Whether the identity provider is believed when it says that a second factor was shown there.
    pub trust_mfa: bool,
    /// Our certificate for signatures, base64 of DER.
    pub sp_certificate: String,
}

impl SamlSettings {
    /// Whether a test of `other` says anything about these.
    #[must_use]
    pub fn trusts_the_same(&self, other: &Self) -> bool {
        let relevant = |s: &Self| {
            let Self {
                idp_entity_id,
                sso_url,
                certificates,
                sp_entity_id,
                email_attribute,
                sign_requests,
                ..
            } = s;
            (
                idp_entity_id.clone(),
                sso_url.clone(),
                certificates.clone(),
                sp_entity_id.clone(),
                email_attribute.clone(),
                *sign_requests,
            )
        };
        relevant(self) == relevant(other)
    }
}

/// Creating people at their first sign-in.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Jit {
    /// Whether it happens.
    pub enabled: bool,
    /// An attribute the assertion must have for it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
    /// A value that attribute must have.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub value: Option<String>,
}
