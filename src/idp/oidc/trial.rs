//! Trying a connection: an administrator goes to the provider and back, and sees what every check found.

use std::collections::BTreeMap;

use super::super::connections::{Connection, OidcSettings};
use super::super::report::verdict;
use super::super::trials::{self, Found, Trial};
use super::Providers;
use super::answer::Accepted;
use super::check::{Check, Failed, Report};
use super::judge::text;
use super::person::values;
use super::sent::{Purpose, SendError, Sent};
use crate::access::Principal;
use crate::audit::Context;
use crate::directory::{Error, accounts, domain_of};
use crate::kernel::{Kernel, Tx};
use crate::signin::SignIn;

/// What beginning a test came to.
#[derive(Debug)]
pub enum Begun {
    /// The address to send the administrator's browser to, and the id of the test.
    Away(String, String),
    /// It ended before anybody was sent anywhere: the id of the test says why.
    Ended(String),
}

/// Begins a test. A provider that cannot be used is a finding, not an error.
///
/// # Errors
/// [`Error`].
pub async fn begin(
    (kernel, providers): (&Kernel, &Providers),
    (principal, context): (&Principal, &Context),
    (connection, settings): (&Connection, &OidcSettings),
) -> Result<Begun, Error> {
    let known = providers.known(kernel, settings).await;
    let mut tx = kernel.db.begin().await?;
    let mut sent = Sent::new(Purpose::SignIn);
    let (trial, relay) = trials::begin(&mut tx, principal, (connection, &sent.request)).await?;
    sent.purpose = Purpose::Trial(relay);
    let address = match known {
        Ok(known) => sent.address(kernel, (connection, settings), (&known, "", "")),
        Err(error) => Err(SendError::from(error)),
    };
    let begun = match address {
        Ok(url) => Begun::Away(url, trial.id),
        Err(error) => {
            let failed = Report::default().fail(Check::Discovery, "a provider that describes itself", error);
            trials::finish(&mut tx, context, (connection, &trial), &Found::failed(failed)).await?;
            Begun::Ended(trial.id)
        }
    };
    tx.commit().await?;
    Ok(begun)
}

/// Keeps what a test found.
pub(super) async fn finish(
    signin: &SignIn,
    context: &Context,
    (connection, trial): (&Connection, &Trial),
    (sent, heard): (&Sent, Result<Accepted, Failed>),
) -> Result<(), Error> {
    let mut tx = signin.kernel.db.begin().await?;
    let judged = match heard {
        Ok(accepted) => belongs(&mut tx, connection, (trial, sent), accepted).await?,
        Err(failed) => Err(failed),
    };
    let found = match judged {
        Ok(accepted) => Found {
            passed: true,
            authn_context: text(&accepted.claims, "acr").map(str::to_owned),
            attributes: attributes(&accepted),
            email: Some(accepted.email),
            checks: accepted.report.steps(),
        },
        Err(failed) => Found::failed(failed),
    };
    trials::finish(&mut tx, context, (connection, trial), &found).await?;
    Ok(tx.commit().await?)
}

/// The claims as the page shows them, without the protocol's own.
fn attributes(accepted: &Accepted) -> BTreeMap<String, Vec<String>> {
    const PROTOCOL: [&str; 10] =
        ["iss", "aud", "azp", "exp", "iat", "nbf", "nonce", "at_hash", "jti", "_claim_sources"];
    let names = accepted.claims.keys().filter(|name| !PROTOCOL.contains(&name.as_str()));
    let mut all: BTreeMap<String, Vec<String>> =
        names.map(|name| (name.clone(), values(&accepted.claims, name))).collect();
    all.retain(|_, values| !values.is_empty());
    if let Some(groups) = accepted.groups.as_ref().filter(|groups| !groups.is_empty()) {
        all.insert("groups".to_owned(), groups.iter().take(200).cloned().collect());
    }
    all
}

/// The rules that a sign-in meets later; here they are part of the answer.
async fn belongs(
    tx: &mut Tx,
    connection: &Connection,
    (trial, sent): (&Trial, &Sent),
    mut accepted: Accepted,
) -> Result<Result<Accepted, Failed>, sqlx::Error> {
    let rules = accounts::settings_of(tx, &connection.account_id).await?;
    let domain = domain_of(&accepted.email).unwrap_or_default();
    let report = &mut accepted.report;
    let request = verdict(sent.request == trial.request_id, "the request of this test", "another one");
    let vouched = verdict(accepted.email_is_verified, "an address that it vouches for", &accepted.email);
    let judged = report
        .note(Check::Request, request)
        .and_then(|()| report.note(Check::EmailVerified, vouched))
        .and_then(|()| {
            let allowed = verdict(rules.allows_domain(&domain), rules.domain_words(), &domain);
            report.note(Check::Domain, allowed)
        });
    Ok(judged.map(|()| accepted))
}
