//! Password expiry, and the mail before it.

use super::store;
use crate::directory::accounts::{self, Account, PasswordSettings};
use crate::directory::{Error, users};
use crate::kernel::{Kernel, Timestamp};
use crate::signin::notifications::{self, days};

/// Whether a password has expired.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PasswordStatus {
    /// The password is valid.
    Valid,
    /// The password is valid and expires soon, at this time.
    ExpiresAt(Timestamp),
    /// The password has expired: it can only be used to set a new one.
    Expired,
}

/// The status at `now` of a password that was set at `changed_at`.
#[must_use]
pub fn status(settings: &PasswordSettings, changed_at: Timestamp, now: Timestamp) -> PasswordStatus {
    let Some(end) = expires_at(settings, changed_at) else { return PasswordStatus::Valid };
    if now >= end {
        PasswordStatus::Expired
    } else if now >= end.minus(days(settings.warn_before_days)) {
        PasswordStatus::ExpiresAt(end)
    } else {
        PasswordStatus::Valid
    }
}

/// When a password that was set at `changed_at` expires, if it does.
#[must_use]
pub fn expires_at(settings: &PasswordSettings, changed_at: Timestamp) -> Option<Timestamp> {
    (settings.expires_after_days > 0).then(|| changed_at.plus(days(settings.expires_after_days)))
}

/// Mails all users whose password expires soon, once for each password. Returns how many. Safe to run on
/// several nodes.
pub async fn mail_expiry_warnings(kernel: &Kernel) -> Result<u64, Error> {
    let accounts = accounts::list_all(&mut *kernel.db.read().await?).await?;
    let mut warned = 0;
    for account in accounts {
        // The log has the cause. Users of other accounts are warned all the same.
        let Ok(settings) = account.settings() else { continue };
        let settings = settings.password;
        if settings.expires_after_days == 0 || settings.warn_before_days == 0 {
            continue;
        }
        while let some @ 1.. = mail_next_warnings(kernel, &account, &settings).await? {
            warned += some;
        }
    }
    Ok(warned)
}

async fn mail_next_warnings(
    kernel: &Kernel,
    account: &Account,
    settings: &PasswordSettings,
) -> Result<u64, Error> {
    let now = kernel.clock.now();
    let lifetime = days(settings.expires_after_days);
    // Passwords that were set within these bounds are valid and expire soon.
    let due = settings.expires_after_days.saturating_sub(settings.warn_before_days);

    let due =
        store::to_warn(&mut *kernel.db.read().await?, &account.id, now.minus(lifetime), now.minus(days(due)))
            .await?;
    let mut tx = kernel.db.begin().await?;
    let mut warned = 0;
    for (user_id, changed_at) in due {
        if !store::mark_warned(&mut tx, &user_id, changed_at).await? {
            continue;
        }
        warned += 1;
        if let Some(user) = users::by_id(&mut tx, &account.id, &user_id).await? {
            notifications::password_expires_soon(kernel, &mut tx, account, &user, changed_at.plus(lifetime))
                .await?;
        }
    }
    tx.commit().await?;
    Ok(warned)
}
