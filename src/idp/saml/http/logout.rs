//! The single logout service: receives logout requests and responses by HTTP-Redirect and HTTP-POST.
//!
//! Nothing here depends on a cookie: the signed message determines whose sessions end.

use axum::Form;
use axum::extract::rejection::FormRejection;
use axum::extract::{Path, RawQuery, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};
use serde::Deserialize;
use vestibule_saml::{
    Decryption, EncodedMessage, ExpectedLogout, LogoutRequest, LogoutResponse, MessageHeader,
    OutboundMessage, SamlCheck, validate_logout_request, validate_logout_response,
};

use super::find_saml_connection;
use crate::audit::{Action, Context};
use crate::directory::Error;
use crate::idp::connections::SamlConnection;
use crate::idp::error::MessageError;
use crate::idp::http::{internal_error, record_refusal, refusal, too_many_requests};
use crate::idp::replay_cache;
use crate::idp::saml::keys::{self, KeyPair};
use crate::idp::saml::request::{FrontChannelMessage, SpEndpoints, new_message_id};
use crate::idp::saml::store;
use crate::kernel::http::{Refusal, RequestContext};
use crate::signin::{Method, SignIn, sessions};

#[derive(Deserialize)]
pub(super) struct SloForm {
    #[serde(rename = "SAMLRequest")]
    request: Option<String>,
    #[serde(rename = "SAMLResponse")]
    response: Option<String>,
    #[serde(rename = "RelayState")]
    relay_state: Option<String>,
}

/// A message that was received.
enum LogoutMessage<'a> {
    /// A logout request, and the relay state to return with the response.
    Request(EncodedMessage<'a>, Option<&'a str>),
    /// The response to a logout that began here.
    Response(EncodedMessage<'a>),
}

pub(super) async fn receive_redirect(
    State(signin): State<SignIn>,
    Path(id): Path<String>,
    RawQuery(query): RawQuery,
    request: RequestContext,
) -> Result<Response, Refusal> {
    let query = query.unwrap_or_default();
    let find = |wanted: &str| {
        url::form_urlencoded::parse(query.as_bytes()).find(|(name, _)| name == wanted).map(|(_, value)| value)
    };
    let relay_state = find("RelayState");
    let message = if find("SAMLRequest").is_some() {
        LogoutMessage::Request(EncodedMessage::Redirect(&query), relay_state.as_deref())
    } else {
        LogoutMessage::Response(EncodedMessage::Redirect(&query))
    };
    handle_message(&signin, &id, &request, message).await
}

pub(super) async fn receive_post(
    State(signin): State<SignIn>,
    Path(id): Path<String>,
    request: RequestContext,
    form: Result<Form<SloForm>, FormRejection>,
) -> Result<Response, Refusal> {
    let Ok(Form(form)) = form else { return Err(missing_message()) };
    let message = match (&form.request, &form.response) {
        (Some(text), None) => LogoutMessage::Request(EncodedMessage::Post(text), form.relay_state.as_deref()),
        (None, Some(text)) => LogoutMessage::Response(EncodedMessage::Post(text)),
        _ => return Err(missing_message()),
    };
    handle_message(&signin, &id, &request, message).await
}

fn missing_message() -> Refusal {
    let detail = "This URL expects a SAMLRequest or SAMLResponse. Sign out in your application.";
    refusal(StatusCode::BAD_REQUEST, "No logout message", detail)
}

async fn handle_message(
    signin: &SignIn,
    id: &str,
    request: &RequestContext,
    message: LogoutMessage<'_>,
) -> Result<Response, Refusal> {
    signin.throttle.check_step(request.address).map_err(too_many_requests)?;
    // Sessions outlive the switching off of a connection, so logouts are accepted for it as well.
    let connection = find_saml_connection(signin, id, false).await?;
    let context = LogoutContext::load(signin, request, &connection).await.map_err(internal_error)?;
    match context.handle(message).await {
        Ok(response) => Ok(response),
        Err(MessageError::Failed(error)) => Err(internal_error(error)),
        Err(MessageError::Refused(failed)) => {
            record_refusal(signin, request, &connection, Action::SignOut, Method::Saml, &failed)
                .await
                .map_err(internal_error)?;
            Err(refusal(
                StatusCode::FORBIDDEN,
                "Logout failed",
                "The logout message from your identity provider was not accepted, so it did not end any \
                 session. To be safe, sign out here yourself.",
            ))
        }
    }
}

