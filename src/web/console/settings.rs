//! Settings of the account.

use askama::Template;
use axum::Form;
use axum::extract::{Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};
use serde::Deserialize;

use super::super::page::{self, Shell, words};
use super::super::{App, Error, rules};
use super::ListQuery;
use crate::access::Principal;
use crate::audit::{self, Action, Event};
use crate::directory::accounts::{self, SessionSettings, Settings};
use crate::directory::users;
use crate::kernel::http::RequestContext;
use crate::kernel::mail::{self, Mail};

#[derive(Template)]
#[template(path = "console/settings.html")]
struct SettingsPage {
    shell: Shell,
    inactivity: String,
    absolute: String,
    domains: String,
    local_login: bool,
    /// Where mails go: a server, or a folder.
    mail: String,
    error: Option<String>,
}

#[derive(Debug, Deserialize)]
pub(super) struct SettingsForm {
    inactivity: String,
    absolute: String,
    #[serde(default)]
    domains: String,
    local_login: Option<String>,
}

fn mail_way(app: &App) -> String {
    let config = &app.kernel.config.mail;
    match config.url.as_ref().and_then(|url| url::Url::parse(url).ok()) {
        Some(url) => format!("the mail server {}", url.host_str().unwrap_or("that is configured")),
        None => format!("files in {}", config.directory.display()),
    }
}

pub(super) async fn show(
    State(app): State<App>,
    principal: Principal,
    Query(query): Query<ListQuery>,
) -> Result<Response, Error> {
    let shell = Shell::build(&app, &principal, "settings", query.notice.as_deref()).await?;
    let mut c = app.kernel.db.read().await?;
    let settings = accounts::settings_of(&mut c, &principal.account_id).await?;
    page::render(&SettingsPage {
        shell,
        inactivity: settings.session.inactivity_minutes.to_string(),
        absolute: settings.session.absolute_minutes.to_string(),
        domains: settings.email_domains.join("\n"),
        local_login: settings.local_login,
        mail: mail_way(&app),
        error: None,
    })
}

pub(super) async fn save(
    State(app): State<App>,
    principal: Principal,
    request: RequestContext,
    Form(form): Form<SettingsForm>,
) -> Result<Response, Error> {
    let done = async {
        let minutes = |field: &str, text: &str| {
            text.trim().parse().map_err(|_| Error::invalid(field, "must be a number of minutes"))
        };
        let wanted = Settings {
            session: SessionSettings {
                inactivity_minutes: minutes("Inactivity", &form.inactivity)?,
                absolute_minutes: minutes("Absolute limit", &form.absolute)?,
            },
            email_domains: words(&form.domains),
            local_login: form.local_login.is_some(),
        };
        let mut tx = app.kernel.db.begin().await?;
        rules::save_settings(&mut tx, &principal, &request, wanted).await?;
        tx.commit().await?;
        Ok::<_, Error>(())
    };
    match done.await {
        Ok(()) => Ok(Redirect::to("/console/settings?notice=settings_saved").into_response()),
        Err(error) => {
            let error = Some(error.for_form()?);
            let page = SettingsPage {
                shell: Shell::build(&app, &principal, "settings", None).await?,
                inactivity: form.inactivity,
                absolute: form.absolute,
                domains: form.domains,
                local_login: form.local_login.is_some(),
                mail: mail_way(&app),
                error,
            };
            page::render_again(StatusCode::UNPROCESSABLE_ENTITY, &page)
        }
    }
}

#[derive(Template)]
#[template(path = "mail/test.html")]
struct TestMailHtml<'a> {
    account: &'a str,
    origin: &'a str,
}

#[derive(Template)]
#[template(path = "mail/test.txt")]
struct TestMailText<'a> {
    account: &'a str,
    origin: &'a str,
}

/// Sends the administrator a mail, to see that mail works before somebody depends on it.
pub(super) async fn test_mail(
    State(app): State<App>,
    principal: Principal,
    request: RequestContext,
) -> Result<Response, Error> {
    let mut tx = app.kernel.db.begin().await?;
    let user = users::by_id(&mut tx, &principal.account_id, &principal.id).await?;
    let to = user.and_then(|user| user.email);
    let to = to.ok_or_else(|| Error::invalid("Email", "your user has no address to send a mail to"))?;
    let account = accounts::by_id(&mut tx, &principal.account_id).await?.map(|a| a.name).unwrap_or_default();
    let origin = app.kernel.urls.origin();
    let mail = Mail {
        subject: "Mail from Vestibule works".into(),
        text: TestMailText { account: &account, origin: &origin }.render()?,
        html: TestMailHtml { account: &account, origin: &origin }.render()?,
        to,
    };
    let id = mail::queue(&mut tx, &app.kernel.vault, &principal.account_id, &mail).await?;
    let event = Event::new(Action::MailTest, "mail", &id, &mail.to);
    audit::record(&mut tx, &principal.context(&request), event).await?;
    tx.commit().await?;
    app.kernel.mail_wake.notify_one();
    Ok(Redirect::to("/console/settings?notice=mail_queued").into_response())
}
