//! Which account a sign-in is about, and which door the domain of an address leads to: asked for by each sign-in, three
//! times, and changed once a year.

use std::sync::Arc;

use crate::directory::accounts::{self, Account};
use crate::directory::domain_of;
use crate::idp::connections::{self, Connection, LdapSettings};
use crate::idp::ldap;
use crate::kernel::Kernel;
use crate::kernel::cache::ShortCache;

/// The memory of this node.
#[derive(Default)]
pub(crate) struct IdpDiscovery {
    accounts: ShortCache<Account>,
    domains: ShortCache<Arc<SignInRoute>>,
}

/// A way to sign in.
pub(crate) struct SignInRoute {
    pub(crate) connection: Connection,
    /// What there is to know of it, when it is a directory.
    directory: Option<LdapSettings>,
}

impl SignInRoute {
    /// The directory, when it is one.
    pub(crate) fn directory(&self) -> Option<(&Connection, &LdapSettings)> {
        Some((&self.connection, self.directory.as_ref()?))
    }
}

impl IdpDiscovery {
    /// The account with this short name; without one, the only account there is.
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

    /// The door of this domain; without an account, of the only one that has it.
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
        // No id has a colon in it.
        let key = format!("{}:{domain}", account_id.unwrap_or_default());
        self.domains.get_or_load(&key, || Box::pin(ask())).await
    }

    /// The directory that checks the password of somebody who calls themselves `name`: the one their domain belongs to,
    /// or one that is there for everybody.
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

    /// Has everything looked at anew: an administrator has changed something on this node.
    pub(crate) fn invalidate_caches(&self) {
        self.accounts.invalidate();
        self.domains.invalidate();
    }
}
