//! The assertion consumer service.

use axum::Form;
use axum::extract::rejection::FormRejection;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};
use serde::Deserialize;
use vestibule_saml::{
    Decryption, ExpectedResponse, SamlCheck, SamlRejection, ValidatedAssertion, looks_encrypted,
    validate_response,
};

use super::find_saml_connection;
use crate::idp::connection_tests::{self, ConnectionTest};
use crate::idp::connections::SamlConnection;
use crate::idp::error::MessageError;
use crate::idp::http::{connection_unavailable, internal_error, refusal, refuse_sign_in, too_many_requests};
use crate::idp::replay_cache;
use crate::idp::saml::request::SpEndpoints;
use crate::idp::saml::{attributes, connection_test, groups, keys, requested};
use crate::kernel::http::{Refusal, RequestContext};
use crate::kernel::urls::local_path;
use crate::kernel::{Tx, vault};
use crate::signin::factors::SecondFactor;
use crate::signin::flow::{self, ProofDelivery};
use crate::signin::{Method, Proof, SignIn};

#[derive(Deserialize)]
pub(super) struct AcsForm {
    #[serde(rename = "SAMLResponse")]
    saml_response: String,
    #[serde(rename = "RelayState")]
    relay_state: Option<String>,
}

/// What a response must answer.
const PENDING_REQUEST: &str = "a pending request of this connection";

/// The result of validating a response.
type ValidationResult = Result<ValidatedAssertion, SamlRejection>;

/// Receives a response. It arrives by a cross-site POST, so nothing here depends on a cookie: the proof is
/// stored for the flow that sent the request, and the browser continues it at `/login/continue`.
pub(super) async fn receive(
    State(signin): State<SignIn>,
    Path(id): Path<String>,
    request: RequestContext,
    form: Result<Form<AcsForm>, FormRejection>,
) -> Result<Response, Refusal> {
    signin.throttle.check_step(request.address).map_err(too_many_requests)?;
    let connection = find_saml_connection(&signin, &id, false).await?;
    let Form(form) = form.map_err(|_| {
        let detail = "This URL expects a SAMLResponse. Start again from your application.";
        refusal(StatusCode::BAD_REQUEST, "No response from the identity provider", detail)
    })?;
    let test = find_test(&signin, &connection, &form).await.map_err(internal_error)?;
    if test.is_none() && !connection.is_enabled() {
        return Err(connection_unavailable());
    }
    let verdict = validate(&signin, &connection, &form).await.map_err(internal_error)?;
    let Some(test) = test else {
        return sign_in(&signin, &request, &connection, form.relay_state.as_deref(), verdict).await;
    };
    connection_test::finish(&signin, &request, &connection, &test, verdict).await.map_err(internal_error)?;
    Ok(Redirect::to(&test.page()).into_response())
}

/// The connection test that this response answers, if it answers one. Its result is only for the
/// administrator who started the test; no sign-in comes of it.
async fn find_test(
    signin: &SignIn,
    connection: &SamlConnection,
    form: &AcsForm,
) -> Result<Option<ConnectionTest>, sqlx::Error> {
    let mut c = signin.kernel.db.read().await?;
    let now = signin.kernel.clock.now();
    connection_tests::find_pending(&mut c, &connection.id, form.relay_state.as_deref(), now).await
}

/// Validates the response. The private keys are loaded only if it contains encrypted parts.
async fn validate(
    signin: &SignIn,
    connection: &SamlConnection,
    form: &AcsForm,
) -> Result<ValidationResult, vault::Error> {
    let (kernel, settings) = (&signin.kernel, &connection.settings);
    let pairs = if looks_encrypted(form.saml_response.as_bytes()) {
        keys::of_connection(&mut *kernel.db.read().await?, &connection.id).await?
    } else {
        Vec::new()
    };
    let own_keys = keys::decryption_keys(kernel, &pairs).await?;
    let addresses = SpEndpoints::of(&kernel.urls, &connection.id, settings);
    let now = kernel.clock.now();
    let expected = ExpectedResponse {
        idp_entity_id: &settings.idp_entity_id,
        certificates: &settings.trusted_certificates_at(now),
        sp_entity_id: &addresses.entity_id,
        acs: &addresses.acs,
        email_source: attributes::email_source(settings),
        read_email: attributes::read_email,
        decryption: Decryption { keys: &own_keys, allow_cbc: settings.allow_cbc },
        now: now.into(),
    };
    Ok(validate_response(form.saml_response.as_bytes(), &expected))
}

