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

/// One person in the report.
#[derive(Debug, Clone, Serialize, ToSchema, sqlx::FromRow)]
pub struct Row {
    /// The user's id.
    #[schema(value_type = String)]
    pub user_id: UserId,
    /// The sign-in name.
    pub user_name: String,
    /// The name shown.
    pub display_name: String,
    /// The address.
    pub email: Option<String>,
    /// Since when they have a second factor; null for those who have none.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub enrolled_at: Option<Timestamp>,
    /// Authenticator apps.
    pub authenticators: i64,
    /// Passkeys and security keys.
    pub keys: i64,
    /// Recovery codes left.
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

/// The report in numbers.
#[derive(Debug, Clone, Copy, Serialize, ToSchema)]
pub struct Summary {
    /// Active people.
    pub people: i64,
    /// Active people with a second factor.
    pub enrolled: i64,
    /// Active people without one.
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
