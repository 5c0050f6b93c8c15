//! Where people come back from the provider.

use axum::extract::rejection::QueryRejection;
use axum::extract::{Path, Query, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Redirect, Response};

use super::find_oidc_connection;
use crate::audit::{Action, Context};
use crate::directory::users;
use crate::idp::Idp;
use crate::idp::connection_tests;
use crate::idp::connections::{Connection, OidcSettings};
use crate::idp::http::{connection_unavailable, internal_error, refusal, refuse_sign_in, too_many_requests};
use crate::idp::oidc::authorization::{self, AuthorizationPurpose, AuthorizationRequest};
use crate::idp::oidc::callback::{CallbackParams, OidcIdentity, validate_callback};
use crate::idp::oidc::check::{OidcCheck, OidcCheckFailed, OidcCheckReport};
use crate::idp::oidc::{claim_mapping, connection_test, logout};
use crate::kernel::http::{Refusal, RequestContext, cookie};
use crate::kernel::sealed_state::SealedState;
use crate::signin::factors::SecondFactor;
use crate::signin::flow::{self, ProofDelivery};
use crate::signin::{ExternalSubject, Method, Proof, ProviderClaims, SignIn, identities, sessions};

/// Takes the answer. The state is opened first: it is sealed for this connection and this browser, so nothing that
/// was begun elsewhere, or for another provider, goes any further.
pub(super) async fn receive(
    State(idp): State<Idp>,
    Path(id): Path<String>,
    request: RequestContext,
    headers: HeaderMap,
    params: Result<Query<CallbackParams>, QueryRejection>,
) -> Result<Response, Refusal> {
    let (signin, kernel) = (&idp.signin, &idp.signin.kernel);
    signin.throttle.check_step(request.address).map_err(too_many_requests)?;
    let (connection, settings) = find_oidc_connection(signin, &id, false).await?;
    let Query(params) = params.map_err(|_| invalid_state())?;
    let browser = cookie(&headers, flow::cookies(kernel).flow);
    let opened = authorization::open_state(kernel, &connection, &params.state, browser)
        .await
        .map_err(internal_error)?;
    let ticket = opened.ok_or_else(invalid_state)?;
    let authorization = &ticket.content;
    match &authorization.purpose {
        AuthorizationPurpose::Trial(relay) => {
            let now = kernel.clock.now();
            let mut c = kernel.db.read().await.map_err(internal_error)?;
            let found = connection_tests::find_pending(&mut c, &connection.id, Some(relay), now)
                .await
                .map_err(internal_error)?;
            drop(c);
            let test = found.ok_or_else(invalid_state)?;
            // What was found is for the administrator who began it, and leads nowhere else.
            let outcome =
                validate_callback(kernel, &idp.oidc, &connection, &settings, authorization, &params).await;
            let context = Context::anonymous(&connection.account_id, "test", &request);
            connection_test::finish(signin, &context, &connection, &test, authorization, outcome)
                .await
                .map_err(internal_error)?;
            let to = format!("/console/connections/{}/tests/{}", connection.id, test.id);
            Ok(Redirect::to(&to).into_response())
        }
        _ if !connection.is_enabled() => Err(connection_unavailable()),
        AuthorizationPurpose::SignIn => {
            let outcome = match check_pending_request(signin, &connection, authorization)
                .await
                .map_err(internal_error)?
            {
                Ok(()) => {
                    validate_callback(kernel, &idp.oidc, &connection, &settings, authorization, &params).await
                }
                Err(failed) => Err(failed),
            };
            let outcome = match outcome {
                Ok(identity) => complete_callback(signin, &connection, &settings, authorization, identity)
                    .await
                    .map_err(internal_error)?,
                Err(failed) => Err(failed),
            };
            match outcome {
                Ok(handover) => {
                    Ok(Redirect::to(&format!("/login/continue?handover={handover}")).into_response())
                }
                Err(failed) => Err(callback_refusal(signin, &request, &connection, &failed).await),
            }
        }
        AuthorizationPurpose::Link { user } => {
            let secret = cookie(&headers, flow::cookies(kernel).session).unwrap_or_default();
            let principal = sessions::authenticate(signin, secret).await.map_err(internal_error)?;
            let principal = principal.filter(|principal| principal.id == *user).ok_or_else(invalid_state)?;
            match validate_callback(kernel, &idp.oidc, &connection, &settings, authorization, &params).await {
                Ok(identity) => {
                    let context = principal.context(&request);
                    link_identity(signin, &context, &connection, user, &ticket, &identity).await
                }
                Err(failed) => Err(callback_refusal(signin, &request, &connection, &failed).await),
            }
        }
    }
}

fn invalid_state() -> Refusal {
    refusal(
        StatusCode::FORBIDDEN,
        "This sign-in cannot be finished here",
        "It was begun in another browser, was finished already, or took too long. Start again from your application \
         or the sign-in page.",
    )
}

