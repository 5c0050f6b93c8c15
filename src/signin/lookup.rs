//! The one answer to *who is this about*: the user, the settings of the account, the password and whether there is
//! a second factor, in one query, because each round trip costs more than the look-up itself.
//!
//! Every way of signing in asks here: what decides is in [`LookupBy::of_proof`], and what follows from it in
//! [`find_record`]. A record that was read before a password was checked can be as old as the check.
//! `sessions::create` therefore compares the user's epoch and the password's hash again when it writes, and what
//! changes a user reads a new record first.

use sqlx::{AssertSqlSafe, FromRow as _, Row as _};

use super::password::store::PasswordRow;
use super::proof::{ExternalSubject, Proof};
use crate::directory::accounts::{self, AuthenticationSettings};
use crate::directory::fold_case;
use crate::directory::users::{self, User};
use crate::kernel::database::DbConn;

/// How the user is identified.
#[derive(Clone, Copy)]
pub(super) enum LookupBy<'a> {
    /// An email address or, where that is nobody's, a user name.
    Identifier(&'a str),
    /// The subject at a connection's provider; where it is new and the provider vouches for the address, the
    /// address.
    ExternalSubject { connection_id: &'a str, subject: &'a ExternalSubject, identifier: &'a str },
    /// The user's id.
    UserId(&'a str),
}

impl<'a> LookupBy<'a> {
    /// What decides whom a proof is about. A proof that was made against a stored secret names the user; one from
    /// a provider with lasting names is about its subject; any other is about the address.
    pub(super) fn of_proof(proof: &'a Proof) -> Self {
        match (&proof.user_id, &proof.external_subject, &proof.connection_id) {
            (Some(id), ..) => Self::UserId(id),
            (None, Some(subject), Some(connection_id)) => {
                Self::ExternalSubject { connection_id, subject, identifier: &proof.identifier }
            }
            _ => Self::Identifier(&proof.identifier),
        }
    }
}

/// What the look-up says about an external subject.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum SubjectMatch {
    /// There was none to look for.
    NotAsked,
    /// It is linked to the user of the record.
    Linked,
    /// It is new. The user of the record, if there is one, has the address that the provider vouches for.
    NewWithVerifiedAddress,
    /// It is new and the provider does not vouch for the address, which therefore leads to no user.
    NewWithUnverifiedAddress,
    /// It is new, and the user with its address is linked to another subject of the same issuer: providers give
    /// addresses to new people.
    AddressOfOtherSubject,
}

/// A user as signing in sees them, and the settings that apply to them.
pub(super) struct SignInRecord {
    pub(super) user: Option<User>,
    pub(super) subject_match: SubjectMatch,
    /// The account's; the defaults for an account that does not exist.
    pub(super) settings: AuthenticationSettings,
    pub(super) password: Option<PasswordRow>,
    /// Whether the user has a second factor.
    pub(super) is_enrolled: bool,
}

/// Whether the user with this address or name has a password that is kept here.
pub async fn has_password(c: &mut DbConn, account_id: &str, name: &str) -> Result<bool, sqlx::Error> {
    Ok(find_record(c, account_id, LookupBy::Identifier(name), "").await?.password.is_some())
}

macro_rules! by_identifier {
    ($folded:literal) => {
        concat!(
            "(SELECT w.id FROM users w WHERE w.account_id = $1 AND (w.email_folded = ",
            $folded,
            " OR w.user_name_folded = ",
            $folded,
            ") ORDER BY CASE WHEN w.email_folded = ",
            $folded,
            " THEN 0 ELSE 1 END LIMIT 1)"
        )
    };
}

macro_rules! subject_owner {
    () => {
        "(SELECT i.user_id FROM user_identities i WHERE i.connection_id = $3 AND i.issuer = $4 AND i.subject = $5)"
    };
}

/// Columns about an external subject: whose it is, and how many subjects of its issuer the user is linked to.
const SUBJECT_COLUMNS: &str = concat!(
    ", ",
    subject_owner!(),
    " AS subject_owner, (SELECT COUNT(*) FROM user_identities o WHERE o.user_id = u.id AND o.connection_id = $3 \
     AND o.issuer = $4) AS subjects_at_issuer"
);

/// The columns about a subject, and the expression for the user's id.
const fn query_parts(lookup_by: LookupBy<'_>) -> [&'static str; 2] {
    match lookup_by {
        LookupBy::Identifier(_) => ["", by_identifier!("$3")],
        LookupBy::UserId(_) => ["", "$3"],
        LookupBy::ExternalSubject { subject, .. } if subject.address_is_verified => {
            [SUBJECT_COLUMNS, concat!("COALESCE(", subject_owner!(), ", ", by_identifier!("$6"), ")")]
        }
        LookupBy::ExternalSubject { .. } => [SUBJECT_COLUMNS, subject_owner!()],
    }
}

/// Looks a user up in an account. `decoy` stands for a user id where there is no user, so that it costs the same.
pub(super) async fn find_record(
    c: &mut DbConn,
    account_id: &str,
    lookup_by: LookupBy<'_>,
    decoy: &str,
) -> Result<SignInRecord, sqlx::Error> {
    let [subject_columns, user_id] = query_parts(lookup_by);
    let sql = format!(
        "SELECT {}, a.settings, p.hash, p.changed_at{subject_columns}, \
         (SELECT COUNT(*) FROM enrolments e WHERE e.user_id = COALESCE(u.id, $2)) AS enrolled \
         FROM accounts a LEFT JOIN users u ON u.account_id = a.id AND u.id = {user_id} \
         LEFT JOIN passwords p ON p.user_id = COALESCE(u.id, $2) WHERE a.id = $1",
        users::COLUMNS_OF_U
    );
    // Safe: the text is of this program; every value is bound.
    let query = sqlx::query(AssertSqlSafe(sql)).bind(account_id).bind(decoy);
    let query = match lookup_by {
        LookupBy::Identifier(name) => query.bind(fold_case(name)),
        LookupBy::UserId(id) => query.bind(id),
        LookupBy::ExternalSubject { connection_id, subject, identifier } => {
            let query = query.bind(connection_id).bind(&subject.issuer).bind(&subject.id);
            if subject.address_is_verified { query.bind(fold_case(identifier)) } else { query }
        }
    };
    let Some(row) = query.fetch_optional(c).await? else {
        return Ok(SignInRecord {
            user: None,
            subject_match: match lookup_by {
                LookupBy::ExternalSubject { subject, .. } => match_subject(subject, false, false),
                LookupBy::Identifier(_) | LookupBy::UserId(_) => SubjectMatch::NotAsked,
            },
            settings: AuthenticationSettings::default(),
            password: None,
            is_enrolled: false,
        });
    };
    let user = match row.try_get::<Option<String>, _>("id")? {
        Some(_) => Some(User::from_row(&row)?),
        None => None,
    };
    let hash: Option<String> = row.try_get("hash")?;
    Ok(SignInRecord {
        user,
        subject_match: match lookup_by {
            LookupBy::ExternalSubject { subject, .. } => match_subject(
                subject,
                row.try_get::<Option<String>, _>("subject_owner")?.is_some(),
                row.try_get::<i64, _>("subjects_at_issuer")? > 0,
            ),
            LookupBy::Identifier(_) | LookupBy::UserId(_) => SubjectMatch::NotAsked,
        },
        settings: accounts::parse_settings(account_id, &row.try_get::<String, _>("settings")?)?,
        password: match hash {
            Some(hash) => Some(PasswordRow { hash, changed_at: row.try_get("changed_at")? }),
            None => None,
        },
        is_enrolled: row.try_get::<i64, _>("enrolled")? > 0,
    })
}

/// What a look-up found out about a subject that is linked to a user, or whose address led to a user with subjects
/// at its issuer.
const fn match_subject(
    subject: &ExternalSubject,
    is_linked: bool,
    has_subject_at_issuer: bool,
) -> SubjectMatch {
    if is_linked {
        SubjectMatch::Linked
    } else if !subject.address_is_verified {
        SubjectMatch::NewWithUnverifiedAddress
    } else if has_subject_at_issuer {
        SubjectMatch::AddressOfOtherSubject
    } else {
        SubjectMatch::NewWithVerifiedAddress
    }
}

#[cfg(test)]
#[path = "lookup_tests.rs"]
mod tests;
