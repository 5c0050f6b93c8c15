//! Managing one's second factors: the list, names, removal, recovery codes and remembered browsers.

use askama::Template;
use axum::Form;
use axum::extract::{Query, State};
use axum::http::StatusCode;
use axum::response::{AppendHeaders, IntoResponse, Redirect, Response};
use serde::Deserialize;

use super::{CodesPage, show_codes, webauthn_available};
use crate::access::Principal;
use crate::admin;
use crate::directory::accounts;
use crate::directory::users::User;
use crate::kernel::http::RequestContext;
use crate::kernel::urls::local_path;
use crate::signin::factors::{self, Factor, RememberedBrowser};
use crate::signin::policy::{self, RemovedFactors};
use crate::web::page::{self, Shell};
use crate::web::{AppState, Error, profile};

#[derive(Template)]
#[template(path = "profile/two_factor.html")]
struct ManageFactorsPage {
    shell: Shell,
    factors: Vec<Factor>,
    codes_left: i64,
    devices: Vec<RememberedBrowser>,
    remember_days: u32,
    enforced: bool,
    keys_work: bool,
    error: Option<String>,
}

#[derive(Template)]
#[template(path = "profile/few_codes.html")]
struct FewCodesPage {
    left: i64,
    return_to: String,
}

const HOME: &str = "/profile/two-factor";

#[derive(Deserialize)]
pub(super) struct ManageFactorsQuery {
    notice: Option<String>,
    return_to: Option<String>,
}

async fn render(
    app: &AppState,
    principal: &Principal,
    notice: Option<&str>,
    error: Option<String>,
) -> Result<Response, Error> {
    let user = profile::signed_in_user(app, principal).await?;
    let shell = Shell::build(app, principal, "profile", notice).await?;
    let status = if error.is_some() { StatusCode::UNPROCESSABLE_ENTITY } else { StatusCode::OK };
    let now = app.kernel.clock.now();
    let mut c = app.kernel.db.read().await?;
    let settings = accounts::settings_of(&mut c, &user.account_id).await?.two_factor;
    let page = ManageFactorsPage {
        shell,
        factors: factors::of_user(&mut c, &user.id).await?,
        codes_left: factors::codes_left(&mut c, &user.id).await?,
        devices: factors::remembered_browsers(&mut c, &settings, &user, now).await?,
        remember_days: settings.remember_days,
        enforced: policy::is_enforced_for(&mut c, &settings, &user.id).await?,
        keys_work: webauthn_available(app),
        error,
    };
    page::render_with_status(status, &page)
}

pub(super) async fn show(
    State(app): State<AppState>,
    principal: Principal,
    Query(query): Query<ManageFactorsQuery>,
) -> Result<Response, Error> {
    render(&app, &principal, query.notice.as_deref(), None).await
}

/// The notice after a sign-in with one of the last recovery codes.
pub(super) async fn few_codes(
    State(app): State<AppState>,
    principal: Principal,
    Query(query): Query<ManageFactorsQuery>,
) -> Result<Response, Error> {
    let left = factors::codes_left(&mut *app.kernel.db.read().await?, &principal.user_id()).await?;
    let return_to = local_path(query.return_to.as_deref(), "/").to_owned();
    page::render(&FewCodesPage { left, return_to })
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct ManageFactorForm {
    id: String,
    name: String,
}

/// Redirects to the page, or renders it with the error.
async fn redirect_or_rerender(
    app: &AppState,
    principal: &Principal,
    notice: &str,
    done: Result<(), Error>,
) -> Result<Response, Error> {
    match done {
        Ok(()) => Ok(Redirect::to(&format!("{HOME}?notice={notice}")).into_response()),
        Err(error) => render(app, principal, None, Some(error.for_form()?)).await,
    }
}

async fn find_own_factor(tx: &mut crate::kernel::Tx, user: &User, id: &str) -> Result<Factor, Error> {
    let factor = factors::by_id(tx, &user.id, id).await?;
    factor.ok_or_else(|| Error::not_found("two-factor method"))
}

pub(super) async fn rename(
    State(app): State<AppState>,
    principal: Principal,
    request: RequestContext,
    Form(form): Form<ManageFactorForm>,
) -> Result<Response, Error> {
    let done = async {
        let user = profile::signed_in_user(&app, &principal).await?;
        let mut tx = app.kernel.db.begin().await?;
        let factor = find_own_factor(&mut tx, &user, &form.id).await?;
        factors::rename(&mut tx, &principal.context(&request), &user, &factor, &form.name).await?;
        tx.commit().await?;
        Ok(())
    };
    redirect_or_rerender(&app, &principal, "factor_renamed", done.await).await
}

pub(super) async fn remove(
    State(app): State<AppState>,
    principal: Principal,
    request: RequestContext,
    Form(form): Form<ManageFactorForm>,
) -> Result<Response, Error> {
    if let Some(elsewhere) = profile::redirect_unless_recent(&app, &principal, HOME) {
        return Ok(elsewhere);
    }
    let done = async {
        principal.require_recent_authentication(app.kernel.clock.now())?;
        let user = profile::signed_in_user(&app, &principal).await?;
        let mut tx = app.kernel.db.begin().await?;
        let factor = find_own_factor(&mut tx, &user, &form.id).await?;
        admin::two_factor::ensure_not_last_sign_in_method(&mut tx, &user, RemovedFactors::One(&factor))
            .await?;
        let settings = accounts::settings_of(&mut tx, &user.account_id).await?.two_factor;
        let context = principal.context(&request);
        factors::remove(&app.kernel, &mut tx, &context, &user, &settings, &factor).await?;
        tx.commit().await?;
        Ok(())
    };
    redirect_or_rerender(&app, &principal, "factor_removed", done.await).await
}

pub(super) async fn renew_codes(
    State(app): State<AppState>,
    principal: Principal,
    request: RequestContext,
) -> Result<Response, Error> {
    if let Some(elsewhere) = profile::redirect_unless_recent(&app, &principal, HOME) {
        return Ok(elsewhere);
    }
    principal.require_recent_authentication(app.kernel.clock.now())?;
    let user = profile::signed_in_user(&app, &principal).await?;
    let mut tx = app.kernel.db.begin().await?;
    let codes = factors::renew_codes(&app.kernel, &mut tx, &principal.context(&request), &user).await?;
    tx.commit().await?;
    show_codes(AppendHeaders(Vec::new()), CodesPage { codes, next: HOME.to_owned(), first: false })
}

pub(super) async fn revoke_remembered_browser(
    State(app): State<AppState>,
    principal: Principal,
    request: RequestContext,
    Form(form): Form<ManageFactorForm>,
) -> Result<Response, Error> {
    let user = profile::signed_in_user(&app, &principal).await?;
    let mut tx = app.kernel.db.begin().await?;
    factors::revoke_remembered_browser(&mut tx, &principal.context(&request), &user, &form.id).await?;
    tx.commit().await?;
    Ok(Redirect::to(&format!("{HOME}?notice=device_forgotten")).into_response())
}
