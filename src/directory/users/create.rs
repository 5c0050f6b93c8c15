//! Creating a user.

use super::model::{ChangeAuthority, Profile, User};
use super::store;
use crate::audit::{self, Action, Context, Event};
use crate::directory::Error;
use crate::kernel::database::{DbConn, NewRow, insert_pair, is_duplicate};
use crate::kernel::{ConnectionId, Kernel, Timestamp, Tx, ids};

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
    connection_id: &ConnectionId,
    profile: Profile,
) -> Result<User, Error> {
    let now = tx.now();
    let user = new_user(now, context, connection_id, profile)?;
    match insert_pair(tx, store::row(&user), creation_event(now, context, &user)).await {
        Ok(()) => Ok(user),
        Err(error) if is_duplicate(&error) => Err(duplicate_error(tx, context, &user, &error).await),
        Err(error) => Err(error.into()),
    }
}

/// The same as a unit of work of its own.
pub async fn create_alone(
    kernel: &Kernel,
    context: &Context,
    connection_id: &ConnectionId,
    profile: Profile,
) -> Result<User, Error> {
    let (db, now) = (&kernel.db, kernel.clock.now());
    let user = new_user(now, context, connection_id, profile)?;
    match db.insert_pair(store::row(&user), creation_event(now, context, &user)).await {
        Ok(()) => Ok(user),
        Err(error) if is_duplicate(&error) => {
            Err(duplicate_error(&mut *db.read().await?, context, &user, &error).await)
        }
        Err(error) => Err(error.into()),
    }
}

fn new_user(
    now: Timestamp,
    context: &Context,
    connection_id: &ConnectionId,
    profile: Profile,
) -> Result<User, Error> {
    let profile = profile.checked()?;
    Ok(User::new(ids::new_id(now).into(), now, &context.account_id, connection_id, profile))
}

fn creation_event<'a>(now: Timestamp, context: &'a Context, user: &'a User) -> NewRow<'a> {
    audit::event_row(now, context, Event::new(Action::UserCreate, "user", &user.id, &user.user_name))
}

/// Which of the two another user has; the name, where it is both.
async fn duplicate_error(c: &mut DbConn, context: &Context, user: &User, error: &sqlx::Error) -> Error {
    if let Err(Error::Duplicate { field }) =
        store::check_free(c, &context.account_id, &user.profile(), "").await
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
