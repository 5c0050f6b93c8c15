//! Authentication settings.

use axum::Json;
use axum::extract::State;
use serde::Deserialize;
use utoipa::ToSchema;

use super::super::{App, Error, rules};
use super::Body;
use crate::access::Principal;
use crate::directory::accounts::{self, SessionSettings, Settings};
use crate::kernel::http::RequestContext;

/// What to change; members not given stay.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct SettingsChange {
    session: Option<SessionChange>,
    email_domains: Option<Vec<String>>,
    local_login: Option<bool>,
}

/// Session limits to change.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct SessionChange {
    inactivity_minutes: Option<u32>,
    absolute_minutes: Option<u32>,
}

/// Shows the settings.
#[utoipa::path(get, path = "/api/v1/authentication-settings", tag = "authentication settings",
    security(("bearer" = [])), responses((status = 200, body = Settings)))]
pub(super) async fn show(State(app): State<App>, principal: Principal) -> Result<Json<Settings>, Error> {
    let mut c = app.kernel.db.read().await?;
    Ok(Json(accounts::settings_of(&mut c, &principal.account_id).await?))
}

/// Changes settings.
#[utoipa::path(patch, path = "/api/v1/authentication-settings", tag = "authentication settings",
    request_body = SettingsChange, security(("bearer" = [])),
    responses((status = 200, body = Settings), (status = 409), (status = 422)))]
pub(super) async fn change(
    State(app): State<App>,
    principal: Principal,
    request: RequestContext,
    Body(change): Body<SettingsChange>,
) -> Result<Json<Settings>, Error> {
    let mut tx = app.kernel.db.begin().await?;
    let now = accounts::settings_of(&mut tx, &principal.account_id).await?;
    let session = match change.session {
        None => now.session,
        Some(change) => SessionSettings {
            inactivity_minutes: change.inactivity_minutes.unwrap_or(now.session.inactivity_minutes),
            absolute_minutes: change.absolute_minutes.unwrap_or(now.session.absolute_minutes),
        },
    };
    let wanted = Settings {
        session,
        email_domains: change.email_domains.unwrap_or(now.email_domains),
        local_login: change.local_login.unwrap_or(now.local_login),
    };
    let settings = rules::save_settings(&mut tx, &principal, &request, wanted).await?;
    tx.commit().await?;
    Ok(Json(settings))
}
