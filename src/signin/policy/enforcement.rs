//! Who must have a second factor, and until when a session may continue without one.

use crate::access::SessionRestriction;
use crate::directory::accounts::{self, TwoFactorSettings};
use crate::kernel::database::{Conditions, DbConn};
use crate::kernel::{AccountId, Timestamp, UserId};

/// Whether the account requires a second factor of this user.
pub async fn is_enforced_for(
    c: &mut DbConn,
    settings: &TwoFactorSettings,
    user_id: &UserId,
) -> Result<bool, sqlx::Error> {
    if settings.enforced || settings.groups.is_empty() {
        return Ok(settings.enforced);
    }
    let own = groups_of(c, user_id).await?;
    Ok(own.iter().any(|id| settings.groups.contains(id)))
}

/// The ids of the groups that a user is a member of.
pub(super) async fn groups_of(c: &mut DbConn, user_id: &UserId) -> Result<Vec<String>, sqlx::Error> {
    sqlx::query_scalar("SELECT group_id FROM memberships WHERE user_id = $1").bind(user_id).fetch_all(c).await
}

/// The users of an account who must have a second factor under `settings` and have none, after the user
/// with id `after`, as conditions on `users u`.
pub(crate) fn users_without_factor(
    account_id: &AccountId,
    settings: &TwoFactorSettings,
    after: &str,
) -> Conditions {
    let mut all = Conditions::default();
    all.text("u.account_id = ?", account_id);
    all.fixed("u.active = 1");
    all.text("u.id > ?", after);
    // PostgreSQL does not derive the second condition from the first, and without it would read all earlier
    // rows.
    all.text("NOT EXISTS (SELECT 1 FROM enrolments e WHERE e.user_id = u.id AND e.user_id > ?)", after);
    if !settings.enforced {
        all.texts(
            "EXISTS (SELECT 1 FROM memberships m WHERE m.user_id = u.id AND m.group_id IN (?))",
            &settings.groups,
        );
    }
    all
}

/// How many users must have a second factor under these settings and have none.
pub async fn affected_count(
    c: &mut DbConn,
    account_id: &AccountId,
    settings: &TwoFactorSettings,
) -> Result<i64, sqlx::Error> {
    let all = users_without_factor(account_id, settings, "");
    let (count,): (i64,) = all.bind_as(all.sql("SELECT COUNT(*) FROM users u", "")).fetch_one(c).await?;
    Ok(count)
}

/// The restriction of an API token that a user made in a session without a second factor.
pub async fn token_restriction(
    c: &mut DbConn,
    account_id: &AccountId,
    user_id: &UserId,
    now: Timestamp,
) -> Result<SessionRestriction, sqlx::Error> {
    let settings = accounts::settings_of(&mut *c, account_id).await?.two_factor;
    // Only what the account requires counts. Who enrols a factor of their own accord keeps their tokens.
    session_restriction(c, &settings, user_id, false, now).await
}

/// The restriction of a session in which no second factor was verified.
pub(crate) async fn session_restriction(
    c: &mut DbConn,
    settings: &TwoFactorSettings,
    user_id: &UserId,
    is_enrolled: bool,
    now: Timestamp,
) -> Result<SessionRestriction, sqlx::Error> {
    if is_enrolled {
        return Ok(SessionRestriction::SecondFactorRequired);
    }
    if !is_enforced_for(c, settings, user_id).await? {
        return Ok(SessionRestriction::None);
    }
    Ok(match settings.grace_ends_at().filter(|end| now < *end) {
        Some(end) => SessionRestriction::EnrolmentDueAt(end),
        None => SessionRestriction::EnrolmentRequired,
    })
}
