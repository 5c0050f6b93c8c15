//! The addresses of a SAML connection.

use axum::Form;
use axum::extract::{Path, Query, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Redirect, Response};
use serde::Deserialize;
use serde_json::json;

use super::super::connections::{self, Connection, SamlSettings};
use super::request::{Addresses, authn_request_url, new_request_id, sp_metadata};
use super::response::{self, Accepted, Check, Expected, Failed};
use super::{store, trial};
use crate::access::{Guard, Routes};
use crate::audit::{self, Action, Context, Event};
use crate::kernel::http::{Refusal, RequestContext};
use crate::kernel::urls::local_path;
use crate::kernel::{Kernel, vault};
use crate::signin::factors::SecondFactor;
use crate::signin::{Method, NewUser, Proof, SignIn, Throttled, flow};

/// The routes under `/saml`.
#[must_use]
pub fn routes() -> Routes<SignIn> {
    Routes::default()
        .get("/saml/{connection}/login", Guard::Public, login)
        .get("/saml/{connection}/metadata", Guard::Public, metadata)
        .post("/saml/{connection}/acs", Guard::Callback, acs)
}

fn refusal(status: StatusCode, title: &'static str, detail: &str) -> Refusal {
    Refusal::new(status, title, detail)
}

fn broken(error: impl std::fmt::Display) -> Refusal {
    tracing::error!(%error, "SAML request failed");
    refusal(StatusCode::INTERNAL_SERVER_ERROR, "Something went wrong", "Try again in a moment.")
}

fn throttled(throttled: Throttled) -> Refusal {
    refusal(StatusCode::TOO_MANY_REQUESTS, "Too many attempts", "Wait a moment and try again.")
        .retry_after(throttled.retry_after)
}

/// The SAML connection of this id; one that is switched off exists only for its metadata.
async fn find(signin: &SignIn, id: &str, enabled: bool) -> Result<(Connection, SamlSettings), Refusal> {
    let mut c = signin.kernel.db.read().await.map_err(broken)?;
    let found = connections::anywhere(&mut c, id).await.map_err(broken)?;
    found
        .filter(|connection| connection.is_enabled() || !enabled)
        .and_then(|connection| connection.saml().map(|settings| (connection, settings)))
        .ok_or_else(switched_off)
}

fn switched_off() -> Refusal {
    let detail =
        "This way of signing in does not exist or is switched off. Start again from your application.";
    refusal(StatusCode::NOT_FOUND, "Not found", detail)
}

#[derive(Deserialize)]
struct LoginQuery {
    flow: Option<String>,
    return_to: Option<String>,
}

/// Sends a browser to the identity provider, carrying on the flow it is in or beginning one.
async fn login(
    State(signin): State<SignIn>,
    Path(id): Path<String>,
    Query(query): Query<LoginQuery>,
    request: RequestContext,
    headers: HeaderMap,
) -> Result<Response, Refusal> {
    signin.throttle.address(request.address).map_err(throttled)?;
    let (connection, settings) = find(&signin, &id, true).await?;
    let kernel = &signin.kernel;
    let names = flow::cookies(kernel);
    let browser = names.browser(&headers);
    let current = match &query.flow {
        Some(id) => flow::find(kernel, id, &browser).await.map_err(broken)?,
        None => None,
    };
    let current = current.filter(|flow| flow.account_id.as_deref() == Some(&connection.account_id));

    let key = signing_key(kernel, &connection, &settings).await.map_err(broken)?;
    let request_id = new_request_id();
    let addresses = Addresses::of(&kernel.urls, &connection.id, &settings);
    let url =
        authn_request_url(&addresses, &settings, (&request_id, None), kernel.clock.now(), key.as_deref())
            .map_err(broken)?;
    let mut tx = kernel.db.begin().await.map_err(broken)?;
    let flow_id = if let Some(flow) = current {
        flow::settle(&mut tx, &flow, &browser).await.map_err(broken)?
    } else {
        let begin = flow::Begin {
            account_id: Some(&connection.account_id),
            identifier: "",
            return_to: local_path(query.return_to.as_deref(), "/"),
            browser: &browser,
        };
        flow::begin(&mut tx, begin).await.map_err(broken)?
    };
    flow::send_out(&mut tx, &flow_id, &connection.id, &request_id).await.map_err(broken)?;
    tx.commit().await.map_err(broken)?;
    Ok(([(header::SET_COOKIE, names.set_flow(&browser))], Redirect::to(&url)).into_response())
}

