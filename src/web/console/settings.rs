//! Settings of the account: a form, then a page that says whom the change affects, then the change.

use std::path::PathBuf;

use askama::Template;
use axum::Form;
use axum::extract::{Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};
use serde_json::Value;

use super::ConsoleListQuery;
use super::settings_form::SettingsForm;
use crate::access::Principal;
use crate::audit::{self, Action, Event};
use crate::directory::accounts::{self, AuthenticationSettings};
use crate::directory::groups::{self, Group, GroupCondition};
use crate::directory::users;
use crate::kernel;
use crate::kernel::http::RequestContext;
use crate::kernel::mail::EmailMessage;
use crate::signin::{notifications, policy};
use crate::web::admin::{self, Impact};
use crate::web::page::{self, Shell};
use crate::web::{AppState, Error};

#[derive(Template)]
#[template(path = "console/settings.html")]
struct SettingsPage {
    shell: Shell,
    form: SettingsForm,
    /// The account's groups, as far as a list to choose from is of use.
    groups: Vec<Group>,
    /// Where mails go: a server, or a folder.
    mail: String,
    /// Whether this administrator may ask others for a second factor.
    may_enforce: bool,
    error: Option<String>,
}

#[derive(Template)]
#[template(path = "console/settings_review.html")]
struct ReviewPage {
    shell: Shell,
    fields: Vec<(&'static str, String)>,
    changes: Vec<SettingDiff>,
    effects: Vec<Impact>,
}

struct SettingDiff {
    name: String,
    before: String,
    after: String,
}

fn mail_destination(app: &AppState) -> String {
    let config = &app.kernel.config.mail;
    let folder = |folder: &PathBuf| format!("files in {}", folder.display());
    match config.url.as_ref().and_then(|url| url::Url::parse(url).ok()) {
        Some(url) => format!("the mail server {}", url.host_str().unwrap_or("that is configured")),
        None => folder(&config.directory),
    }
}

async fn build(
    app: &AppState,
    principal: &Principal,
    form: SettingsForm,
    notice: Option<&str>,
    error: Option<String>,
) -> Result<SettingsPage, Error> {
    let shell = Shell::build(app, principal, "settings", notice).await?;
    let mut c = app.kernel.db.read().await?;
    let groups = groups::search(&mut c, &principal.account_id, "", "", 100).await?;
    let may_enforce = policy::requester_has_second_factor(&mut c, principal).await?;
    Ok(SettingsPage { shell, form, groups, mail: mail_destination(app), may_enforce, error })
}

pub(super) async fn show(
    State(app): State<AppState>,
    principal: Principal,
    Query(query): Query<ConsoleListQuery>,
) -> Result<Response, Error> {
    let mut c = app.kernel.db.read().await?;
    let settings = accounts::settings_of(&mut c, &principal.account_id).await?;
    let group = match &settings.lockout.notify_group {
        Some(id) => groups::by_id(&mut c, &principal.account_id, id).await?.map(|group| group.name),
        None => None,
    };
    let mut named = Vec::new();
    for id in &settings.two_factor.groups {
        named.extend(groups::by_id(&mut c, &principal.account_id, id).await?.map(|group| group.name));
    }
    drop(c);
    let form = SettingsForm::of(&settings, group, &named);
    page::render(&build(&app, &principal, form, query.notice.as_deref(), None).await?)
}

/// The settings the form asks for. Groups are typed by name.
async fn requested_settings(
    app: &AppState,
    principal: &Principal,
    form: &SettingsForm,
) -> Result<AuthenticationSettings, Error> {
    let mut wanted = form.settings()?;
    let mut c = app.kernel.db.read().await?;
    if let Some(name) = page::non_empty(&form.notify_group) {
        wanted.lockout.notify_group = Some(group_id_by_name(&mut c, principal, "Group to tell", name).await?);
    }
    for name in form.two_factor_groups.lines().filter_map(page::non_empty) {
        wanted.two_factor.groups.push(group_id_by_name(&mut c, principal, "Groups", name).await?);
    }
    // The server sets it; what was there is no change.
    let before = accounts::settings_of(&mut c, &principal.account_id).await?.two_factor;
    wanted.two_factor.enforced_since = before.enforced_since;
    Ok(wanted)
}

/// The id of the group with this name.
async fn group_id_by_name(
    c: &mut kernel::database::DbConn,
    principal: &Principal,
    field: &str,
    name: String,
) -> Result<String, Error> {
    let matches = [GroupCondition::Name(name.clone())];
    let mut found = groups::list_after(c, &principal.account_id, &matches, "", 2).await?;
    match (found.pop(), found.is_empty()) {
        (Some(group), true) => Ok(group.id),
        (Some(_), false) => Err(Error::invalid(field, &format!("{name} is the name of several groups"))),
        (None, _) => Err(Error::invalid(field, &format!("there is no group called {name}"))),
    }
}

/// First says what would change and for whom; with `confirmed`, changes it.
pub(super) async fn save(
    State(app): State<AppState>,
    principal: Principal,
    request: RequestContext,
    Form(form): Form<SettingsForm>,
) -> Result<Response, Error> {
    if form.edit.is_some() {
        return page::render(&build(&app, &principal, form, None, None).await?);
    }
    let done = async {
        let wanted = requested_settings(&app, &principal, &form).await?;
        if form.confirmed.is_none() {
            let (before, after, effects) = admin::preview_settings(&app, &principal, wanted).await?;
            let changes = before.changes(&after);
            return Ok(if changes.is_empty() { None } else { Some((changes, effects)) });
        }
        let mut tx = app.kernel.db.begin().await?;
        admin::save_settings(&mut tx, &principal, &request, wanted).await?;
        tx.commit().await?;
        Ok::<_, Error>(None)
    };
    match done.await {
        Ok(None) => Ok(Redirect::to("/console/settings?notice=settings_saved").into_response()),
        Ok(Some((changes, effects))) => {
            let shell = Shell::build(&app, &principal, "settings", None).await?;
            let group = form.notify_group.clone();
            let changes =
                changes.into_iter().map(|(name, before, after)| setting_diff(name, &before, &after, &group));
            page::render(&ReviewPage {
                shell,
                fields: form.hidden_fields(),
                changes: changes.collect(),
                effects,
            })
        }
        Err(error) => {
            let error = Some(error.for_form()?);
            let page = build(&app, &principal, form, None, error).await?;
            page::render_with_status(StatusCode::UNPROCESSABLE_ENTITY, &page)
        }
    }
}

fn setting_diff(name: String, before: &Value, after: &Value, group: &str) -> SettingDiff {
    let shown = |value: &Value| match (name.as_str(), value.as_u64()) {
        ("lockout.duration_minutes", Some(minutes)) => span(minutes),
        ("lockout.notify_group", _) if value.is_string() => "another group".to_owned(),
        ("two_factor.groups", _) => match value.as_array().map_or(0, Vec::len) {
            0 => "none".to_owned(),
            1 => "1 group".to_owned(),
            n => format!("{n} groups"),
        },
        _ => display_value(value),
    };
    let after =
        if name == "lockout.notify_group" && after.is_string() { group.to_owned() } else { shown(after) };
    SettingDiff { before: shown(before), after, name: title(&name) }
}

/// Minutes in the largest unit that divides them.
fn span(minutes: u64) -> String {
    let (count, unit) = match minutes {
        n if n > 0 && n.is_multiple_of(24 * 60) => (n / (24 * 60), "day"),
        n if n > 0 && n.is_multiple_of(60) => (n / 60, "hour"),
        n => (n, "minute"),
    };
    format!("{count} {unit}{}", if count == 1 { "" } else { "s" })
}

/// `password.min_length` as `Password: min length`; a span says its unit itself.
fn title(name: &str) -> String {
    let name =
        name.strip_suffix("duration_minutes").map_or_else(|| name.to_owned(), |n| format!("{n}duration"));
    let mut words = name.replace('_', " ").replace('.', ": ");
    if let Some(first) = words.get_mut(..1) {
        first.make_ascii_uppercase();
    }
    words
}

fn display_value(value: &Value) -> String {
    match value {
        Value::Bool(true) => "on".into(),
        Value::Bool(false) => "off".into(),
        Value::Null => "none".into(),
        Value::Array(all) if all.is_empty() => "any".into(),
        Value::Array(all) => all.iter().filter_map(Value::as_str).collect::<Vec<_>>().join(", "),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

/// Sends the administrator a mail, to see that mail works before somebody depends on it.
pub(super) async fn test_mail(
    State(app): State<AppState>,
    principal: Principal,
    request: RequestContext,
) -> Result<Response, Error> {
    let mut tx = app.kernel.db.begin().await?;
    let user = users::by_id(&mut tx, &principal.account_id, &principal.id).await?;
    let user = user.filter(|user| user.email.is_some());
    let user = user.ok_or_else(|| Error::invalid("Email", "your user has no address to send a mail to"))?;
    let account = accounts::by_id(&mut tx, &principal.account_id).await?;
    let account = account.ok_or_else(|| Error::not_found("account"))?;
    let letter = EmailMessage {
        subject: "Mail from Vestibule works".into(),
        paragraphs: vec![format!(
            "You asked for this test mail in the settings of {}. It arrived, so invitations and notices will too.",
            account.name
        )],
        action: Some(("Back to the settings".into(), app.kernel.urls.absolute("/console/settings"))),
        notes: Vec::new(),
    };
    let id = notifications::send(&app.kernel, &mut tx, &account, &user, &letter).await?.unwrap_or_default();
    let event = Event::new(Action::MailTest, "mail", &id, user.email.as_deref().unwrap_or_default());
    audit::record(&mut tx, &principal.context(&request), event).await?;
    tx.commit().await?;
    app.kernel.mail_wake.notify_one();
    Ok(Redirect::to("/console/settings?notice=mail_queued").into_response())
}
