//! Authentication settings.

use axum::Json;
use axum::extract::State;
use serde::Serialize;
use serde_json::{Map, Value};
use utoipa::ToSchema;

use super::Body;
use crate::access::Principal;
use crate::admin;
use crate::admin::settings::{Impact, ProposedSettings};
use crate::directory::accounts::{self, AuthenticationSettings, SettingsChange};
use crate::kernel::http::RequestContext;
use crate::web::{AppState, Error};

/// Shows the settings.
#[utoipa::path(get, path = "/api/v1/authentication-settings", tag = "authentication settings",
    security(("bearer" = [])), responses((status = 200, body = AuthenticationSettings)))]
pub(super) async fn show(
    State(app): State<AppState>,
    principal: Principal,
) -> Result<Json<AuthenticationSettings>, Error> {
    let mut c = app.kernel.db.read().await?;
    Ok(Json(accounts::settings_of(&mut c, &principal.account_id).await?))
}

/// Changes settings. They count at the next request on every node.
#[utoipa::path(patch, path = "/api/v1/authentication-settings", tag = "authentication settings",
    request_body = SettingsChange, security(("bearer" = [])),
    responses((status = 200, body = AuthenticationSettings), (status = 409, description = "All administrators would be locked out"),
        (status = 422)))]
pub(super) async fn change(
    State(app): State<AppState>,
    principal: Principal,
    request: RequestContext,
    Body(change): Body<SettingsChange>,
) -> Result<Json<AuthenticationSettings>, Error> {
    let mut tx = app.kernel.db.begin().await?;
    let wanted = change.apply_to(&accounts::settings_of(&mut tx, &principal.account_id).await?)?;
    let settings = admin::settings::save(&app.admin_request(&principal, &request), &mut tx, wanted).await?;
    tx.commit().await?;
    Ok(Json(settings))
}

/// What a change would do.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct SettingsPreview {
    /// The settings as they would be.
    settings: AuthenticationSettings,
    /// The members that would differ, by dotted name: `{"before": …, "after": …}`.
    #[schema(value_type = Object)]
    changes: Map<String, Value>,
    /// Whom it would affect.
    effects: Vec<Impact>,
}

/// Says what a change would do, and to whom, without doing it.
#[utoipa::path(post, path = "/api/v1/authentication-settings/preview", tag = "authentication settings",
    request_body = SettingsChange, security(("bearer" = [])),
    responses((status = 200, body = SettingsPreview), (status = 409), (status = 422)))]
pub(super) async fn preview(
    State(app): State<AppState>,
    principal: Principal,
    Body(change): Body<SettingsChange>,
) -> Result<Json<SettingsPreview>, Error> {
    let mut c = app.kernel.db.read().await?;
    let wanted = change.apply_to(&accounts::settings_of(&mut c, &principal.account_id).await?)?;
    drop(c);
    let ProposedSettings { before, after: settings, effects } =
        admin::settings::preview(&app.kernel, &principal, wanted).await?;
    let changes = before.differences(&settings).into_iter();
    let changes = changes
        .map(|change| (change.name, serde_json::json!({"before": change.before, "after": change.after})));
    Ok(Json(SettingsPreview { changes: changes.collect(), settings, effects }))
}
