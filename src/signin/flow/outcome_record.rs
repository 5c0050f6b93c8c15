//! Records the outcome of a sign-in in the audit trail and the metrics.

use serde_json::json;

use crate::audit::{self, Action, Actor, ActorKind, Context, Event};
use crate::directory::users::User;
use crate::kernel::Tx;
use crate::kernel::http::RequestContext;
use crate::signin::{Method, Proof, SignInError};

/// The audit context for an action of `user` in this request, once it is certain that it is them.
pub(crate) fn audit_context_of(user: &User, request: &RequestContext) -> Context {
    let actor =
        Actor { kind: ActorKind::User, id: Some(String::from(&user.id)), name: user.user_name.clone() };
    Context::of(&user.account_id, actor, request)
}

/// Records a successful sign-in.
pub(super) async fn record_success(
    tx: &mut Tx,
    request: &RequestContext,
    user: &User,
    proof: &Proof,
) -> Result<(), sqlx::Error> {
    let event = Event::new(Action::SignIn, "user", &user.id, &user.user_name)
        .detail(json!({"method": proof.method, "connection": proof.connection_id, "amr": proof.amr,
            "second_factor": proof.second_factor}));
    audit::record(tx, &audit_context_of(user, request), event).await?;
    count_outcome(proof.method, "success");
    Ok(())
}

/// Records a refused sign-in and its reason.
pub(super) async fn record_refusal(
    tx: &mut Tx,
    context: &Context,
    user: Option<&User>,
    method: Method,
    refused: &SignInError,
) -> Result<(), sqlx::Error> {
    count_outcome(method, "refused");
    let reason = refused.to_string();
    let event = Event {
        resource_id: user.map(|user| user.id.as_str()),
        resource_name: user.map_or(context.actor.name.as_str(), |user| user.user_name.as_str()),
        ..Event::new(Action::SignIn, "user", "", "")
    };
    let detail = match refused {
        SignInError::NotInConnectionDomains(domain) => json!({"method": method, "domain": domain}),
        _ => json!({"method": method}),
    };
    let event = event.refused(&reason).detail(detail);
    audit::record(tx, context, event).await
}

/// Counts a sign-in in the metrics. `outcome` is `success` or `refused`.
pub(super) fn count_outcome(method: Method, outcome: &'static str) {
    metrics::counter!("vestibule_sign_ins_total", "method" => method.as_str(), "outcome" => outcome)
        .increment(1);
}
