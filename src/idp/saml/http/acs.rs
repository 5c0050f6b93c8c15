//! Where responses come in.

use axum::Form;
use axum::extract::rejection::FormRejection;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};
use serde::Deserialize;

use super::find_saml_connection;
use crate::idp::connection_tests::{self, ConnectionTest};
use crate::idp::connections::SamlConnection;
use crate::idp::error::MessageError;
use crate::idp::http::{connection_unavailable, internal_error, refusal, refuse_sign_in, too_many_requests};
use crate::idp::replay_cache;
use crate::idp::report::CheckFailed;
use crate::idp::saml::judge::{
    Decryption, ExpectedResponse, SamlCheck, ValidatedAssertion, looks_encrypted, validate_response,
};
use crate::idp::saml::request::SpEndpoints;
use crate::idp::saml::{attributes, connection_test, groups, keys};
use crate::kernel::http::{Refusal, RequestContext};
use crate::kernel::urls::local_path;
use crate::kernel::vault;
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

/// What a response came to.
type ValidationResult = Result<ValidatedAssertion, CheckFailed<SamlCheck>>;

/// Takes a response. It comes by a cross-site POST, so nothing here depends on a cookie: the proof is
/// put down for the flow that asked for it, and the browser goes to `/login/continue` to pick it up.
pub(super) async fn receive(
    State(signin): State<SignIn>,
    Path(id): Path<String>,
    request: RequestContext,
    form: Result<Form<AcsForm>, FormRejection>,
) -> Result<Response, Refusal> {
    signin.throttle.check_step(request.address).map_err(too_many_requests)?;
    let connection = find_saml_connection(&signin, &id, false).await?;
    let Form(form) = form.map_err(|_| {
        let detail = "A SAMLResponse was expected here. Start again from your application.";
        refusal(StatusCode::BAD_REQUEST, "No answer from the identity provider", detail)
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

/// The test that waits for this response, if it is the answer to one: what it finds is for the administrator who began
/// it, and leads nowhere else.
async fn find_test(
    signin: &SignIn,
    connection: &SamlConnection,
    form: &AcsForm,
) -> Result<Option<ConnectionTest>, sqlx::Error> {
    let mut c = signin.kernel.db.read().await?;
    let now = signin.kernel.clock.now();
    connection_tests::find_pending(&mut c, &connection.id, form.relay_state.as_deref(), now).await
}

/// Judges the response. Our keys are only fetched for one that has something encrypted in it.
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
        email_attribute: settings.people.email_attribute.as_deref(),
        decryption: Decryption { keys: &own_keys, allow_cbc: settings.allow_cbc },
        now,
    };
    Ok(validate_response(form.saml_response.as_bytes(), &expected))
}

/// Sends the browser on to the flow that the response belongs to.
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

/// The checks that need the database: used before? asked for? Both in one unit of work. Then the proof waits for the
/// browser that has the handover.
async fn deliver(
    signin: &SignIn,
    connection: &SamlConnection,
    relay_state: Option<&str>,
    assertion: ValidatedAssertion,
) -> Result<String, MessageError<SamlCheck>> {
    let settings = &connection.settings;
    let report = assertion.report.clone();
    if assertion.in_response_to.is_none() && !settings.allow_idp_initiated {
        let failed =
            report.fail(SamlCheck::InResponseTo, "an answer to a request of ours", "an unsolicited response");
        return Err(failed.into());
    }
    // Graph is asked before the unit of work begins.
    let groups = groups::read_groups(&signin.kernel, connection, &assertion).await;
    let mut tx = signin.kernel.db.begin().await?;
    if !replay_cache::insert(&mut tx, &connection.id, &assertion.assertion_id, assertion.remember_until)
        .await?
    {
        let found = &assertion.assertion_id;
        return Err(report.fail(SamlCheck::Replay, "an assertion not used before", found).into());
    }
    let is_mfa = settings.people.trust_mfa && attributes::asserts_mfa(&assertion);
    let proof = Proof {
        method: Method::Saml,
        account_id: connection.account_id.clone(),
        connection_id: Some(connection.id.clone()),
        identifier: assertion.email.clone(),
        user_id: None,
        external_subject: None,
        amr: if is_mfa { vec!["mfa".into()] } else { Vec::new() },
        second_factor: is_mfa.then_some(SecondFactor::Provider),
        password_fingerprint: None,
        clear_failures_of: None,
        acr: assertion.authn_context.clone(),
        provider_claims: attributes::provider_claims(settings, &assertion, groups),
    };
    let delivery = if let Some(request_id) = &assertion.in_response_to {
        ProofDelivery::SpInitiated(request_id)
    } else {
        // By convention the RelayState says where to go (saml-bindings §3.5.3): a path of ours, or it says nothing.
        let landing = settings.landing.as_deref().unwrap_or("/");
        ProofDelivery::IdpInitiated { return_to: local_path(relay_state, landing) }
    };
    let handover = flow::deliver_proof(&mut tx, &connection.account_id, &connection.id, delivery, &proof);
    let Some(handover) = handover.await? else {
        let found = assertion.in_response_to.unwrap_or_default();
        return Err(report.fail(SamlCheck::InResponseTo, "an open request of this connection", found).into());
    };
    tx.commit().await?;
    Ok(handover)
}
