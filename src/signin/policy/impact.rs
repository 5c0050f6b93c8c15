//! Counts the users and sessions that a change of the settings affects.

use std::time::Duration;

use super::enforcement;
use crate::directory::accounts::AuthenticationSettings;
use crate::directory::users;
use crate::kernel::database::DbConn;
use crate::kernel::{AccountId, Timestamp};
use crate::signin::{lockout, password, sessions};

/// How many a change affects. A count is `None` where the change does not concern it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ImpactCounts {
    /// Users whose password is older than the new lifetime.
    pub expired_passwords: Option<i64>,
    /// Users who are warned that their password expires soon.
    pub expiring_passwords: Option<i64>,
    /// Users who are locked now, and stay locked until their lock ends.
    pub locked_users: Option<i64>,
    /// Users without a second factor who must have one from now on.
    pub users_without_factor: Option<i64>,
    /// Open sessions without a verified second factor, of users who must have one.
    pub sessions_without_factor: Option<i64>,
    /// Sessions that end immediately.
    pub ended_sessions: Option<i64>,
    /// Active users whose domain is not on the new list.
    pub users_outside_domains: Option<i64>,
}

/// Counts what changing `before` to `after` affects.
pub async fn count_impact(
    c: &mut DbConn,
    account_id: &AccountId,
    before: &AuthenticationSettings,
    after: &AuthenticationSettings,
    now: Timestamp,
) -> Result<ImpactCounts, sqlx::Error> {
    let mut counts = ImpactCounts::default();
    let days = after.password.expires_after_days;
    if days > 0 && days != before.password.expires_after_days {
        let ago = |days: u32| now.minus(Duration::from_hours(24 * u64::from(days)));
        let expired = password::count_older(&mut *c, account_id, ago(days)).await?;
        let warned_after = days - after.password.warn_before_days;
        let warned = password::count_older(&mut *c, account_id, ago(warned_after)).await?;
        counts.expired_passwords = Some(expired);
        counts.expiring_passwords = Some(warned - expired);
    }
    if before.lockout != after.lockout {
        counts.locked_users = Some(lockout::locked_count(&mut *c, account_id, now).await?);
    }
    if after.two_factor.widens(&before.two_factor) {
        let rules = &after.two_factor;
        counts.users_without_factor = Some(enforcement::affected_count(&mut *c, account_id, rules).await?);
        counts.sessions_without_factor =
            Some(sessions::count_without_factor(&mut *c, account_id, &after.session, rules, now).await?);
    }
    if before.session != after.session {
        counts.ended_sessions =
            Some(sessions::count_ended_by(&mut *c, account_id, &before.session, &after.session, now).await?);
    }
    if before.email_domains != after.email_domains && !after.email_domains.is_empty() {
        counts.users_outside_domains =
            Some(users::count_outside_domains(&mut *c, account_id, &after.email_domains).await?);
    }
    Ok(counts)
}
