//! The callback to which the provider returns the browser.

use axum::extract::rejection::QueryRejection;
use axum::extract::{Path, Query, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Redirect, Response};

use super::find_oidc_connection;
use crate::directory::{Error, users};
use crate::idp::Idp;
use crate::idp::connection_tests;
use crate::idp::connections::OidcConnection;
use crate::idp::error::MessageError;
use crate::idp::http::{connection_unavailable, internal_error, refusal, refuse_sign_in, too_many_requests};
use crate::idp::oidc::authorization::{self, AuthorizationPurpose, AuthorizationRequest};
use crate::idp::oidc::callback::{Callback, CallbackParams, OidcIdentity, external_subject};
use crate::idp::oidc::check::OidcCheck;
use crate::idp::oidc::token_validation::text_claim;
use crate::idp::oidc::{claim_mapping, connection_test, logout};
use crate::idp::report::{CheckFailed, CheckReport};
use crate::kernel::UserId;
use crate::kernel::http::{Refusal, RequestContext, cookie};
use crate::kernel::sealed_state::SealedState;
use crate::signin::factors::SecondFactor;
use crate::signin::flow::{self, ProofDelivery};
use crate::signin::sessions::{self, RequestedBy};
use crate::signin::{Method, Proof, ProviderClaims, identities};

/// Receives the authorization response. The state is opened first. It is encrypted for this connection and,
/// except for tests, this browser, so the response to a request for another connection or of another browser
/// is refused.
pub(super) async fn receive(
    State(idp): State<Idp>,
    Path(id): Path<String>,
    request: RequestContext,
    headers: HeaderMap,
    params: Result<Query<CallbackParams>, QueryRejection>,
) -> Result<Response, Refusal> {
    let (signin, kernel) = (&idp.signin, &idp.signin.kernel);
    signin.throttle.check_step(request.address).map_err(too_many_requests)?;
    let connection = find_oidc_connection(signin, &id, false).await?;
    let Query(params) = params.map_err(|_| invalid_state())?;
    let names = flow::cookies(kernel);
    let browser = cookie(&headers, names.flow);
    let opened = authorization::open_state(kernel, &connection, &params.state, browser).await;
    let state = opened.map_err(internal_error)?.ok_or_else(invalid_state)?;
    let answer = ProviderAnswer {
        idp: &idp,
        request: &request,
        connection: &connection,
        state: &state,
        authorization: &state.content,
        params: &params,
    };
    let outcome = match &state.content.purpose {
        AuthorizationPurpose::ConnectionTest(relay) => answer.finish_test(relay).await,
        _ if !connection.is_enabled() => return Err(connection_unavailable()),
        AuthorizationPurpose::SignIn => answer.sign_in().await,
        AuthorizationPurpose::Link { user } => {
            let session = cookie(&headers, names.session).unwrap_or_default();
            answer.link(user, session).await
        }
    };
    match outcome {
        Ok(next) => Ok(Redirect::to(&next).into_response()),
        Err(CallbackError::InvalidState) => Err(invalid_state()),
        Err(CallbackError::Message(MessageError::Failed(error))) => Err(internal_error(error)),
        Err(CallbackError::Message(MessageError::Refused(failed))) => Err(answer.refuse(&failed).await),
    }
}

fn invalid_state() -> Refusal {
    refusal(
        StatusCode::FORBIDDEN,
        "Sign-in cannot be completed",
        "The sign-in was started in another browser, has already been completed or has expired. Start again \
         from your application or the sign-in page.",
    )
}

/// Why a response had no effect.
enum CallbackError {
    /// No request waits for it.
    InvalidState,
    /// It was refused, or an internal error occurred.
    Message(MessageError<OidcCheck>),
}

impl<E: Into<MessageError<OidcCheck>>> From<E> for CallbackError {
    fn from(error: E) -> Self {
        Self::Message(error.into())
    }
}

/// A response whose state was opened. Sign-ins, tests and links validate it in the same way and differ in
/// what they do with the result. Each returns the URL to redirect to.
struct ProviderAnswer<'a> {
    idp: &'a Idp,
    request: &'a RequestContext,
    connection: &'a OidcConnection,
    state: &'a SealedState<AuthorizationRequest>,
    authorization: &'a AuthorizationRequest,
    params: &'a CallbackParams,
}