/// Whether a sign-in waits for this answer: a code that comes again is not even tried.
async fn check_pending_request(
    signin: &SignIn,
    connection: &Connection,
    authorization: &AuthorizationRequest,
) -> Result<Result<(), OidcCheckFailed>, sqlx::Error> {
    let mut c = signin.kernel.db.read().await?;
    let now = signin.kernel.clock.now();
    let is_pending = flow::has_pending_request(&mut c, &connection.id, &authorization.request, now).await?;
    Ok(if is_pending { Ok(()) } else { Err(already_answered(&OidcCheckReport::default())) })
}

fn already_answered(report: &OidcCheckReport) -> OidcCheckFailed {
    report.fail(
        OidcCheck::Request,
        "a sign-in that waits for this answer",
        "one that was answered, or is over",
    )
}

/// Puts the proof down for the flow that asked for it.
async fn complete_callback(
    signin: &SignIn,
    connection: &Connection,
    settings: &OidcSettings,
    authorization: &AuthorizationRequest,
    identity: OidcIdentity,
) -> Result<Result<String, OidcCheckFailed>, sqlx::Error> {
    let is_mfa = settings.people.trust_mfa && claim_mapping::asserts_mfa(&identity.claims);
    let proof = Proof {
        method: Method::Oidc,
        account_id: connection.account_id.clone(),
        connection_id: Some(connection.id.clone()),
        identifier: identity.email.clone(),
        user_id: None,
        external_subject: Some(external_subject(&identity)),
        amr: if is_mfa { vec!["mfa".into()] } else { Vec::new() },
        second_factor: is_mfa.then_some(SecondFactor::Provider),
        password_fingerprint: None,
        clear_failures_of: None,
        acr: crate::idp::oidc::token_validation::text_claim(&identity.claims, "acr")
            .unwrap_or_default()
            .to_owned(),
        provider_claims: ProviderClaims {
            jit_provisioning: settings
                .people
                .jit
                .allows(|key| claim_mapping::claim_values(&identity.claims, key)),
            names: claim_mapping::names(settings, &identity.claims),
            update_names: !settings.people.keep_names,
            session: Some(logout::provider_session(&identity)),
            groups: identity.groups,
        },
    };

    let mut tx = signin.kernel.db.begin().await?;
    let Some(handover) = flow::deliver_proof(
        &mut tx,
        connection.account_id.as_str(),
        connection.id.as_str(),
        ProofDelivery::SpInitiated(&authorization.request),
        &proof,
    )
    .await?
    else {
        return Ok(Err(already_answered(&identity.report)));
    };
    tx.commit().await?;
    Ok(Ok(handover))
}

fn external_subject(identity: &OidcIdentity) -> ExternalSubject {
    ExternalSubject {
        issuer: identity.issuer.clone(),
        id: identity.subject.clone(),
        address_is_verified: identity.email_is_verified,
    }
}

/// Gives the identity to the one who is signed in and asked for it.
async fn link_identity(
    signin: &SignIn,
    context: &Context,
    connection: &Connection,
    user: &str,
    ticket: &SealedState<AuthorizationRequest>,
    identity: &OidcIdentity,
) -> Result<Response, Refusal> {
    let mut tx = signin.kernel.db.begin().await.map_err(internal_error)?;
    if !ticket.consume(&mut tx).await.map_err(internal_error)? {
        return Err(invalid_state());
    }
    let user = users::by_id(&mut tx, &connection.account_id, user).await.map_err(internal_error)?;
    let user = user.ok_or_else(invalid_state)?;
    let external_subject = external_subject(identity);
    let linked =
        identities::link(&mut tx, context, &user, &connection.id, &external_subject, &identity.email);
    let notice = match linked.await {
        Ok(()) => "identity_linked",
        Err(crate::directory::Error::Forbidden(_)) => return Ok(redirect_to_profile("identity_of_another")),
        Err(error) => return Err(internal_error(error)),
    };
    tx.commit().await.map_err(internal_error)?;
    Ok(redirect_to_profile(notice))
}

fn redirect_to_profile(notice: &str) -> Response {
    Redirect::to(&format!("/profile?notice={notice}")).into_response()
}

/// Somebody changed their mind at the provider, or something is wrong.
async fn callback_refusal(
    signin: &SignIn,
    request: &RequestContext,
    connection: &Connection,
    failed: &OidcCheckFailed,
) -> Refusal {
    let refusal = refuse_sign_in(signin, request, (connection, Action::SignIn, Method::Oidc), failed).await;
    if failed.check == OidcCheck::Answer && failed.found.starts_with("access_denied") {
        let detail = "The sign-in was cancelled there, or you may not use this application. Start again, or sign in \
                      another way.";
        return Refusal::new(refusal.status, "Your identity provider said no", detail);
    }
    refusal
}
