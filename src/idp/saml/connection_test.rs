//! Connection tests for SAML: an administrator signs in at the identity provider and sees the result of
//! every check.

use vestibule_saml::{SamlCheck, SamlRejection, ValidatedAssertion, check_that};

use super::request::{FrontChannelMessage, SpEndpoints, authn_request, new_message_id};
use super::{attributes, keys, requested};
use crate::access::Principal;
use crate::audit::Context;
use crate::directory::{Error, accounts, domain_of};
use crate::idp::connection_tests::{self, ConnectionTest, TestResult};
use crate::idp::connections::SamlConnection;
use crate::idp::error::MessageError;
use crate::idp::replay_cache;
use crate::idp::report::CheckReport;
use crate::kernel::http::RequestContext;
use crate::kernel::{Kernel, Tx};
use crate::signin::SignIn;

/// Starts a test. Returns its id and the message that takes the administrator's browser to the identity
/// provider.
pub async fn begin(
    kernel: &Kernel,
    tx: &mut Tx,
    principal: &Principal,
    connection: &SamlConnection,
) -> Result<(String, FrontChannelMessage), Error> {
    let (request_id, settings) = (new_message_id(), &connection.settings);
    let asked = requested::to_stored(settings, tx.now())?;
    let (test, relay) = connection_tests::begin(tx, principal, connection, &request_id, Some(&asked)).await?;
    let pairs = keys::of_connection(tx, &connection.id).await?;
    let key = if settings.sign_requests { keys::signing_key(kernel, &pairs).await? } else { None };
    let addresses = SpEndpoints::of(&kernel.urls, &connection.id, settings);
    let sent = (request_id.as_str(), Some(relay.as_str()));
    let sent = authn_request(&addresses, settings, sent.0, sent.1, tx.now(), key.as_deref())
        .map_err(|error| Error::Internal(error.to_string()))?;
    Ok((test.id, sent))
}

/// Completes the test with the result of validating the response.
pub(super) async fn finish(
    signin: &SignIn,
    request: &RequestContext,
    connection: &SamlConnection,
    test: &ConnectionTest,
    verdict: Result<ValidatedAssertion, SamlRejection>,
) -> Result<(), Error> {
    let mut tx = signin.kernel.db.begin().await?;
    let checked = match verdict {
        Ok(assertion) => check_test_rules(&signin.kernel, &mut tx, connection, test, assertion).await,
        Err(failed) => Err(failed.into()),
    };
    let found = match checked {
        Ok(assertion) => TestResult {
            passed: true,
            checks: CheckReport::from(assertion.report).into_test_steps(),
            email: Some(assertion.email),
            authn_context: Some(assertion.authn_context).filter(|context| !context.is_empty()),
            attributes: assertion.attributes,
        },
        Err(MessageError::Refused(failed)) => TestResult::failed(failed),
        Err(MessageError::Failed(error)) => return Err(error),
    };
    let context = Context::anonymous(&connection.account_id, "test", request);
    connection_tests::finish(&mut tx, &context, connection, test, &found).await?;
    Ok(tx.commit().await?)
}

/// Whether a valid response answers this test's request, is used for the first time, and has a permitted
/// email domain.
async fn check_test_rules(
    kernel: &Kernel,
    tx: &mut Tx,
    connection: &SamlConnection,
    test: &ConnectionTest,
    assertion: ValidatedAssertion,
) -> Result<ValidatedAssertion, MessageError<SamlCheck>> {
    let report = assertion.report.clone();
    if assertion.in_response_to.as_deref() != Some(&test.request_id) {
        let found = assertion.in_response_to.as_deref().unwrap_or("an unsolicited (IdP-initiated) response");
        let expected = "a response to the request of this test";
        return Err(report.fail(SamlCheck::InResponseTo, expected, found).into());
    }
    let remember_until = assertion.remember_until.into();
    if !replay_cache::insert(tx, &connection.id, &assertion.assertion_id, remember_until).await? {
        let (expected, found) = ("an assertion that has not been used before", &assertion.assertion_id);
        return Err(report.fail(SamlCheck::Replay, expected, found).into());
    }
    let asked = requested::of_request(&connection.settings, test.asked.as_deref())?;
    let assertion = asked.check(assertion, tx.now().into())?;
    let mut report = assertion.report.clone();
    // A sign-in checks this rule later, in the flow. A test has no flow, so it is checked here.
    let rules = accounts::settings_of(tx, &connection.account_id).await?;
    let domain = domain_of(&assertion.email).unwrap_or_default();
    let allowed = check_that(rules.allows_domain(&domain), rules.allowed_domains_text(), &domain);
    report.record(SamlCheck::Domain, allowed)?;
    let entity_id = SpEndpoints::of(&kernel.urls, &connection.id, &connection.settings).entity_id;
    let subject = attributes::external_subject(&assertion, &connection.settings.idp_entity_id, &entity_id);
    let heard = connection_tests::is_heard(tx, connection, subject.as_ref(), &assertion.email).await?;
    let heard = check_that(heard, "a verified domain that is selected for this connection", &domain);
    report.record(SamlCheck::ConnectionDomain, heard)?;
    Ok(ValidatedAssertion { report, ..assertion })
}
