//! Making a user.

use super::super::Error;
use super::model::{Authority, Profile, User};
use super::store;
use crate::audit::{self, Action, Context, Event};
use crate::kernel::Tx;
use crate::kernel::database::{insert_together, is_duplicate};

/// Makes a user in the context's account.
///
/// # Errors
/// [`Error::Invalid`], [`Error::Duplicate`] for user name or email.
pub async fn create(
    tx: &mut Tx,
    context: &Context,
    authority: Authority<'_>,
    profile: Profile,
) -> Result<User, Error> {
    let profile = profile.checked()?;
    let connection_id = match authority {
        Authority::Local => None,
        Authority::Connection(id) => Some(id),
    };
    let Some(user) = store::insert(tx, &context.account_id, &profile, connection_id).await? else {
        // Somebody has the name or the address: which of them is only asked now.
        store::check_free(tx, &context.account_id, &profile, "").await?;
        return Err(Error::Duplicate { field: "user_name" });
    };
    audit::record(tx, context, Event::new(Action::UserCreate, "user", &user.id, &user.user_name)).await?;
    Ok(user)
}

/// Makes a user in one way to the database, with its event. After an error the unit of work is spent.
///
/// # Errors
/// As [`create`].
pub async fn create_at_once(
    tx: &mut Tx,
    context: &Context,
    connection_id: &str,
    profile: Profile,
) -> Result<User, Error> {
    let profile = profile.checked()?;
    let user = User::new((tx.new_id(), tx.now()), (&context.account_id, connection_id), profile);
    let event = Event::new(Action::UserCreate, "user", &user.id, &user.user_name);
    let event = (audit::INSERT, audit::row(tx, context, event));
    match insert_together(tx, [(store::INSERT, store::row(&user)), event]).await {
        Ok(()) => {}
        Err(error) if is_duplicate(&error) => return Err(taken(tx, context, &user, &error).await),
        Err(error) => return Err(error.into()),
    }
    Ok(user)
}

/// Which of the two somebody else has; the name, where it is both.
async fn taken(tx: &mut Tx, context: &Context, user: &User, error: &sqlx::Error) -> Error {
    if let Err(Error::Duplicate { field }) =
        store::check_free(tx, &context.account_id, &user.profile(), "").await
    {
        return Error::Duplicate { field };
    }
    // A transaction of PostgreSQL answers no more questions, and its error names the column.
    let is_email = error.to_string().contains("email_folded");
    Error::Duplicate { field: if is_email { "email" } else { "user_name" } }
}

/// Makes a user who was invited: not active, and known to be expected.
///
/// # Errors
/// As [`create`].
pub async fn create_pending(tx: &mut Tx, context: &Context, profile: Profile) -> Result<User, Error> {
    let mut user = create(tx, context, Authority::Local, Profile { active: false, ..profile }).await?;
    store::set_pending(tx, &mut user).await?;
    Ok(user)
}
