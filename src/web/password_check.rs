//! Checks a password while the user types it, with the same rules that apply when it is submitted. Nothing
//! is stored or logged.

use axum::extract::State;
use axum::http::HeaderMap;
use axum::{Form, Json};
use serde::{Deserialize, Serialize};

use super::{AppState, Error, guard, login};
use crate::access::{Guard, Routes};
use crate::directory::accounts::{self, PasswordSettings};
use crate::directory::users;
use crate::kernel::http::RequestContext;
use crate::kernel::{AccountId, UserId};
use crate::signin::one_time_links;
use crate::signin::password::{self, Password, PersonalTerms, Strength};

pub(super) fn routes() -> Routes<AppState> {
    Routes::default().post("/password/check", Guard::Public, check)
}

/// The user is identified by what the page has: a link's secret, a flow, or the session. `own=false` when
/// an administrator chooses a password for another user.
#[derive(Deserialize)]
#[serde(default)]
struct CheckForm {
    password: String,
    token: String,
    flow: String,
    own: bool,
}

impl Default for CheckForm {
    fn default() -> Self {
        Self { password: String::new(), token: String::new(), flow: String::new(), own: true }
    }
}

#[derive(Serialize)]
struct PasswordCheckResult {
    strength: Strength,
    unmet: Vec<ViolatedRule>,
}

#[derive(Serialize)]
struct ViolatedRule {
    code: &'static str,
    text: String,
}

async fn check(
    State(app): State<AppState>,
    request: RequestContext,
    headers: HeaderMap,
    Form(form): Form<CheckForm>,
) -> Result<Json<PasswordCheckResult>, Error> {
    app.signin.throttle.check_estimate(request.address).map_err(login::throttled)?;
    let (settings, person) = context(&app, &headers, &form).await?;
    let typed = Password::new(&form.password);
    let unmet = password::unmet_rules(&settings, &typed, &person);
    let unmet = unmet.iter().map(|rule| ViolatedRule { code: rule.code(), text: rule.text() }).collect();
    // The estimate takes up to a few milliseconds of CPU time and must not block a thread that serves
    // requests.
    let strength = tokio::task::spawn_blocking(move || password::strength(&typed, &person)).await;
    let strength = strength.map_err(|error| Error::Internal(error.to_string()))?;
    Ok(Json(PasswordCheckResult { strength, unmet }))
}

/// The password settings, and the user's names and addresses, which a password must not contain.
async fn context(
    app: &AppState,
    headers: &HeaderMap,
    form: &CheckForm,
) -> Result<(PasswordSettings, PersonalTerms), Error> {
    let Some((account_id, user_id)) = resolve_user(app, headers, form).await? else {
        return Ok((PasswordSettings::default(), PersonalTerms::default()));
    };
    let mut c = app.kernel.db.read().await?;
    let settings = accounts::settings_of(&mut c, &account_id).await?.password;
    let user = if form.own { users::by_id(&mut c, &account_id, &user_id).await? } else { None };
    Ok((settings, user.as_ref().map(PersonalTerms::from).unwrap_or_default()))
}

/// The account id and user id of the page's link, flow or session.
async fn resolve_user(
    app: &AppState,
    headers: &HeaderMap,
    form: &CheckForm,
) -> Result<Option<(AccountId, UserId)>, sqlx::Error> {
    if !form.token.is_empty() {
        let mut c = app.kernel.db.read().await?;
        let link = one_time_links::find(&mut c, &form.token, app.kernel.clock.now()).await?;
        return Ok(link.and_then(|link| link.account_id.zip(link.user_id)));
    }
    if !form.flow.is_empty() {
        let found = login::password::find_flow(app, headers, &form.flow).await?;
        let proof = found.and_then(|(flow, _)| flow.proof());
        return Ok(proof.and_then(|proof| proof.user_id.map(|id| (proof.account_id, id))));
    }
    let principal = guard::authenticate(app, headers).await?;
    Ok(principal.map(|principal| (principal.account_id.clone(), principal.user_id())))
}
