//! Connection tests: an administrator tries a connection before users depend on it and sees the result of
//! every check. A test creates no session and no user, and it works on a connection that is switched off.

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
use crate::kernel::{ConnectionId, Timestamp, Tx, UserId};
use crate::signin::policy::{self, AddressClaim};
use crate::signin::{ExternalSubject, identities};

/// How long a test waits for the response of the provider. The `state` of every OpenID Connect request,
/// whatever its purpose, is valid for the same time.
pub(super) const LIFETIME: Duration = Duration::from_mins(15);
/// How long a result is kept.
const RESULT_RETENTION: Duration = Duration::from_hours(24);

/// Whether a sign-in would believe the connection about this person: the subject is linked, or the connection may
/// speak for the address.
pub(super) async fn is_heard(
    tx: &mut Tx,
    connection: &Connection,
    subject: Option<&ExternalSubject>,
    email: &str,
) -> Result<bool, sqlx::Error> {
    if let Some(subject) = subject
        && identities::of_subject(tx, &connection.id, subject).await?.is_some()
    {
        return Ok(true);
    }
    let claim = AddressClaim {
        account_id: &connection.account_id,
        connection_id: &connection.id,
        email,
        user: None,
        now: tx.now(),
    };
    policy::has_address_authority(tx, claim).await
}

/// The result of a connection test.
#[derive(Debug, Clone, Default, Serialize, Deserialize, ToSchema)]
#[schema(as = Found)]
pub struct TestResult {
    /// Whether the test passed.
    pub passed: bool,
    /// The checks that were made, the failed one last.
    pub checks: Vec<TestStep>,
    /// The email address of the user who signed in; `null` for LDAP.
    pub email: Option<String>,
    /// The authentication context (`acr` for OIDC) that the identity provider reported.
    pub authn_context: Option<String>,
    /// The attributes or claims of the user; for LDAP, samples of the users and groups that were found.
    pub attributes: BTreeMap<String, Vec<String>>,
}

impl TestResult {
    /// The result of a test that ended at a failed check.
    pub(super) fn failed<C: Check>(failed: CheckFailed<C>) -> Self {
        Self { checks: failed.report.into_test_steps(), ..Self::default() }
    }

    /// The failed check, if there is one.
    #[must_use]
    pub fn failed_check(&self) -> Option<&TestStep> {
        self.checks.iter().find(|step| !step.passed)
    }
}

/// A test as stored.
#[derive(Debug, Clone, sqlx::FromRow)]
pub struct ConnectionTest {
    /// Its id.
    pub id: String,
    /// The connection under test.
    pub connection_id: ConnectionId,
    user_id: UserId,
    pub(super) request_id: String,
    /// What the request demanded of the authentication, in the form of the protocol.
    pub(super) asked: Option<String>,
    result: Option<String>,
    /// When the test was started.
    pub created_at: Timestamp,
}

impl ConnectionTest {
    /// The local path of the result page.
    pub(super) fn page(&self) -> String {
        format!("/console/connections/{}/tests/{}", self.connection_id, self.id)
    }

    /// The result; `None` until the provider has answered.
    #[must_use]
    pub fn result(&self) -> Option<TestResult> {
        serde_json::from_str(self.result.as_deref()?).ok()
    }
}

/// Starts a test with the request `request_id`, which demands `asked` of the authentication. Returns the test
/// and the secret that identifies it in the provider's response.
pub(super) async fn begin(
    tx: &mut Tx,
    principal: &Principal,
    connection: &Connection,
    request_id: &str,
    asked: Option<&str>,
) -> Result<(ConnectionTest, String), sqlx::Error> {
    let relay = OpaqueToken::generate(OpaqueTokenKind::ConnectionTest);
    let now = tx.now();
    let test = ConnectionTest {
        id: tx.new_id(),
        connection_id: connection.id.clone(),
        user_id: principal.user_id(),
        request_id: request_id.to_owned(),
        asked: asked.map(str::to_owned),
        result: None,
        created_at: now,
    };
    sqlx::query(
        "INSERT INTO connection_tests (id, account_id, connection_id, user_id, relay, request_id, asked, created_at, \
         expires_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
    )
    .bind(&test.id)
    .bind(&connection.account_id)
    .bind(&connection.id)
    .bind(&test.user_id)
    .bind(&relay.hash)
    .bind(request_id)
    .bind(asked)
    .bind(now)
    .bind(now.plus(LIFETIME))
    .execute(&mut **tx)
    .await?;
    Ok((test, relay.secret))
}

macro_rules! columns {
    () => {
        "id, connection_id, user_id, request_id, asked, result, created_at"
    };
}

/// The test that the secret `relay` identifies, if it still waits for its response.
pub(super) async fn find_pending(
    c: &mut DbConn,
    connection_id: &ConnectionId,
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
    connection_id: &ConnectionId,
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

/// The most recent successful result among the last five finished tests that are still kept.
pub async fn last_passed(
    c: &mut DbConn,
    connection_id: &ConnectionId,
) -> Result<Option<TestResult>, sqlx::Error> {
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

/// Stores the result of a test. A successful result allows the connection to be switched on. A test that
/// already has a result is left unchanged.
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

/// Deletes tests that were never answered and results that are no longer kept.
pub async fn delete_expired(tx: &mut Tx) -> Result<(), sqlx::Error> {
    let now = tx.now();
    sqlx::query("DELETE FROM connection_tests WHERE expires_at <= $1")
        .bind(now)
        .execute(&mut **tx)
        .await
        .map(drop)
}
