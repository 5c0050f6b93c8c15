//! What there is to know of somebody who wants in, in one statement: each is a way to the database, and there and back
//! costs more than what is looked up.

use sqlx::{AssertSqlSafe, FromRow as _, Row as _};

use super::password::store::Row;
use super::proof::Subject;
use crate::directory::accounts::{self, Settings};
use crate::directory::fold;
use crate::directory::users::{self, User};
use crate::kernel::database::Connection;

/// By what somebody is meant.
#[derive(Clone, Copy)]
pub(super) enum Meant<'a> {
    /// What they call themselves: an address, or else a user name.
    Name(&'a str),
    /// The name that a connection's provider never gives to anybody else.
    Subject(&'a str, &'a Subject),
    /// The user's id.
    User(&'a str),
}

/// Whom an account knows by that, and what counts for them there.
pub(super) struct Somebody {
    pub(super) user: Option<User>,
    /// The account's; what counts where nothing is set for an account that does not exist.
    pub(super) settings: Settings,
    pub(super) password: Option<Row>,
    /// Whether the user has a second factor.
    pub(super) enrolled: bool,
}

/// Whether the user with this address or name has a password that is kept here.
///
/// # Errors
/// The database's.
pub async fn has_password(c: &mut Connection, account_id: &str, name: &str) -> Result<bool, sqlx::Error> {
    Ok(find(c, account_id, Meant::Name(name), "").await?.password.is_some())
}

/// Looks somebody up in an account. `decoy` stands for an id where nobody is found, so that it costs the same.
pub(super) async fn find(
    c: &mut Connection,
    account_id: &str,
    meant: Meant<'_>,
    decoy: &str,
) -> Result<Somebody, sqlx::Error> {
    let by = match meant {
        Meant::Name(_) => {
            "(SELECT w.id FROM users w WHERE w.account_id = $1 AND (w.email_folded = $3 OR w.user_name_folded = $3) \
             ORDER BY CASE WHEN w.email_folded = $3 THEN 0 ELSE 1 END LIMIT 1)"
        }
        Meant::Subject(..) => {
            "(SELECT i.user_id FROM user_identities i WHERE i.connection_id = $3 AND i.issuer = $4 AND i.subject = $5)"
        }
        Meant::User(_) => "$3",
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
    let query = match meant {
        Meant::Name(name) => query.bind(fold(name)),
        Meant::Subject(connection_id, subject) => {
            query.bind(connection_id).bind(&subject.issuer).bind(&subject.id)
        }
        Meant::User(id) => query.bind(id),
    };
    let Some(row) = query.fetch_optional(c).await? else {
        return Ok(Somebody { user: None, settings: Settings::default(), password: None, enrolled: false });
    };
    let is_somebody = row.try_get::<Option<String>, _>("id")?.is_some();
    let hash: Option<String> = row.try_get("hash")?;
    Ok(Somebody {
        user: if is_somebody { Some(User::from_row(&row)?) } else { None },
        settings: accounts::read_settings(&row.try_get::<String, _>("settings")?),
        password: match hash {
            Some(hash) => Some(Row { hash, changed_at: row.try_get("changed_at")? }),
            None => None,
        },
        enrolled: row.try_get::<i64, _>("enrolled")? > 0,
    })
}
