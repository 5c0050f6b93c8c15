//! Passwords that end: where one stands, and the mail before it ends.

use super::store;
use crate::directory::accounts::{self, Account, PasswordSettings};
use crate::directory::{Error, users};
use crate::kernel::{Kernel, Timestamp};
use crate::signin::notifications::{self, days};

/// Where a password stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PasswordStatus {
    /// Good.
    Valid,
    /// Good, and it ends then.
    ExpiresAt(Timestamp),
    /// Over: it can only be used to set a new one.
    Expired,
}

/// Where a password set at `changed_at` stands at `now`.
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

/// When a password set at `changed_at` ends, if it does.
#[must_use]
pub fn expires_at(settings: &PasswordSettings, changed_at: Timestamp) -> Option<Timestamp> {
    (settings.expires_after_days > 0).then(|| changed_at.plus(days(settings.expires_after_days)))
}

/// Mails everybody whose password ends soon, once for each password. Safe to run on several nodes.
pub async fn mail_expiry_warnings(kernel: &Kernel) -> Result<u64, Error> {
    let accounts = accounts::list_all(&mut *kernel.db.read().await?).await?;
    let mut warned = 0;
    for account in accounts {
        // The log has the cause; people of other accounts are told all the same.
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
    // What was set in this span is still valid and will not be for long.
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
