//! Trying a connection before people depend on it: what every check found. Nobody is signed in by it, nobody comes
//! into being, and the connection may be switched off.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::json;
use utoipa::ToSchema;

use super::connections::{self, Connection};
use super::report::{Check, Failed, Step};
use crate::access::Principal;
use crate::audit::{self, Action, Context, Event};
use crate::directory::{Error, users};
use crate::kernel::database::Connection as Db;
use crate::kernel::tokens::{self, Purpose, Token};
use crate::kernel::{Timestamp, Tx};

/// How long an administrator may look for the password of the test user.
pub(super) const LIFETIME: Duration = Duration::from_mins(15);
/// How long what was found can be looked at.
const KEPT: Duration = Duration::from_hours(24);

/// What a test found.
#[derive(Debug, Clone, Default, Serialize, Deserialize, ToSchema)]
pub struct Found {
    /// Whether the connection works.
    pub passed: bool,
    /// Every check that was made, the failed one last.
    pub checks: Vec<Step>,
    /// Whom the provider names.
    pub email: Option<String>,
    /// How the provider says that the person proved who they are.
    pub authn_context: Option<String>,
    /// What else it says of them.
    pub attributes: BTreeMap<String, Vec<String>>,
}

impl Found {
    /// A test that ended at a check.
    pub(super) fn failed<C: Check>(failed: Failed<C>) -> Self {
        Self { checks: failed.report.steps(), ..Self::default() }
    }

    /// The check that failed.
    #[must_use]
    pub fn failure(&self) -> Option<&Step> {
        self.checks.iter().find(|step| !step.passed)
    }
}

/// A test.
#[derive(Debug, Clone, sqlx::FromRow)]
pub struct Trial {
    /// Its id.
    pub id: String,
    /// The connection that is tried.
    pub connection_id: String,
    user_id: String,
    pub(super) request_id: String,
    result: Option<String>,
    /// When it was begun.
    pub created_at: Timestamp,
}

impl Trial {
    /// What it found; none while the provider has not answered.
    #[must_use]
    pub fn found(&self) -> Option<Found> {
        serde_json::from_str(self.result.as_deref()?).ok()
    }
}

/// Begins a test with the request `request_id`: (the test, the secret by which its answer is known).
pub(super) async fn begin(
    tx: &mut Tx,
    principal: &Principal,
    (connection, request_id): (&Connection, &str),
) -> Result<(Trial, String), sqlx::Error> {
    let relay = Token::generate(Purpose::Trial);
    let now = tx.now();
    let trial = Trial {
        id: tx.new_id(),
        connection_id: connection.id.clone(),
        user_id: principal.id.clone(),
        request_id: request_id.to_owned(),
        result: None,
        created_at: now,
    };
    sqlx::query(
        "INSERT INTO connection_tests (id, account_id, connection_id, user_id, relay, request_id, created_at, expires_at) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
    )
    .bind(&trial.id)
    .bind(&connection.account_id)
    .bind(&connection.id)
    .bind(&trial.user_id)
    .bind(&relay.hash)
    .bind(request_id)
    .bind(now)
    .bind(now.plus(LIFETIME))
    .execute(&mut **tx)
    .await?;
    Ok((trial, relay.secret))
}

macro_rules! columns {
    () => {
        "id, connection_id, user_id, request_id, result, created_at"
    };
}

/// The test that this secret belongs to, if it waits for its answer.
pub(super) async fn waiting(
    c: &mut Db,
    connection_id: &str,
    relay: Option<&str>,
    now: Timestamp,
) -> Result<Option<Trial>, sqlx::Error> {
    let Some(relay) = relay.filter(|text| text.starts_with(Purpose::Trial.prefix())) else {
        return Ok(None);
    };
    sqlx::query_as(concat!(
        "SELECT ",
        columns!(),
        " FROM connection_tests WHERE relay = $1 AND connection_id = $2 AND result IS NULL AND expires_at > $3"
    ))
    .bind(tokens::hash(relay))
    .bind(connection_id)
    .bind(now)
    .fetch_optional(c)
    .await
}

/// The test with this id of this connection.
///
/// # Errors
/// The database's.
pub async fn by_id(c: &mut Db, connection_id: &str, id: &str) -> Result<Option<Trial>, sqlx::Error> {
    sqlx::query_as(concat!(
        "SELECT ",
        columns!(),
        " FROM connection_tests WHERE connection_id = $1 AND id = $2"
    ))
    .bind(connection_id)
    .bind(id)
    .fetch_optional(c)
    .await
}

/// What the last test that succeeded found, as long as that is kept.
///
/// # Errors
/// The database's.
pub async fn last_passed(c: &mut Db, connection_id: &str) -> Result<Option<Found>, sqlx::Error> {
    let rows: Vec<Trial> = sqlx::query_as(concat!(
        "SELECT ",
        columns!(),
        " FROM connection_tests WHERE connection_id = $1 AND result IS NOT NULL ORDER BY id DESC LIMIT 5"
    ))
    .bind(connection_id)
    .fetch_all(c)
    .await?;
    Ok(rows.iter().filter_map(Trial::found).find(|found| found.passed))
}

/// Keeps what a test found. One that succeeded lets the connection be switched on. A test that was answered before
/// stays as it is.
pub(super) async fn finish(
    tx: &mut Tx,
    context: &Context,
    (connection, trial): (&Connection, &Trial),
    found: &Found,
) -> Result<(), Error> {
    let until = tx.now().plus(KEPT);
    let done = sqlx::query(
        "UPDATE connection_tests SET result = $1, expires_at = $2 WHERE id = $3 AND result IS NULL",
    )
    .bind(json!(found).to_string())
    .bind(until)
    .bind(&trial.id)
    .execute(&mut **tx)
    .await?;
    if done.rows_affected() == 0 {
        return Ok(());
    }
    if found.passed {
        let named = match &found.email {
            Some(email) => users::by_email(tx, &connection.account_id, email).await?,
            None => None,
        };
        let own = named.is_some_and(|user| user.id == trial.user_id);
        let by = own.then_some(trial.user_id.as_str());
        connections::mark_tested(tx, connection, by).await?;
    }
    let event = Event::new(Action::ConnectionTest, "connection", &connection.id, &connection.name);
    let reason = found.failure().map(|step| format!("{}_{}", connection.kind().as_str(), step.check));
    let event = match &reason {
        Some(reason) => event.refused(reason),
        None => event,
    };
    audit::record(tx, context, event.detail(json!({"email": found.email}))).await.map_err(Error::from)
}

/// Removes tests that nobody answered, and results nobody needs any more.
///
/// # Errors
/// The database's.
pub async fn delete_expired(tx: &mut Tx) -> Result<(), sqlx::Error> {
    let now = tx.now();
    sqlx::query("DELETE FROM connection_tests WHERE expires_at <= $1")
        .bind(now)
        .execute(&mut **tx)
        .await
        .map(drop)
}
