//! Where responses come in.

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
use crate::audit::{Action, Context};
use crate::idp::connections::{Connection, SamlSettings};
use crate::idp::http::{connection_unavailable, internal_error, refusal, refuse_sign_in, too_many_requests};
use crate::idp::saml::request::SpEndpoints;
use crate::idp::saml::{attributes, connection_test, groups, keys};
use crate::idp::{connection_tests, replay_cache};
use crate::kernel::http::{Refusal, RequestContext};
use crate::kernel::urls::local_path;
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

/// Takes a response. It comes by a cross-site POST, so nothing here depends on a cookie: the proof is
/// put down for the flow that asked for it, and the browser goes to `/login/continue` to pick it up.
pub(super) async fn receive(
    State(signin): State<SignIn>,
    Path(id): Path<String>,
    request: RequestContext,
    form: Result<Form<AcsForm>, FormRejection>,
) -> Result<Response, Refusal> {
    signin.throttle.check_step(request.address).map_err(too_many_requests)?;
    let (connection, settings) = find_saml_connection(&signin, &id, false).await?;
    let Form(form) = form.map_err(|_| {
        let detail = "A SAMLResponse was expected here. Start again from your application.";
        refusal(StatusCode::BAD_REQUEST, "No answer from the identity provider", detail)
    })?;
    let now = signin.kernel.clock.now();
    let mut c = signin.kernel.db.read().await.map_err(internal_error)?;
    let test = connection_tests::find_pending(&mut c, &connection.id, form.relay_state.as_deref(), now)
        .await
        .map_err(internal_error)?;
    let pairs = if looks_encrypted(form.saml_response.as_bytes()) {
        keys::of_connection(&mut c, &connection.id).await.map_err(internal_error)?
    } else {
        Vec::new()
    };
    drop(c);
    if test.is_none() && !connection.is_enabled() {
        return Err(connection_unavailable());
    }
    let own_keys = keys::decryption_keys(&signin.kernel, &pairs).await.map_err(internal_error)?;
    let addresses = SpEndpoints::of(&signin.kernel.urls, &connection.id, &settings);
    let expected = ExpectedResponse {
        idp_entity_id: &settings.idp_entity_id,
        certificates: &settings.trusted_certificates_at(now),
        sp_entity_id: &addresses.entity_id,
        acs: &addresses.acs,
        email_attribute: settings.people.email_attribute.as_deref(),
        read_email: attributes::read_email,
        decryption: Decryption { keys: &own_keys, allow_cbc: settings.allow_cbc },
        now: now.into(),
    };
    let outcome = validate_response(form.saml_response.as_bytes(), &expected);
    if let Some(test) = test {
        // A test: what was found is for the administrator who began it, and leads nowhere else.
        let context = Context::anonymous(&connection.account_id, "test", &request);
        connection_test::finish(&signin, &context, &connection, &test, outcome)
            .await
            .map_err(internal_error)?;
        let to = format!("/console/connections/{}/tests/{}", connection.id, test.id);
        return Ok(Redirect::to(&to).into_response());
    }
    let outcome = match outcome {
        Ok(assertion) => {
            let to = (&connection, &settings, form.relay_state.as_deref());
            complete_callback(&signin, to.0, to.1, to.2, assertion).await.map_err(internal_error)?
        }
        Err(failed) => Err(failed),
    };
    match outcome {
        Ok(handover) => Ok(Redirect::to(&format!("/login/continue?handover={handover}")).into_response()),
        Err(failed) => {
            let about = (&connection, Action::SignIn, Method::Saml);
            Err(refuse_sign_in(&signin, &request, about, &failed.into()).await)
        }
    }
}

/// The checks that need the database: used before? asked for? Both in one unit of work.
async fn complete_callback(
    signin: &SignIn,
    connection: &Connection,
    settings: &SamlSettings,
    relay_state: Option<&str>,
    assertion: ValidatedAssertion,
) -> Result<Result<String, SamlRejection>, sqlx::Error> {
    let report = assertion.report.clone();
    let fail = |check, expected: &str, found: &str| Ok(Err(report.fail(check, expected, found)));
    if assertion.in_response_to.is_none() && !settings.allow_idp_initiated {
        return fail(SamlCheck::InResponseTo, "an answer to a request of ours", "an unsolicited response");
    }
    // Graph is asked before the unit of work begins.
    let groups = groups::read_groups(&signin.kernel, connection, settings, &assertion).await;
    let mut tx = signin.kernel.db.begin().await?;
    if !replay_cache::insert(
        &mut tx,
        &connection.id,
        &assertion.assertion_id,
        assertion.remember_until.into(),
    )
    .await?
    {
        return fail(SamlCheck::Replay, "an assertion not used before", &assertion.assertion_id);
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

    let Some(handover) = flow::deliver_proof(
        &mut tx,
        connection.account_id.as_str(),
        connection.id.as_str(),
        delivery,
        &proof,
    )
    .await?
    else {
        let found = assertion.in_response_to.unwrap_or_default();
        return fail(SamlCheck::InResponseTo, "an open request of this connection", &found);
    };
    tx.commit().await?;
    Ok(Ok(handover))
}
