//! Mails to users about their own sign-in. Each is queued in the transaction of the change it reports.

mod factors;

use std::time::Duration;

use super::lockout::{CredentialKind, LockNotice};
use crate::access;
use crate::directory::accounts::{self, Account};
use crate::directory::users::User;
use crate::directory::{Error, groups, users};
use crate::kernel::mail::{self, EmailMessage, EmailSender};
use crate::kernel::{GroupId, Kernel, Timestamp, Tx};

pub use factors::enrolment_email;
pub(super) use factors::{code_used, codes_renewed, factor_added, factor_removed, factors_reset};

/// The maximum number of group members who are notified of a lockout.
const MOST_TOLD: i64 = 50;

/// On whose behalf the mails of an account are sent.
pub fn sender(account: &Account) -> Result<EmailSender, Error> {
    let name = account.settings()?.mail_sender_name.unwrap_or_else(|| account.name.clone());
    Ok(EmailSender { name, account: account.slug.clone() })
}

/// Queues `letter` for `user` and returns the mail's id. A user without an address gets no mail.
pub async fn send(
    kernel: &Kernel,
    tx: &mut Tx,
    account: &Account,
    user: &User,
    letter: &EmailMessage,
) -> Result<Option<String>, Error> {
    let Some(address) = &user.email else { return Ok(None) };
    let mail = letter.render_for(address, &sender(account)?)?;
    Ok(Some(mail::queue(tx, kernel, &account.id, &mail).await?))
}

/// Queues `letter` for every active administrator of an account.
pub async fn notify_admins(
    kernel: &Kernel,
    tx: &mut Tx,
    account: &Account,
    letter: &EmailMessage,
) -> Result<(), Error> {
    for id in access::admins(tx, &account.id).await? {
        if let Some(user) = users::by_id(tx, &account.id, &id).await?.filter(User::is_active) {
            send(kernel, tx, account, &user, letter).await?;
        }
    }
    Ok(())
}

async fn account_of(tx: &mut Tx, user: &User) -> Result<Account, Error> {
    accounts::by_id(tx, &user.account_id).await?.ok_or(Error::NotFound("account"))
}

fn not_you_note(kernel: &Kernel, account: &Account) -> String {
    format!(
        "If this was not you, reset your password immediately ({}) and contact your administrator.",
        kernel.urls.absolute(&format!("/login/forgot?account={}", account.slug))
    )
}

/// Sends a link to choose a new password.
pub(super) async fn reset_link(
    kernel: &Kernel,
    tx: &mut Tx,
    account: &Account,
    user: &User,
    secret: &str,
) -> Result<(), Error> {
    let letter = EmailMessage {
        subject: "Reset your password".into(),
        paragraphs: vec![format!(
            "We received a request to reset the {} password for {}.",
            account.name, user.user_name
        )],
        action: Some((
            "Choose a new password".into(),
            kernel.urls.absolute(&format!("/login/reset?token={secret}")),
        )),
        notes: vec![
            "The link works once and expires in one hour. Setting a new password signs you out of all other \
             sessions."
                .into(),
            "If you did not request this, no action is needed. Your password does not change.".into(),
        ],
    };
    send(kernel, tx, account, user, &letter).await.map(drop)
}

/// Tells a user who requested a new password that they have none here and sign in through `provider`.
pub(super) async fn no_password_here(
    kernel: &Kernel,
    tx: &mut Tx,
    account: &Account,
    user: &User,
    provider: &str,
) -> Result<(), Error> {
    let letter = EmailMessage {
        subject: "You sign in through your identity provider".into(),
        paragraphs: vec![format!(
            "We received a request to reset your {} password. You sign in through {provider} and do not \
             have a password here. If you cannot sign in, contact your administrator.",
            account.name
        )],
        action: Some(("Sign in".into(), kernel.urls.absolute(&format!("/login?account={}", account.slug)))),
        notes: vec!["If you did not request this, no action is needed.".into()],
    };
    send(kernel, tx, account, user, &letter).await.map(drop)
}

/// Notifies the user that their password was changed. `how` is the middle of a sentence.
pub(super) async fn password_changed(
    kernel: &Kernel,
    tx: &mut Tx,
    user: &User,
    how: &str,
    address: &str,
) -> Result<(), Error> {
    let account = account_of(tx, user).await?;
    let from = if address.is_empty() { String::new() } else { format!(", from the IP address {address}") };
    let letter = EmailMessage {
        subject: "Your password was changed".into(),
        paragraphs: vec![format!(
            "The password for {} at {} was changed {how} on {} UTC{from}.",
            user.user_name,
            account.name,
            tx.now().display_minute()
        )],
        action: None,
        notes: vec!["If this was you, no action is needed.".into(), not_you_note(kernel, &account)],
    };
    send(kernel, tx, &account, user, &letter).await.map(drop)
}

