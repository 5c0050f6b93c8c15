//! Which account a sign-in is about, and which door the domain of an address leads to: asked for by each sign-in, three
//! times, and changed once a year.

use std::sync::Arc;

use super::super::App;
use crate::directory::accounts::{self, Account};
use crate::idp::connections::{self, Connection, LdapSettings};
use crate::kernel::Kernel;
use crate::kernel::moment::Moment;

/// The memory of this node.
#[derive(Default)]
pub(in super::super) struct Doors {
    accounts: Moment<Account>,
    domains: Moment<Arc<Door>>,
}

/// A way to sign in.
pub(super) struct Door {
    pub(super) connection: Connection,
    /// What there is to know of it, when it is a directory.
    pub(super) directory: Option<LdapSettings>,
}

impl Doors {
    /// The account with this short name; without one, the only account there is.
    ///
    /// # Errors
    /// The database's.
    pub(super) async fn account(
        &self,
        app: &App,
        slug: Option<&str>,
    ) -> Result<Option<Account>, sqlx::Error> {
        let slug = slug.unwrap_or_default();
        let ask = async || {
            let mut c = app.kernel.db.read().await?;
            match slug {
                "" => accounts::only_one(&mut c).await,
                slug => accounts::by_slug(&mut c, slug).await,
            }
        };
        self.accounts.recall_or(slug, || Box::pin(ask())).await
    }

    /// The door of this domain; without an account, of the only one that has it.
    ///
    /// # Errors
    /// The database's.
    pub(super) async fn of_domain(
        &self,
        kernel: &Kernel,
        (account_id, domain): (Option<&str>, &str),
    ) -> Result<Option<Arc<Door>>, sqlx::Error> {
        let ask = async || {
            let mut c = kernel.db.read().await?;
            let found = connections::route_by_domain(&mut c, account_id, domain).await?;
            Ok(found.map(|connection| Arc::new(Door { directory: connection.ldap(), connection })))
        };
        // No id has a colon in it.
        let key = format!("{}:{domain}", account_id.unwrap_or_default());
        self.domains.recall_or(&key, || Box::pin(ask())).await
    }

    /// Has everything looked at anew: an administrator has changed something on this node.
    pub(in super::super) fn look_again(&self) {
        self.accounts.forget();
        self.domains.forget();
    }
}
