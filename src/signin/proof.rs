//! What every way of signing in ends in.

use serde::{Deserialize, Serialize};

use super::factors::{ACR_TWO_FACTORS, SecondFactor};
use crate::directory::users::User;
use crate::kernel::text_enum::text_enum;

text_enum! {
    /// How somebody proved who they are.
    #[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
    #[serde(rename_all = "snake_case")]
    pub enum Method {
        /// Password, on the ordinary page.
        Password = "password",
        /// Password, on the page that stays open to administrators.
        Local = "local",
        /// A SAML assertion.
        Saml = "saml",
        /// An `OpenID` Connect provider's ID token, or the word of an OAuth one.
        Oidc = "oidc",
        /// The password of an LDAP directory.
        Ldap = "ldap",
        /// A passkey, which is both factors.
        Passkey = "passkey",
    }
}

/// A statement about a person that has been verified. The rules of the account come after it.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Proof {
    /// How.
    pub method: Method,
    /// The account it counts in.
    pub account_id: String,
    /// The connection that vouches, if one does.
    pub connection_id: Option<String>,
    /// Whom: an email address, or a user name.
    #[serde(rename = "subject")]
    pub identifier: String,
    /// The user, where the proof was made against a stored secret of theirs. It then decides, not
    /// `subject`: one person's user name may be another's address.
    pub user_id: Option<String>,
    /// Who they are at the provider, where it has a name for them that it never gives to anybody else. It decides,
    /// then, and `subject` only at the first coming.
    #[serde(default, rename = "identity")]
    pub external_subject: Option<ExternalSubject>,
    /// Methods used, RFC 8176.
    pub amr: Vec<String>,
    /// The level reached, as the identity provider calls it; empty when it says nothing.
    pub acr: String,
    /// The second factor, once it was shown, or where the proof itself stands for both.
    #[serde(default)]
    pub second_factor: Option<SecondFactor>,
    /// The fingerprint of the stored password that was shown: a sign-in that waits for more ends with it.
    #[serde(default, rename = "password")]
    pub password_fingerprint: Option<String>,
    /// Whose counted attempts are forgotten with it, for a password that was checked elsewhere.
    #[serde(skip)]
    pub clear_failures_of: Option<String>,
    /// What else the connection that vouches says.
    #[serde(default, rename = "provided")]
    pub provider_claims: ProviderClaims,
}

impl Proof {
    /// `user` showed their password.
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
            second_factor: None,
            password_fingerprint: None,
            clear_failures_of: None,
            provider_claims: ProviderClaims::default(),
        }
    }
}

impl Proof {
    /// Adds a second factor that was shown here.
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

/// What an identity provider says beside who somebody is, and only what its connection lets it say.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct ProviderClaims {
    /// When nobody with this address exists: whom to create.
    #[serde(rename = "create")]
    pub jit_provisioning: bool,
    /// The person's names, to be taken over by those who are not managed elsewhere.
    pub names: ProfileNames,
    /// Whether somebody who is here already gets these names.
    pub update_names: bool,
    /// The groups the provider has them in; `None` where groups do not follow it, or it could not say.
    pub groups: Option<Vec<String>>,
    /// Their session there, for a logout that begins on either side.
    pub session: Option<ProviderSession>,
}

/// Who somebody is at a provider.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExternalSubject {
    /// Who says so.
    pub issuer: String,
    /// The name it never gives to anybody else there.
    pub id: String,
    /// Whether it vouches for the address.
    pub address_is_verified: bool,
}

/// The names of a person.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProfileNames {
    /// Given name.
    pub given_name: Option<String>,
    /// Family name.
    pub family_name: Option<String>,
    /// The name shown.
    pub display_name: Option<String>,
}

impl ProfileNames {
    /// A text as a name, if it could be one. One that could not keeps nobody out: it is left alone.
    #[must_use]
    pub fn parse_name(text: &str) -> Option<String> {
        let text = text.trim();
        let fits = !text.is_empty() && text.chars().count() <= 256 && !text.contains(char::is_control);
        fits.then(|| text.to_owned())
    }
}

/// A session as the identity provider knows it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProviderSession {
    /// Under which name it knows the person.
    pub subject: String,
    /// Its session.
    pub session: Option<String>,
    /// What its protocol needs to name the person to it, as JSON.
    pub detail: String,
}
