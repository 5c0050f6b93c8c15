//! Where logouts come in, asked for or answered, by an address or by a form.
//!
//! Nothing here depends on a cookie: who is to be signed out is what the signed message says.

use axum::Form;
use axum::extract::rejection::FormRejection;
use axum::extract::{Path, RawQuery, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};
use serde::Deserialize;
use vestibule_saml::{
    Decryption, EncodedMessage, ExpectedLogout, LogoutRequest, LogoutResponse, MessageHeader,
    OutboundMessage, SamlCheck, SamlRejection, validate_logout_request, validate_logout_response,
};

use super::find_saml_connection;
use crate::audit::{Action, Context};
use crate::idp::connections::{Connection, SamlSettings};
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

/// A message that came.
enum LogoutMessage<'a> {
    /// Sign somebody out, and give this back with the answer.
    Request(EncodedMessage<'a>, Option<&'a str>),
    /// Somebody was signed out, or not.
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
    let detail = "A SAMLRequest or SAMLResponse was expected here. Sign out in your application.";
    refusal(StatusCode::BAD_REQUEST, "No logout", detail)
}

async fn handle_message(
    signin: &SignIn,
    id: &str,
    request: &RequestContext,
    message: LogoutMessage<'_>,
) -> Result<Response, Refusal> {
    signin.throttle.check_step(request.address).map_err(too_many_requests)?;
    // Sessions go on when a connection is switched off, so they can be ended as well.
    let (connection, settings) = find_saml_connection(signin, id, false).await?;
    let mut c = signin.kernel.db.read().await.map_err(internal_error)?;
    let pairs = keys::of_connection(&mut c, &connection.id).await.map_err(internal_error)?;
    drop(c);
    let own_keys = keys::decryption_keys(&signin.kernel, &pairs).await.map_err(internal_error)?;
    let addresses = SpEndpoints::of(&signin.kernel.urls, &connection.id, &settings);
    let now = signin.kernel.clock.now();
    let expected = ExpectedLogout {
        idp_entity_id: &settings.idp_entity_id,
        certificates: &settings.trusted_certificates_at(now),
        slo: &addresses.slo,
        decryption: Decryption { keys: &own_keys, allow_cbc: settings.allow_cbc },
        now: now.into(),
    };
    let done = match message {
        LogoutMessage::Request(encoded, relay_state) => match validate_logout_request(encoded, &expected) {
            Ok(logout_request) => {
                let with = (&connection, &settings, &addresses, &pairs[..]);
                answer_logout_request(signin, request, with, (&logout_request, relay_state)).await?
            }
            Err(failed) => Err(failed),
        },
        LogoutMessage::Response(encoded) => match validate_logout_response(encoded, &expected) {
            Ok(logout_response) => complete_logout(signin, &connection, &logout_response).await?,
            Err(failed) => Err(failed),
        },
    };
    match done {
        Ok(response) => Ok(response),
        Err(failed) => {
            record_refusal(signin, request, &connection, Action::SignOut, Method::Saml, &failed.into())
                .await
                .map_err(internal_error)?;
            Err(refusal(
                StatusCode::FORBIDDEN,
                "Logout was not accepted",
                "The message of your identity provider was not accepted, so nobody was signed out by it. Sign out here \
                 yourself to be safe.",
            ))
        }
    }
}

/// Ends the sessions that are named, and says so to the identity provider.
async fn answer_logout_request(
    signin: &SignIn,
    request: &RequestContext,
    (connection, settings, addresses, pairs): (&Connection, &SamlSettings, &SpEndpoints, &[KeyPair]),
    (logout_request, relay_state): (&LogoutRequest, Option<&str>),
) -> Result<Result<Response, SamlRejection>, Refusal> {
    let kernel = &signin.kernel;
    let key = keys::signing_key(kernel, pairs).await.map_err(internal_error)?;
    let mut tx = kernel.db.begin().await.map_err(internal_error)?;
    if !replay_cache::insert(
        &mut tx,
        &connection.id,
        &logout_request.id,
        logout_request.remember_until.into(),
    )
    .await
    .map_err(internal_error)?
    {
        return Ok(Err(logout_request.report.fail(
            SamlCheck::Replay,
            "a request not used before",
            &logout_request.id,
        )));
    }
    let context = Context::of(&connection.account_id, connection.actor(), request);

    sessions::revoke_by_provider(
        &mut tx,
        &context,
        connection.id.as_str(),
        Some(logout_request.name_id.value.as_str()),
        &logout_request.session_indexes,
    )
    .await
    .map_err(internal_error)?;
    tx.commit().await.map_err(internal_error)?;
    let Some(service) = &settings.logout else {
        // It asks for logouts and takes no answer: the person at least gets one.
        return Ok(Ok(Redirect::to("/login?notice=signed_out").into_response()));
    };
    let url = service.response_url.as_deref().unwrap_or(&service.url);
    let id = new_message_id();
    let header = MessageHeader {
        id: &id,
        issue_instant: kernel.clock.now().into(),
        issuer: &addresses.entity_id,
        destination: url,
    };
    let xml = header.logout_response_xml(&logout_request.id);
    // What comes with a request goes back with the answer, at most 80 bytes (saml-bindings §3.4.3).
    let relay_state = relay_state.filter(|state| state.len() <= 80);
    let message = OutboundMessage { name: "SAMLResponse", id: &id, xml: &xml, relay_state };
    let sent = message.encode(url, service.binding, key.as_deref()).map_err(internal_error)?;
    Ok(Ok(FrontChannelMessage::from(sent).into_response()))
}

/// The end of a logout that began here: the session here ended when it began.
async fn complete_logout(
    signin: &SignIn,
    connection: &Connection,
    logout_response: &LogoutResponse,
) -> Result<Result<Response, SamlRejection>, Refusal> {
    let mut tx = signin.kernel.db.begin().await.map_err(internal_error)?;
    let waited = store::consume_pending_logout(&mut tx, &connection.id, &logout_response.in_response_to)
        .await
        .map_err(internal_error)?;
    if !waited {
        let found = &logout_response.in_response_to;
        return Ok(Err(logout_response.report.fail(
            SamlCheck::InResponseTo,
            "a logout that waits for its answer",
            found,
        )));
    }
    tx.commit().await.map_err(internal_error)?;
    let notice = if logout_response.complete { "signed_out_everywhere" } else { "signed_out_here" };
    Ok(Ok(Redirect::to(&format!("/login?notice={notice}")).into_response()))
}
