//! Lookups of an account's resources by id. Resources of other accounts are not found.

use super::Error;
use crate::access::service_accounts::{self, ServiceAccount};
use crate::access::tokens::{self, ApiToken};
use crate::access::{Permission, Principal};
use crate::apps::{self, Application};
use crate::directory::accounts::{self, Account};
use crate::directory::domains::{self, Domain};
use crate::directory::groups::{self, Group};
use crate::directory::users::{self, User};
use crate::idp::connections::{self, Connection};
use crate::kernel::database::DbConn;
use crate::provisioning::invitations::{self, Invitation};

impl Principal {
    /// The principal's account.
    pub async fn find_account(&self, c: &mut DbConn) -> Result<Account, Error> {
        accounts::by_id(c, &self.account_id).await?.ok_or(Error::NotFound("account"))
    }

    /// A user of the principal's account.
    pub async fn find_user(&self, c: &mut DbConn, id: &str) -> Result<User, Error> {
        users::by_id(c, &self.account_id, id).await?.ok_or(Error::NotFound("user"))
    }

    /// A group of the principal's account.
    pub async fn find_group(&self, c: &mut DbConn, id: &str) -> Result<Group, Error> {
        groups::by_id(c, &self.account_id, id).await?.ok_or(Error::NotFound("group"))
    }

    /// A connection of the principal's account.
    pub async fn find_connection(&self, c: &mut DbConn, id: &str) -> Result<Connection, Error> {
        connections::by_id(c, &self.account_id, id).await?.ok_or(Error::NotFound("connection"))
    }

    /// A domain of the principal's account.
    pub async fn find_domain(&self, c: &mut DbConn, id: &str) -> Result<Domain, Error> {
        domains::by_id(c, &self.account_id, id).await?.ok_or(Error::NotFound("domain"))
    }

    /// An invitation of the principal's account.
    pub async fn find_invitation(&self, c: &mut DbConn, id: &str) -> Result<Invitation, Error> {
        invitations::by_id(c, &self.account_id, id).await?.ok_or(Error::NotFound("invitation"))
    }

    /// A service account of the principal's account.
    pub async fn find_service_account(&self, c: &mut DbConn, id: &str) -> Result<ServiceAccount, Error> {
        let found = service_accounts::by_id(c, &self.account_id, id).await?;
        found.ok_or(Error::NotFound("service account"))
    }

    /// An application of the principal's account.
    pub async fn find_app(&self, c: &mut DbConn, id: &str) -> Result<Application, Error> {
        apps::by_id(c, &self.account_id, id).await?.ok_or(Error::NotFound("application"))
    }

    /// A token of the principal, or any token of the account if the principal may revoke it. Other tokens
    /// are not found.
    pub async fn find_token(&self, c: &mut DbConn, id: &str) -> Result<ApiToken, Error> {
        let found = tokens::by_id(c, &self.account_id, id).await?;
        let is_theirs = |token: &ApiToken| {
            token.owner_id == self.id || self.has_permission(Permission::ServiceAccountsEdit)
        };
        found.filter(is_theirs).ok_or(Error::NotFound("token"))
    }
}
