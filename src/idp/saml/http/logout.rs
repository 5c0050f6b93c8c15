//! Where logouts come in, asked for or answered, by an address or by a form.
//!
//! Nothing here depends on a cookie: who is to be signed out is what the signed message says.

use axum::Form;
use axum::extract::rejection::FormRejection;
use axum::extract::{Path, RawQuery, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};
use serde::Deserialize;

use super::super::super::connections::{Connection, SamlSettings};
use super::super::super::http::{broken, record_refusal, refusal, throttled};
use super::super::super::replays;
use super::super::judge::{
    Check, Decryption, ExpectedLogout, Failed, LogoutAnswer, LogoutOrder, Packed, judge_logout_answer,
    judge_logout_order,
};
use super::super::keys::{self, KeyPair};
use super::super::request::Addresses;
use super::super::sign::{Message, new_message_id};
use super::super::{logout, store};
use super::find;
use crate::audit::{Action, Context};
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
enum Came<'a> {
    /// Sign somebody out, and give this back with the answer.
    Order(Packed<'a>, Option<&'a str>),
    /// Somebody was signed out, or not.
    Answer(Packed<'a>),
}

pub(super) async fn by_address(
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
    let came = if find("SAMLRequest").is_some() {
        Came::Order(Packed::Redirect(&query), relay_state.as_deref())
    } else {
        Came::Answer(Packed::Redirect(&query))
    };
    take(&signin, &id, &request, came).await
}

pub(super) async fn by_form(
    State(signin): State<SignIn>,
    Path(id): Path<String>,
    request: RequestContext,
    form: Result<Form<SloForm>, FormRejection>,
) -> Result<Response, Refusal> {
    let Ok(Form(form)) = form else { return Err(nothing()) };
    let came = match (&form.request, &form.response) {
        (Some(text), None) => Came::Order(Packed::Post(text), form.relay_state.as_deref()),
        (None, Some(text)) => Came::Answer(Packed::Post(text)),
        _ => return Err(nothing()),
    };
    take(&signin, &id, &request, came).await
}

fn nothing() -> Refusal {
    let detail = "A SAMLRequest or SAMLResponse was expected here. Sign out in your application.";
    refusal(StatusCode::BAD_REQUEST, "No logout", detail)
}

async fn take(
    signin: &SignIn,
    id: &str,
    request: &RequestContext,
    came: Came<'_>,
) -> Result<Response, Refusal> {
    signin.throttle.address(request.address).map_err(throttled)?;
    // Sessions go on when a connection is switched off, so they can be ended as well.
    let (connection, settings) = find(signin, id, false).await?;
    let mut c = signin.kernel.db.read().await.map_err(broken)?;
    let pairs = keys::of_connection(&mut c, &connection.id).await.map_err(broken)?;
    drop(c);
    let own_keys = keys::decryption_keys(&signin.kernel, &pairs).await.map_err(broken)?;
    let addresses = Addresses::of(&signin.kernel.urls, &connection.id, &settings);
    let now = signin.kernel.clock.now();
    let expected = ExpectedLogout {
        idp_entity_id: &settings.idp_entity_id,
        certificates: &settings.trusted_at(now),
        slo: &addresses.slo,
        decryption: Decryption { keys: &own_keys, allow_cbc: settings.allow_cbc },
        now,
    };
    let done = match came {
        Came::Order(packed, relay_state) => match judge_logout_order(packed, &expected) {
            Ok(order) => {
                let with = (&connection, &settings, &addresses, &pairs[..]);
                carry_out(signin, request, with, (&order, relay_state)).await?
            }
            Err(failed) => Err(failed),
        },
        Came::Answer(packed) => match judge_logout_answer(packed, &expected) {
            Ok(answer) => conclude(signin, &connection, &answer).await?,
            Err(failed) => Err(failed),
        },
    };
    match done {
        Ok(response) => Ok(response),
        Err(failed) => {
            let about = (&connection, Action::SignOut, Method::Saml);
            record_refusal(signin, request, about, &failed).await.map_err(broken)?;
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
async fn carry_out(
    signin: &SignIn,
    request: &RequestContext,
    (connection, settings, addresses, pairs): (&Connection, &SamlSettings, &Addresses, &[KeyPair]),
    (order, relay_state): (&LogoutOrder, Option<&str>),
) -> Result<Result<Response, Failed>, Refusal> {
    let kernel = &signin.kernel;
    let key = keys::signing_key(kernel, pairs).await.map_err(broken)?;
    let mut tx = kernel.db.begin().await.map_err(broken)?;
    if !replays::remember(&mut tx, &connection.id, &order.id, order.remember_until).await.map_err(broken)? {
        return Ok(Err(order.report.fail(Check::Replay, "a request not used before", &order.id)));
    }
    let context = Context::of(&connection.account_id, connection.actor(), request);
    let whose = (connection.id.as_str(), Some(order.name_id.value.as_str()));
    sessions::end_at_provider(&mut tx, &context, whose, &order.session_indexes).await.map_err(broken)?;
    tx.commit().await.map_err(broken)?;
    let Some(service) = &settings.logout else {
        // It asks for logouts and takes no answer: the person at least gets one.
        return Ok(Ok(Redirect::to("/login?notice=signed_out").into_response()));
    };
    let url = service.response_url.as_deref().unwrap_or(&service.url);
    let id = new_message_id();
    let xml = logout::response(&id, addresses, url, &order.id, kernel.clock.now());
    // What comes with a request goes back with the answer, at most 80 bytes (saml-bindings §3.4.3).
    let relay_state = relay_state.filter(|state| state.len() <= 80);
    let message = Message { name: "SAMLResponse", id: &id, xml: &xml, relay_state };
    let sent = message.send((url, service.binding), key.as_deref()).map_err(broken)?;
    Ok(Ok(sent.into_response()))
}

/// The end of a logout that began here: the session here ended when it began.
async fn conclude(
    signin: &SignIn,
    connection: &Connection,
    answer: &LogoutAnswer,
) -> Result<Result<Response, Failed>, Refusal> {
    let mut tx = signin.kernel.db.begin().await.map_err(broken)?;
    let waited = store::take_logout(&mut tx, &connection.id, &answer.in_response_to).await.map_err(broken)?;
    if !waited {
        let found = &answer.in_response_to;
        return Ok(Err(answer.report.fail(Check::InResponseTo, "a logout that waits for its answer", found)));
    }
    tx.commit().await.map_err(broken)?;
    let notice = if answer.complete { "signed_out_everywhere" } else { "signed_out_here" };
    Ok(Ok(Redirect::to(&format!("/login?notice={notice}")).into_response()))
}
