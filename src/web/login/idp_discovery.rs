//! Home-realm discovery: the account of a sign-in, and the connection for the domain of an address. Each
//! sign-in asks three times for what changes about once a year, so the answers are cached for a moment on
//! each node.

use std::sync::Arc;

use crate::directory::accounts::{self, Account};
use crate::directory::domain_of;
use crate::idp::connections::{self, Connection, LdapSettings};
use crate::idp::ldap;
use crate::kernel::Kernel;
use crate::kernel::cache::ShortCache;

/// This node's caches.
#[derive(Default)]
pub(crate) struct IdpDiscovery {
    accounts: ShortCache<Account>,
    domains: ShortCache<Arc<SignInRoute>>,
}

/// A connection to sign in through.
pub(crate) struct SignInRoute {
    pub(crate) connection: Connection,
    /// The parsed settings, if the connection is a directory.
    directory: Option<LdapSettings>,
}

impl SignInRoute {
    /// The connection and its settings, if it is a directory.
    pub(crate) fn directory(&self) -> Option<(&Connection, &LdapSettings)> {
        Some((&self.connection, self.directory.as_ref()?))
    }
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

    /// The connection for this domain. Without an account, the one of the only account that has the domain.
    pub(super) async fn route_for_domain(
        &self,
        kernel: &Kernel,
        account_id: Option<&str>,
        domain: &str,
    ) -> Result<Option<Arc<SignInRoute>>, sqlx::Error> {
        let ask = async || {
            let mut c = kernel.db.read().await?;
            let found = connections::route_by_domain(&mut c, account_id, domain).await?;
            Ok(found.map(|connection| Arc::new(SignInRoute { directory: connection.ldap(), connection })))
        };
        // Ids contain no colon, so the key is unambiguous.
        let key = format!("{}:{domain}", account_id.unwrap_or_default());
        self.domains.get_or_load(&key, || Box::pin(ask())).await
    }

    /// The directory that checks the password for this user name: the one for its domain, or the account's
    /// default.
    pub(crate) async fn directory_for(
        &self,
        kernel: &Kernel,
        account_id: &str,
        name: &str,
    ) -> Result<Option<Arc<SignInRoute>>, sqlx::Error> {
        if let Some(domain) = domain_of(name)
            && let Some(door) = self.route_for_domain(kernel, Some(account_id), &domain).await?
        {
            return Ok(Some(door).filter(|door| door.directory.is_some()));
        }
        let mut c = kernel.db.read().await?;
        let found = Box::pin(ldap::default_directory_for(&mut c, account_id, name)).await?;
        Ok(found
            .map(|(connection, settings)| Arc::new(SignInRoute { connection, directory: Some(settings) })))
    }

    /// Drops cached answers after a change on this node. Other nodes notice it when their entries expire.
    pub(crate) fn invalidate_caches(&self) {
        self.accounts.invalidate();
        self.domains.invalidate();
    }
}
