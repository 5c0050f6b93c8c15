//! SQL of one-time links.

use std::time::Duration;

use crate::directory::accounts;
use crate::directory::users::User;
use crate::kernel::database::{DbConn, SqlValue, insert_all};
use crate::kernel::text_enum::text_enum;
use crate::kernel::tokens::{self, OpaqueToken, OpaqueTokenKind};
use crate::kernel::{AccountId, Kernel, Timestamp, Tx, UserId};

/// How long an invitation is valid.
pub const INVITE_LIFETIME: Duration = Duration::from_hours(7 * 24);
const RESET_LIFETIME: Duration = Duration::from_hours(1);
/// A new first-run link is printed at each start.
const SETUP_LIFETIME: Duration = Duration::from_hours(24);

/// How long a link to enrol a second factor is valid. It grants nothing by itself: the user signs in first.
pub const ENROL_LIFETIME: Duration = Duration::from_hours(7 * 24);

text_enum! {
    /// What a link is for.
    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    pub enum LinkPurpose {
        /// The first run, or the first password of an administrator who was created on the command line.
        Setup = "setup",
        /// A new password for a forgotten one.
        Reset = "reset",
        /// Accepting an invitation.
        Invite = "invite",
        /// Enrolling a second factor, after signing in.
        Enrol = "enrol",
    }
}

impl LinkPurpose {
    const fn token(self) -> (OpaqueTokenKind, Duration) {
        match self {
            Self::Setup => (OpaqueTokenKind::Setup, SETUP_LIFETIME),
            Self::Reset => (OpaqueTokenKind::Reset, RESET_LIFETIME),
            Self::Invite => (OpaqueTokenKind::Invite, INVITE_LIFETIME),
            Self::Enrol => (OpaqueTokenKind::Enrol, ENROL_LIFETIME),
        }
    }
}

/// A link that is valid.
#[derive(Debug, Clone, sqlx::FromRow)]
pub struct OneTimeLink {
    /// The account that it belongs to; `None` for the first run.
    pub account_id: Option<AccountId>,
    /// The user that it is for; `None` for the first run.
    pub user_id: Option<UserId>,
    #[sqlx(try_from = "String")]
    purpose: LinkPurpose,
}

impl OneTimeLink {
    /// The purpose.
    #[must_use]
    pub const fn purpose(&self) -> LinkPurpose {
        self.purpose
    }
}

/// Creates a new first-run link, revokes older ones and returns its secret. Returns `None` once an account
/// exists.
pub(crate) async fn create_first_run_link(kernel: &Kernel) -> Result<Option<String>, sqlx::Error> {
    let mut tx = kernel.db.begin().await?;
    if accounts::any_exists(&mut tx).await? {
        return Ok(None);
    }
    sqlx::query("DELETE FROM links WHERE user_id IS NULL").execute(&mut *tx).await?;
    let secret = insert(&mut tx, None, LinkPurpose::Setup).await?;
    tx.commit().await?;
    Ok(Some(secret))
}

/// Creates a link for `user` and returns its secret. An invitation revokes the user's earlier ones.
pub async fn create(tx: &mut Tx, user: &User, purpose: LinkPurpose) -> Result<String, sqlx::Error> {
    if purpose == LinkPurpose::Invite {
        revoke(tx, &user.id, purpose).await?;
    }
    insert(tx, Some(user), purpose).await
}

/// Creates a link to enrol a second factor for each of these users of an account and returns the secrets in the same
/// order. Such a link grants nothing by itself, so it is of no epoch.
pub(crate) async fn create_enrolment_links(
    tx: &mut Tx,
    account_id: &AccountId,
    user_ids: &[&str],
) -> Result<Vec<String>, sqlx::Error> {
    let purpose = LinkPurpose::Enrol;
    let (kind, lifetime) = purpose.token();
    let now = tx.now();
    let tokens: Vec<OpaqueToken> = user_ids.iter().map(|_| OpaqueToken::generate(kind)).collect();
    let rows = tokens.iter().zip(user_ids).map(|(token, user_id)| {
        [
            SqlValue::from(token.hash.as_str()),
            account_id.into(),
            (*user_id).into(),
            purpose.as_str().into(),
            now.into(),
            now.plus(lifetime).into(),
        ]
    });
    let head = "INSERT INTO links (hash, account_id, user_id, purpose, created_at, expires_at)";
    insert_all(tx, head, rows.collect()).await?;
    Ok(tokens.into_iter().map(|token| token.secret).collect())
}

