//! SQL of invitations.

use super::model::Invitation;
use crate::directory::users::User;
use crate::kernel::database::{Conditions, DbConn};
use crate::kernel::{AccountId, Tx, UserId};
use crate::signin::one_time_links::INVITE_LIFETIME;

const SELECT_INVITATION: &str = "SELECT i.id, i.account_id, i.user_id, u.email, u.display_name, u.pending, i.landing_url, \
     i.invited_by, i.sent_at, i.expires_at, i.created_at, m.status AS mail_status, m.attempts AS mail_attempts, \
     m.last_error AS mail_error FROM invitations i JOIN users u ON u.id = i.user_id \
     LEFT JOIN mail_outbox m ON m.id = i.mail_id";

/// The invitation with this id in this account.
pub async fn by_id(
    c: &mut DbConn,
    account_id: &AccountId,
    id: &str,
) -> Result<Option<Invitation>, sqlx::Error> {
    let mut all = Conditions::default();
    all.text("i.account_id = ?", account_id);
    all.text("i.id = ?", id);
    all.bind_as(all.sql(SELECT_INVITATION, "")).fetch_optional(c).await
}

/// The invitation of a user of this account.
pub async fn of_user(
    c: &mut DbConn,
    account_id: &AccountId,
    user_id: &UserId,
) -> Result<Option<Invitation>, sqlx::Error> {
    let mut all = Conditions::default();
    all.text("i.account_id = ?", account_id);
    all.text("i.user_id = ?", user_id);
    all.bind_as(all.sql(SELECT_INVITATION, "")).fetch_optional(c).await
}

/// A page of an account's invitations, ordered by their users' creation, after the one for the user with id
/// `after`. `open_only` selects those that are not accepted; they are found through the pending users, so
/// the cost does not depend on the number of accepted ones.
pub async fn list(
    c: &mut DbConn,
    account_id: &AccountId,
    open_only: bool,
    after: &str,
    limit: i64,
) -> Result<Vec<Invitation>, sqlx::Error> {
    let mut all = Conditions::default();
    let order = if open_only {
        all.text("u.account_id = ?", account_id);
        all.text("u.id > ?", after);
        all.fixed("u.pending = 1");
        "u.id"
    } else {
        all.text("i.account_id = ?", account_id);
        all.text("i.user_id > ?", after);
        "i.user_id"
    };
    let tail = format!("ORDER BY {order} LIMIT {limit}");
    all.bind_as(all.sql(SELECT_INVITATION, &tail)).fetch_all(c).await
}

/// The landing URL of a user's invitation, if it has one.
pub async fn landing_url_of(c: &mut DbConn, user_id: &UserId) -> Result<Option<String>, sqlx::Error> {
    let found: Option<(Option<String>,)> =
        sqlx::query_as("SELECT landing_url FROM invitations WHERE user_id = $1")
            .bind(user_id)
            .fetch_optional(c)
            .await?;
    Ok(found.and_then(|(landing,)| landing))
}

pub(super) async fn insert(
    tx: &mut Tx,
    user: &User,
    invited_by: &str,
    landing_url: Option<&str>,
) -> Result<String, sqlx::Error> {
    let (id, now) = (tx.new_id(), tx.now());
    sqlx::query(
        "INSERT INTO invitations (id, account_id, user_id, landing_url, invited_by, sent_at, expires_at, created_at) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $6)",
    )
    .bind(&id)
    .bind(&user.account_id)
    .bind(&user.id)
    .bind(landing_url)
    .bind(invited_by)
    .bind(now)
    .bind(now.plus(INVITE_LIFETIME))
    .execute(&mut **tx)
    .await?;
    Ok(id)
}

/// Records that a new link was created, and its mail if one was queued.
pub(super) async fn renew(
    tx: &mut Tx,
    account_id: &AccountId,
    user_id: &UserId,
    mail_id: Option<&str>,
) -> Result<(), sqlx::Error> {
    let now = tx.now();
    sqlx::query(
        "UPDATE invitations SET mail_id = $1, sent_at = $2, expires_at = $3 WHERE account_id = $4 AND user_id = $5",
    )
    .bind(mail_id)
    .bind(now)
    .bind(now.plus(INVITE_LIFETIME))
    .bind(account_id)
    .bind(user_id)
    .execute(&mut **tx)
    .await
    .map(drop)
}
