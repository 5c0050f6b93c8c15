//! Logout at the identity provider, for all protocols.

use super::connections::{self, TypedConnection};
use super::{Idp, oidc, saml};
use crate::access::Principal;
use crate::directory::Error;
use crate::kernel::database::DbConn;
use crate::signin::sessions;
use saml::FrontChannelMessage;

/// A logout at the identity provider that a session came from.
pub enum ProviderLogout {
    /// SAML single logout.
    Saml(Box<saml::SamlLogout>),
    /// OpenID Connect RP-initiated logout.
    Oidc(Box<oidc::OidcLogout>),
}

impl ProviderLogout {
    /// The display name of the provider.
    #[must_use]
    pub fn label(&self) -> String {
        match self {
            Self::Saml(logout) => logout.label(),
            Self::Oidc(logout) => logout.label(),
        }
    }
}

/// The logout at the provider that the principal's session came from, if the provider supports logout.
pub async fn find_provider_logout(
    c: &mut DbConn,
    principal: &Principal,
) -> Result<Option<ProviderLogout>, sqlx::Error> {
    let Some(session_id) = principal.session_id() else { return Ok(None) };
    let Some(origin) = sessions::upstream_session_of(c, session_id).await? else { return Ok(None) };
    let Some(connection) = connections::by_id(c, &principal.account_id, &origin.connection_id).await? else {
        return Ok(None);
    };
    Ok(match connection.typed() {
        Ok(TypedConnection::Saml(connection)) => {
            saml::SamlLogout::of(connection, origin).map(|logout| ProviderLogout::Saml(Box::new(logout)))
        }
        Ok(TypedConnection::Oidc(connection)) => {
            oidc::OidcLogout::of(connection, &origin).map(|logout| ProviderLogout::Oidc(Box::new(logout)))
        }
        // If the connection cannot be read, the session here ends all the same.
        Ok(TypedConnection::Ldap(_) | TypedConnection::Scim(_)) | Err(_) => None,
    })
}

impl Idp {
    /// Starts the logout at the provider, after the session here has ended. Returns the message that takes
    /// the browser there; `None` if the provider has no logout endpoint or cannot be reached at present.
    pub async fn start_logout(&self, logout: &ProviderLogout) -> Result<Option<FrontChannelMessage>, Error> {
        let kernel = &self.signin.kernel;
        match logout {
            ProviderLogout::Saml(logout) => {
                let mut tx = kernel.db.begin().await?;
                let sent = saml::start_logout(kernel, &mut tx, logout).await?;
                tx.commit().await?;
                Ok(Some(sent))
            }
            ProviderLogout::Oidc(logout) => {
                Ok(oidc::logout_url(kernel, &self.oidc, logout).await.map(FrontChannelMessage::Redirect))
            }
        }
    }
}
