//! Mails about two-factor authentication.

use super::{account_of, not_you_note, send};
use crate::directory::Error;
use crate::directory::accounts::Account;
use crate::directory::users::User;
use crate::kernel::mail::EmailMessage;
use crate::kernel::{Kernel, Tx};

/// Notifies a user of a change to their second factors. `words` receives the account's name and a text with
/// the time and the address of the change.
async fn notify_factor_change(
    kernel: &Kernel,
    tx: &mut Tx,
    user: &User,
    subject: &str,
    address: &str,
    words: impl FnOnce(&str, &str) -> String,
) -> Result<(), Error> {
    let account = account_of(tx, user).await?;
    let from = if address.is_empty() { String::new() } else { format!(", from the IP address {address}") };
    let when = format!("{} UTC{from}", tx.now().display_minute());
    let letter = EmailMessage {
        subject: subject.into(),
        paragraphs: vec![words(&account.name, &when)],
        action: Some((
            "Manage two-factor authentication".into(),
            kernel.urls.absolute("/profile/two-factor"),
        )),
        notes: vec!["If this was you, no action is needed.".into(), not_you_note(kernel, &account)],
    };
    send(kernel, tx, &account, user, &letter).await.map(drop)
}

/// Notifies the user that a second factor was added.
pub(crate) async fn factor_added(
    kernel: &Kernel,
    tx: &mut Tx,
    user: &User,
    name: &str,
    address: &str,
) -> Result<(), Error> {
    notify_factor_change(kernel, tx, user, "A two-factor method was added", address, |account, when| {
        let whose = &user.user_name;
        format!("“{name}” was added for {whose} at {account} on {when}. You can now use it to sign in.")
    })
    .await
}

/// Notifies the user that a second factor was removed.
pub(crate) async fn factor_removed(
    kernel: &Kernel,
    tx: &mut Tx,
    user: &User,
    name: &str,
    is_last: bool,
    address: &str,
) -> Result<(), Error> {
    let rest = if is_last {
        "It was your last method: sign-in no longer requires two-factor authentication, and your recovery \
         codes no longer work."
    } else {
        "It can no longer be used to sign in."
    };

    notify_factor_change(kernel, tx, user, "A two-factor method was removed", address, |account, when| {
        format!("“{name}” was removed for {} at {account} on {when}. {rest}", user.user_name)
    })
    .await
}

/// Notifies the user that they have new recovery codes.
pub(crate) async fn codes_renewed(
    kernel: &Kernel,
    tx: &mut Tx,
    user: &User,
    address: &str,
) -> Result<(), Error> {
    notify_factor_change(kernel, tx, user, "New recovery codes were generated", address, |account, when| {
        let whose = &user.user_name;
        format!(
            "New recovery codes were generated for {whose} at {account} on {when}. The old codes no longer \
             work."
        )
    })
    .await
}

/// Notifies the user that a recovery code was used.
pub(crate) async fn code_used(
    kernel: &Kernel,
    tx: &mut Tx,
    user: &User,
    left: i64,
    address: &str,
) -> Result<(), Error> {
    let rest = match left {
        0 => "It was your last code. Generate new codes before you need them.".to_owned(),
        1 => "1 code is left. Generate new codes before you need them.".to_owned(),
        n if n <= 3 => format!("{n} codes are left. Generate new codes before you need them."),
        n => format!("{n} codes are left."),
    };

    notify_factor_change(kernel, tx, user, "A recovery code was used", address, |account, when| {
        let whose = &user.user_name;
        format!("A recovery code for {whose} was used to sign in to {account} on {when}. {rest}")
    })
    .await
}

fn link(kernel: &Kernel, secret: &str) -> (String, String) {
    let address = kernel.urls.absolute(&format!("/two-factor?token={secret}"));
    ("Set up two-factor authentication".into(), address)
}

const LINK_NOTE: &str = "The link works once and expires in seven days. Sign in as usual, and then set up an \
     authenticator app, a passkey or a security key. It takes about a minute.";

/// Notifies the user that an administrator reset their second factor, with a link to enrol a new one.
pub(crate) async fn factors_reset(
    kernel: &Kernel,
    tx: &mut Tx,
    account: &Account,
    user: &User,
    secret: &str,
) -> Result<(), Error> {
    let letter = EmailMessage {
        subject: "Your two-factor authentication was reset".into(),
        paragraphs: vec![format!(
            "An administrator of {} reset two-factor authentication for {}. Your authenticator apps, \
             passkeys, security keys, recovery codes and remembered browsers no longer work, and you were \
             signed out everywhere.",
            account.name, user.user_name
        )],
        action: Some(link(kernel, secret)),
        notes: vec![
            LINK_NOTE.into(),
            "If you did not request this, contact your administrator immediately.".into(),
        ],
    };
    send(kernel, tx, account, user, &letter).await.map(drop)
}

/// Asks the user to enrol a second factor. `again` marks the mail as a reminder.
#[must_use]
pub fn enrolment_email(
    kernel: &Kernel,
    account: &Account,
    user_name: &str,
    secret: &str,
    again: bool,
) -> EmailMessage {
    let (subject, first) = if again {
        (
            "Reminder: set up two-factor authentication",
            format!(
                "{user_name} at {} has not set up two-factor authentication yet. Your administrator asks \
                 you to set it up.",
                account.name
            ),
        )
    } else {
        (
            "Set up two-factor authentication",
            format!(
                "{} now requires two-factor authentication, and {user_name} has not set it up yet.",
                account.name
            ),
        )
    };
    EmailMessage {
        subject: subject.into(),
        paragraphs: vec![first, "Until you set it up, you may be asked to do so when you sign in.".into()],
        action: Some(link(kernel, secret)),
        notes: vec![LINK_NOTE.into()],
    }
}
