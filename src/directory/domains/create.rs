//! Claiming a domain. A claim alone grants nothing.

use std::collections::BTreeSet;

use serde_json::json;

use super::model::Domain;
use super::name::DomainName;
use super::store;
use crate::audit::{self, Action, Context, Event};
use crate::directory::{Error, accounts};
use crate::kernel::{ConnectionId, Tx};

/// The number of domains that an account can claim.
const MOST: i64 = 1_000;

/// A domain to be claimed.
#[derive(Debug, Clone)]
pub struct NewDomain {
    /// Its name.
    pub name: DomainName,
    /// The connections that may speak for it once it is verified.
    pub connections: Vec<ConnectionId>,
}

/// Claims a domain for the account. It is not refused because of another account: what that one may do, if it has
/// verified the domain, is not affected, and who asks learns nothing about it.
pub async fn create(tx: &mut Tx, context: &Context, new: NewDomain) -> Result<Domain, Error> {
    accounts::lock(tx, &context.account_id).await?;
    if store::by_name(tx, &context.account_id, &new.name).await?.is_some() {
        return Err(Error::Duplicate { field: "domain" });
    }
    let domain = claim(tx, context, &new.name, &new.connections).await?;
    for connection_id in &new.connections {
        link(tx, &domain, connection_id).await?;
    }
    Ok(domain)
}

/// Stores a claim with its audit event.
async fn claim(
    tx: &mut Tx,
    context: &Context,
    name: &DomainName,
    connections: &[ConnectionId],
) -> Result<Domain, Error> {
    if store::count(tx, &context.account_id).await? >= MOST {
        return Err(Error::Forbidden("An account can have at most 1,000 domains. Delete one first."));
    }
    let domain = Domain::pending(tx, &context.account_id, name.as_str());
    store::insert(tx, &domain).await?;
    let event = Event::new(Action::DomainCreate, "domain", &domain.id, &domain.domain);
    audit::record(tx, context, event.detail(json!({"connections": connections}))).await?;
    Ok(domain)
}

/// Lets a connection of the domain's account speak for it.
pub(super) async fn link(tx: &mut Tx, domain: &Domain, connection_id: &ConnectionId) -> Result<(), Error> {
    if !store::has_connection(tx, &domain.account_id, connection_id).await? {
        let reason = "must contain only IDs of connections of this account".to_owned();
        return Err(Error::Invalid { field: "connections", reason });
    }
    Ok(store::link(tx, &domain.account_id, &domain.domain, connection_id).await?)
}

/// Names exactly these domains with a connection of the context's account. Those that the account has not claimed yet
/// are claimed.
pub async fn set_domains_of_connection(
    tx: &mut Tx,
    context: &Context,
    connection_id: &ConnectionId,
    names: &BTreeSet<DomainName>,
) -> Result<(), Error> {
    accounts::lock(tx, &context.account_id).await?;
    store::unlink_connection(tx, &context.account_id, connection_id).await?;
    for name in names {
        if store::by_name(tx, &context.account_id, name).await?.is_none() {
            claim(tx, context, name, std::slice::from_ref(connection_id)).await?;
        }
        store::link(tx, &context.account_id, name.as_str(), connection_id).await?;
    }
    Ok(())
}
