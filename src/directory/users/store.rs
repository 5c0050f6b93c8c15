//! SQL of users.

use std::collections::HashMap;

use super::model::{Profile, User};
use crate::directory::{Error, PageRequest, fold_case};
use crate::kernel::database::{
    Conditions, DbConn, NewRow, fetch_where_in, like_anywhere, lock_rows, lookup_map,
};
use crate::kernel::{AccountId, ConnectionId, Tx, UserId};

/// The columns of a [`User`], in the order in which they are read.
macro_rules! columns {
    () => {
        "id, account_id, user_name, email, given_name, family_name, display_name, active, pending, \
         connection_id, external_id, attributes, epoch, version, created_at, updated_at"
    };
}

/// The same columns for a query of another module over `users u`. They must come first in it.
pub(crate) const COLUMNS_OF_U: &str = "u.id, u.account_id, u.user_name, u.email, u.given_name, u.family_name, \
     u.display_name, u.active, u.pending, u.connection_id, u.external_id, u.attributes, u.epoch, u.version, \
     u.created_at, u.updated_at";

/// A condition on users. Several are joined by AND.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum UserCondition {
    /// The exact id.
    Id(String),
    /// The user name, compared without case.
    UserName(String),
    /// The email address, compared without case.
    Email(String),
    /// The exact external id.
    ExternalId(String),
    /// The exact display name.
    DisplayName(String),
    /// Whether the user is active.
    Active(bool),
    /// The user is managed by this connection.
    Connection(String),
    /// The user is a member of this group.
    Group(String),
}

/// The user with this id in this account.
pub async fn by_id(c: &mut DbConn, account_id: &AccountId, id: &str) -> Result<Option<User>, sqlx::Error> {
    sqlx::query_as(concat!("SELECT ", columns!(), " FROM users WHERE account_id = $1 AND id = $2"))
        .bind(account_id)
        .bind(id)
        .fetch_optional(c)
        .await
}

/// The user whose email or, failing that, user name is this, compared without case. It is one statement, so
/// that the response time does not reveal whether a user exists.
pub async fn find_by_email_or_user_name(
    c: &mut DbConn,
    account_id: &AccountId,
    identifier: &str,
) -> Result<Option<User>, sqlx::Error> {
    sqlx::query_as(concat!(
        "SELECT ",
        columns!(),
        " FROM users WHERE account_id = $1 AND (email_folded = $2 OR user_name_folded = $2) \
         ORDER BY CASE WHEN email_folded = $2 THEN 0 ELSE 1 END LIMIT 1"
    ))
    .bind(account_id)
    .bind(fold_case(identifier))
    .fetch_optional(c)
    .await
}

/// The ids of the users with these case-folded addresses, by address.
pub async fn ids_by_email(
    c: &mut DbConn,
    account_id: &AccountId,
    emails: &[String],
) -> Result<HashMap<String, UserId>, sqlx::Error> {
    let head = "SELECT email_folded, id FROM users WHERE account_id = $1 AND email_folded IN";
    lookup_map(c, head, &[account_id], emails).await
}

/// The active users with this address in all accounts, for a mail that each of them gets: it tells something only to
/// readers of that mailbox. At most 20.
pub async fn list_active_by_email_any_account(c: &mut DbConn, email: &str) -> Result<Vec<User>, sqlx::Error> {
    sqlx::query_as(concat!(
        "SELECT ",
        columns!(),
        " FROM users WHERE email_folded = $1 AND active = 1 ORDER BY account_id, id LIMIT 20"
    ))
    .bind(fold_case(email))
    .fetch_all(c)
    .await
}

fn conditions(account_id: &AccountId, matches: &[UserCondition]) -> Conditions {
    let mut all = Conditions::default();
    all.text("account_id = ?", account_id);
    for one in matches {
        match one {
            UserCondition::Id(id) => all.text("id = ?", id),
            UserCondition::UserName(name) => all.text("user_name_folded = ?", fold_case(name)),
            UserCondition::Email(email) => all.text("email_folded = ?", fold_case(email)),
            UserCondition::ExternalId(id) => all.text("external_id = ?", id),
            UserCondition::DisplayName(name) => all.text("display_name = ?", name),
            UserCondition::Active(active) => all.number("active = ?", i64::from(*active)),
            UserCondition::Connection(id) => all.text("connection_id = ?", id),
            UserCondition::Group(id) => all.text(
                "EXISTS (SELECT 1 FROM memberships m WHERE m.user_id = users.id AND m.group_id = ?)",
                id,
            ),
        }
    }
    all
}