impl ProviderAnswer<'_> {
    async fn validate(&self) -> Result<OidcIdentity, CheckFailed<OidcCheck>> {
        let kernel = &self.idp.signin.kernel;
        let callback = Callback::new(kernel, &self.idp.oidc, self.connection, self.authorization);
        callback.validate(self.params).await
    }

    /// Completes a connection test. The result is only for the administrator who started it.
    async fn finish_test(&self, relay: &str) -> Result<String, CallbackError> {
        let kernel = &self.idp.signin.kernel;
        let mut c = kernel.db.read().await?;
        let now = kernel.clock.now();
        let test = connection_tests::find_pending(&mut c, &self.connection.id, Some(relay), now).await?;
        drop(c);
        let test = test.ok_or(CallbackError::InvalidState)?;
        let verdict = self.validate().await;
        connection_test::finish(
            &self.idp.signin,
            self.request,
            self.connection,
            &test,
            self.authorization,
            verdict,
        )
        .await?;
        Ok(test.page())
    }

    async fn sign_in(&self) -> Result<String, CallbackError> {
        self.check_pending_request().await?;
        let identity = self.validate().await?;
        let handover = self.deliver_proof(identity).await?;
        Ok(format!("/login/continue?handover={handover}"))
    }

    /// Checks that a flow waits for this response, so that a repeated code is not sent to the provider.
    async fn check_pending_request(&self) -> Result<(), MessageError<OidcCheck>> {
        let kernel = &self.idp.signin.kernel;
        let mut c = kernel.db.read().await?;
        let (id, request) = (&self.connection.id, &self.authorization.request);
        if flow::find_pending_request(&mut c, id, request, kernel.clock.now()).await?.is_some() {
            return Ok(());
        }
        Err(already_answered(&CheckReport::default()).into())
    }

    /// Stores the proof for the flow that sent the request. Returns the hand-over code.
    async fn deliver_proof(&self, identity: OidcIdentity) -> Result<String, MessageError<OidcCheck>> {
        let (connection, settings) = (self.connection, &self.connection.settings);
        let is_mfa = settings.people.trust_mfa && claim_mapping::asserts_mfa(&identity.claims);
        let jit = &settings.people.jit;
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
            acr: String::new(),
            provider_acr: text_claim(&identity.claims, "acr").unwrap_or_default().to_owned(),
            provider_claims: ProviderClaims {
                jit_provisioning: jit.allows(|key| claim_mapping::claim_values(&identity.claims, key)),
                names: claim_mapping::names(settings, &identity.claims),
                update_names: !settings.people.keep_names,
                session: Some(logout::provider_session(&identity)),
                groups: identity.groups,
            },
        };
        let mut tx = self.idp.signin.kernel.db.begin().await?;
        let delivery = ProofDelivery::SpInitiated(&self.authorization.request);
        let handover =
            flow::deliver_proof(&mut tx, &connection.account_id, &connection.id, delivery, &proof).await?;
        let handover = handover.ok_or_else(|| already_answered(&identity.report))?;
        tx.commit().await?;
        Ok(handover)
    }

    /// Links the identity to the user who is signed in and started the request. `session` is the secret in
    /// the session cookie.
    async fn link(&self, user_id: &UserId, session: &str) -> Result<String, CallbackError> {
        let signin = &self.idp.signin;
        let principal = sessions::authenticate(signin, session, RequestedBy::Person).await?;
        let principal = principal.filter(|principal| principal.id == *user_id);
        let principal = principal.ok_or(CallbackError::InvalidState)?;
        let identity = self.validate().await?;
        let mut tx = signin.kernel.db.begin().await?;
        if !self.state.consume(&mut tx).await? {
            return Err(CallbackError::InvalidState);
        }
        let connection = self.connection;
        let user = users::by_id(&mut tx, &connection.account_id, user_id).await?;
        let user = user.ok_or(CallbackError::InvalidState)?;
        let (context, subject) = (principal.context(self.request), external_subject(&identity));
        match identities::link(&mut tx, &context, &user, &connection.id, &subject, &identity.email).await {
            Ok(()) => {}
            // The identity is linked to another user.
            Err(Error::Forbidden(_)) => return Ok("/profile?notice=identity_of_another".to_owned()),
            Err(error) => return Err(error.into()),
        }
        tx.commit().await?;
        Ok("/profile?notice=identity_linked".to_owned())
    }

    /// Records the refusal. A user who cancelled at the provider gets a message of their own.
    async fn refuse(&self, failed: &CheckFailed<OidcCheck>) -> Refusal {
        let (signin, connection) = (&self.idp.signin, self.connection);
        let refusal = refuse_sign_in(signin, self.request, connection, Method::Oidc, failed).await;
        if failed.check == OidcCheck::Answer && failed.found.starts_with("access_denied") {
            let detail = "The sign-in was canceled, or you do not have access to this application. Start \
                          again or use a different sign-in method.";
            return Refusal::new(refusal.status, "Your identity provider denied the sign-in", detail);
        }
        refusal
    }
}

fn already_answered(report: &CheckReport<OidcCheck>) -> CheckFailed<OidcCheck> {
    report.fail(
        OidcCheck::Request,
        "a pending sign-in request",
        "a request that was already answered or has expired",
    )
}
