//! Registering an application.

use serde_json::json;

use super::host::{hostname_of, parse_host};
use super::model::{Application, NewApplication, check_counts};
use super::ownership::DomainOwners;
use super::store::{self, RegisteredHost};
use crate::audit::{self, Action, Context, Event};
use crate::directory::{Error, accounts, check_name, groups};
use crate::kernel::database::DbConn;
use crate::kernel::urls::Urls;
use crate::kernel::{AccountId, Tx};

/// Registers an application.
pub async fn create(
    tx: &mut Tx,
    context: &Context,
    urls: &Urls,
    mut new: NewApplication,
) -> Result<Application, Error> {
    check_name("name", &new.name, 128)?;
    check_counts(&new.hosts, new.groups.as_deref())?;
    new.hosts = check_hosts(urls, &new.hosts)?;
    check_groups(tx, &context.account_id, new.groups.as_deref()).await?;
    let id = store::insert(tx, &context.account_id, &new).await?;
    for host in &new.hosts {
        add_host(tx, &context.account_id, &id, host).await?;
    }
    let app = store::by_id(tx, &context.account_id, &id).await?.ok_or(Error::NotFound("application"))?;
    let event = Event::new(Action::AppCreate, "app", &app.id, &app.name);
    audit::record(tx, context, event.detail(state_of(&app))).await?;
    Ok(app)
}

/// What the audit trail keeps of an application.
pub(super) fn state_of(app: &Application) -> serde_json::Value {
    json!({"name": app.name, "hosts": app.registered_hosts(), "groups": app.groups, "allow_tokens": app.allow_tokens})
}

/// The hosts in canonical form, each once.
///
/// The host name of the console is refused, whatever the port: the browser would send the console's session
/// to the application, and a page of the application could act in the console.
pub(super) fn check_hosts(urls: &Urls, typed: &[String]) -> Result<Vec<String>, Error> {
    let invalid = |reason: String| Error::Invalid { field: "hosts", reason };
    let origin = urls.origin();
    let own = origin.split_once("://").map_or(origin, |(_, host)| host);
    let mut hosts: Vec<String> = Vec::new();
    for text in typed {
        let host = parse_host(text).map_err(|reason| invalid(reason.to_owned()))?;
        if hostname_of(&host) == hostname_of(own) {
            return Err(invalid(format!(
                "{} is the host name of this server; an application needs a host name of its own",
                hostname_of(&host)
            )));
        }
        if hosts.iter().any(|other| hostname_of(other) == hostname_of(&host) && *other != host) {
            return Err(invalid(format!("{} may occur with one port only", hostname_of(&host))));
        }
        if !hosts.contains(&host) {
            hosts.push(host);
        }
    }
    Ok(hosts)
}

pub(super) async fn check_groups(
    c: &mut DbConn,
    account_id: &AccountId,
    ids: Option<&[String]>,
) -> Result<(), Error> {
    for id in ids.unwrap_or_default() {
        if groups::by_id(c, account_id, id).await?.is_none() {
            let reason = format!("the account has no group with the ID {id}");
            return Err(Error::Invalid { field: "groups", reason });
        }
    }
    Ok(())
}

/// Adds a host that no other application has.
pub(super) async fn add_host(
    tx: &mut Tx,
    account_id: &AccountId,
    app_id: &str,
    host: &str,
) -> Result<(), Error> {
    claim_host(tx, account_id, host).await?;
    if store::add_host(tx, account_id, app_id, host).await? {
        return Ok(());
    }
    let reason = format!("{} belongs to another application already", hostname_of(host));
    Err(Error::Invalid { field: "hosts", reason })
}

/// Prepares the registration of a host in this account: refuses one in a domain that another account has verified, and
/// takes one in a domain of this account from the application of another account that has it.
async fn claim_host(tx: &mut Tx, account_id: &AccountId, host: &str) -> Result<(), Error> {
    // A domain that is about to be lost takes no host from anybody.
    accounts::lock(tx, account_id).await?;
    let owners = DomainOwners::load(tx, std::iter::once(host)).await?;
    let Some(owner) = owners.of(host) else { return Ok(()) };
    if owner != account_id {
        let reason = format!("{} is in a domain that another account has verified", hostname_of(host));
        return Err(Error::Invalid { field: "hosts", reason });
    }
    match store::host_of_another_account(tx, account_id, hostname_of(host)).await? {
        Some(registered) => take_host(tx, &registered).await,
        None => Ok(()),
    }
}

/// Takes a host from an application, whose account finds the reason in its audit trail and on the application's page.
async fn take_host(tx: &mut Tx, registered: &RegisteredHost) -> Result<(), Error> {
    store::mark_taken(tx, registered).await?;
    let reason = "The account that has verified the domain of the host has registered the host.";
    let event = Event::new(Action::AppUpdate, "app", &registered.app_id, &registered.app_name);
    let event = event.detail(json!({"ineffective_hosts": [registered.host]}));
    let context = Context::system(&registered.account_id);
    audit::record(tx, &context, Event { reason: Some(reason), ..event }).await?;
    Ok(())
}
