//! Signing out at the provider as well, whichever protocol it speaks.

use super::connections::{self, Kind};
use super::{Idp, oidc, saml};
use crate::access::Principal;
use crate::directory::Error;
use crate::kernel::database::Connection as Db;
use crate::signin::sessions;
use saml::Outgoing;

/// A way out that leads through the provider a session came from.
pub enum Leaving {
    /// By single logout.
    Saml(Box<saml::Leaving>),
    /// By RP-initiated logout.
    Oidc(Box<oidc::Leaving>),
}

impl Leaving {
    /// What the provider is called.
    #[must_use]
    pub fn label(&self) -> String {
        match self {
            Self::Saml(leaving) => leaving.label(),
            Self::Oidc(leaving) => leaving.label(),
        }
    }
}

/// The way out of the principal's session through the provider it came from, if that takes logouts.
///
/// # Errors
/// The database's.
pub async fn offers_logout(c: &mut Db, principal: &Principal) -> Result<Option<Leaving>, sqlx::Error> {
    let Some(session_id) = principal.session_id() else { return Ok(None) };
    let Some(origin) = sessions::origin_of(c, session_id).await? else { return Ok(None) };
    let Some(connection) = connections::by_id(c, &principal.account_id, &origin.connection_id).await? else {
        return Ok(None);
    };
    Ok(match connection.kind() {
        Kind::Saml => saml::Leaving::of(connection, origin).map(|leaving| Leaving::Saml(Box::new(leaving))),
        Kind::Oidc => oidc::Leaving::of(connection, &origin).map(|leaving| Leaving::Oidc(Box::new(leaving))),
        Kind::Ldap | Kind::Scim => None,
    })
}

impl Idp {
    /// What takes the browser of somebody whose session here has ended to the provider, to be signed out there as
    /// well; none where it takes nobody at present.
    ///
    /// # Errors
    /// [`Error`].
    pub async fn leave(&self, leaving: &Leaving) -> Result<Option<Outgoing>, Error> {
        let kernel = &self.signin.kernel;
        match leaving {
            Leaving::Saml(leaving) => {
                let mut tx = kernel.db.begin().await?;
                let sent = saml::leave(kernel, &mut tx, leaving).await?;
                tx.commit().await?;
                Ok(Some(sent))
            }
            Leaving::Oidc(leaving) => {
                Ok(oidc::leave(kernel, &self.oidc, leaving).await.map(Outgoing::Redirect))
            }
        }
    }
}
