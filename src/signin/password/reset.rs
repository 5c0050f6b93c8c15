//! Requests for a new password.

use super::store;
use crate::audit::{self, Action, Context, Event};
use crate::directory::users::{self, User};
use crate::directory::{Error, accounts};
use crate::signin::one_time_links::{self, LinkPurpose};
use crate::signin::{SignIn, notifications};

/// Mails per user and hour, with or without a link; more would only fill the user's mailbox.
const MOST_AN_HOUR: i64 = 3;

/// The name of the identity provider through which a user without a password signs in.
pub type ProviderName<'a> = Option<&'a str>;

/// Mails `user` a link to choose a new password or, if they have none here and sign in through `provider`,
/// a mail that says so. `may_use_password` says whether the account's sign-in rules allow the user a password;
/// if not, the mail names the provider as well. Returns false and sends nothing when the user is not active, has
/// no address, has neither a provider nor the right to a password, or got several of these mails within the hour.
/// An anonymous requester must not learn the result.
pub async fn request_reset(
    signin: &SignIn,
    context: &Context,
    user: &User,
    provider: ProviderName<'_>,
    may_use_password: bool,
) -> Result<bool, Error> {
    if !user.is_active() || user.email.is_none() || (provider.is_none() && !may_use_password) {
        return Ok(false);
    }
    let kernel = &signin.kernel;
    let mut tx = kernel.db.begin().await?;
    // Requests at the same time count each other.
    users::lock(&mut tx, &user.account_id, &user.id).await?;
    if store::count_reset_requests(&mut tx, &user.account_id, &user.id).await? >= MOST_AN_HOUR {
        return Ok(false);
    }
    store::insert_reset_request(&mut tx, &user.account_id, &user.id).await?;
    let account = accounts::by_id(&mut tx, &user.account_id).await?.ok_or(Error::NotFound("account"))?;
    match provider {
        Some(name) if !may_use_password || store::of_user(&mut tx, &user.id).await?.is_none() => {
            notifications::no_password_here(kernel, &mut tx, &account, user, name).await?;
        }
        _ => {
            let secret = one_time_links::create(&mut tx, user, LinkPurpose::Reset).await?;
            notifications::reset_link(kernel, &mut tx, &account, user, &secret).await?;
        }
    }
    let event = Event::new(Action::PasswordResetRequest, "user", &user.id, &user.user_name);
    audit::record(&mut tx, context, event).await?;
    tx.commit().await?;
    Ok(true)
}
