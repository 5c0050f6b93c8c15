//! Connection tests for OpenID Connect and OAuth 2.0: an administrator signs in at the provider and sees
//! the result of every check.

use std::collections::BTreeMap;

use super::ProviderCache;
use super::authorization::{AuthorizationPurpose, AuthorizationRequest, AuthorizationRequestError};
use super::callback::{OidcIdentity, external_subject};
use super::check::OidcCheck;
use super::claim_mapping::claim_values;
use super::token_validation::text_claim;
use crate::access::Principal;
use crate::audit::Context;
use crate::directory::{Error, accounts, domain_of};
use crate::idp::connection_tests::{self, ConnectionTest, TestResult};
use crate::idp::connections::{Connection, OidcConnection};
use crate::idp::error::MessageError;
use crate::idp::report::{CheckFailed, CheckReport, check_that};
use crate::kernel::http::RequestContext;
use crate::kernel::{Kernel, Tx};
use crate::signin::SignIn;

/// The outcome of starting a test.
#[derive(Debug)]
pub enum OidcTestStart {
    /// The URL to send the administrator's browser to, and the id of the test.
    Redirect(String, String),
    /// The test failed before the browser was sent anywhere. The result is stored under this id.
    Finished(String),
}

/// Starts a test. A provider that cannot be used is a failed test and not an error.
pub async fn begin(
    kernel: &Kernel,
    providers: &ProviderCache,
    principal: &Principal,
    context: &Context,
    connection: &OidcConnection,
) -> Result<OidcTestStart, Error> {
    let provider = providers.discover(kernel, connection).await;
    let mut tx = kernel.db.begin().await?;
    let mut authorization =
        AuthorizationRequest::new(AuthorizationPurpose::SignIn, &connection.settings, tx.now());
    let (test, relay) =
        connection_tests::begin(&mut tx, principal, connection, &authorization.request, None).await?;
    authorization.purpose = AuthorizationPurpose::ConnectionTest(relay);
    let address = match provider {
        Ok(provider) => authorization.authorization_url(kernel, connection, &provider, "", ""),
        Err(error) => Err(AuthorizationRequestError::from(error)),
    };
    let begun = match address {
        Ok(url) => OidcTestStart::Redirect(url, test.id),
        Err(error) => {
            let failed = CheckReport::<OidcCheck>::default().fail(
                OidcCheck::Discovery,
                "a provider with a valid configuration",
                error,
            );
            connection_tests::finish(&mut tx, context, connection, &test, &TestResult::failed(failed))
                .await?;
            OidcTestStart::Finished(test.id)
        }
    };
    tx.commit().await?;
    Ok(begun)
}

/// Completes the test with the result of validating the response.
pub(super) async fn finish(
    signin: &SignIn,
    request: &RequestContext,
    connection: &Connection,
    test: &ConnectionTest,
    authorization: &AuthorizationRequest,
    verdict: Result<OidcIdentity, CheckFailed<OidcCheck>>,
) -> Result<(), Error> {
    let mut tx = signin.kernel.db.begin().await?;
    let checked = match verdict {
        Ok(identity) => check_test_rules(&mut tx, connection, test, authorization, identity).await,
        Err(failed) => Err(failed.into()),
    };
    let found = match checked {
        Ok(identity) => TestResult {
            passed: true,
            authn_context: text_claim(&identity.claims, "acr").map(str::to_owned),
            attributes: attributes(&identity),
            email: Some(identity.email),
            checks: identity.report.into_test_steps(),
        },
        Err(MessageError::Refused(failed)) => TestResult::failed(failed),
        Err(MessageError::Failed(error)) => return Err(error),
    };
    let context = Context::anonymous(&connection.account_id, "test", request);
    connection_tests::finish(&mut tx, &context, connection, test, &found).await?;
    Ok(tx.commit().await?)
}

/// The claims for the result page, without those of the protocol.
fn attributes(identity: &OidcIdentity) -> BTreeMap<String, Vec<String>> {
    const PROTOCOL: [&str; 10] =
        ["iss", "aud", "azp", "exp", "iat", "nbf", "nonce", "at_hash", "jti", "_claim_sources"];
    let names = identity.claims.keys().filter(|name| !PROTOCOL.contains(&name.as_str()));
    let mut all: BTreeMap<String, Vec<String>> =
        names.map(|name| (name.clone(), claim_values(&identity.claims, name))).collect();
    all.retain(|_, values| !values.is_empty());
    if let Some(groups) = identity.groups.as_ref().filter(|groups| !groups.is_empty()) {
        all.insert("groups".to_owned(), groups.iter().take(200).cloned().collect());
    }
    all
}

/// Checks that the response answers this test's request, and the rules that a sign-in checks later, in the
/// flow.
async fn check_test_rules(
    tx: &mut Tx,
    connection: &Connection,
    test: &ConnectionTest,
    authorization: &AuthorizationRequest,
    mut identity: OidcIdentity,
) -> Result<OidcIdentity, MessageError<OidcCheck>> {
    let rules = accounts::settings_of(tx, &connection.account_id).await?;
    let domain = domain_of(&identity.email).unwrap_or_default();
    let report = &mut identity.report;
    let is_own = authorization.request == test.request_id;
    report
        .record(OidcCheck::Request, check_that(is_own, "the request of this test", "a different request"))?;
    let vouched = check_that(identity.email_is_verified, "a verified email address", &identity.email);
    report.record(OidcCheck::EmailVerified, vouched)?;
    let allowed = check_that(rules.allows_domain(&domain), rules.allowed_domains_text(), &domain);
    report.record(OidcCheck::Domain, allowed)?;
    let subject = external_subject(&identity);
    let heard = connection_tests::is_heard(tx, connection, Some(&subject), &identity.email).await?;
    let heard = check_that(heard, "a verified domain that is selected for this connection", &domain);
    identity.report.record(OidcCheck::ConnectionDomain, heard)?;
    Ok(identity)
}
