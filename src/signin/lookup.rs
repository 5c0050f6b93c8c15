//! What there is to know of somebody who wants in, in one statement: each is a way to the database, and there and back
//! costs more than what is looked up.

use sqlx::{AssertSqlSafe, FromRow as _, Row as _};

use super::password::store::PasswordRow;
use super::proof::ExternalSubject;
use crate::directory::accounts::{self, AuthenticationSettings};
use crate::directory::fold_case;
use crate::directory::users::{self, User};
use crate::kernel::database::DbConn;

/// By what somebody is meant.
#[derive(Clone, Copy)]
pub(super) enum LookupBy<'a> {
    /// What they call themselves: an address, or else a user name.
    Identifier(&'a str),
    /// The name that a connection's provider never gives to anybody else.
    ExternalSubject(&'a str, &'a ExternalSubject),
    /// The user's id.
    UserId(&'a str),
}

/// Whom an account knows by that, and what counts for them there.
pub(super) struct SignInRecord {
    pub(super) user: Option<User>,
    /// The account's; what counts where nothing is set for an account that does not exist.
    pub(super) settings: AuthenticationSettings,
    pub(super) password: Option<PasswordRow>,
    /// Whether the user has a second factor.
    pub(super) is_enrolled: bool,
}

/// Whether the user with this address or name has a password that is kept here.
pub async fn has_password(c: &mut DbConn, account_id: &str, name: &str) -> Result<bool, sqlx::Error> {
    Ok(find_record(c, account_id, LookupBy::Identifier(name), "").await?.password.is_some())
}

/// Looks somebody up in an account. `decoy` stands for an id where nobody is found, so that it costs the same.
pub(super) async fn find_record(
    c: &mut DbConn,
    account_id: &str,
    lookup_by: LookupBy<'_>,
    decoy: &str,
) -> Result<SignInRecord, sqlx::Error> {
    let by = match lookup_by {
        LookupBy::Identifier(_) => {
            "(SELECT w.id FROM users w WHERE w.account_id = $1 AND (w.email_folded = $3 OR w.user_name_folded = $3) \
             ORDER BY CASE WHEN w.email_folded = $3 THEN 0 ELSE 1 END LIMIT 1)"
        }
        LookupBy::ExternalSubject(..) => {
            "(SELECT i.user_id FROM user_identities i WHERE i.connection_id = $3 AND i.issuer = $4 AND i.subject = $5)"
        }
        LookupBy::UserId(_) => "$3",
    };
    let sql = format!(
        "SELECT {}, a.settings, p.hash, p.changed_at, \
         (SELECT COUNT(*) FROM enrolments e WHERE e.user_id = COALESCE(u.id, $2)) AS enrolled \
         FROM accounts a LEFT JOIN users u ON u.account_id = a.id AND u.id = {by} \
         LEFT JOIN passwords p ON p.user_id = COALESCE(u.id, $2) WHERE a.id = $1",
        users::COLUMNS_OF_U
    );
    // Safe: the text is of this program; every value is bound.
    let query = sqlx::query(AssertSqlSafe(sql)).bind(account_id).bind(decoy);
    let query = match lookup_by {
        LookupBy::Identifier(name) => query.bind(fold_case(name)),
        LookupBy::ExternalSubject(connection_id, subject) => {
            query.bind(connection_id).bind(&subject.issuer).bind(&subject.id)
        }
        LookupBy::UserId(id) => query.bind(id),
    };
    let Some(row) = query.fetch_optional(c).await? else {
        return Ok(SignInRecord {
            user: None,
            settings: AuthenticationSettings::default(),
            password: None,
            is_enrolled: false,
        });
    };
    let is_somebody = row.try_get::<Option<String>, _>("id")?.is_some();
    let hash: Option<String> = row.try_get("hash")?;
    Ok(SignInRecord {
        user: if is_somebody { Some(User::from_row(&row)?) } else { None },
        settings: accounts::parse_settings(account_id, &row.try_get::<String, _>("settings")?)?,
        password: match hash {
            Some(hash) => Some(PasswordRow { hash, changed_at: row.try_get("changed_at")? }),
            None => None,
        },
        is_enrolled: row.try_get::<i64, _>("enrolled")? > 0,
    })
}
