//! Creating a group.

use super::identifier::identifier_of;
use super::model::{Group, NewGroup};
use super::store;
use crate::audit::{self, Action, Context, Event};
use crate::directory::users::ChangeAuthority;
use crate::directory::{Error, check_name};
use crate::kernel::{AccountId, Tx};

/// Creates an empty group. Display names need not be unique, so a group of the same name stays separate.
pub async fn create(
    tx: &mut Tx,
    context: &Context,
    authority: ChangeAuthority<'_>,
    new: NewGroup,
) -> Result<Group, Error> {
    check_name("name", &new.name, 256)?;
    let connection_id = match authority {
        ChangeAuthority::Local => None,
        ChangeAuthority::Connection(id) => Some(id),
    };
    let identifier = free_identifier(tx, &context.account_id, &new.name).await?;
    let group = store::insert(tx, &context.account_id, &identifier, &new, connection_id).await?;
    audit::record(tx, context, Event::new(Action::GroupCreate, "group", &group.id, &group.name)).await?;
    Ok(group)
}

/// The identifier made from the name, with a number appended when another group has it.
async fn free_identifier(tx: &mut Tx, account_id: &AccountId, name: &str) -> Result<String, Error> {
    let base = match identifier_of(name) {
        empty if empty.is_empty() => "group".to_owned(),
        identifier => identifier,
    };
    let mut candidate = base.clone();
    for n in 2..1000 {
        if !store::identifier_taken(tx, account_id, &candidate).await? {
            return Ok(candidate);
        }
        candidate = format!("{base}_{n}");
    }
    Err(Error::Duplicate { field: "name" })
}
