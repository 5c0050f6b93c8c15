//! The account's settings. A change is shown for review with its impact before it is saved.

use std::path::PathBuf;

use askama::Template;
use axum::Form;
use axum::extract::{Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};

use super::ConsoleListQuery;
use crate::access::Principal;
use crate::admin;
use crate::admin::settings::{Impact, ProposedSettings};
use crate::audit::{self, Action, Event};
use crate::directory::accounts::{self, ReviewedSetting, SettingsForm};
use crate::directory::groups::{self, Group};
use crate::directory::users;
use crate::kernel::http::RequestContext;
use crate::kernel::mail::EmailMessage;
use crate::signin::{notifications, policy};
use crate::web::page::{self, Shell};
use crate::web::{AppState, Error};

#[derive(Template)]
#[template(path = "console/settings.html")]
struct SettingsPage {
    shell: Shell,
    form: SettingsForm,
    /// The account's groups to choose from, at most a hundred.
    groups: Vec<Group>,
    /// Where mails are delivered: a mail server or a folder.
    mail: String,
    /// Whether this administrator may require a second factor of others.
    may_enforce: bool,
    error: Option<String>,
}

#[derive(Template)]
#[template(path = "console/settings_review.html")]
struct ReviewPage {
    shell: Shell,
    inputs: Vec<(String, String)>,
    changes: Vec<ReviewedSetting>,
    effects: Vec<Impact>,
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
    let form = SettingsForm::show(&mut c, &principal.account_id, &settings).await?;
    drop(c);
    page::render(&build(&app, &principal, form, query.notice.as_deref(), None).await?)
}

/// Shows the impact of the change for review, or saves the change if the form is `confirmed`.
pub(super) async fn save(
    State(app): State<AppState>,
    principal: Principal,
    request: RequestContext,
    Form(mut form): Form<SettingsForm>,
) -> Result<Response, Error> {
    let mut c = app.kernel.db.read().await?;
    let before = accounts::settings_of(&mut c, &principal.account_id).await?;
    form.complete_from(&SettingsForm::show(&mut c, &principal.account_id, &before).await?);
    drop(c);
    if form.is_on("edit") {
        return page::render(&build(&app, &principal, form, None, None).await?);
    }
    let done = async {
        let mut c = app.kernel.db.read().await?;
        let wanted = form.read(&mut c, &principal.account_id, &before).await?;
        drop(c);
        if !form.is_on("confirmed") {
            let ProposedSettings { before, after, effects } =
                admin::settings::preview(&app.kernel, &principal, wanted).await?;
            let changes = before.differences(&after);
            return Ok(if changes.is_empty() { None } else { Some((changes, effects)) });
        }
        let mut tx = app.kernel.db.begin().await?;
        admin::settings::save(&app.admin_request(&principal, &request), &mut tx, wanted).await?;
        tx.commit().await?;
        Ok::<_, Error>(None)
    };
    match done.await {
        Ok(None) => Ok(Redirect::to("/console/settings?notice=settings_saved").into_response()),
        Ok(Some((changes, effects))) => {
            let shell = Shell::build(&app, &principal, "settings", None).await?;
            let changes = changes.iter().map(|change| change.review(&form)).collect();
            page::render(&ReviewPage { shell, inputs: form.hidden_inputs(), changes, effects })
        }
        Err(error) => {
            let error = Some(error.for_form()?);
            let page = build(&app, &principal, form, None, error).await?;
            page::render_with_status(StatusCode::UNPROCESSABLE_ENTITY, &page)
        }
    }
}

/// Sends the administrator a mail, to verify that delivery works.
pub(super) async fn test_mail(
    State(app): State<AppState>,
    principal: Principal,
    request: RequestContext,
) -> Result<Response, Error> {
    let mut tx = app.kernel.db.begin().await?;
    let user = users::by_id(&mut tx, &principal.account_id, &principal.id).await?;
    let user = user.filter(|user| user.email.is_some());
    let user = user.ok_or_else(|| Error::invalid("Email", "is required; add it on your user's page"))?;
    let account = accounts::by_id(&mut tx, &principal.account_id).await?;
    let account = account.ok_or_else(|| Error::not_found("account"))?;
    let letter = EmailMessage {
        subject: "Test email from Vestibule".into(),
        paragraphs: vec![format!(
            "You requested this test email in the settings of {} to check email delivery. Because you \
             received it, email delivery works.",
            account.name
        )],
        action: Some(("Open settings".into(), app.kernel.urls.absolute("/console/settings"))),
        notes: Vec::new(),
    };
    let id = notifications::send(&app.kernel, &mut tx, &account, &user, &letter).await?.unwrap_or_default();
    let event = Event::new(Action::MailTest, "mail", &id, user.email.as_deref().unwrap_or_default());
    audit::record(&mut tx, &principal.context(&request), event).await?;
    tx.commit().await?;
    Ok(Redirect::to("/console/settings?notice=mail_queued").into_response())
}
