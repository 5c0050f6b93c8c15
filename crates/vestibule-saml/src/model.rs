//! Settings agreed with an identity provider that messages depend on.

use serde::{Deserialize, Serialize};

/// The status of a successful request (saml-core §3.2.2.2).
pub(crate) const SUCCESS: &str = "urn:oasis:names:tc:SAML:2.0:status:Success";

/// The binding of SAML messages (saml-bindings §3.4, §3.5): `redirect` for HTTP-Redirect, `post` for
/// HTTP-POST.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "lowercase")]
pub enum Binding {
    /// HTTP-Redirect: the message is in the URL.
    #[default]
    Redirect,
    /// HTTP-POST: the message is in a form.
    Post,
}

/// The requested NameID format (saml-core §8.3). `unspecified` leaves the choice to the identity provider.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum NameIdFormat {
    /// The identity provider chooses the format.
    #[default]
    Unspecified,
    /// An email address.
    Email,
    /// An opaque identifier that stays the same at each sign-in.
    Persistent,
    /// A new identifier at each sign-in.
    Transient,
}

impl NameIdFormat {
    /// All formats, in the order in which they are offered.
    pub const ALL: [Self; 4] = [Self::Unspecified, Self::Email, Self::Persistent, Self::Transient];

    /// The name in the API.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Unspecified => "unspecified",
            Self::Email => "email",
            Self::Persistent => "persistent",
            Self::Transient => "transient",
        }
    }

    /// The URI (saml-core §8.3).
    #[must_use]
    pub const fn uri(self) -> &'static str {
        match self {
            Self::Unspecified => "urn:oasis:names:tc:SAML:1.1:nameid-format:unspecified",
            Self::Email => "urn:oasis:names:tc:SAML:1.1:nameid-format:emailAddress",
            Self::Persistent => "urn:oasis:names:tc:SAML:2.0:nameid-format:persistent",
            Self::Transient => "urn:oasis:names:tc:SAML:2.0:nameid-format:transient",
        }
    }
}

/// How the authentication context must compare to the requested ones (saml-core §3.3.2.2.1). `exact`: equal
/// to one of them. `minimum`: at least as strong as one of them. `better`: stronger than any of them.
/// `maximum`: as strong as possible without exceeding one of them.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "lowercase")]
pub enum Comparison {
    /// Equal to one of them.
    #[default]
    Exact,
    /// At least as strong as one of them.
    Minimum,
    /// Stronger than any of them.
    Better,
    /// As strong as possible without exceeding one of them.
    Maximum,
}

/// The single logout service of an identity provider.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LogoutService {
    /// The URL to which requests are sent.
    pub url: String,
    /// The URL to which responses are sent, if it is another one.
    #[serde(default)]
    pub response_url: Option<String>,
    /// The binding for both.
    pub binding: Binding,
}

/// A user as the identity provider names them (saml-core §2.2.2).
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct NameId {
    /// The name itself.
    pub value: String,
    /// The URI of the name's format.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub format: Option<String>,
    /// The domain that qualifies the name, usually the identity provider's entity ID.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name_qualifier: Option<String>,
    /// The service provider that further qualifies the name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sp_name_qualifier: Option<String>,
}

impl NameId {
    /// The URI of the name's format. A NameID without one is of the format `unspecified` (saml-core §2.2.2).
    #[must_use]
    pub fn format_uri(&self) -> &str {
        self.format.as_deref().unwrap_or(NameIdFormat::Unspecified.uri())
    }

    /// Whether the format says that the name is an email address (saml-core §8.3.2).
    #[must_use]
    pub fn is_email(&self) -> bool {
        self.format_uri() == NameIdFormat::Email.uri()
    }
}
