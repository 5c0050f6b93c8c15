//! Trying a connection: an administrator goes to the provider and back, and sees what every check found.

use std::collections::BTreeMap;

use super::ProviderCache;
use super::authorization::{AuthorizationPurpose, AuthorizationRequest, AuthorizationRequestError};
use super::callback::OidcIdentity;
use super::check::{OidcCheck, OidcCheckFailed, OidcCheckReport};
use super::claim_mapping::claim_values;
use super::token_validation::text_claim;
use crate::access::Principal;
use crate::audit::Context;
use crate::directory::{Error, accounts, domain_of};
use crate::idp::connection_tests::{self, ConnectionTest, TestResult};
use crate::idp::connections::{Connection, OidcSettings};
use crate::idp::report::check_that;
use crate::kernel::{Kernel, Tx};
use crate::signin::SignIn;

/// What beginning a test came to.
#[derive(Debug)]
pub enum OidcTestStart {
    /// The address to send the administrator's browser to, and the id of the test.
    Redirect(String, String),
    /// It ended before anybody was sent anywhere: the id of the test says why.
    Finished(String),
}

/// Begins a test. A provider that cannot be used is a finding, not an error.
pub async fn begin(
    kernel: &Kernel,
    providers: &ProviderCache,
    principal: &Principal,
    context: &Context,
    connection: &Connection,
    settings: &OidcSettings,
) -> Result<OidcTestStart, Error> {
    let provider = providers.discover(kernel, settings).await;
    let mut tx = kernel.db.begin().await?;
    let mut authorization = AuthorizationRequest::new(AuthorizationPurpose::SignIn);
    let (test, relay) =
        connection_tests::begin(&mut tx, principal, connection, &authorization.request).await?;
    authorization.purpose = AuthorizationPurpose::Trial(relay);
    let address = match provider {
        Ok(provider) => authorization.authorization_url(kernel, (connection, settings), (&provider, "", "")),
        Err(error) => Err(AuthorizationRequestError::from(error)),
    };
    let begun = match address {
        Ok(url) => OidcTestStart::Redirect(url, test.id),
        Err(error) => {
            let failed = OidcCheckReport::default().fail(
                OidcCheck::Discovery,
                "a provider that describes itself",
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

/// Keeps what a test found.
pub(super) async fn finish(
    signin: &SignIn,
    context: &Context,
    connection: &Connection,
    test: &ConnectionTest,
    authorization: &AuthorizationRequest,
    outcome: Result<OidcIdentity, OidcCheckFailed>,
) -> Result<(), Error> {
    let mut tx = signin.kernel.db.begin().await?;
    let judged = match outcome {
        Ok(identity) => check_test_rules(&mut tx, connection, test, authorization, identity).await?,
        Err(failed) => Err(failed),
    };
    let found = match judged {
        Ok(identity) => TestResult {
            passed: true,
            authn_context: text_claim(&identity.claims, "acr").map(str::to_owned),
            attributes: attributes(&identity),
            email: Some(identity.email),
            checks: identity.report.into_test_steps(),
        },
        Err(failed) => TestResult::failed(failed),
    };
    connection_tests::finish(&mut tx, context, connection, test, &found).await?;
    Ok(tx.commit().await?)
}

/// The claims as the page shows them, without the protocol's own.
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

/// The rules that a sign-in meets later; here they are part of the answer.
async fn check_test_rules(
    tx: &mut Tx,
    connection: &Connection,
    test: &ConnectionTest,
    authorization: &AuthorizationRequest,
    mut identity: OidcIdentity,
) -> Result<Result<OidcIdentity, OidcCheckFailed>, sqlx::Error> {
    let rules = accounts::settings_of(tx, &connection.account_id).await?;
    let domain = domain_of(&identity.email).unwrap_or_default();
    let report = &mut identity.report;
    let request =
        check_that(authorization.request == test.request_id, "the request of this test", "another one");
    let vouched = check_that(identity.email_is_verified, "an address that it vouches for", &identity.email);
    let judged = report
        .record(OidcCheck::Request, request)
        .and_then(|()| report.record(OidcCheck::EmailVerified, vouched))
        .and_then(|()| {
            let allowed = check_that(rules.allows_domain(&domain), rules.allowed_domains_text(), &domain);
            report.record(OidcCheck::Domain, allowed)
        });
    Ok(judged.map(|()| identity))
}
