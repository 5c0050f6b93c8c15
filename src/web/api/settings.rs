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

/// Get the authentication settings
#[utoipa::path(
    get, operation_id = "get_authentication_settings", path = "/api/v1/authentication-settings",
    tag = "authentication settings",
    security(("bearer" = [])),
    responses(
        (status = 200, description = "The account's authentication settings", body = AuthenticationSettings),
    ),
)]
pub(super) async fn show(
    State(app): State<AppState>,
    principal: Principal,
) -> Result<Json<AuthenticationSettings>, Error> {
    let mut c = app.kernel.db.read().await?;
    Ok(Json(accounts::settings_of(&mut c, &principal.account_id).await?))
}

/// Update the authentication settings
///
/// The new settings apply from the next request on every node.
#[utoipa::path(
    patch, operation_id = "update_authentication_settings", path = "/api/v1/authentication-settings",
    tag = "authentication settings",
    request_body = SettingsChange,
    security(("bearer" = [])),
    responses(
        (status = 200, description = "The updated settings", body = AuthenticationSettings),
        (status = 409, description = "Administrators would be locked out, or two-factor authentication \
            must be set up before it is required for others"),
        (status = 422, description = "A field is not valid"),
    ),
)]
pub(super) async fn change(
    State(app): State<AppState>,
    principal: Principal,
    request: RequestContext,
    Body(change): Body<SettingsChange>,
) -> Result<Json<AuthenticationSettings>, Error> {
    let mut tx = app.kernel.db.begin().await?;
    accounts::lock(&mut tx, &principal.account_id).await?;
    let wanted = change.apply_to(&accounts::settings_of(&mut tx, &principal.account_id).await?)?;
    let settings = admin::settings::save(&app.admin_request(&principal, &request), &mut tx, wanted).await?;
    tx.commit().await?;
    Ok(Json(settings))
}

/// The impact of a change that has not been saved.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct SettingsPreview {
    /// The settings after the change.
    settings: AuthenticationSettings,
    /// The settings that would change, by dotted name: `{"before": …, "after": …}`.
    #[schema(value_type = Object)]
    changes: Map<String, Value>,
    /// The impact on users and sessions.
    effects: Vec<Impact>,
}

/// Preview a change of the authentication settings
///
/// Returns what would change and the impact on users. Nothing is saved.
#[utoipa::path(
    post, operation_id = "preview_authentication_settings", path = "/api/v1/authentication-settings/preview",
    tag = "authentication settings",
    request_body = SettingsChange,
    security(("bearer" = [])),
    responses(
        (status = 200, description = "The impact of the change", body = SettingsPreview),
        (status = 409, description = "Administrators would be locked out, or two-factor authentication \
            must be set up before it is required for others"),
        (status = 422, description = "A field is not valid"),
    ),
)]
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
