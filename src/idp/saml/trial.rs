//! Trying a connection: an administrator goes to the identity provider and back, and sees what every check
//! found. Nobody is signed in by it, nobody comes into being, and the connection may be switched off.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::json;
use utoipa::ToSchema;

use super::super::connections::{self, Connection, SamlSettings};
use super::judge::{Accepted, Check, Checked, Failed, verdict};
use super::request::{Addresses, Outgoing, authn_request};
use super::sign::new_message_id;
use super::{keys, store};
use crate::access::Principal;
use crate::audit::{self, Action, Context, Event};
use crate::directory::{Error, accounts, domain_of, users};
use crate::kernel::database::Connection as Db;
use crate::kernel::tokens::{self, Purpose, Token};
use crate::kernel::{Kernel, Timestamp, Tx};
use crate::signin::SignIn;

/// How long an administrator may look for the password of the test user.
const LIFETIME: Duration = Duration::from_mins(15);
/// How long what was found can be looked at.
const KEPT: Duration = Duration::from_hours(24);

/// What a test found.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct Found {
    /// Whether the connection works.
    pub passed: bool,
    /// Every check that was made, the failed one last.
    #[schema(value_type = Vec<Object>)]
    pub checks: Vec<Checked>,
    /// Whom the assertion names.
    pub email: Option<String>,
    /// How the provider says that the person proved who they are.
    pub authn_context: Option<String>,
    /// The attributes of the assertion.
    pub attributes: BTreeMap<String, Vec<String>>,
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

/// Begins a test: (its id, what takes the administrator's browser to the identity provider).
///
/// # Errors
/// [`Error`].
pub async fn begin(
    kernel: &Kernel,
    tx: &mut Tx,
    principal: &Principal,
    (connection, settings): (&Connection, &SamlSettings),
) -> Result<(String, Outgoing), Error> {
    let (relay, request_id, id) = (Token::generate(Purpose::Trial), new_message_id(), tx.new_id());
    let pairs = keys::of_connection(tx, &connection.id).await?;
    let key = if settings.sign_requests { keys::signing_key(kernel, &pairs).await? } else { None };
    let addresses = Addresses::of(&kernel.urls, &connection.id, settings);
    let sent = (request_id.as_str(), Some(relay.secret.as_str()));
    let sent = authn_request(&addresses, settings, sent, tx.now(), key.as_deref())
        .map_err(|error| Error::Internal(error.to_string()))?;
    let now = tx.now();
    sqlx::query(
        "INSERT INTO connection_tests (id, account_id, connection_id, user_id, relay, request_id, created_at, expires_at) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
    )
    .bind(&id)
    .bind(&connection.account_id)
    .bind(&connection.id)
    .bind(&principal.id)
    .bind(&relay.hash)
    .bind(&request_id)
    .bind(now)
    .bind(now.plus(LIFETIME))
    .execute(&mut **tx)
    .await?;
    Ok((id, sent))
}

macro_rules! columns {
    () => {
        "id, connection_id, user_id, request_id, result, created_at"
    };
}

/// The test that this `RelayState` belongs to, if it waits for its answer.
pub(super) async fn waiting(
    c: &mut Db,
    connection_id: &str,
    relay_state: Option<&str>,
    now: Timestamp,
) -> Result<Option<Trial>, sqlx::Error> {
    let Some(relay) = relay_state.filter(|text| text.starts_with(Purpose::Trial.prefix())) else {
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

/// Keeps what a test found. One that succeeded lets the connection be switched on.
pub(super) async fn finish(
    signin: &SignIn,
    context: &Context,
    (connection, trial): (&Connection, &Trial),
    verdict: Result<Accepted, Failed>,
) -> Result<(), Error> {
    let mut tx = signin.kernel.db.begin().await?;
    let verdict = match verdict {
        Ok(accepted) => belongs(&mut tx, connection, trial, accepted).await?,
        Err(failed) => Err(failed),
    };
    let (found, reason) = match verdict {
        Ok(accepted) => {
            let found = Found {
                passed: true,
                checks: accepted.report.checks,
                email: Some(accepted.email),
                authn_context: Some(accepted.authn_context).filter(|context| !context.is_empty()),
                attributes: accepted.attributes,
            };
            (found, None)
        }
        Err(failed) => {
            let reason = Some(format!("saml_{}", failed.check.as_str()));
            let (email, authn_context, attributes) = (None, None, BTreeMap::new());
            (Found { passed: false, checks: failed.report.checks, email, authn_context, attributes }, reason)
        }
    };
    let until = tx.now().plus(KEPT);
    let done = sqlx::query(
        "UPDATE connection_tests SET result = $1, expires_at = $2 WHERE id = $3 AND result IS NULL",
    )
    .bind(json!(found).to_string())
    .bind(until)
    .bind(&trial.id)
    .execute(&mut *tx)
    .await?;
    if done.rows_affected() == 0 {
        return Ok(());
    }
    if found.passed {
        let named =
            users::by_email(&mut tx, &connection.account_id, found.email.as_deref().unwrap_or_default());
        let own = named.await?.is_some_and(|user| user.id == trial.user_id);
        let by = own.then_some(trial.user_id.as_str());
        connections::mark_tested(&mut tx, connection, by).await?;
    }
    let event = Event::new(Action::ConnectionTest, "connection", &connection.id, &connection.name);
    let event = match &reason {
        Some(reason) => event.refused(reason),
        None => event,
    };
    audit::record(&mut tx, context, event.detail(json!({"email": found.email}))).await?;
    Ok(tx.commit().await?)
}

/// Whether an answer that is good is the answer to this test, for the first time.
async fn belongs(
    tx: &mut Tx,
    connection: &Connection,
    trial: &Trial,
    accepted: Accepted,
) -> Result<Result<Accepted, Failed>, sqlx::Error> {
    let report = accepted.report.clone();
    if accepted.in_response_to.as_deref() != Some(&trial.request_id) {
        let found = accepted.in_response_to.as_deref().unwrap_or("an unsolicited response");
        return Ok(Err(report.fail(Check::InResponseTo, "an answer to the request of this test", found)));
    }
    if !store::remember(tx, &connection.id, &accepted.assertion_id, accepted.remember_until).await? {
        return Ok(Err(report.fail(Check::Replay, "an assertion not used before", &accepted.assertion_id)));
    }
    // A sign-in meets this rule later, in the flow; here it is part of the answer.
    let rules = accounts::settings_of(tx, &connection.account_id).await?;
    let domain = domain_of(&accepted.email).unwrap_or_default();
    let expected = match &rules.email_domains[..] {
        [] => "any domain".to_owned(),
        listed => listed.join(", "),
    };
    let mut report = report;
    let noted = report.note(Check::Domain, verdict(rules.allows_domain(&domain), expected, &domain));
    Ok(noted.map(|()| Accepted { report, ..accepted }))
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
