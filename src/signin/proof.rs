//! The proof that every sign-in method produces.

use serde::{Deserialize, Serialize};

use super::factors::{ACR_TWO_FACTORS, SecondFactor};
use crate::directory::users::User;
use crate::kernel::text_enum::text_enum;
use crate::kernel::{AccountId, ConnectionId, UserId};

text_enum! {
    /// How a user authenticated.
    #[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
    #[serde(rename_all = "snake_case")]
    pub enum Method {
        /// A password, on the ordinary sign-in page.
        Password = "password",
        /// A password, on the local sign-in page for administrators.
        Local = "local",
        /// A SAML assertion.
        Saml = "saml",
        /// An ID token of an `OpenID` Connect provider, or the user information of an OAuth 2.0 provider.
        Oidc = "oidc",
        /// A password that an LDAP directory checked.
        Ldap = "ldap",
        /// A passkey, which counts as both factors.
        Passkey = "passkey",
    }
}

/// A verified statement about a user, before the account's rules are applied. Flows store it as JSON, so
/// the serialized names are fixed.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Proof {
    /// The sign-in method.
    pub method: Method,
    /// The account in which it is valid.
    pub account_id: AccountId,
    /// The connection whose provider made the statement, if any.
    pub connection_id: Option<ConnectionId>,
    /// The identifier: an email address or a user name.
    #[serde(rename = "subject")]
    pub identifier: String,
    /// The user's id, if the proof was checked against a credential that is stored here or the user has
    /// been admitted. It then takes precedence over `identifier`, because the user name of one user may be
    /// the address of another.
    pub user_id: Option<UserId>,
    /// The subject at the identity provider, if the provider has identifiers that it never reassigns. It
    /// then takes precedence over `identifier`, which counts only until the subject is linked.
    #[serde(default, rename = "identity")]
    pub external_subject: Option<ExternalSubject>,
    /// The authentication methods (`amr`, RFC 8176).
    pub amr: Vec<String>,
    /// The authentication level (`acr`) that was reached here: [`ACR_TWO_FACTORS`] once a second factor was
    /// verified, else empty. What an identity provider states never becomes it.
    #[serde(default, rename = "own_acr")]
    pub acr: String,
    /// The authentication level as the identity provider states it, empty when it states none.
    #[serde(rename = "acr")]
    pub provider_acr: String,
    /// The second factor, if it was verified or the proof covers both factors.
    #[serde(default)]
    pub second_factor: Option<SecondFactor>,
    /// Fingerprint of the user's stored password hash. A sign-in that waits for another step ends when the
    /// password changes.
    #[serde(default, rename = "password")]
    pub password_fingerprint: Option<String>,
    /// The lockout key whose failures are cleared on completion, for a password that was checked elsewhere.
    #[serde(skip)]
    pub clear_failures_of: Option<String>,
    /// What the identity provider asserts besides the subject.
    #[serde(default, rename = "provided")]
    pub provider_claims: ProviderClaims,
}

impl Proof {
    /// A proof that `user` presented their password.
    pub(super) fn from_password(user: &User, method: Method) -> Self {
        Self {
            method,
            account_id: user.account_id.clone(),
            connection_id: None,
            identifier: user.user_name.clone(),
            user_id: Some(user.id.clone()),
            external_subject: None,
            amr: vec!["pwd".into()],
            acr: String::new(),
            provider_acr: String::new(),
            second_factor: None,
            password_fingerprint: None,
            clear_failures_of: None,
            provider_claims: ProviderClaims::default(),
        }
    }
}

impl Proof {
    /// Adds a second factor that was verified here.
    pub(super) fn add_second_factor(&mut self, factor: SecondFactor, amr: &[&str]) {
        self.second_factor = Some(factor);
        ACR_TWO_FACTORS.clone_into(&mut self.acr);
        for method in amr {
            if !self.amr.iter().any(|known| known == method) {
                self.amr.push((*method).to_owned());
            }
        }
    }
}

/// What an identity provider asserts besides the subject, restricted to what its connection allows.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct ProviderClaims {
    /// Whether to create the user if there is none (just-in-time provisioning).
    #[serde(rename = "create")]
    pub jit_provisioning: bool,
    /// The user's names. They are not applied to a user that a connection manages.
    pub names: ProfileNames,
    /// Whether the names of an existing user are updated.
    pub update_names: bool,
    /// The user's groups at the provider; `None` when groups are not synchronised or could not be read.
    pub groups: Option<Vec<String>>,
    /// The session at the provider, so that logout works in both directions.
    pub session: Option<ProviderSession>,
}

/// A subject at an identity provider.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExternalSubject {
    /// The issuer.
    pub issuer: String,
    /// The subject identifier, which the issuer never reassigns unless it is an address.
    pub id: String,
    /// Whether the email address counts as verified.
    pub address_is_verified: bool,
    /// Whether the subject is an email address, or a name like one, because the provider gives nothing
    /// better. It may be given to another person, so it leads to a user only as long as they have the address.
    #[serde(default)]
    pub is_address: bool,
}

/// The names of a user.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProfileNames {
    /// The given name.
    pub given_name: Option<String>,
    /// The family name.
    pub family_name: Option<String>,
    /// The display name.
    pub display_name: Option<String>,
}

impl ProfileNames {
    /// Trims `text` and returns it if it is usable as a name: not empty, at most 256 characters, no control
    /// characters. Callers ignore an unusable name, so that it does not prevent the sign-in.
    #[must_use]
    pub fn parse_name(text: &str) -> Option<String> {
        let text = text.trim();
        let fits = !text.is_empty() && text.chars().count() <= 256 && !text.contains(char::is_control);
        fits.then(|| text.to_owned())
    }
}

/// A session at the identity provider.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProviderSession {
    /// The subject under which the provider knows the user.
    pub subject: String,
    /// The provider's session identifier, if it has one.
    pub session: Option<String>,
    /// What the protocol needs to identify the user in a logout request, as JSON.
    pub detail: String,
}
