//! Home-realm discovery: the account of a sign-in, and the connection for the domain of an address. Every
//! sign-in reads both several times although they rarely change, so each node caches them for a moment.

use std::sync::Arc;

use crate::directory::accounts::{self, Account};
use crate::directory::{domain_of, domains};
use crate::idp::connections::{self, Connection, LdapConnection, TypedConnection};
use crate::idp::ldap;
use crate::kernel::cache::ShortCache;
use crate::kernel::{AccountId, Kernel};
use crate::web::Error;

/// This node's caches.
#[derive(Default)]
pub(crate) struct IdpDiscovery {
    accounts: ShortCache<Account>,
    domains: ShortCache<Arc<Connection>>,
}

impl IdpDiscovery {
    /// The account with this short name. Without one, the only account of this server.
    pub(super) async fn account(
        &self,
        kernel: &Kernel,
        slug: Option<&str>,
    ) -> Result<Option<Account>, sqlx::Error> {
        let slug = slug.unwrap_or_default();
        let ask = async || {
            let mut c = kernel.db.read().await?;
            match slug {
                "" => accounts::find_single(&mut c).await,
                slug => accounts::by_slug(&mut c, slug).await,
            }
        };
        self.accounts.get_or_load(slug, || Box::pin(ask())).await
    }

    /// The account in which users with an address in this domain sign in: the one that has verified it.
    pub(super) async fn account_for_domain(
        &self,
        kernel: &Kernel,
        domain: &str,
    ) -> Result<Option<Account>, sqlx::Error> {
        let ask = async || {
            let mut c = kernel.db.read().await?;
            match domains::find_account_for_sign_in(&mut c, domain, kernel.clock.now()).await? {
                Some(id) => accounts::by_id(&mut c, &id).await,
                None => Ok(None),
            }
        };
        // Short names contain no at sign, so the key is unambiguous.
        self.accounts.get_or_load(&format!("@{domain}"), || Box::pin(ask())).await
    }

    /// The connection of the account for this domain.
    pub(super) async fn route_for_domain(
        &self,
        kernel: &Kernel,
        account_id: &AccountId,
        domain: &str,
    ) -> Result<Option<Arc<Connection>>, sqlx::Error> {
        let ask = async || {
            let mut c = kernel.db.read().await?;
            let found = connections::route_by_domain(&mut c, account_id, domain, kernel.clock.now()).await?;
            Ok(found.map(Arc::new))
        };
        // Ids contain no colon, so the key is unambiguous.
        let key = format!("{account_id}:{domain}");
        self.domains.get_or_load(&key, || Box::pin(ask())).await
    }

    /// The directory that checks the password of the user called `name`: the one that the domain of the name
    /// is routed to, otherwise a default directory if the user has no password here. While the settings of
    /// that directory cannot be read, the sign-in is refused and no other password is accepted in its place.
    pub(crate) async fn directory_for(
        &self,
        kernel: &Kernel,
        account_id: &AccountId,
        name: &str,
    ) -> Result<Option<LdapConnection>, Error> {
        let routed = match domain_of(name) {
            Some(domain) => self.route_for_domain(kernel, account_id, &domain).await?,
            None => None,
        };
        let found = if let Some(routed) = routed {
            Some(Connection::clone(&routed))
        } else {
            let mut c = kernel.db.read().await?;
            Box::pin(ldap::default_directory_for(&mut c, account_id, name)).await?
        };
        let typed = found.map(Connection::typed).transpose().map_err(|_| super::directory_unreachable())?;
        Ok(typed.and_then(TypedConnection::into_ldap))
    }

    /// Drops the cached answers after a change on this node. Other nodes see the change when their entries
    /// expire.
    pub(crate) fn invalidate_caches(&self) {
        self.accounts.invalidate();
        self.domains.invalidate();
    }
}
