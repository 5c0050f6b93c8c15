//! Where people come back from the provider.

use axum::extract::rejection::QueryRejection;
use axum::extract::{Path, Query, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Redirect, Response};

use super::super::super::Idp;
use super::super::super::connections::{Connection, OidcSettings};
use super::super::super::http::{broken, refusal, refuse, switched_off, throttled};
use super::super::super::trials;
use super::super::answer::{Accepted, Came, hear};
use super::super::check::{Check, Failed, Report};
use super::super::sent::{self, Purpose, Sent};
use super::super::{leave, person, trial};
use super::find;
use crate::audit::{Action, Context};
use crate::directory::users;
use crate::kernel::http::{Refusal, RequestContext, cookie};
use crate::kernel::tickets::Ticket;
use crate::signin::factors::SecondFactor;
use crate::signin::flow::{self, Delivery};
use crate::signin::{Method, Proof, Provided, SignIn, Subject, identities, sessions};

/// Takes the answer. The state is opened first: it is sealed for this connection and this browser, so nothing that
/// was begun elsewhere, or for another provider, goes any further.
pub(super) async fn receive(
    State(idp): State<Idp>,
    Path(id): Path<String>,
    request: RequestContext,
    headers: HeaderMap,
    came: Result<Query<Came>, QueryRejection>,
) -> Result<Response, Refusal> {
    let (signin, kernel) = (&idp.signin, &idp.signin.kernel);
    signin.throttle.address(request.address).map_err(throttled)?;
    let (connection, settings) = find(signin, &id, false).await?;
    let Query(came) = came.map_err(|_| elsewhere())?;
    let browser = cookie(&headers, flow::cookies(kernel).flow);
    let opened = sent::open(kernel, &connection, (&came.state, browser)).await.map_err(broken)?;
    let ticket = opened.ok_or_else(elsewhere)?;
    let (sent, about) = (&ticket.content, (&connection, &settings));
    match &sent.purpose {
        Purpose::Trial(relay) => {
            let now = kernel.clock.now();
            let mut c = kernel.db.read().await.map_err(broken)?;
            let found = trials::waiting(&mut c, &connection.id, Some(relay), now).await.map_err(broken)?;
            drop(c);
            let trial = found.ok_or_else(elsewhere)?;
            // What was found is for the administrator who began it, and leads nowhere else.
            let heard = hear((kernel, &idp.oidc), about, (sent, &came)).await;
            let context = Context::anonymous(&connection.account_id, "test", &request);
            trial::finish(signin, &context, (&connection, &trial), (sent, heard)).await.map_err(broken)?;
            let to = format!("/console/connections/{}/tests/{}", connection.id, trial.id);
            Ok(Redirect::to(&to).into_response())
        }
        _ if !connection.is_enabled() => Err(switched_off()),
        Purpose::SignIn => {
            let outcome = match waits(signin, &connection, sent).await.map_err(broken)? {
                Ok(()) => hear((kernel, &idp.oidc), about, (sent, &came)).await,
                Err(failed) => Err(failed),
            };
            let outcome = match outcome {
                Ok(accepted) => hand_over(signin, about, (sent, accepted)).await.map_err(broken)?,
                Err(failed) => Err(failed),
            };
            match outcome {
                Ok(handover) => {
                    Ok(Redirect::to(&format!("/login/continue?handover={handover}")).into_response())
                }
                Err(failed) => Err(said_no(signin, &request, &connection, &failed).await),
            }
        }
        Purpose::Link { user } => {
            let secret = cookie(&headers, flow::cookies(kernel).session).unwrap_or_default();
            let principal = sessions::authenticate(signin, secret).await.map_err(broken)?;
            let principal = principal.filter(|principal| principal.id == *user).ok_or_else(elsewhere)?;
            match hear((kernel, &idp.oidc), about, (sent, &came)).await {
                Ok(accepted) => {
                    let context = principal.context(&request);
                    link(signin, &context, (&connection, user), (&ticket, &accepted)).await
                }
                Err(failed) => Err(said_no(signin, &request, &connection, &failed).await),
            }
        }
    }
}

fn elsewhere() -> Refusal {
    refusal(
        StatusCode::FORBIDDEN,
        "This sign-in cannot be finished here",
        "It was begun in another browser, was finished already, or took too long. Start again from your application \
         or the sign-in page.",
    )
}