/// The number of matching users.
pub async fn count(
    c: &mut DbConn,
    account_id: &AccountId,
    matches: &[UserCondition],
) -> Result<i64, sqlx::Error> {
    let all = conditions(account_id, matches);
    let (count,): (i64,) = all.bind_as(all.sql("SELECT COUNT(*) FROM users", "")).fetch_one(c).await?;
    Ok(count)
}

/// The number of active users whose address (or, without one, user name) is in none of these domains.
pub async fn count_outside_domains(
    c: &mut DbConn,
    account_id: &AccountId,
    domains: &[String],
) -> Result<i64, sqlx::Error> {
    let mut all = conditions(account_id, &[UserCondition::Active(true)]);
    for domain in domains {
        // The settings accept no domains with LIKE wildcards, so no escaping is needed.
        all.text("COALESCE(email_folded, user_name_folded) NOT LIKE ?", format!("%@{domain}"));
    }
    let (count,): (i64,) = all.bind_as(all.sql("SELECT COUNT(*) FROM users", "")).fetch_one(c).await?;
    Ok(count)
}

/// A part of the matching users, in order of creation or of name.
pub async fn list_page(
    c: &mut DbConn,
    account_id: &AccountId,
    matches: &[UserCondition],
    page_request: &PageRequest<'_>,
) -> Result<Vec<User>, sqlx::Error> {
    let mut all = conditions(account_id, matches);
    let tail = page_request.apply(&mut all, "user_name_folded");
    all.bind_as(all.sql(concat!("SELECT ", columns!(), " FROM users"), &tail)).fetch_all(c).await
}

/// Users in order of creation, starting `skip` places after the user with id `from`. When that user is
/// gone, counting starts at the next one.
pub(super) async fn list_from(
    c: &mut DbConn,
    account_id: &AccountId,
    from: &str,
    skip: i64,
    limit: i64,
) -> Result<Vec<User>, sqlx::Error> {
    let query = sqlx::query_as(concat!(
        "SELECT ",
        columns!(),
        " FROM users WHERE account_id = $1 AND id >= $2 ORDER BY id LIMIT $3 OFFSET $4"
    ));
    query.bind(account_id).bind(from).bind(limit).bind(skip).fetch_all(c).await
}

/// The account's deletion counter, which is never decreased.
pub(super) async fn deletions(c: &mut DbConn, account_id: &AccountId) -> Result<i64, sqlx::Error> {
    sqlx::query_scalar("SELECT user_deletions FROM accounts WHERE id = $1")
        .bind(account_id)
        .fetch_one(c)
        .await
}

/// The users with one of these case-folded names.
pub(super) async fn by_names(
    c: &mut DbConn,
    account_id: &AccountId,
    names: &[String],
) -> Result<Vec<User>, sqlx::Error> {
    let head = concat!("SELECT ", columns!(), " FROM users WHERE account_id = $1 AND user_name_folded IN");
    fetch_where_in(c, head, &[account_id], names).await
}

/// A page of users in order of creation, after the one with id `after`.
pub async fn list_after(
    c: &mut DbConn,
    account_id: &AccountId,
    matches: &[UserCondition],
    after: &str,
    limit: i64,
) -> Result<Vec<User>, sqlx::Error> {
    let mut all = conditions(account_id, matches);
    all.text("id > ?", after);
    let tail = format!("ORDER BY id LIMIT {limit}");
    all.bind_as(all.sql(concat!("SELECT ", columns!(), " FROM users"), &tail)).fetch_all(c).await
}

/// Users whose name or address contains `text`, for the console.
pub async fn search(
    c: &mut DbConn,
    account_id: &AccountId,
    text: &str,
    after: &str,
    limit: i64,
) -> Result<Vec<User>, sqlx::Error> {
    let mut all = conditions(account_id, &[]);
    if !text.trim().is_empty() {
        all.text(
            "(user_name_folded LIKE ? ESCAPE '\\' OR email_folded LIKE ? ESCAPE '\\' OR display_name LIKE ? ESCAPE '\\')",
            like_anywhere(&fold_case(text)),
        );
    }
    all.text("id > ?", after);
    let tail = format!("ORDER BY id LIMIT {limit}");
    all.bind_as(all.sql(concat!("SELECT ", columns!(), " FROM users"), &tail)).fetch_all(c).await
}

