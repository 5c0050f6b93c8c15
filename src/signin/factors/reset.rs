//! Removes the second factor of a user who has lost it.

use serde_json::json;

use super::store;
use crate::access;
use crate::audit::{self, Action, Context, Event};
use crate::directory::users::{self, User};
use crate::directory::{Error, accounts};
use crate::kernel::{Kernel, Tx};
use crate::signin::one_time_links::{self, LinkPurpose};
use crate::signin::{notifications, sessions};

/// Deletes all factors, recovery codes and remembered browsers of `user`, ends their sessions and API tokens, and mails
/// them a link to enrol a new factor. A seed or QR code is never sent. Returns false when the user had no
/// factor: their sessions then continue, and they only get the link.
pub async fn reset(kernel: &Kernel, tx: &mut Tx, context: &Context, user: &User) -> Result<bool, Error> {
    // A factor that is being added must go as well.
    users::lock(tx, &user.account_id, &user.id).await?;
    let had_one = store::delete_all(tx, &user.id).await?;
    let mut user = user.clone();
    if had_one {
        user = access::raise_epoch(tx, &user).await?;
        sessions::sweep(tx, context, &user, "").await?;
    }
    let event = Event::new(Action::TwoFactorReset, "user", &user.id, &user.user_name);
    audit::record(tx, context, event.detail(json!({"had_one": had_one}))).await?;
    if user.is_active() && user.email.is_some() {
        let account = accounts::by_id(tx, &user.account_id).await?.ok_or(Error::NotFound("account"))?;
        one_time_links::revoke(tx, &user.id, LinkPurpose::Enrol).await?;
        let secret = one_time_links::create(tx, &user, LinkPurpose::Enrol).await?;
        notifications::factors_reset(kernel, tx, &account, &user, &secret).await?;
    }
    Ok(had_one)
}