/// Our private key, where requests are signed.
pub(super) async fn signing_key(
    kernel: &Kernel,
    connection: &Connection,
    settings: &SamlSettings,
) -> Result<Option<Vec<u8>>, vault::Error> {
    match &connection.sealed_key {
        Some(sealed) if settings.sign_requests => {
            let bound_to = Connection::key_binding(&connection.id);
            kernel.vault.open_sealed(&bound_to, sealed).await.map(Some)
        }
        _ => Ok(None),
    }
}

/// Our metadata, for the identity provider's administrator.
async fn metadata(State(signin): State<SignIn>, Path(id): Path<String>) -> Result<Response, Refusal> {
    let (connection, settings) = find(&signin, &id, false).await?;
    let addresses = Addresses::of(&signin.kernel.urls, &connection.id, &settings);
    let xml = sp_metadata(&addresses, &settings).map_err(broken)?;
    Ok(([(header::CONTENT_TYPE, "application/samlmetadata+xml")], xml).into_response())
}

#[derive(Deserialize)]
struct AcsForm {
    #[serde(rename = "SAMLResponse")]
    saml_response: String,
    #[serde(rename = "RelayState")]
    relay_state: Option<String>,
}

/// Takes a response. It comes by a cross-site POST, so nothing here depends on a cookie: the proof is
/// put down for the flow that asked for it, and the browser goes to `/login/continue` to pick it up.
async fn acs(
    State(signin): State<SignIn>,
    Path(id): Path<String>,
    request: RequestContext,
    form: Result<Form<AcsForm>, axum::extract::rejection::FormRejection>,
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
        trial::waiting(&mut c, &connection.id, form.relay_state.as_deref(), now).await.map_err(broken)?;
    drop(c);
    if trial.is_none() && !connection.is_enabled() {
        return Err(switched_off());
    }
    let addresses = Addresses::of(&signin.kernel.urls, &connection.id, &settings);
    let expected = Expected {
        idp_entity_id: &settings.idp_entity_id,
        certificates: &settings.certificates,
        sp_entity_id: &addresses.entity_id,
        acs: &addresses.acs,
        email_attribute: settings.email_attribute.as_deref(),
        now,
    };
    let verdict = response::judge(form.saml_response.as_bytes(), &expected);
    if let Some(trial) = trial {
        // A test: what was found is for the administrator who began it, and leads nowhere else.
        let context = Context::anonymous(&connection.account_id, "test", &request);
        trial::finish(&signin, &context, (&connection, &trial), verdict).await.map_err(broken)?;
        let to = format!("/console/connections/{}/tests/{}", connection.id, trial.id);
        return Ok(Redirect::to(&to).into_response());
    }
    let outcome = match verdict {
        Ok(accepted) => hand_over(&signin, &connection, &settings, accepted).await.map_err(broken)?,
        Err(failed) => Err(failed),
    };
    match outcome {
        Ok(handover) => Ok(Redirect::to(&format!("/login/continue?handover={handover}")).into_response()),
        Err(failed) => Err(refuse(&signin, &request, &connection, &failed).await),
    }
}

/// The checks that need the database: used before? asked for? Both in one unit of work.
async fn hand_over(
    signin: &SignIn,
    connection: &Connection,
    settings: &SamlSettings,
    accepted: Accepted,
) -> Result<Result<String, Failed>, sqlx::Error> {
    let report = accepted.report.clone();
    let fail = |check, expected: &str, found: &str| Ok(Err(report.fail(check, expected, found)));
    if accepted.in_response_to.is_none() && !settings.allow_idp_initiated {
        return fail(Check::InResponseTo, "an answer to a request of ours", "an unsolicited response");
    }
    let mut tx = signin.kernel.db.begin().await?;
    if !store::remember(&mut tx, &connection.id, &accepted.assertion_id, accepted.remember_until).await? {
        return fail(Check::Replay, "an assertion not used before", &accepted.assertion_id);
    }
    let is_mfa = settings.trust_mfa && says_mfa(&accepted);
    let proof = Proof {
        method: Method::Saml,
        account_id: connection.account_id.clone(),
        connection_id: Some(connection.id.clone()),
        subject: accepted.email.clone(),
        user_id: None,
        amr: if is_mfa { vec!["mfa".into()] } else { Vec::new() },
        second_factor: is_mfa.then_some(SecondFactor::Provider),
        password: None,
        acr: accepted.authn_context.clone(),
        create: new_user(settings, &accepted),
    };
    let to = (connection.account_id.as_str(), connection.id.as_str());
    let Some(handover) = flow::deliver(&mut tx, to, accepted.in_response_to.as_deref(), &proof).await? else {
        let found = accepted.in_response_to.unwrap_or_default();
        return fail(Check::InResponseTo, "an open request of this connection", &found);
    };
    tx.commit().await?;
    Ok(Ok(handover))
}