/// Refuses a user name or address that another user of the account has.
pub(super) async fn check_free(
    c: &mut DbConn,
    account_id: &AccountId,
    profile: &Profile,
    own_id: &str,
) -> Result<(), Error> {
    let user_name = fold_case(&profile.user_name);
    let taken: Vec<(String,)> = sqlx::query_as(
        "SELECT user_name_folded FROM users WHERE account_id = $1 AND (user_name_folded = $2 OR email_folded = $3) \
         AND id <> $4 LIMIT 2",
    )
    .bind(account_id)
    .bind(&user_name)
    .bind(profile.email.as_deref().map(fold_case))
    .bind(own_id)
    .fetch_all(c)
    .await?;
    if taken.is_empty() {
        return Ok(());
    }
    let by_name = taken.iter().any(|(name,)| *name == user_name);
    Err(Error::Duplicate { field: if by_name { "user_name" } else { "email" } })
}

const INSERT: &str = "INSERT INTO users (id, account_id, user_name, user_name_folded, email, email_folded, \
     given_name, family_name, display_name, active, connection_id, external_id, attributes, epoch, version, created_at, \
     updated_at, welcome_due)";

/// The row of a user that a connection makes.
pub(super) fn row(user: &User) -> NewRow<'_> {
    let active = i64::from(user.is_active());
    let values = vec![
        user.id.as_str().into(),
        user.account_id.as_str().into(),
        user.user_name.as_str().into(),
        fold_case(&user.user_name).into(),
        user.email.as_deref().into(),
        user.email.as_deref().map(fold_case).into(),
        user.given_name.as_deref().into(),
        user.family_name.as_deref().into(),
        user.display_name.as_str().into(),
        active.into(),
        user.connection_id.as_deref().into(),
        user.external_id.as_deref().into(),
        user.attributes_text().into(),
        user.epoch.into(),
        user.version.into(),
        user.created_at.into(),
        user.updated_at.into(),
        active.into(),
    ];
    NewRow { head: INSERT, values }
}

/// Inserts a new user; returns `None` when the user name or address is taken.
pub(super) async fn insert(
    tx: &mut Tx,
    account_id: &AccountId,
    profile: &Profile,
    connection_id: Option<&ConnectionId>,
) -> Result<Option<User>, sqlx::Error> {
    let (id, now) = (tx.new_id(), tx.now());
    sqlx::query_as(concat!(
        "INSERT INTO users (id, account_id, user_name, user_name_folded, email, email_folded, given_name, \
         family_name, display_name, active, connection_id, external_id, attributes, epoch, version, created_at, \
         updated_at, welcome_due) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, 0, 1, $14, $14, $15) \
         ON CONFLICT DO NOTHING RETURNING ",
        columns!()
    ))
    .bind(id)
    .bind(account_id)
    .bind(&profile.user_name)
    .bind(fold_case(&profile.user_name))
    .bind(profile.email.as_deref())
    .bind(profile.email.as_deref().map(fold_case))
    .bind(profile.given_name.as_deref())
    .bind(profile.family_name.as_deref())
    .bind(profile.effective_display_name())
    .bind(i32::from(profile.active))
    .bind(connection_id)
    .bind(profile.external_id.as_deref())
    .bind(profile.attributes_text())
    .bind(now)
    .bind(i32::from(profile.active && connection_id.is_some()))
    .fetch_optional(&mut **tx)
    .await
}

/// Locks the user's row until the transaction ends. A transaction that needs the account's lock as well takes that
/// one first.
pub async fn lock(tx: &mut Tx, account_id: &AccountId, id: &UserId) -> Result<(), sqlx::Error> {
    lock_rows(tx, "SELECT id FROM users WHERE account_id = $1 AND id = $2", &[account_id, id]).await
}

/// Raises the user's epoch and returns it; `None` when the user is gone. The row stays locked until the transaction
/// ends.
pub(super) async fn raise_epoch(
    tx: &mut Tx,
    account_id: &AccountId,
    id: &UserId,
) -> Result<Option<i64>, sqlx::Error> {
    sqlx::query_scalar("UPDATE users SET epoch = epoch + 1 WHERE account_id = $1 AND id = $2 RETURNING epoch")
        .bind(account_id)
        .bind(id)
        .fetch_optional(&mut **tx)
        .await
}

