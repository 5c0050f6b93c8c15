//! Trying a connection: an administrator goes to the identity provider and back, and sees what every check
//! found.

use super::super::connections::{Connection, SamlSettings};
use super::super::replays;
use super::super::trials::{self, Found, Trial};
use super::judge::{Accepted, Check, Failed, verdict};
use super::keys;
use super::request::{Addresses, Outgoing, authn_request};
use super::sign::new_message_id;
use crate::access::Principal;
use crate::audit::Context;
use crate::directory::{Error, accounts, domain_of};
use crate::kernel::{Kernel, Tx};
use crate::signin::SignIn;

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
    let request_id = new_message_id();
    let (trial, relay) = trials::begin(tx, principal, (connection, &request_id)).await?;
    let pairs = keys::of_connection(tx, &connection.id).await?;
    let key = if settings.sign_requests { keys::signing_key(kernel, &pairs).await? } else { None };
    let addresses = Addresses::of(&kernel.urls, &connection.id, settings);
    let sent = (request_id.as_str(), Some(relay.as_str()));
    let sent = authn_request(&addresses, settings, sent, tx.now(), key.as_deref())
        .map_err(|error| Error::Internal(error.to_string()))?;
    Ok((trial.id, sent))
}

/// Keeps what a test found.
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
    let found = match verdict {
        Ok(accepted) => Found {
            passed: true,
            checks: accepted.report.steps(),
            email: Some(accepted.email),
            authn_context: Some(accepted.authn_context).filter(|context| !context.is_empty()),
            attributes: accepted.attributes,
        },
        Err(failed) => Found::failed(failed),
    };
    trials::finish(&mut tx, context, (connection, trial), &found).await?;
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
    if !replays::remember(tx, &connection.id, &accepted.assertion_id, accepted.remember_until).await? {
        return Ok(Err(report.fail(Check::Replay, "an assertion not used before", &accepted.assertion_id)));
    }
    // A sign-in meets this rule later, in the flow; here it is part of the answer.
    let rules = accounts::settings_of(tx, &connection.account_id).await?;
    let domain = domain_of(&accepted.email).unwrap_or_default();
    let mut report = report;
    let noted =
        report.note(Check::Domain, verdict(rules.allows_domain(&domain), rules.domain_words(), &domain));
    Ok(noted.map(|()| Accepted { report, ..accepted }))
}