async fn insert(tx: &mut Tx, user: Option<&User>, purpose: LinkPurpose) -> Result<String, sqlx::Error> {
    let (kind, lifetime) = purpose.token();
    let token = OpaqueToken::generate(kind);
    let now = tx.now();
    sqlx::query(
        "INSERT INTO links (hash, account_id, user_id, purpose, created_at, expires_at, user_epoch) \
         VALUES ($1, $2, $3, $4, $5, $6, $7)",
    )
    .bind(&token.hash)
    .bind(user.map(|user| user.account_id.as_str()))
    .bind(user.map(|user| user.id.as_str()))
    .bind(purpose.as_str())
    .bind(now)
    .bind(now.plus(lifetime))
    .bind(user.map_or(0, |user| user.epoch))
    .execute(&mut **tx)
    .await?;
    Ok(token.secret)
}

/// Links are of the epoch in which they were created, and void in a later one: after a password was set, a second
/// factor was reset, the user was deactivated or their address changed. A link to enrol a factor grants nothing.
macro_rules! of_current_epoch {
    () => {
        " AND (user_id IS NULL OR purpose = 'enrol' OR EXISTS \
         (SELECT 1 FROM users u WHERE u.id = links.user_id AND u.epoch = links.user_epoch))"
    };
}

/// The link with this secret, if it is valid.
pub async fn find(c: &mut DbConn, secret: &str, now: Timestamp) -> Result<Option<OneTimeLink>, sqlx::Error> {
    sqlx::query_as(concat!(
        "SELECT account_id, user_id, purpose FROM links WHERE hash = $1 AND expires_at > $2",
        of_current_epoch!()
    ))
    .bind(tokens::hash(secret))
    .bind(now)
    .fetch_optional(c)
    .await
}

/// Consumes a link; returns `None` when it is not valid.
pub(crate) async fn consume(tx: &mut Tx, secret: &str) -> Result<Option<OneTimeLink>, sqlx::Error> {
    let now = tx.now();
    sqlx::query_as(concat!(
        "DELETE FROM links WHERE hash = $1 AND expires_at > $2",
        of_current_epoch!(),
        " RETURNING account_id, user_id, purpose"
    ))
    .bind(tokens::hash(secret))
    .bind(now)
    .fetch_optional(&mut **tx)
    .await
}

/// Consumes a link that grants nothing by itself.
pub async fn mark_used(kernel: &Kernel, secret: &str) -> Result<(), sqlx::Error> {
    let mut tx = kernel.db.begin().await?;
    consume(&mut tx, secret).await?;
    tx.commit().await
}

/// Revokes all links of the user with this purpose.
pub async fn revoke(tx: &mut Tx, user_id: &UserId, purpose: LinkPurpose) -> Result<(), sqlx::Error> {
    sqlx::query("DELETE FROM links WHERE user_id = $1 AND purpose = $2")
        .bind(user_id)
        .bind(purpose.as_str())
        .execute(&mut **tx)
        .await
        .map(drop)
}

/// Takes the links of `user` over to the epoch that the user has just entered.
pub async fn carry_over(tx: &mut Tx, user: &User) -> Result<(), sqlx::Error> {
    sqlx::query("UPDATE links SET user_epoch = $1 WHERE account_id = $2 AND user_id = $3 AND user_epoch = $4")
        .bind(user.epoch)
        .bind(&user.account_id)
        .bind(&user.id)
        .bind(user.epoch - 1)
        .execute(&mut **tx)
        .await
        .map(drop)
}

/// Deletes expired links.
pub(crate) async fn delete_expired(tx: &mut Tx) -> Result<(), sqlx::Error> {
    let now = tx.now();
    sqlx::query("DELETE FROM links WHERE expires_at <= $1").bind(now).execute(&mut **tx).await.map(drop)
}
