//! Checking a password at sign-in.

use super::hasher::Busy;
use super::store;
use crate::directory::users::{self, User};
use crate::signin::SignIn;

/// What came of it. The first three look alike from outside.
pub enum Verdict {
    /// Right: this is the user.
    Right(User),
    /// The user exists and the password is not theirs, or they have none.
    Wrong(User),
    /// No such user in this account.
    Unknown,
    /// Ask again later.
    Busy,
}

/// Checks `password` for the user with this name or address. Without an account, the one account that
/// knows the address is taken: on a server with several, an address in two needs the account's name.
/// Takes the same time whether or not
/// there is such a user.
///
/// # Errors
/// The database's.
pub async fn verify(
    signin: &SignIn,
    account_id: Option<&str>,
    identifier: &str,
    password: &str,
) -> Result<Verdict, sqlx::Error> {
    let mut c = signin.kernel.db.read().await?;
    let account_id = match account_id {
        Some(account_id) => Some(account_id.to_owned()),
        None => users::sole_by_email_anywhere(&mut c, identifier).await?,
    };
    let user = match account_id {
        Some(account_id) => users::by_email(&mut c, &account_id, identifier).await?,
        None => None,
    };
    let hash = match &user {
        Some(user) => store::hash_of(&mut c, &user.id).await?,
        None => None,
    };
    drop(c);
    // A password longer than any that could be set is not worth hashing.
    let password = if password.len() > 4 * super::MAX_CHARACTERS { "" } else { password };
    Ok(match (signin.hasher.verify(password, hash.as_deref()).await, user) {
        (Err(Busy), _) => Verdict::Busy,
        (Ok(true), Some(user)) => Verdict::Right(user),
        (Ok(false), Some(user)) => Verdict::Wrong(user),
        (Ok(_), None) => Verdict::Unknown,
    })
}
