//! What is missing in a password, while it is typed. The same judge as at the end; it stores nothing and
//! logs nothing.

use axum::extract::State;
use axum::http::HeaderMap;
use axum::{Form, Json};
use serde::{Deserialize, Serialize};

use super::{App, Error, guard, login};
use crate::access::{Guard, Routes};
use crate::directory::accounts::{self, PasswordSettings};
use crate::directory::users;
use crate::kernel::http::{RequestContext, cookie};
use crate::signin::flow;
use crate::signin::links;
use crate::signin::password::{self, Password, Person, Strength};

pub(super) fn routes() -> Routes<App> {
    Routes::default().post("/password/check", Guard::Public, check)
}

/// Who asks is told by what the page holds: a link's secret, a flow, or the session. `own=false` for an
/// administrator who chooses somebody else's.
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
struct Verdict {
    strength: Strength,
    unmet: Vec<Rule>,
}

#[derive(Serialize)]
struct Rule {
    code: &'static str,
    text: String,
}

async fn check(
    State(app): State<App>,
    request: RequestContext,
    headers: HeaderMap,
    Form(form): Form<CheckForm>,
) -> Result<Json<Verdict>, Error> {
    app.signin.throttle.estimate(request.address).map_err(login::throttled)?;
    let (settings, person) = context(&app, &headers, &form).await?;
    let typed = Password::new(&form.password);
    let unmet = password::unmet(&settings, &typed, &person);
    let unmet = unmet.iter().map(|rule| Rule { code: rule.code(), text: rule.text() }).collect();
    // Up to a few milliseconds of arithmetic; not on a thread that serves requests.
    let strength = tokio::task::spawn_blocking(move || password::strength(&typed, &person)).await;
    let strength = strength.map_err(|error| Error::Internal(error.to_string()))?;
    Ok(Json(Verdict { strength, unmet }))
}

/// The settings and the person that a password is judged by.
async fn context(
    app: &App,
    headers: &HeaderMap,
    form: &CheckForm,
) -> Result<(PasswordSettings, Person), Error> {
    let Some((account_id, user_id)) = whose(app, headers, form).await? else {
        return Ok((PasswordSettings::default(), Person::default()));
    };
    let mut c = app.kernel.db.read().await?;
    let settings = accounts::settings_of(&mut c, &account_id).await?.password;
    let user = if form.own { users::by_id(&mut c, &account_id, &user_id).await? } else { None };
    Ok((settings, user.as_ref().map(Person::from).unwrap_or_default()))
}

/// The account and the user that the page's link, flow or session is about.
async fn whose(
    app: &App,
    headers: &HeaderMap,
    form: &CheckForm,
) -> Result<Option<(String, String)>, sqlx::Error> {
    if !form.token.is_empty() {
        let mut c = app.kernel.db.read().await?;
        let link = links::find(&mut c, &form.token, app.kernel.clock.now()).await?;
        return Ok(link.and_then(|link| link.account_id.zip(link.user_id)));
    }
    if !form.flow.is_empty() {
        let browser = cookie(headers, flow::cookies(&app.kernel).flow).unwrap_or_default();
        let proof = flow::find(&app.kernel, &form.flow, browser).await?.and_then(|flow| flow.proof());
        return Ok(proof.and_then(|proof| proof.user_id.map(|id| (proof.account_id, id))));
    }
    let principal = guard::identify(app, headers).await?;
    Ok(principal.map(|principal| (principal.account_id, principal.id)))
}
