//! Changing a user.

use serde_json::{Map, Value, json};

use super::model::{ChangeAuthority, Profile, User};
use super::store;
use crate::audit::{self, Action, Context, Event};
use crate::directory::Error;
use crate::kernel::{ConnectionId, Tx};

/// Changes the profile of `user` to `wanted`. When nothing differs, nothing is written and no event is
/// recorded.
///
/// Deactivation and another address raise the epoch in the same statement, which ends every session and token of
/// the user and voids links that were mailed to them.
pub async fn update(
    tx: &mut Tx,
    context: &Context,
    authority: ChangeAuthority<'_>,
    user: &User,
    wanted: Profile,
) -> Result<User, Error> {
    let wanted = wanted.checked()?;
    user.ensure_attributes_readable()?;
    let before = user.profile();
    let connection_id = manager_after(tx, authority, user, &before, &wanted).await?;
    if before == wanted && connection_id == user.connection_id.as_ref() {
        return Ok(user.clone());
    }
    store::check_free(tx, &context.account_id, &wanted, &user.id).await?;
    let updated = store::overwrite(tx, user, &wanted, connection_id).await?.ok_or(Error::VersionConflict)?;
    let action = match (user.is_active(), updated.is_active()) {
        (true, false) => Action::UserDeactivate,
        (false, true) => Action::UserActivate,
        _ => Action::UserUpdate,
    };
    let event = Event::new(action, "user", &updated.id, &updated.user_name)
        .detail(difference(before.summary(), updated.profile().summary()));
    audit::record(tx, context, event).await?;
    Ok(updated)
}

/// Raises the epoch of `user`, and returns the user as they are in it. Sessions, tokens, links and sign-ins of an
/// earlier epoch are void.
pub async fn raise_epoch(tx: &mut Tx, user: &User) -> Result<User, Error> {
    let raised = store::raise_epoch(tx, &user.account_id, &user.id).await?;
    let epoch = raised.ok_or(Error::NotFound("user"))?;
    Ok(user.clone().in_epoch(epoch))
}

/// Who manages the user after this change, or a refusal.
async fn manager_after<'a>(
    tx: &mut Tx,
    authority: ChangeAuthority<'a>,
    user: &'a User,
    before: &Profile,
    wanted: &Profile,
) -> Result<Option<&'a ConnectionId>, Error> {
    match (authority, user.connection_id.as_ref()) {
        (ChangeAuthority::Local, None) => Ok(None),
        (ChangeAuthority::Connection(id), None) => Ok(Some(id)),
        (ChangeAuthority::Connection(id), Some(manager)) if id == manager => Ok(Some(id)),
        (ChangeAuthority::Local, Some(manager))
            if *before == (Profile { active: before.active, ..wanted.clone() }) =>
        {
            Ok(Some(manager))
        }
        (_, Some(manager)) => Err(Error::Managed { connection: store::connection_name(tx, manager).await? }),
    }
}

/// `{"before": …, "after": …}` with the members that differ.
pub(crate) fn difference(before: Map<String, Value>, after: Map<String, Value>) -> Value {
    let changed: Vec<String> = after.keys().filter(|k| before.get(*k) != after.get(*k)).cloned().collect();
    let pick = |map: Map<String, Value>| -> Map<String, Value> {
        map.into_iter().filter(|(key, _)| changed.contains(key)).collect()
    };
    json!({"before": pick(before), "after": pick(after)})
}
