//! Loads what a sign-in needs to know about a user: the user, the account's settings, the password and
//! whether a second factor is enrolled. It is one query, because each round trip costs more than the lookup
//! itself.
//!
//! Every sign-in method uses it: [`LookupBy::of_proof`] decides what identifies the user, and
//! [`find_record`] loads the record. A record that was loaded before a password check is as old as that
//! check. `sessions::create` therefore compares the user's epoch and the password hash again when it
//! writes, and code that changes a user loads a new record first.

use sqlx::{AssertSqlSafe, FromRow as _, Row as _};

use super::password::store::PasswordRow;
use super::proof::{ExternalSubject, Proof};
use crate::directory::accounts::{self, AuthenticationSettings};
use crate::directory::fold_case;
use crate::directory::users::{self, User};
use crate::kernel::database::DbConn;
use crate::kernel::{AccountId, ConnectionId, UserId};

/// How the user is identified.
#[derive(Clone, Copy)]
pub(super) enum LookupBy<'a> {
    /// An email address or, if no user has it, a user name.
    Identifier(&'a str),
    /// A subject at a connection's provider. If the subject is new and its address counts as verified, the
    /// user is looked up by address.
    ExternalSubject { connection_id: &'a ConnectionId, subject: &'a ExternalSubject, identifier: &'a str },
    /// An email address that a connection's provider states about a person without a subject.
    ConnectionAddress { connection_id: &'a ConnectionId, identifier: &'a str },
    /// The user's id.
    UserId(&'a UserId),
}

impl<'a> LookupBy<'a> {
    /// Chooses what identifies the user of a proof: the user id for a proof that was checked against a
    /// stored credential, the subject for a provider with permanent identifiers, and otherwise the address.
    pub(super) fn of_proof(proof: &'a Proof) -> Self {
        match (&proof.user_id, &proof.external_subject, &proof.connection_id) {
            (Some(id), ..) => Self::UserId(id),
            (None, Some(subject), Some(connection_id)) => {
                Self::ExternalSubject { connection_id, subject, identifier: &proof.identifier }
            }
            (None, None, Some(connection_id)) => {
                Self::ConnectionAddress { connection_id, identifier: &proof.identifier }
            }
            (None, _, None) => Self::Identifier(&proof.identifier),
        }
    }
}

/// What the lookup found about the person that a connection's provider names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum SubjectMatch {
    /// The user was not named by a connection's provider.
    NotAsked,
    /// The subject is linked to the record's user.
    Linked,
    /// The subject is new, or the provider has none, and the address is verified. The record's user, if any,
    /// has that address.
    NewWithVerifiedAddress,
    /// The subject is new and its address is not verified, so no user was looked up by address.
    NewWithUnverifiedAddress,
    /// The subject is new, or the provider has none, and the user with the verified address is linked to
    /// another subject of the same issuer. Providers reassign addresses to other people.
    AddressOfOtherSubject,
}

/// A user and the settings that apply to them, as a sign-in sees them.
pub(super) struct SignInRecord {
    pub(super) user: Option<User>,
    pub(super) subject_match: SubjectMatch,
    /// The account's settings, or the defaults if the account does not exist.
    pub(super) settings: AuthenticationSettings,
    pub(super) password: Option<PasswordRow>,
    /// Whether the user has a second factor.
    pub(super) is_enrolled: bool,
}

/// Whether the user with this address or user name has a password that is stored here.
pub async fn has_password(c: &mut DbConn, account_id: &AccountId, name: &str) -> Result<bool, sqlx::Error> {
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

/// The owner of a subject that is an address: only as long as they have the address.
macro_rules! address_owner {
    () => {
        "(SELECT i.user_id FROM user_identities i JOIN users x ON x.id = i.user_id AND x.account_id = $1 \
         WHERE i.connection_id = $3 AND i.issuer = $4 AND i.subject = $5 \
         AND (x.email_folded = $6 OR x.user_name_folded = $6))"
    };
}

/// Columns for an external subject: its owner, and how many lasting subjects of the same issuer the user is
/// linked to.
macro_rules! subject_columns {
    ($owner:expr) => {
        concat!(
            ", ",
            $owner,
            " AS subject_owner, (SELECT COUNT(*) FROM user_identities o WHERE o.user_id = u.id \
             AND o.connection_id = $3 AND o.issuer = $4 AND o.is_address = 0) AS subjects_at_issuer"
        )
    };
}

/// The same columns for an address without a subject, which has no owner.
const ADDRESS_COLUMNS: &str = ", CAST(NULL AS TEXT) AS subject_owner, (SELECT COUNT(*) FROM user_identities o \
                               WHERE o.user_id = u.id AND o.connection_id = $4 AND o.is_address = 0) \
                               AS subjects_at_issuer";

/// The subject columns and the SQL expression for the user's id.
const fn query_parts(lookup_by: LookupBy<'_>) -> [&'static str; 2] {
    match lookup_by {
        LookupBy::Identifier(_) => ["", by_identifier!("$3")],
        LookupBy::UserId(_) => ["", "$3"],
        LookupBy::ConnectionAddress { .. } => [ADDRESS_COLUMNS, by_identifier!("$3")],
        LookupBy::ExternalSubject { subject, .. } if subject.is_address => [
            subject_columns!(address_owner!()),
            concat!("COALESCE(", address_owner!(), ", ", by_identifier!("$6"), ")"),
        ],
        LookupBy::ExternalSubject { subject, .. } if subject.address_is_verified => [
            subject_columns!(subject_owner!()),
            concat!("COALESCE(", subject_owner!(), ", ", by_identifier!("$6"), ")"),
        ],
        LookupBy::ExternalSubject { .. } => [subject_columns!(subject_owner!()), subject_owner!()],
    }
}

/// Whether the query compares the address of an external subject.
const fn binds_address(subject: &ExternalSubject) -> bool {
    subject.is_address || subject.address_is_verified
}

/// Looks up a user in an account. `decoy` takes the place of the user id when there is no user, so that the
/// query does the same work.
pub(super) async fn find_record(
    c: &mut DbConn,
    account_id: &AccountId,
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
    // Safe: the SQL is built from constants only, and every value is bound.
    let query = sqlx::query(AssertSqlSafe(sql)).bind(account_id).bind(decoy);
    let query = match lookup_by {
        LookupBy::Identifier(name) => query.bind(fold_case(name)),
        LookupBy::UserId(id) => query.bind(id),
        LookupBy::ExternalSubject { connection_id, subject, identifier } => {
            let query = query.bind(connection_id).bind(&subject.issuer).bind(&subject.id);
            if binds_address(subject) { query.bind(fold_case(identifier)) } else { query }
        }
        LookupBy::ConnectionAddress { connection_id, identifier } => {
            query.bind(fold_case(identifier)).bind(connection_id)
        }
    };
    let Some(row) = query.fetch_optional(c).await? else {
        return Ok(SignInRecord {
            user: None,
            subject_match: match_of(lookup_by, false, false),
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
            LookupBy::ExternalSubject { .. } | LookupBy::ConnectionAddress { .. } => match_of(
                lookup_by,
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

/// Classifies what a provider says by whether its subject is linked, and whether the user with the address
/// has a lasting subject of the same issuer.
const fn match_of(lookup_by: LookupBy<'_>, is_linked: bool, has_subject_at_issuer: bool) -> SubjectMatch {
    let address_is_verified = match lookup_by {
        LookupBy::Identifier(_) | LookupBy::UserId(_) => return SubjectMatch::NotAsked,
        LookupBy::ConnectionAddress { .. } => true,
        LookupBy::ExternalSubject { subject, .. } => subject.address_is_verified,
    };
    if is_linked {
        SubjectMatch::Linked
    } else if !address_is_verified {
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