/// Whether a sign-in waits for this answer: a code that comes again is not even tried.
async fn waits(
    signin: &SignIn,
    connection: &Connection,
    sent: &Sent,
) -> Result<Result<(), Failed>, sqlx::Error> {
    let mut c = signin.kernel.db.read().await?;
    let now = signin.kernel.clock.now();
    let waits = flow::waits_for(&mut c, (&connection.id, &sent.request), now).await?;
    Ok(if waits { Ok(()) } else { Err(used(&Report::default())) })
}

fn used(report: &Report) -> Failed {
    report.fail(Check::Request, "a sign-in that waits for this answer", "one that was answered, or is over")
}

/// Puts the proof down for the flow that asked for it.
async fn hand_over(
    signin: &SignIn,
    (connection, settings): (&Connection, &OidcSettings),
    (sent, accepted): (&Sent, Accepted),
) -> Result<Result<String, Failed>, sqlx::Error> {
    let is_mfa = settings.people.trust_mfa && person::says_mfa(&accepted.claims);
    let proof = Proof {
        method: Method::Oidc,
        account_id: connection.account_id.clone(),
        connection_id: Some(connection.id.clone()),
        subject: accepted.email.clone(),
        user_id: None,
        identity: Some(subject(&accepted)),
        amr: if is_mfa { vec!["mfa".into()] } else { Vec::new() },
        second_factor: is_mfa.then_some(SecondFactor::Provider),
        password: None,
        forgiven: None,
        acr: super::super::judge::text(&accepted.claims, "acr").unwrap_or_default().to_owned(),
        provided: Provided {
            create: settings.people.jit.admits(|key| person::values(&accepted.claims, key)),
            names: person::names(settings, &accepted.claims),
            update_names: !settings.people.keep_names,
            session: Some(leave::session(&accepted)),
            groups: accepted.groups,
        },
    };
    let to = (connection.account_id.as_str(), connection.id.as_str());
    let mut tx = signin.kernel.db.begin().await?;
    let Some(handover) = flow::deliver(&mut tx, to, Delivery::Asked(&sent.request), &proof).await? else {
        return Ok(Err(used(&accepted.report)));
    };
    tx.commit().await?;
    Ok(Ok(handover))
}

fn subject(accepted: &Accepted) -> Subject {
    Subject {
        issuer: accepted.issuer.clone(),
        id: accepted.subject.clone(),
        address_is_verified: accepted.email_is_verified,
    }
}

/// Gives the identity to the one who is signed in and asked for it.
async fn link(
    signin: &SignIn,
    context: &Context,
    (connection, user): (&Connection, &str),
    (ticket, accepted): (&Ticket<Sent>, &Accepted),
) -> Result<Response, Refusal> {
    let mut tx = signin.kernel.db.begin().await.map_err(broken)?;
    if !ticket.spend(&mut tx).await.map_err(broken)? {
        return Err(elsewhere());
    }
    let user = users::by_id(&mut tx, &connection.account_id, user).await.map_err(broken)?;
    let user = user.ok_or_else(elsewhere)?;
    let identity = subject(accepted);
    let linked = identities::link(&mut tx, context, &user, (&connection.id, &identity, &accepted.email));
    let notice = match linked.await {
        Ok(()) => "identity_linked",
        Err(crate::directory::Error::Forbidden(_)) => return Ok(to_profile("identity_of_another")),
        Err(error) => return Err(broken(error)),
    };
    tx.commit().await.map_err(broken)?;
    Ok(to_profile(notice))
}

fn to_profile(notice: &str) -> Response {
    Redirect::to(&format!("/profile?notice={notice}")).into_response()
}

/// Somebody changed their mind at the provider, or something is wrong.
async fn said_no(
    signin: &SignIn,
    request: &RequestContext,
    connection: &Connection,
    failed: &Failed,
) -> Refusal {
    let refusal = refuse(signin, request, (connection, Action::SignIn, Method::Oidc), failed).await;
    if failed.check == Check::Answer && failed.found.starts_with("access_denied") {
        let detail = "The sign-in was cancelled there, or you may not use this application. Start again, or sign in \
                      another way.";
        return Refusal::new(refusal.status, "Your identity provider said no", detail);
    }
    refusal
}
