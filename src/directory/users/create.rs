//! Creating a user.

use super::model::{ChangeAuthority, Profile, User};
use super::store;
use crate::audit::{self, Action, Context, Event};
use crate::directory::Error;
use crate::kernel::Tx;
use crate::kernel::database::{insert_pair, is_duplicate};

/// Creates a user in the context's account.
pub async fn create(
    tx: &mut Tx,
    context: &Context,
    authority: ChangeAuthority<'_>,
    profile: Profile,
) -> Result<User, Error> {
    let profile = profile.checked()?;
    let connection_id = match authority {
        ChangeAuthority::Local => None,
        ChangeAuthority::Connection(id) => Some(id),
    };
    let Some(user) = store::insert(tx, &context.account_id, &profile, connection_id).await? else {
        // The name or the address is taken. Which one is looked up only now, to save a query in the usual
        // case.
        store::check_free(tx, &context.account_id, &profile, "").await?;
        return Err(Error::Duplicate { field: "user_name" });
    };
    audit::record(tx, context, Event::new(Action::UserCreate, "user", &user.id, &user.user_name)).await?;
    Ok(user)
}

/// Creates a user and its audit event in one round trip. After an error the transaction must be rolled
/// back.
pub async fn create_in_one_statement(
    tx: &mut Tx,
    context: &Context,
    connection_id: &str,
    profile: Profile,
) -> Result<User, Error> {
    let profile = profile.checked()?;
    let user = User::new(tx.new_id(), tx.now(), &context.account_id, connection_id, profile);
    let event = Event::new(Action::UserCreate, "user", &user.id, &user.user_name);
    let event = (audit::INSERT_EVENT, audit::event_row(tx, context, event));
    match insert_pair(tx, [(store::INSERT, store::row(&user)), event]).await {
        Ok(()) => {}
        Err(error) if is_duplicate(&error) => return Err(duplicate_error(tx, context, &user, &error).await),
        Err(error) => return Err(error.into()),
    }
    Ok(user)
}

/// Finds out which field is a duplicate; the user name when both are.
async fn duplicate_error(tx: &mut Tx, context: &Context, user: &User, error: &sqlx::Error) -> Error {
    if let Err(Error::Duplicate { field }) =
        store::check_free(tx, &context.account_id, &user.profile(), "").await
    {
        return Error::Duplicate { field };
    }
    // PostgreSQL runs no more queries in a failed transaction, but its error names the column.
    let is_email = error.to_string().contains("email_folded");
    Error::Duplicate { field: if is_email { "email" } else { "user_name" } }
}

/// Creates an invited user, who is not active until the invitation is accepted.
pub async fn create_pending(tx: &mut Tx, context: &Context, profile: Profile) -> Result<User, Error> {
    let mut user = create(tx, context, ChangeAuthority::Local, Profile { active: false, ..profile }).await?;
    store::set_pending(tx, &mut user).await?;
    Ok(user)
}