/// Redirects the browser to the flow that the response belongs to.
async fn sign_in(
    signin: &SignIn,
    request: &RequestContext,
    connection: &SamlConnection,
    relay_state: Option<&str>,
    verdict: ValidationResult,
) -> Result<Response, Refusal> {
    let handover = match verdict {
        Ok(assertion) => deliver(signin, connection, relay_state, assertion).await,
        Err(failed) => Err(failed.into()),
    };
    match handover {
        Ok(handover) => Ok(Redirect::to(&format!("/login/continue?handover={handover}")).into_response()),
        Err(MessageError::Failed(error)) => Err(internal_error(error)),
        Err(MessageError::Refused(failed)) => {
            Err(refuse_sign_in(signin, request, connection, Method::Saml, &failed).await)
        }
    }
}

/// Makes the checks that need the database, in one unit of work: that the assertion was not used before,
/// and that an open request waits for it. Then it stores the proof and returns the hand-over code for the
/// browser.
async fn deliver(
    signin: &SignIn,
    connection: &SamlConnection,
    relay_state: Option<&str>,
    assertion: ValidatedAssertion,
) -> Result<String, MessageError<SamlCheck>> {
    let settings = &connection.settings;
    if assertion.in_response_to.is_none() && !settings.allow_idp_initiated {
        let expected = "a response to a request from this server";
        let found = "an unsolicited (IdP-initiated) response";
        let failed = assertion.report.fail(SamlCheck::InResponseTo, expected, found);
        return Err(failed.into());
    }
    // Graph is queried before the transaction begins, because the query may be slow.
    let groups = groups::read_groups(&signin.kernel, connection, &assertion).await;
    let mut tx = signin.kernel.db.begin().await?;
    if !replay_cache::insert(
        &mut tx,
        &connection.id,
        &assertion.assertion_id,
        assertion.remember_until.into(),
    )
    .await?
    {
        let (expected, found) = ("an assertion that has not been used before", &assertion.assertion_id);
        return Err(assertion.report.fail(SamlCheck::Replay, expected, found).into());
    }
    let assertion = check_requested(&mut tx, connection, assertion).await?;
    let is_mfa = settings.people.trust_mfa && attributes::asserts_mfa(&assertion);
    let addresses = SpEndpoints::of(&signin.kernel.urls, &connection.id, settings);
    let proof = Proof {
        method: Method::Saml,
        account_id: connection.account_id.clone(),
        connection_id: Some(connection.id.clone()),
        identifier: assertion.email.clone(),
        user_id: None,
        external_subject: attributes::external_subject(
            &assertion,
            &settings.idp_entity_id,
            &addresses.entity_id,
        ),
        amr: if is_mfa { vec!["mfa".into()] } else { Vec::new() },
        second_factor: is_mfa.then_some(SecondFactor::Provider),
        password_fingerprint: None,
        clear_failures_of: None,
        acr: String::new(),
        provider_acr: assertion.authn_context.clone(),
        provider_claims: attributes::provider_claims(settings, &assertion, groups),
    };
    let delivery = if let Some(request_id) = &assertion.in_response_to {
        ProofDelivery::SpInitiated(request_id)
    } else {
        // By convention the RelayState names the destination (saml-bindings §3.5.3). It counts if it is a
        // local path.
        let landing = settings.landing.as_deref().unwrap_or("/");
        ProofDelivery::IdpInitiated { return_to: local_path(relay_state, landing) }
    };
    let handover = flow::deliver_proof(&mut tx, &connection.account_id, &connection.id, delivery, &proof);
    let Some(handover) = handover.await? else {
        let found = assertion.in_response_to.as_deref().unwrap_or_default();
        return Err(assertion.report.fail(SamlCheck::InResponseTo, PENDING_REQUEST, found).into());
    };
    tx.commit().await?;
    Ok(handover)
}

/// Checks the authentication against what the request demanded.
async fn check_requested(
    tx: &mut Tx,
    connection: &SamlConnection,
    assertion: ValidatedAssertion,
) -> Result<ValidatedAssertion, MessageError<SamlCheck>> {
    let now = tx.now();
    let pending = match &assertion.in_response_to {
        Some(request_id) => {
            let found = flow::find_pending_request(tx, &connection.id, request_id, now).await?;
            let no_request = || assertion.report.fail(SamlCheck::InResponseTo, PENDING_REQUEST, request_id);
            Some(found.ok_or_else(no_request)?)
        }
        None => None,
    };
    let asked = pending.and_then(|request| request.asked);
    let asked = requested::of_request(&connection.settings, asked.as_deref())?;
    Ok(asked.check(assertion, now.into())?)
}
