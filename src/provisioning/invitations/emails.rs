//! The mails of invitations.

use crate::directory::Error;
use crate::directory::accounts::Account;
use crate::directory::users::User;
use crate::kernel::{Kernel, Tx};
use crate::provisioning::notifications::AccessNotification;
use crate::signin::notifications;
use crate::signin::one_time_links::{self, LinkPurpose};

/// Creates a new link for `user` and returns its address. Earlier links stop working.
pub(super) async fn create_link(kernel: &Kernel, tx: &mut Tx, user: &User) -> Result<String, Error> {
    let secret = one_time_links::create(tx, user, LinkPurpose::Invite).await?;
    Ok(kernel.urls.absolute(&format!("/invite?token={secret}")))
}

/// Queues the mail with a new link and returns the mail's id.
pub(super) async fn send_invitation(
    kernel: &Kernel,
    tx: &mut Tx,
    account: &Account,
    user: &User,
    invited_by: &str,
) -> Result<Option<String>, Error> {
    let link = create_link(kernel, tx, user).await?;
    let email = AccessNotification::Invited { invited_by, link }.into_email(account);
    notifications::send(kernel, tx, account, user, &email).await
}
