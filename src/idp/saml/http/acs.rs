//! Where responses come in.

use axum::Form;
use axum::extract::rejection::FormRejection;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};
use serde::Deserialize;

use super::super::super::connections::{Connection, SamlSettings};
use super::super::super::http::{broken, refusal, refuse, switched_off, throttled};
use super::super::super::{replays, trials};
use super::super::judge::{Accepted, Check, Decryption, Expected, Failed, judge, looks_encrypted};
use super::super::request::Addresses;
use super::super::{groups, keys, provision, trial};
use super::find;
use crate::audit::{Action, Context};
use crate::kernel::http::{Refusal, RequestContext};
use crate::kernel::urls::local_path;
use crate::signin::factors::SecondFactor;
use crate::signin::flow::{self, Delivery};
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
    signin.throttle.address(request.address).map_err(throttled)?;
    let (connection, settings) = find(&signin, &id, false).await?;
    let Form(form) = form.map_err(|_| {
        let detail = "A SAMLResponse was expected here. Start again from your application.";
        refusal(StatusCode::BAD_REQUEST, "No answer from the identity provider", detail)
    })?;
    let now = signin.kernel.clock.now();
    let mut c = signin.kernel.db.read().await.map_err(broken)?;
    let trial =
        trials::waiting(&mut c, &connection.id, form.relay_state.as_deref(), now).await.map_err(broken)?;
    let pairs = if looks_encrypted(form.saml_response.as_bytes()) {
        keys::of_connection(&mut c, &connection.id).await.map_err(broken)?
    } else {
        Vec::new()
    };
    drop(c);
    if trial.is_none() && !connection.is_enabled() {
        return Err(switched_off());
    }
    let own_keys = keys::decryption_keys(&signin.kernel, &pairs).await.map_err(broken)?;
    let addresses = Addresses::of(&signin.kernel.urls, &connection.id, &settings);
    let expected = Expected {
        idp_entity_id: &settings.idp_entity_id,
        certificates: &settings.trusted_at(now),
        sp_entity_id: &addresses.entity_id,
        acs: &addresses.acs,
        email_attribute: settings.people.email_attribute.as_deref(),
        decryption: Decryption { keys: &own_keys, allow_cbc: settings.allow_cbc },
        now,
    };
    let verdict = judge(form.saml_response.as_bytes(), &expected);
    if let Some(trial) = trial {
        // A test: what was found is for the administrator who began it, and leads nowhere else.
        let context = Context::anonymous(&connection.account_id, "test", &request);
        trial::finish(&signin, &context, (&connection, &trial), verdict).await.map_err(broken)?;
        let to = format!("/console/connections/{}/tests/{}", connection.id, trial.id);
        return Ok(Redirect::to(&to).into_response());
    }
    let outcome = match verdict {
        Ok(accepted) => {
            let to = (&connection, &settings, form.relay_state.as_deref());
            hand_over(&signin, to, accepted).await.map_err(broken)?
        }
        Err(failed) => Err(failed),
    };
    match outcome {
        Ok(handover) => Ok(Redirect::to(&format!("/login/continue?handover={handover}")).into_response()),
        Err(failed) => {
            let about = (&connection, Action::SignIn, Method::Saml);
            Err(refuse(&signin, &request, about, &failed).await)
        }
    }
}

/// The checks that need the database: used before? asked for? Both in one unit of work.
async fn hand_over(
    signin: &SignIn,
    (connection, settings, relay_state): (&Connection, &SamlSettings, Option<&str>),
    accepted: Accepted,
) -> Result<Result<String, Failed>, sqlx::Error> {
    let report = accepted.report.clone();
    let fail = |check, expected: &str, found: &str| Ok(Err(report.fail(check, expected, found)));
    if accepted.in_response_to.is_none() && !settings.allow_idp_initiated {
        return fail(Check::InResponseTo, "an answer to a request of ours", "an unsolicited response");
    }
    // Graph is asked before the unit of work begins.
    let groups = groups::of(&signin.kernel, (connection, settings), &accepted).await;
    let mut tx = signin.kernel.db.begin().await?;
    if !replays::remember(&mut tx, &connection.id, &accepted.assertion_id, accepted.remember_until).await? {
        return fail(Check::Replay, "an assertion not used before", &accepted.assertion_id);
    }
    let is_mfa = settings.people.trust_mfa && provision::says_mfa(&accepted);
    let proof = Proof {
        method: Method::Saml,
        account_id: connection.account_id.clone(),
        connection_id: Some(connection.id.clone()),
        subject: accepted.email.clone(),
        user_id: None,
        identity: None,
        amr: if is_mfa { vec!["mfa".into()] } else { Vec::new() },
        second_factor: is_mfa.then_some(SecondFactor::Provider),
        password: None,
        forgiven: None,
        acr: accepted.authn_context.clone(),
        provided: provision::provided(settings, &accepted, groups),
    };
    let delivery = if let Some(request_id) = &accepted.in_response_to {
        Delivery::Asked(request_id)
    } else {
        // By convention the RelayState says where to go (saml-bindings §3.5.3): a path of ours, or it says nothing.
        let landing = settings.landing.as_deref().unwrap_or("/");
        Delivery::Unasked { return_to: local_path(relay_state, landing) }
    };
    let to = (connection.account_id.as_str(), connection.id.as_str());
    let Some(handover) = flow::deliver(&mut tx, to, delivery, &proof).await? else {
        let found = accepted.in_response_to.unwrap_or_default();
        return fail(Check::InResponseTo, "an open request of this connection", &found);
    };
    tx.commit().await?;
    Ok(Ok(handover))
}
