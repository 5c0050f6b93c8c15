//! Changes of an account's settings.

use serde_json::{Map, Value, json};

use super::settings::{AuthenticationSettings, SignInRule, connection_names};
use super::{Account, store};
use crate::audit::{self, Action, Context, Event};
use crate::directory::{Error, groups};
use crate::kernel::Tx;

/// Replaces the settings of the context's account. The audit event contains the differences, before and
/// after.
pub async fn update_settings(
    tx: &mut Tx,
    context: &Context,
    account: &Account,
    wanted: AuthenticationSettings,
) -> Result<AuthenticationSettings, Error> {
    let mut wanted = wanted.checked()?;
    if let Some(id) = &wanted.lockout.notify_group
        && groups::by_id(tx, &account.id, id).await?.is_none()
    {
        let reason = "must be the ID of a group in this account".to_owned();
        return Err(Error::Invalid { field: "lockout.notify_group", reason });
    }
    let before = account.settings()?;
    let mut present = Vec::new();
    for id in std::mem::take(&mut wanted.two_factor.groups) {
        if groups::by_id(tx, &account.id, &id).await?.is_some() {
            present.push(id);
        } else if !before.two_factor.groups.contains(&id) {
            // A group that was set before and has been deleted since is dropped without an error.
            let reason = format!("contains {id}, which is not the ID of a group in this account");
            return Err(Error::Invalid { field: "two_factor.groups", reason });
        }
    }
    wanted.two_factor.groups = present;
    wanted.sign_in_rules = existing_rules(tx, account, &before, wanted.sign_in_rules).await?;
    wanted.two_factor.enforced_since = match &before.two_factor {
        two_factor if wanted.two_factor.widens(two_factor) => Some(tx.now()),
        two_factor => two_factor.enforced_since.filter(|_| wanted.two_factor.is_enforced()),
    };
    let changes = before.differences(&wanted);
    if changes.is_empty() {
        return Ok(wanted);
    }
    store::set_settings(tx, &context.account_id, &wanted.to_stored_over(&account.settings)).await?;
    let mut before = Map::new();
    let mut after = Map::new();
    for change in changes {
        before.insert(change.name.clone(), change.before);
        after.insert(change.name, change.after);
    }
    let detail = json!({"before": Value::Object(before), "after": Value::Object(after)});
    let event = Event::new(Action::SettingsUpdate, "account", &account.id, &account.name).detail(detail);
    audit::record(tx, context, event).await?;
    Ok(wanted)
}

/// The rules whose groups exist. A group or connection that was in the rules before and has been deleted since
/// is dropped without an error.
async fn existing_rules(
    tx: &mut Tx,
    account: &Account,
    before: &AuthenticationSettings,
    wanted: Vec<SignInRule>,
) -> Result<Vec<SignInRule>, Error> {
    if wanted.is_empty() {
        return Ok(wanted);
    }
    let connections = connection_names(tx, &account.id).await?;
    let mut present = Vec::new();
    for mut rule in wanted {
        let known = |old: &SignInRule| old.group == rule.group;
        if let Some(id) = &rule.group
            && groups::by_id(tx, &account.id, id).await?.is_none()
        {
            if before.sign_in_rules.iter().any(known) {
                continue;
            }
            let reason = format!("contains {id}, which is not the ID of a group in this account");
            return Err(Error::Invalid { field: "sign_in_rules", reason });
        }
        if let Some(ids) = &mut rule.connections {
            let gone: Vec<String> =
                ids.extract_if(.., |id| connections.iter().all(|connection| connection.id != *id)).collect();
            let was_known = |id: &&String| {
                let mut old = before.sign_in_rules.iter().filter_map(|rule| rule.connections.as_ref());
                old.any(|ids| ids.contains(id))
            };
            if let Some(id) = gone.iter().find(|id| !was_known(id)) {
                let reason = format!("contains {id}, which is not the ID of a connection for sign-in");
                return Err(Error::Invalid { field: "sign_in_rules", reason });
            }
        }
        present.push(rule);
    }
    Ok(present)
}
