//! Resending an invitation, copying its link and cancelling it. None is possible after it was accepted.

use super::create::record_event;
use super::model::Invitation;
use super::{emails, store};
use crate::access;
use crate::audit::{Action, Context};
use crate::directory::accounts;
use crate::directory::users::{self, ChangeAuthority, User};
use crate::directory::{Error, accounts::Account};
use crate::kernel::{Kernel, Tx};

/// The account and the user of an invitation that has not been accepted.
async fn find_pending(tx: &mut Tx, invitation: &Invitation) -> Result<(Account, User), Error> {
    let account = accounts::by_id(tx, &invitation.account_id).await?.ok_or(Error::NotFound("account"))?;
    let user = users::by_id(tx, &invitation.account_id, &invitation.user_id).await?;
    let user = user.ok_or(Error::NotFound("invitation"))?;
    if !user.is_pending() {
        return Err(Error::Forbidden("This invitation has already been accepted."));
    }
    Ok((account, user))
}

/// Sends the mail again with a new link, which is valid for seven days. The earlier link stops working.
pub async fn resend(
    kernel: &Kernel,
    tx: &mut Tx,
    context: &Context,
    invitation: &Invitation,
) -> Result<(), Error> {
    let (account, user) = find_pending(tx, invitation).await?;
    let mail_id = emails::send_invitation(kernel, tx, &account, &user, &context.actor.name).await?;
    store::renew(tx, &account.id, &user.id, mail_id.as_deref()).await?;
    Ok(record_event(tx, context, Action::InvitationResend, &user).await?)
}

/// Creates a new link to deliver by other means than mail, and returns its address. Only hashes of links
/// are stored, so the mailed link cannot be shown; it stops working.
pub async fn copy_link(
    kernel: &Kernel,
    tx: &mut Tx,
    context: &Context,
    invitation: &Invitation,
) -> Result<String, Error> {
    let (account, user) = find_pending(tx, invitation).await?;
    let link = emails::create_link(kernel, tx, &user).await?;
    store::renew(tx, &account.id, &user.id, None).await?;
    record_event(tx, context, Action::InvitationResend, &user).await?;
    Ok(link)
}

/// Cancels the invitation and deletes the pending user.
pub async fn cancel(tx: &mut Tx, context: &Context, invitation: &Invitation) -> Result<(), Error> {
    let (_, user) = find_pending(tx, invitation).await?;
    record_event(tx, context, Action::InvitationCancel, &user).await?;
    access::delete_user(tx, context, ChangeAuthority::Local, &user).await
}
