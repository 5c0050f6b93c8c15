//! Changing an application.

use serde_json::json;

use super::create::{add_host, check_groups, check_hosts, state_of};
use super::model::{Application, ApplicationUpdate, check_counts};
use super::store;
use crate::audit::{self, Action, Context, Event};
use crate::directory::{Error, check_name};
use crate::kernel::Tx;
use crate::kernel::urls::Urls;

/// Changes an application. Sessions at hosts that it no longer has end.
pub async fn update(
    tx: &mut Tx,
    context: &Context,
    urls: &Urls,
    app: &Application,
    change: ApplicationUpdate,
) -> Result<Application, Error> {
    let registered = app.registered_hosts();
    let mut wanted = Application { hosts: registered.clone(), ineffective_hosts: Vec::new(), ..app.clone() };
    if let Some(name) = change.name {
        check_name("name", &name, 128)?;
        name.trim().clone_into(&mut wanted.name);
    }
    if let Some(groups) = change.groups {
        check_groups(tx, &app.account_id, groups.as_deref()).await?;
        wanted.groups = groups;
    }
    if let Some(hosts) = change.hosts {
        wanted.hosts = check_hosts(urls, &hosts)?;
    }
    if let Some(allow_tokens) = change.allow_tokens {
        wanted.allow_tokens = allow_tokens;
    }
    check_counts(&wanted.hosts, wanted.groups.as_deref())?;
    store::write(tx, &wanted).await?;
    for host in registered.iter().filter(|host| !wanted.hosts.contains(host)) {
        store::remove_host(tx, app, host).await?;
    }
    for host in wanted.hosts.iter().filter(|host| !registered.contains(host)) {
        add_host(tx, &app.account_id, &app.id, host).await?;
    }
    let event = Event::new(Action::AppUpdate, "app", &app.id, &wanted.name);
    let detail = json!({"before": state_of(app), "after": state_of(&wanted)});
    audit::record(tx, context, event.detail(detail)).await?;
    store::by_id(tx, &app.account_id, &app.id).await?.ok_or(Error::NotFound("application"))
}