/// What validating and answering a logout message needs.
struct LogoutContext<'a> {
    signin: &'a SignIn,
    request: &'a RequestContext,
    connection: &'a SamlConnection,
    endpoints: SpEndpoints,
    pairs: Vec<KeyPair>,
}

impl<'a> LogoutContext<'a> {
    async fn load(
        signin: &'a SignIn,
        request: &'a RequestContext,
        connection: &'a SamlConnection,
    ) -> Result<Self, sqlx::Error> {
        let pairs = keys::of_connection(&mut *signin.kernel.db.read().await?, &connection.id).await?;
        let endpoints = SpEndpoints::of(&signin.kernel.urls, &connection.id, &connection.settings);
        Ok(Self { signin, request, connection, endpoints, pairs })
    }

    async fn handle(&self, message: LogoutMessage<'_>) -> Result<Response, MessageError<SamlCheck>> {
        let (kernel, settings) = (&self.signin.kernel, &self.connection.settings);
        let own_keys = keys::decryption_keys(kernel, &self.pairs).await?;
        let now = kernel.clock.now();
        let expected = ExpectedLogout {
            idp_entity_id: &settings.idp_entity_id,
            certificates: &settings.trusted_certificates_at(now),
            slo: &self.endpoints.slo,
            decryption: Decryption { keys: &own_keys, allow_cbc: settings.allow_cbc },
            now: now.into(),
        };
        match message {
            LogoutMessage::Request(encoded, relay_state) => {
                let logout_request = validate_logout_request(encoded, &expected)?;
                self.answer_request(&logout_request, relay_state).await
            }
            LogoutMessage::Response(encoded) => {
                let logout_response = validate_logout_response(encoded, &expected)?;
                self.complete_logout(&logout_response).await
            }
        }
    }

    /// Ends the sessions that the request names and sends a response to the identity provider.
    async fn answer_request(
        &self,
        logout_request: &LogoutRequest,
        relay_state: Option<&str>,
    ) -> Result<Response, MessageError<SamlCheck>> {
        let (kernel, connection) = (&self.signin.kernel, self.connection);
        let key = keys::signing_key(kernel, &self.pairs).await?;
        let mut tx = kernel.db.begin().await?;
        let (id, until) = (&logout_request.id, logout_request.remember_until.into());
        if !replay_cache::insert(&mut tx, &connection.id, id, until).await? {
            return Err(logout_request
                .report
                .fail(SamlCheck::Replay, "a request that has not been used before", id)
                .into());
        }
        let context = Context::of(&connection.account_id, connection.actor(), self.request);
        let name = Some(logout_request.name_id.value.as_str());
        let named = &logout_request.session_indexes;
        sessions::revoke_by_provider(&mut tx, &context, &connection.id, name, named).await?;
        tx.commit().await?;
        let Some(service) = &connection.settings.logout else {
            // The identity provider sends logout requests but has no endpoint for responses, so the user
            // sees our page.
            return Ok(Redirect::to("/login?notice=signed_out").into_response());
        };
        let url = service.response_url.as_deref().unwrap_or(&service.url);
        let id = new_message_id();
        let header = MessageHeader {
            id: &id,
            issue_instant: kernel.clock.now().into(),
            issuer: &self.endpoints.entity_id,
            destination: url,
        };
        let xml = header.logout_response_xml(&logout_request.id);
        // The relay state is returned with the response; it is limited to 80 bytes (saml-bindings §3.4.3).
        let relay_state = relay_state.filter(|state| state.len() <= 80);
        let message = OutboundMessage { name: "SAMLResponse", id: &id, xml: &xml, relay_state };
        let sent = message.encode(url, service.binding, key.as_deref());
        let sent = sent.map_err(|error| Error::Internal(error.to_string()))?;
        Ok(FrontChannelMessage::from(sent).into_response())
    }

    /// Completes a logout that began here. The session here ended when it began.
    async fn complete_logout(
        &self,
        logout_response: &LogoutResponse,
    ) -> Result<Response, MessageError<SamlCheck>> {
        let mut tx = self.signin.kernel.db.begin().await?;
        let found = &logout_response.in_response_to;
        if !store::consume_pending_logout(&mut tx, &self.connection.id, found).await? {
            let expected = "a pending logout request of this connection";
            return Err(logout_response.report.fail(SamlCheck::InResponseTo, expected, found).into());
        }
        tx.commit().await?;
        let notice = if logout_response.complete { "signed_out_everywhere" } else { "signed_out_here" };
        Ok(Redirect::to(&format!("/login?notice={notice}")).into_response())
    }
}
