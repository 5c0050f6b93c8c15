//! Mails about second factors.

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
    let from = if address.is_empty() { String::new() } else { format!(", from the address {address}") };
    let when = format!("{} UTC{from}", tx.now().display_minute());
    let letter = EmailMessage {
        subject: subject.into(),
        paragraphs: vec![words(&account.name, &when)],
        action: Some(("See your second factors".into(), kernel.urls.absolute("/profile/two-factor"))),
        notes: vec!["If it was you, all is well.".into(), not_you_note(kernel)],
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
    notify_factor_change(kernel, tx, user, "A second factor was added", address, |account, when| {
        let whose = &user.user_name;
        format!(
            "“{name}” was added for {whose} at {account} on {when}. It is good for signing in from now on."
        )
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
        "It was the last one: signing in asks for no second factor any more, and your recovery codes have ended."
    } else {
        "It cannot be used for signing in any more."
    };

    notify_factor_change(kernel, tx, user, "A second factor was removed", address, |account, when| {
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
    notify_factor_change(kernel, tx, user, "You have new recovery codes", address, |account, when| {
        let whose = &user.user_name;
        format!(
            "New recovery codes were made for {whose} at {account} on {when}. The old ones have stopped working."
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
        0 => "It was the last one. Make new ones before you need them.".to_owned(),
        1 => "One is left. Make new ones before you need them.".to_owned(),
        n if n <= 3 => format!("{n} are left. Make new ones before you need them."),
        n => format!("{n} are left."),
    };

    notify_factor_change(kernel, tx, user, "A recovery code was used", address, |account, when| {
        let whose = &user.user_name;
        format!("A recovery code of {whose} was used to sign in at {account} on {when}. {rest}")
    })
    .await
}

fn link(kernel: &Kernel, secret: &str) -> (String, String) {
    let address = kernel.urls.absolute(&format!("/two-factor?token={secret}"));
    ("Set up a second factor".into(), address)
}

const LINK_NOTE: &str = "The link works once and for seven days. You sign in first, as always; it takes a minute, with \
     an authenticator app on your phone or with a passkey.";

/// Notifies the user that an administrator reset their second factor, with a link to enrol a new one.
pub(crate) async fn factors_reset(
    kernel: &Kernel,
    tx: &mut Tx,
    account: &Account,
    user: &User,
    secret: &str,
) -> Result<(), Error> {
    let letter = EmailMessage {
        subject: "Set up a new second factor".into(),
        paragraphs: vec![format!(
            "An administrator of {} has ended the second factor of {}: authenticator apps, keys, recovery codes and \
             remembered browsers do not work any more, and you were signed out everywhere.",
            account.name, user.user_name
        )],
        action: Some(link(kernel, secret)),
        notes: vec![LINK_NOTE.into(), "If you did not ask for this, tell your administrator at once.".into()],
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
            "Reminder: set up a second factor",
            format!(
                "{user_name} has no second factor yet at {}. Your administrator asks you to set one up.",
                account.name
            ),
        )
    } else {
        (
            "Set up a second factor",
            format!(
                "{} asks everybody for a second factor from now on, and {user_name} has none yet.",
                account.name
            ),
        )
    };
    EmailMessage {
        subject: subject.into(),
        paragraphs: vec![first, "Until you have one, you are asked to set it up when you sign in.".into()],
        action: Some(link(kernel, secret)),
        notes: vec![LINK_NOTE.into()],
    }
}
