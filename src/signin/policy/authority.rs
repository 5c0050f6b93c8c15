//! Decides about which users a connection is believed: for sign-in, just-in-time provisioning, the sync of a directory
//! and the adoption of users by a provisioning client alike.
//!
//! A user who is linked to the connection by their subject needs no decision. About other users, a connection
//! is believed only as [`has_address_authority`] says. A user with a role, a password or a second factor confirms the
//! first link, or an administrator does, see [`LinkConfirmation`].

use crate::access;
use crate::directory::users::User;
use crate::directory::{domain_of, domains};
use crate::kernel::database::DbConn;
use crate::kernel::{AccountId, ConnectionId, Timestamp};
use crate::signin::identities;
use crate::signin::lookup::SignInRecord;

/// What a connection states: that its user has this address.
#[derive(Debug, Clone, Copy)]
pub struct AddressClaim<'a> {
    /// The account of the connection.
    pub account_id: &'a AccountId,
    /// The connection.
    pub connection_id: &'a ConnectionId,
    /// The address.
    pub email: &'a str,
    /// The user who has the address, if there is one.
    pub user: Option<&'a User>,
    /// The current time.
    pub now: Timestamp,
}

/// Whether the connection is believed about an address that it has not linked: one in a domain that counts and names
/// this connection, or that of a user who is managed by a directory that shares a domain with it. For a while after an
/// upgrade, a connection that no domain names keeps the users who have used it before.
pub async fn has_address_authority(c: &mut DbConn, claim: AddressClaim<'_>) -> Result<bool, sqlx::Error> {
    let AddressClaim { account_id, connection_id, email, user, now } = claim;
    let domain = domain_of(email);
    if let Some(domain) = &domain
        && domains::speaks_for(c, account_id, connection_id, domain, now).await?
    {
        return Ok(true);
    }
    let Some(user) = user else { return Ok(false) };
    if let Some(directory) = &user.connection_id {
        // An address in a domain that the account has verified is for the connections of that domain alone. A
        // directory can give any address to the users that it manages.
        let is_of_other_connections = match &domain {
            Some(domain) => domains::account_of(c, domain).await?.as_ref() == Some(account_id),
            None => false,
        };
        if !is_of_other_connections
            && identities::share_domain(c, account_id, [directory, connection_id], now).await?
        {
            return Ok(true);
        }
    }
    let names_no_domain = identities::names_no_domain(c, connection_id).await?;
    Ok(names_no_domain && used_before_upgrade(c, user, connection_id, now).await?)
}

/// Whether a provisioning connection may create a user with this address, or give this address to a user that it manages.
///
/// An address in a domain that no account has verified is only the record of a user. In a verified domain, the connection
/// needs [the same authority](has_address_authority) as for an adoption, unless the domain is the account's own and no
/// connection is selected for it, or the connection is selected for no domain at all and so is not confined to any. The
/// user of the claim does not matter.
pub async fn may_provision_address(c: &mut DbConn, claim: AddressClaim<'_>) -> Result<bool, sqlx::Error> {
    let AddressClaim { account_id, connection_id, email, .. } = claim;
    if has_address_authority(c, AddressClaim { user: None, ..claim }).await? {
        return Ok(true);
    }
    let Some(domain) = domain_of(email).as_deref().and_then(domains::to_ascii) else { return Ok(true) };
    match domains::account_of(c, &domain).await? {
        None => Ok(true),
        Some(owner) if owner != *account_id => Ok(false),
        Some(_) => Ok(domains::connections_of(c, account_id, &domain).await?.is_empty()
            || identities::names_no_domain(c, connection_id).await?),
    }
}

/// Whether the connection is in the time after an upgrade from a version without verified domains, and the user
/// has signed in with it before. A provisioning connection, which is not for sign-in, counts for all users.
async fn used_before_upgrade(
    c: &mut DbConn,
    user: &User,
    connection_id: &ConnectionId,
    now: Timestamp,
) -> Result<bool, sqlx::Error> {
    match identities::upgraded_kind(c, connection_id, now).await?.as_deref() {
        None => Ok(false),
        Some("scim") => Ok(true),
        Some(_) => identities::has_signed_in_before_upgrade(c, user, connection_id).await,
    }
}

/// Who confirms that a new identity is the user's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum LinkConfirmation {
    /// It is not needed: the user has nothing here yet that the link could give away.
    NotNeeded,
    /// The user, with their second factor.
    SecondFactor,
    /// The user, with their password.
    Password,
    /// An administrator, because the user has a role and nothing to confirm with.
    Administrator,
}

/// Who has to confirm the first link of an identity of `connection_id` to `user`.
pub(crate) async fn link_confirmation(
    c: &mut DbConn,
    record: &SignInRecord,
    user: &User,
    connection_id: &ConnectionId,
    now: Timestamp,
) -> Result<LinkConfirmation, sqlx::Error> {
    if record.is_enrolled {
        return Ok(LinkConfirmation::SecondFactor);
    }
    if record.password.is_some() {
        return Ok(LinkConfirmation::Password);
    }
    if access::roles_of(c, &user.id).await?.is_empty()
        // Administrators of an account that uses single sign-on only would shut each other out.
        || used_before_upgrade(c, user, connection_id, now).await?
    {
        return Ok(LinkConfirmation::NotNeeded);
    }
    Ok(LinkConfirmation::Administrator)
}
