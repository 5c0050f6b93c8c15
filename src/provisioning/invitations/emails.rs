//! The mails of invitations.

use crate::directory::Error;
use crate::directory::accounts::Account;
use crate::directory::users::User;
use crate::kernel::mail::EmailMessage;
use crate::kernel::{Kernel, Tx};
use crate::signin::notifications;
use crate::signin::one_time_links::{self, LinkPurpose};

/// Creates a new link for `user` and returns its address. Earlier links stop working.
pub(super) async fn create_link(kernel: &Kernel, tx: &mut Tx, user: &User) -> Result<String, Error> {
    let secret = one_time_links::create(tx, user, LinkPurpose::Invite).await?;
    Ok(kernel.urls.absolute(&format!("/invite?token={secret}")))
}

/// Queues the mail with the link and returns the mail's id.
pub(super) async fn send_invitation(
    kernel: &Kernel,
    tx: &mut Tx,
    account: &Account,
    user: &User,
    invited_by: &str,
) -> Result<Option<String>, Error> {
    let link = create_link(kernel, tx, user).await?;
    let letter = EmailMessage {
        subject: format!("You are invited to {}", account.name),
        paragraphs: vec![format!("{invited_by} has invited you to {}.", account.name)],
        action: Some(("Accept the invitation".into(), link)),
        notes: vec![
            "The link works once and for seven days.".into(),
            "If you did not expect this, you need not do anything.".into(),
        ],
    };
    notifications::send(kernel, tx, account, user, &letter).await
}

/// Queues a mail to a user who needs no invitation because they sign in through an identity provider.
pub(super) async fn send_access_notice(
    kernel: &Kernel,
    tx: &mut Tx,
    account: &Account,
    user: &User,
    invited_by: &str,
    landing_url: Option<&str>,
) -> Result<Option<String>, Error> {
    let to = match landing_url {
        Some(url) if !url.starts_with('/') => url.to_owned(),
        Some(path) => kernel.urls.absolute(path),
        None => kernel.urls.absolute(&format!("/login?account={}", account.slug)),
    };
    let letter = EmailMessage {
        subject: format!("You can use {} now", account.name),
        paragraphs: vec![format!(
            "{invited_by} has given you access to {}. Sign in as you do in your company; there is nothing to set up.",
            account.name
        )],
        action: Some(("Sign in".into(), to)),
        notes: Vec::new(),
    };
    notifications::send(kernel, tx, account, user, &letter).await
}