/// Notifies the user that they are locked, if the account wants that, and the group that the account has
/// chosen.
pub(super) async fn user_locked(
    kernel: &Kernel,
    tx: &mut Tx,
    account: &Account,
    user: &User,
    notice: LockNotice<'_>,
) -> Result<(), Error> {
    let LockNotice { credential_kind, until, address } = notice;
    let settings = account.settings()?.lockout;
    let (failed, with) = match credential_kind {
        CredentialKind::Password => ("failed password attempts", "a password"),
        CredentialKind::Code => ("failed two-factor code attempts", "a code"),
    };
    let what = format!(
        "After {} {failed} in a row, {} at {} cannot sign in with {with} until {} UTC. The last attempt \
         came from the IP address {address}.",
        settings.attempts,
        user.user_name,
        account.name,
        until.display_minute()
    );
    if settings.notify_user {
        let (advice, note) = match credential_kind {
            CredentialKind::Password => (
                "You do not have to wait: reset your password to sign in immediately.",
                "If these attempts were not yours, someone tried to guess your password and did not \
                 succeed. Your administrator can see the attempts in the audit trail.",
            ),
            CredentialKind::Code => (
                "A passkey or security key still works, if you have one. Your administrator can unlock you.",
                "If these attempts were not yours, someone knows your password but could not complete \
                 two-factor authentication. Reset your password now.",
            ),
        };
        let letter = EmailMessage {
            subject: "You are locked out after too many failed attempts".into(),
            paragraphs: vec![what.clone(), advice.into()],
            action: Some((
                "Reset password".into(),
                kernel.urls.absolute(&format!("/login/forgot?account={}", account.slug)),
            )),
            notes: vec![note.into()],
        };
        send(kernel, tx, account, user, &letter).await?;
    }
    let Some(group) = settings.notify_group.as_deref().map(GroupId::from) else { return Ok(()) };
    let letter = EmailMessage {
        subject: format!("{} is locked out after too many failed attempts", user.user_name),
        paragraphs: vec![what],
        action: Some(("View user".into(), kernel.urls.absolute(&format!("/console/users/{}", user.id)))),
        notes: vec![
            "You receive this email because you are a member of the group that is notified of lockouts."
                .into(),
        ],
    };
    for member in groups::members(tx, &group, "", MOST_TOLD).await? {
        if let Some(member) = users::by_id(tx, &account.id, &member.user_id).await?
            && member.is_active()
            && member.id != user.id
        {
            send(kernel, tx, account, &member, &letter).await?;
        }
    }
    Ok(())
}

/// Warns the user that their password expires soon.
pub(super) async fn password_expires_soon(
    kernel: &Kernel,
    tx: &mut Tx,
    account: &Account,
    user: &User,
    ends_at: Timestamp,
) -> Result<(), Error> {
    let letter = EmailMessage {
        subject: "Your password expires soon".into(),
        paragraphs: vec![format!(
            "The password for {} at {} expires on {} UTC. Change it before then.",
            user.user_name,
            account.name,
            ends_at.display_minute()
        )],
        action: Some(("Change password".into(), kernel.urls.absolute("/profile/password"))),
        notes: vec!["After it expires, you must choose a new password when you sign in.".into()],
    };
    send(kernel, tx, account, user, &letter).await.map(drop)
}

/// Notifies the user that an API token with their permissions was created.
pub async fn token_made(kernel: &Kernel, tx: &mut Tx, user: &User, name: &str) -> Result<(), Error> {
    let account = account_of(tx, user).await?;
    let letter = EmailMessage {
        subject: "A new API token was generated".into(),
        paragraphs: vec![format!(
            "The API token “{name}” for {} at {} was generated. Anyone who uses it has the same \
             permissions as you.",
            user.user_name, account.name
        )],
        action: Some(("View your API tokens".into(), kernel.urls.absolute("/profile"))),
        notes: vec!["If this was not you, revoke the token and change your password immediately.".into()],
    };
    send(kernel, tx, &account, user, &letter).await.map(drop)
}

/// Notifies the user at their old address that the address was changed.
pub async fn address_changed(kernel: &Kernel, tx: &mut Tx, before: &User, after: &User) -> Result<(), Error> {
    if before.email.is_none() || before.email == after.email {
        return Ok(());
    }
    let account = account_of(tx, before).await?;
    let letter = EmailMessage {
        subject: "Your email address was changed".into(),
        paragraphs: vec![format!(
            "Emails for {} at {} are no longer sent to this email address. New email address: {}",
            after.user_name,
            account.name,
            after.email.as_deref().unwrap_or("none")
        )],
        action: None,
        notes: vec!["If you did not expect this change, contact your administrator.".into()],
    };
    send(kernel, tx, &account, before, &letter).await.map(drop)
}

/// The time from `now` to `end` in whole days, rounded up.
#[must_use]
pub fn days_until(now: Timestamp, end: Timestamp) -> i64 {
    const DAY: i64 = 24 * 60 * 60 * 1000;
    (end.0 - now.0 + DAY - 1).div_euclid(DAY)
}

/// `days` as a duration.
#[must_use]
pub(super) fn days(days: u32) -> Duration {
    Duration::from_hours(24 * u64::from(days))
}
