//! Registering an application.

use serde_json::json;

use super::host::{hostname_of, parse_host};
use super::model::{Application, NewApplication, check_counts};
use super::store;
use crate::audit::{self, Action, Context, Event};
use crate::directory::{Error, check_name, domains, groups};
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
    json!({"name": app.name, "hosts": app.hosts, "groups": app.groups, "allow_tokens": app.allow_tokens})
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

/// Adds a host that no application of the server has.
pub(super) async fn add_host(
    tx: &mut Tx,
    account_id: &AccountId,
    app_id: &str,
    host: &str,
) -> Result<(), Error> {
    if is_in_foreign_domain(tx, account_id, hostname_of(host)).await? {
        let reason = format!("{} is in a domain that another account has verified", hostname_of(host));
        return Err(Error::Invalid { field: "hosts", reason });
    }
    if store::add_host(tx, account_id, app_id, host).await? {
        return Ok(());
    }
    let reason = format!("{} belongs to another application already", hostname_of(host));
    Err(Error::Invalid { field: "hosts", reason })
}

/// Whether the host name, or a domain above it, is a verified domain of another account. Its users would
/// otherwise meet a stranger's application under their own organization's name.
async fn is_in_foreign_domain(
    c: &mut DbConn,
    account_id: &AccountId,
    hostname: &str,
) -> Result<bool, sqlx::Error> {
    let mut name = hostname;
    loop {
        if domains::account_of(c, name).await?.is_some_and(|owner| owner != *account_id) {
            return Ok(true);
        }
        match name.split_once('.') {
            Some((_, parent)) if parent.contains('.') => name = parent,
            _ => return Ok(false),
        }
    }
}
