//! Trying a connection: an administrator goes to the identity provider and back, and sees what every check
//! found.

use vestibule_saml::{SamlCheck, SamlRejection, ValidatedAssertion, check_that};

use super::check::{SamlCheckFailed, SamlCheckReport};
use super::keys;
use super::request::{FrontChannelMessage, SpEndpoints, authn_request, new_message_id};
use crate::access::Principal;
use crate::audit::Context;
use crate::directory::{Error, accounts, domain_of};
use crate::idp::connection_tests::{self, ConnectionTest, TestResult};
use crate::idp::connections::{Connection, SamlSettings};
use crate::idp::replay_cache;
use crate::kernel::{Kernel, Tx};
use crate::signin::SignIn;

/// Begins a test: (its id, what takes the administrator's browser to the identity provider).
pub async fn begin(
    kernel: &Kernel,
    tx: &mut Tx,
    principal: &Principal,
    connection: &Connection,
    settings: &SamlSettings,
) -> Result<(String, FrontChannelMessage), Error> {
    let request_id = new_message_id();
    let (test, relay) = connection_tests::begin(tx, principal, connection, &request_id).await?;
    let pairs = keys::of_connection(tx, &connection.id).await?;
    let key = if settings.sign_requests { keys::signing_key(kernel, &pairs).await? } else { None };
    let addresses = SpEndpoints::of(&kernel.urls, &connection.id, settings);
    let sent = (request_id.as_str(), Some(relay.as_str()));
    let sent = authn_request(&addresses, settings, sent.0, sent.1, tx.now(), key.as_deref())
        .map_err(|error| Error::Internal(error.to_string()))?;
    Ok((test.id, sent))
}

/// Keeps what a test found.
pub(super) async fn finish(
    signin: &SignIn,
    context: &Context,
    connection: &Connection,
    test: &ConnectionTest,
    outcome: Result<ValidatedAssertion, SamlRejection>,
) -> Result<(), Error> {
    let mut tx = signin.kernel.db.begin().await?;
    let outcome = match outcome {
        Ok(assertion) => check_test_rules(&mut tx, connection, test, assertion).await?,
        Err(failed) => Err(failed),
    };
    let found = match outcome {
        Ok(assertion) => TestResult {
            passed: true,
            checks: SamlCheckReport::from(assertion.report).into_test_steps(),
            email: Some(assertion.email),
            authn_context: Some(assertion.authn_context).filter(|context| !context.is_empty()),
            attributes: assertion.attributes,
        },
        Err(failed) => TestResult::failed(SamlCheckFailed::from(failed)),
    };
    connection_tests::finish(&mut tx, context, connection, test, &found).await?;
    Ok(tx.commit().await?)
}

/// Whether an answer that is good is the answer to this test, for the first time.
async fn check_test_rules(
    tx: &mut Tx,
    connection: &Connection,
    test: &ConnectionTest,
    assertion: ValidatedAssertion,
) -> Result<Result<ValidatedAssertion, SamlRejection>, sqlx::Error> {
    let report = assertion.report.clone();
    if assertion.in_response_to.as_deref() != Some(&test.request_id) {
        let found = assertion.in_response_to.as_deref().unwrap_or("an unsolicited response");
        return Ok(Err(report.fail(SamlCheck::InResponseTo, "an answer to the request of this test", found)));
    }
    if !replay_cache::insert(tx, &connection.id, &assertion.assertion_id, assertion.remember_until.into())
        .await?
    {
        return Ok(Err(report.fail(
            SamlCheck::Replay,
            "an assertion not used before",
            &assertion.assertion_id,
        )));
    }
    // A sign-in meets this rule later, in the flow; here it is part of the answer.
    let rules = accounts::settings_of(tx, &connection.account_id).await?;
    let domain = domain_of(&assertion.email).unwrap_or_default();
    let mut report = report;
    let noted = report.record(
        SamlCheck::Domain,
        check_that(rules.allows_domain(&domain), rules.allowed_domains_text(), &domain),
    );
    Ok(noted.map(|()| ValidatedAssertion { report, ..assertion }))
}
