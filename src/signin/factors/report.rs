//! Reports which users of an account have a second factor.

use serde::Serialize;
use utoipa::ToSchema;

use crate::kernel::database::{Conditions, DbConn};
use crate::kernel::text_enum::text_enum;
use crate::kernel::{AccountId, Timestamp, UserId};

text_enum! {
    /// Which users to list.
    #[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
    pub enum EnrolmentFilter {
        /// Active users without a second factor.
        #[default]
        Missing = "missing",
        /// Active users with a second factor.
        Enrolled = "enrolled",
        /// All active users.
        All = "all",
    }
}

/// A user in the two-factor report.
#[derive(Debug, Clone, Serialize, ToSchema, sqlx::FromRow)]
pub struct Row {
    /// The user's ID.
    #[schema(value_type = String)]
    pub user_id: UserId,
    /// The username.
    pub user_name: String,
    /// The display name.
    pub display_name: String,
    /// The email address.
    pub email: Option<String>,
    /// When the user enrolled; `null` if the user has not set up two-factor authentication.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub enrolled_at: Option<Timestamp>,
    /// The number of authenticator apps.
    pub authenticators: i64,
    /// The number of passkeys and security keys.
    pub keys: i64,
    /// The number of unused recovery codes.
    pub recovery_codes: i64,
}

/// A page of the report in the order of user ids, after the user with id `after`.
pub async fn report(
    c: &mut DbConn,
    account_id: &AccountId,
    filter: EnrolmentFilter,
    after: &str,
    limit: i64,
) -> Result<Vec<Row>, sqlx::Error> {
    let mut all = Conditions::default();
    all.text("u.account_id = ?", account_id);
    all.fixed("u.active = 1");
    all.text("u.id > ?", after);
    let join = match filter {
        EnrolmentFilter::Enrolled => {
            all.text("e.account_id = ?", account_id);
            all.text("e.user_id > ?", after);
            "JOIN enrolments e ON e.user_id = u.id"
        }
        // The condition is repeated for PostgreSQL, as in `users_without_factor`. $2 is the `after` above.
        EnrolmentFilter::Missing | EnrolmentFilter::All => {
            "LEFT JOIN enrolments e ON e.user_id = u.id AND e.user_id > $2"
        }
    };
    if filter == EnrolmentFilter::Missing {
        all.fixed("e.user_id IS NULL");
    }
    let order = if filter == EnrolmentFilter::Enrolled { "e.user_id" } else { "u.id" };
    let head = format!(
        "SELECT u.id AS user_id, u.user_name, u.display_name, u.email, e.enrolled_at, \
         (SELECT COUNT(*) FROM factors f WHERE f.user_id = u.id AND f.kind = 'totp') AS authenticators, \
         (SELECT COUNT(*) FROM factors f WHERE f.user_id = u.id AND f.kind = 'webauthn') AS keys, \
         (SELECT COUNT(*) FROM recovery_codes r WHERE r.user_id = u.id) AS recovery_codes \
         FROM users u {join}"
    );
    all.bind_as(all.sql(&head, &format!("ORDER BY {order} LIMIT {limit}"))).fetch_all(c).await
}

/// The two-factor enrollment of active users.
#[derive(Debug, Clone, Copy, Serialize, ToSchema)]
pub struct Summary {
    /// The number of active users.
    pub people: i64,
    /// The number of active users with two-factor authentication.
    pub enrolled: i64,
    /// The number of active users without it.
    pub missing: i64,
}

/// Counts the active users of an account.
pub async fn summary(c: &mut DbConn, account_id: &AccountId) -> Result<Summary, sqlx::Error> {
    let (people, enrolled): (i64, i64) = sqlx::query_as(
        "SELECT (SELECT COUNT(*) FROM users WHERE account_id = $1 AND active = 1), \
         (SELECT COUNT(*) FROM enrolments e JOIN users u ON u.id = e.user_id WHERE e.account_id = $1 AND u.active = 1)",
    )
    .bind(account_id)
    .fetch_one(c)
    .await?;
    Ok(Summary { people, enrolled, missing: people - enrolled })
}