/// Replaces the user's profile; returns `None` when another request changed the user after it was read. The
/// epoch is raised when the user becomes inactive or gets another address.
pub(super) async fn overwrite(
    tx: &mut Tx,
    user: &User,
    profile: &Profile,
    connection_id: Option<&ConnectionId>,
) -> Result<Option<User>, sqlx::Error> {
    let now = tx.now();
    let raised = (user.is_active() && !profile.active) || user.loses_address(profile);
    sqlx::query_as(concat!(
        "UPDATE users SET user_name = $1, user_name_folded = $2, email = $3, email_folded = $4, given_name = $5, \
         family_name = $6, display_name = $7, active = $8, connection_id = $9, external_id = $10, attributes = $11, \
         epoch = epoch + $12, pending = CASE WHEN $8 = 1 THEN 0 ELSE pending END, version = version + 1, updated_at = $13 \
         WHERE account_id = $14 AND id = $15 AND version = $16 RETURNING ",
        columns!()
    ))
    .bind(&profile.user_name)
    .bind(fold_case(&profile.user_name))
    .bind(profile.email.as_deref())
    .bind(profile.email.as_deref().map(fold_case))
    .bind(profile.given_name.as_deref())
    .bind(profile.family_name.as_deref())
    .bind(profile.effective_display_name())
    .bind(i32::from(profile.active))
    .bind(connection_id)
    .bind(profile.external_id.as_deref())
    .bind(profile.attributes_text())
    .bind(i64::from(raised))
    .bind(now)
    .bind(&user.account_id)
    .bind(&user.id)
    .bind(user.version)
    .fetch_optional(&mut **tx)
    .await
}

/// Marks a new user as invited.
pub(super) async fn set_pending(tx: &mut Tx, user: &mut User) -> Result<(), sqlx::Error> {
    sqlx::query("UPDATE users SET pending = 1 WHERE account_id = $1 AND id = $2")
        .bind(&user.account_id)
        .bind(&user.id)
        .execute(&mut **tx)
        .await?;
    user.mark_pending();
    Ok(())
}

/// Users that a directory created and that have not been sent a welcome mail: (account, id), oldest first.
pub async fn due_for_welcome(c: &mut DbConn, limit: i64) -> Result<Vec<(AccountId, UserId)>, sqlx::Error> {
    sqlx::query_as("SELECT account_id, id FROM users WHERE welcome_due = 1 ORDER BY id LIMIT $1")
        .bind(limit)
        .fetch_all(c)
        .await
}

/// Claims the sending of a welcome mail; returns false when another node has claimed it.
pub async fn claim_welcome(tx: &mut Tx, account_id: &AccountId, id: &UserId) -> Result<bool, sqlx::Error> {
    let done =
        sqlx::query("UPDATE users SET welcome_due = 0 WHERE account_id = $1 AND id = $2 AND welcome_due = 1")
            .bind(account_id)
            .bind(id)
            .execute(&mut **tx)
            .await?;
    Ok(done.rows_affected() == 1)
}

pub(super) async fn remove(tx: &mut Tx, user: &User) -> Result<(), sqlx::Error> {
    sqlx::query("UPDATE accounts SET user_deletions = user_deletions + 1 WHERE id = $1")
        .bind(&user.account_id)
        .execute(&mut **tx)
        .await?;
    sqlx::query("DELETE FROM users WHERE account_id = $1 AND id = $2")
        .bind(&user.account_id)
        .bind(&user.id)
        .execute(&mut **tx)
        .await
        .map(drop)
}

/// The name of a connection, for messages that say what manages a user or group.
pub(crate) async fn connection_name(c: &mut DbConn, id: &str) -> Result<String, sqlx::Error> {
    let found: Option<(String,)> =
        sqlx::query_as("SELECT name FROM connections WHERE id = $1").bind(id).fetch_optional(c).await?;
    Ok(found.map_or_else(|| "another connection".to_owned(), |(name,)| name))
}

/// The user with this id in any account: for one-time links, whose secret identifies no account.
pub async fn find_by_id_any_account(c: &mut DbConn, id: &str) -> Result<Option<User>, sqlx::Error> {
    sqlx::query_as(concat!("SELECT ", columns!(), " FROM users WHERE id = $1"))
        .bind(id)
        .fetch_optional(c)
        .await
}
