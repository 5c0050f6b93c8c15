//! Authentication settings.

use axum::Json;
use axum::extract::State;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use utoipa::ToSchema;

use super::Body;
use crate::access::Principal;
use crate::admin;
use crate::admin::settings::{Impact, ProposedSettings};
use crate::directory::accounts::{self, AuthenticationSettings, SsoInvitations};
use crate::kernel::http::RequestContext;
use crate::web::{AppState, Error};

/// What to change; members not given stay. `null` empties `notify_group` and `mail_sender_name`.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct SettingsChange {
    password: Option<PasswordChange>,
    lockout: Option<LockoutChange>,
    two_factor: Option<TwoFactorChange>,
    session: Option<SessionChange>,
    email_domains: Option<Vec<String>>,
    local_login: Option<bool>,
    sso_invitations: Option<SsoInvitations>,
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    mail_sender_name: TextPatch,
}

/// Rules for passwords to change.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct PasswordChange {
    min_length: Option<u32>,
    require_upper: Option<bool>,
    require_lower: Option<bool>,
    require_digit: Option<bool>,
    require_special: Option<bool>,
    refuse_common: Option<bool>,
    expires_after_days: Option<u32>,
    warn_before_days: Option<u32>,
    history: Option<u32>,
}

/// Lockout to change.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct LockoutChange {
    attempts: Option<u32>,
    duration_minutes: Option<u32>,
    notify_user: Option<bool>,
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    notify_group: TextPatch,
}

/// Who needs a second factor, to change.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct TwoFactorChange {
    enforced: Option<bool>,
    groups: Option<Vec<String>>,
    grace_days: Option<u32>,
    remember_days: Option<u32>,
    passkey_sign_in: Option<bool>,
}

/// Session limits to change.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct SessionChange {
    inactivity_minutes: Option<u32>,
    absolute_minutes: Option<u32>,
}

/// A text that `null` empties and absence leaves alone.
#[derive(Debug, Default)]
enum TextPatch {
    #[default]
    Absent,
    Given(Option<String>),
}

impl<'d> Deserialize<'d> for TextPatch {
    fn deserialize<D: serde::Deserializer<'d>>(deserializer: D) -> Result<Self, D::Error> {
        Option::deserialize(deserializer).map(Self::Given)
    }
}

impl TextPatch {
    fn apply_to(self, into: &mut Option<String>) {
        if let Self::Given(text) = self {
            *into = text;
        }
    }
}

fn set_if_given<T>(into: &mut T, change: Option<T>) {
    if let Some(value) = change {
        *into = value;
    }
}

impl SettingsChange {
    fn apply(self, settings: &mut AuthenticationSettings) {
        if let Some(change) = self.password {
            let password = &mut settings.password;
            set_if_given(&mut password.min_length, change.min_length);
            set_if_given(&mut password.require_upper, change.require_upper);
            set_if_given(&mut password.require_lower, change.require_lower);
            set_if_given(&mut password.require_digit, change.require_digit);
            set_if_given(&mut password.require_special, change.require_special);
            set_if_given(&mut password.refuse_common, change.refuse_common);
            set_if_given(&mut password.expires_after_days, change.expires_after_days);
            set_if_given(&mut password.warn_before_days, change.warn_before_days);
            set_if_given(&mut password.history, change.history);
        }
        if let Some(change) = self.lockout {
            let lockout = &mut settings.lockout;
            set_if_given(&mut lockout.attempts, change.attempts);
            set_if_given(&mut lockout.duration_minutes, change.duration_minutes);
            set_if_given(&mut lockout.notify_user, change.notify_user);
            change.notify_group.apply_to(&mut lockout.notify_group);
        }
        if let Some(change) = self.two_factor {
            let two_factor = &mut settings.two_factor;
            set_if_given(&mut two_factor.enforced, change.enforced);
            set_if_given(&mut two_factor.groups, change.groups);
            set_if_given(&mut two_factor.grace_days, change.grace_days);
            set_if_given(&mut two_factor.remember_days, change.remember_days);
            set_if_given(&mut two_factor.passkey_sign_in, change.passkey_sign_in);
        }
        if let Some(change) = self.session {
            set_if_given(&mut settings.session.inactivity_minutes, change.inactivity_minutes);
            set_if_given(&mut settings.session.absolute_minutes, change.absolute_minutes);
        }
        set_if_given(&mut settings.email_domains, self.email_domains);
        set_if_given(&mut settings.local_login, self.local_login);
        set_if_given(&mut settings.sso_invitations, self.sso_invitations);
        self.mail_sender_name.apply_to(&mut settings.mail_sender_name);
    }
}

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
    let mut wanted = accounts::settings_of(&mut tx, &principal.account_id).await?;
    change.apply(&mut wanted);
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
    let mut wanted = accounts::settings_of(&mut c, &principal.account_id).await?;
    drop(c);
    change.apply(&mut wanted);
    let ProposedSettings { before, after: settings, effects } =
        admin::settings::preview(&app.kernel, &principal, wanted).await?;
    let changes = before.changes(&settings);
    let changes = changes
        .into_iter()
        .map(|(name, before, after)| (name, serde_json::json!({"before": before, "after": after})));
    Ok(Json(SettingsPreview { changes: changes.collect(), settings, effects }))
}
