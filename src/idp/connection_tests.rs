//! Trying a connection before people depend on it: what every check found. Nobody is signed in by it, nobody comes
//! into being, and the connection may be switched off.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::json;
use utoipa::ToSchema;

use super::connections::{self, Connection};
use super::report::{Check, CheckFailed, TestStep};
use crate::access::Principal;
use crate::audit::{self, Action, Context, Event};
use crate::directory::{Error, users};
use crate::kernel::database::DbConn;
use crate::kernel::tokens::{self, OpaqueToken, OpaqueTokenKind};
use crate::kernel::{Timestamp, Tx};

/// How long an administrator may look for the password of the test user.
pub(super) const LIFETIME: Duration = Duration::from_mins(15);
/// How long what was found can be looked at.
const RESULT_RETENTION: Duration = Duration::from_hours(24);

/// What a test found.
#[derive(Debug, Clone, Default, Serialize, Deserialize, ToSchema)]
#[schema(as = Found)]
pub struct TestResult {
    /// Whether the connection works.
    pub passed: bool,
    /// Every check that was made, the failed one last.
    pub checks: Vec<TestStep>,
    /// Whom the provider names.
    pub email: Option<String>,
    /// How the provider says that the person proved who they are.
    pub authn_context: Option<String>,
    /// What else it says of them.
    pub attributes: BTreeMap<String, Vec<String>>,
}

impl TestResult {
    /// A test that ended at a check.
    pub(super) fn failed<C: Check>(failed: CheckFailed<C>) -> Self {
        Self { checks: failed.report.into_test_steps(), ..Self::default() }
    }

    /// The check that failed.
    #[must_use]
    pub fn failed_check(&self) -> Option<&TestStep> {
        self.checks.iter().find(|step| !step.passed)
    }
}

/// A test.
#[derive(Debug, Clone, sqlx::FromRow)]
pub struct ConnectionTest {
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

impl ConnectionTest {
    /// The local path of the page with what it found.
    pub(super) fn page(&self) -> String {
        format!("/console/connections/{}/tests/{}", self.connection_id, self.id)
    }

    /// What it found; none while the provider has not answered.
    #[must_use]
    pub fn result(&self) -> Option<TestResult> {
        serde_json::from_str(self.result.as_deref()?).ok()
    }
}

/// Begins a test with the request `request_id`: (the test, the secret by which its answer is known).
pub(super) async fn begin(
    tx: &mut Tx,
    principal: &Principal,
    connection: &Connection,
    request_id: &str,
) -> Result<(ConnectionTest, String), sqlx::Error> {
    let relay = OpaqueToken::generate(OpaqueTokenKind::ConnectionTest);
    let now = tx.now();
    let test = ConnectionTest {
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
    .bind(&test.id)
    .bind(&connection.account_id)
    .bind(&connection.id)
    .bind(&test.user_id)
    .bind(&relay.hash)
    .bind(request_id)
    .bind(now)
    .bind(now.plus(LIFETIME))
    .execute(&mut **tx)
    .await?;
    Ok((test, relay.secret))
}

macro_rules! columns {
    () => {
        "id, connection_id, user_id, request_id, result, created_at"
    };
}

/// The test that this secret belongs to, if it waits for its answer.
pub(super) async fn find_pending(
    c: &mut DbConn,
    connection_id: &str,
    relay: Option<&str>,
    now: Timestamp,
) -> Result<Option<ConnectionTest>, sqlx::Error> {
    let Some(relay) = relay.filter(|text| text.starts_with(OpaqueTokenKind::ConnectionTest.prefix())) else {
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
pub async fn by_id(
    c: &mut DbConn,
    connection_id: &str,
    id: &str,
) -> Result<Option<ConnectionTest>, sqlx::Error> {
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
pub async fn last_passed(c: &mut DbConn, connection_id: &str) -> Result<Option<TestResult>, sqlx::Error> {
    let rows: Vec<ConnectionTest> = sqlx::query_as(concat!(
        "SELECT ",
        columns!(),
        " FROM connection_tests WHERE connection_id = $1 AND result IS NOT NULL ORDER BY id DESC LIMIT 5"
    ))
    .bind(connection_id)
    .fetch_all(c)
    .await?;
    Ok(rows.iter().filter_map(ConnectionTest::result).find(|found| found.passed))
}

/// Keeps what a test found. One that succeeded lets the connection be switched on. A test that was answered before
/// stays as it is.
pub(super) async fn finish(
    tx: &mut Tx,
    context: &Context,
    connection: &Connection,
    test: &ConnectionTest,
    found: &TestResult,
) -> Result<(), Error> {
    let until = tx.now().plus(RESULT_RETENTION);
    let done = sqlx::query(
        "UPDATE connection_tests SET result = $1, expires_at = $2 WHERE id = $3 AND result IS NULL",
    )
    .bind(json!(found).to_string())
    .bind(until)
    .bind(&test.id)
    .execute(&mut **tx)
    .await?;
    if done.rows_affected() == 0 {
        return Ok(());
    }
    if found.passed {
        let named = match &found.email {
            Some(email) => users::find_by_email_or_user_name(tx, &connection.account_id, email).await?,
            None => None,
        };
        let own = named.is_some_and(|user| user.id == test.user_id);
        let by = own.then_some(test.user_id.as_str());
        connections::mark_tested(tx, connection, by).await?;
    }
    let event = Event::new(Action::ConnectionTest, "connection", &connection.id, &connection.name);
    let reason = found.failed_check().map(|step| format!("{}_{}", connection.stored_kind(), step.check));
    let event = match &reason {
        Some(reason) => event.refused(reason),
        None => event,
    };
    audit::record(tx, context, event.detail(json!({"email": found.email}))).await.map_err(Error::from)
}

/// Removes tests that nobody answered, and results nobody needs any more.
pub async fn delete_expired(tx: &mut Tx) -> Result<(), sqlx::Error> {
    let now = tx.now();
    sqlx::query("DELETE FROM connection_tests WHERE expires_at <= $1")
        .bind(now)
        .execute(&mut **tx)
        .await
        .map(drop)
}
