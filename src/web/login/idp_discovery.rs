//! Which account a sign-in is about, and which door the domain of an address leads to: asked for by each sign-in, three
//! times, and changed once a year.

use std::sync::Arc;

use crate::directory::accounts::{self, Account};
use crate::directory::domain_of;
use crate::idp::connections::{self, Connection, LdapConnection, TypedConnection};
use crate::idp::ldap;
use crate::kernel::Kernel;
use crate::kernel::cache::ShortCache;
use crate::web::Error;

/// The memory of this node.
#[derive(Default)]
pub(crate) struct IdpDiscovery {
    accounts: ShortCache<Account>,
    domains: ShortCache<Arc<Connection>>,
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
    ) -> Result<Option<Arc<Connection>>, sqlx::Error> {
        let ask = async || {
            let mut c = kernel.db.read().await?;
            let found = connections::route_by_domain(&mut c, account_id, domain).await?;
            Ok(found.map(Arc::new))
        };
        // No id has a colon in it.
        let key = format!("{}:{domain}", account_id.unwrap_or_default());
        self.domains.get_or_load(&key, || Box::pin(ask())).await
    }

    /// The directory that checks the password of somebody who calls themselves `name`: the one their domain belongs to,
    /// or one that is there for everybody. While a directory cannot be read, no other password counts in its place.
    pub(crate) async fn directory_for(
        &self,
        kernel: &Kernel,
        account_id: &str,
        name: &str,
    ) -> Result<Option<LdapConnection>, Error> {
        let routed = match domain_of(name) {
            Some(domain) => self.route_for_domain(kernel, Some(account_id), &domain).await?,
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

    /// Has everything looked at anew: an administrator has changed something on this node.
    pub(crate) fn invalidate_caches(&self) {
        self.accounts.invalidate();
        self.domains.invalidate();
    }
}