/// Contexts that stand for more than one factor: SAML 2.0 (saml-authn-context-2.0-os §3.4), the REFEDS MFA
/// profile, and Entra ID's.
const MFA_CONTEXTS: [&str; 6] = [
    "urn:oasis:names:tc:SAML:2.0:ac:classes:MobileTwoFactorContract",
    "urn:oasis:names:tc:SAML:2.0:ac:classes:MobileTwoFactorUnregistered",
    "urn:oasis:names:tc:SAML:2.0:ac:classes:TimeSyncToken",
    "urn:oasis:names:tc:SAML:2.0:ac:classes:SmartcardPKI",
    "https://refeds.org/profile/mfa",
    ENTRA_MFA,
];
const ENTRA_MFA: &str = "http://schemas.microsoft.com/claims/multipleauthn";
/// The attribute in which Entra ID lists the methods that were used.
const ENTRA_METHODS: &str = "http://schemas.microsoft.com/claims/authnmethodsreferences";

/// Whether the assertion says that more than one factor was shown.
fn says_mfa(accepted: &Accepted) -> bool {
    let methods = accepted.attributes.get(ENTRA_METHODS).map(Vec::as_slice).unwrap_or_default();
    MFA_CONTEXTS.contains(&accepted.authn_context.as_str())
        || methods.iter().any(|method| method == ENTRA_MFA)
}

/// Whom to create, where the connection allows that and the assertion has what it demands.
fn new_user(settings: &SamlSettings, accepted: &Accepted) -> Option<NewUser> {
    let jit = &settings.jit;
    let values = |name: &str| accepted.attributes.get(name).map(Vec::as_slice).unwrap_or_default();
    let fits = match (&jit.key, &jit.value) {
        (Some(key), Some(value)) => values(key).iter().any(|v| v == value),
        (Some(key), None) => !values(key).is_empty(),
        (None, _) => true,
    };
    if !jit.enabled || !fits {
        return None;
    }
    let first = |names: &[&str]| names.iter().find_map(|name| values(name).first().cloned());
    let claims = "http://schemas.xmlsoap.org/ws/2005/05/identity/claims";
    Some(NewUser {
        email: accepted.email.clone(),
        given_name: first(&[
            "givenName",
            "firstName",
            "given_name",
            "urn:oid:2.5.4.42",
            &format!("{claims}/givenname"),
        ]),
        family_name: first(&[
            "sn",
            "surname",
            "lastName",
            "family_name",
            "urn:oid:2.5.4.4",
            &format!("{claims}/surname"),
        ]),
        display_name: first(&["displayName", "urn:oid:2.16.840.1.113730.3.1.241"]),
    })
}

/// Keeps the failed check for administrators and tells the person nothing an attacker could use.
async fn refuse(
    signin: &SignIn,
    request: &RequestContext,
    connection: &Connection,
    failed: &Failed,
) -> Refusal {
    tracing::info!(connection = connection.id, check = failed.check.as_str(), "SAML response refused");
    let context = Context::anonymous(&connection.account_id, "unknown", request);
    let reason = format!("saml_{}", failed.check.as_str());
    let detail = json!({
        "method": Method::Saml,
        "check": failed.check,
        "expected": failed.expected,
        "found": failed.found,
        "checks": failed.report.checks,
    });
    let event = Event::new(Action::SignIn, "connection", &connection.id, &connection.name);
    let event = event.refused(&reason).detail(detail);
    let written = async {
        let mut tx = signin.kernel.db.begin().await?;
        audit::record(&mut tx, &context, event).await?;
        tx.commit().await
    };
    if let Err(error) = written.await {
        return broken(error);
    }
    refusal(
        StatusCode::FORBIDDEN,
        "Sign-in was not accepted",
        "The answer of your identity provider was not accepted. Start again from your application. If it happens \
         again, give the request id below to your administrator: the audit trail says which check failed.",
    )
}
