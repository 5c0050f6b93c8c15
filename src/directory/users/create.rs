//! Making a user.

use super::super::Error;
use super::model::{Authority, Profile, User};
use super::store;
use crate::audit::{self, Action, Context, Event};
use crate::kernel::Tx;

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

/// Makes a user who was invited: not active, and known to be expected.
///
/// # Errors
/// As [`create`].
pub async fn create_pending(tx: &mut Tx, context: &Context, profile: Profile) -> Result<User, Error> {
    let mut user = create(tx, context, Authority::Local, Profile { active: false, ..profile }).await?;
    store::set_pending(tx, &mut user).await?;
    Ok(user)
}
