//! Identifier-first sign-in: the page that asks for an email address or user name and begins the flow.

use askama::Template;
use axum::Form;
use axum::extract::{RawQuery, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Redirect, Response};
use serde::Deserialize;

use crate::directory::accounts::Account;
use crate::directory::domain_of;
use crate::idp::connections::{self, Connection};
use crate::kernel::http::RequestContext;
use crate::kernel::urls::{local_path, query_value, return_to_of};
use crate::signin::flow;
use crate::web::{AppState, Error, guard, page, two_factor};

#[derive(Template)]
#[template(path = "signin/identify.html")]
struct IdentifyPage {
    account: Option<Account>,
    return_to: String,
    identifier: String,
    error: Option<&'static str>,
    notice: Option<&'static str>,
    /// What was typed as the account, when the page asks for it.
    asked_account: Option<String>,
    /// Whether sign-in with a passkey alone is offered.
    passkeys: bool,
    /// The account's identity providers that have a button, in the order of the sign-in page.
    providers: Vec<Connection>,
}

impl IdentifyPage {
    /// The URL that begins a sign-in through a provider.
    fn login_url(&self, provider: &Connection) -> String {
        format!("{}?return_to={}", provider.login_path(), query_value(&self.return_to))
    }
}

/// The query of the sign-in page. A parameter that is repeated has its last value: addresses that proxies
/// append unencoded can contain any parameter.
#[derive(Debug, Default)]
struct LoginPageQuery {
    account: Option<String>,
    return_to: Option<String>,
    notice: Option<String>,
}

impl LoginPageQuery {
    fn parse(query: &str) -> Self {
        let mut parsed = Self { return_to: return_to_of(query), ..Self::default() };
        for (name, value) in url::form_urlencoded::parse(query.as_bytes()) {
            match &*name {
                "account" => parsed.account = Some(value.into_owned()),
                "notice" => parsed.notice = Some(value.into_owned()),
                _ => {}
            }
        }
        parsed
    }
}

#[derive(Debug, Deserialize)]
pub(super) struct IdentifyForm {
    identifier: String,
    #[serde(default)]
    account: String,
    #[serde(default)]
    return_to: String,
}

/// The account of a page: the named one, or the only one of this server.
pub(super) async fn account_of(app: &AppState, slug: Option<&str>) -> Result<Option<Account>, sqlx::Error> {
    app.idp_discovery.account(&app.kernel, slug).await
}

/// The account in which a user signs in.
pub(super) enum AccountChoice {
    /// It is known.
    Chosen(Account),
    /// The user has to name it. The text says what is wrong with the name that they gave.
    Needed(Option<&'static str>),
}

impl AccountChoice {
    /// The status of the page that asks.
    pub(super) fn status(error: Option<&'static str>) -> StatusCode {
        if error.is_some() { StatusCode::UNPROCESSABLE_ENTITY } else { StatusCode::OK }
    }
}

/// Chooses the account of a sign-in: the named one, the only one of this server, or the one that has verified the
/// domain of the address. No user is looked up for it: another account may have a user with the same address, and the
/// answer must not depend on who exists.
pub(super) async fn choose_account(
    app: &AppState,
    slug: &str,
    identifier: &str,
) -> Result<AccountChoice, sqlx::Error> {
    let slug = slug.trim().to_lowercase();
    if let Some(account) = account_of(app, Some(&slug)).await? {
        return Ok(AccountChoice::Chosen(account));
    }
    if !slug.is_empty() {
        return Ok(AccountChoice::Needed(Some(
            "No account on this server has this name. Check the spelling, or ask your administrator.",
        )));
    }
    let found = match domain_of(identifier) {
        Some(domain) => app.idp_discovery.account_for_domain(&app.kernel, &domain).await?,
        None => None,
    };
    Ok(found.map_or(AccountChoice::Needed(None), AccountChoice::Chosen))
}

async fn providers_of(app: &AppState, account: Option<&Account>) -> Result<Vec<Connection>, sqlx::Error> {
    let Some(account) = account else { return Ok(Vec::new()) };
    let mut c = app.kernel.db.read().await?;
    let mut doors = connections::sign_in_connections(&mut c, &account.id).await?;
    doors.retain(Connection::has_button);
    Ok(doors)
}

pub(super) async fn show(
    State(app): State<AppState>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Result<Response, Error> {
    let query = LoginPageQuery::parse(query.as_deref().unwrap_or_default());
    let return_to = local_path(query.return_to.as_deref(), "/").to_owned();
    if let Some(principal) = guard::authenticate(&app, &headers).await? {
        let to = match guard::page_for_restriction(principal.restriction()) {
            Some(page) => format!("{page}?return_to={}", query_value(&return_to)),
            None => return_to,
        };
        return Ok(Redirect::to(&to).into_response());
    }
    let notice = match query.notice.as_deref() {
        Some("signed_out") => Some("You have signed out."),
        Some("signed_out_everywhere") => Some("You have signed out here and at your identity provider."),
        Some("signed_out_here") => Some(
            "You have signed out here. Your identity provider did not confirm that you are signed out there \
             and in other applications. If others use this browser, close it.",
        ),
        Some("expired") => Some("Your sign-in timed out. Start again."),
        Some("confirm") => Some("Sign in again to continue."),
        _ => None,
    };
    let account = account_of(&app, query.account.as_deref()).await?;
    let passkeys = two_factor::passkeys_are_offered(&app, account.as_ref())?;
    let providers = providers_of(&app, account.as_ref()).await?;
    page::render(&IdentifyPage {
        account,
        return_to,
        identifier: String::new(),
        error: None,
        notice,
        asked_account: None,
        passkeys,
        providers,
    })
}

/// Begins a flow and redirects: to the identity provider that the domain of the address belongs to,
/// otherwise to the password page.
pub(super) async fn submit(
    State(app): State<AppState>,
    request: RequestContext,
    headers: HeaderMap,
    Form(form): Form<IdentifyForm>,
) -> Result<Response, Error> {
    let identifier = form.identifier.trim();
    let return_to = local_path(Some(&form.return_to), "/");
    if identifier.is_empty() || identifier.chars().count() > 320 || identifier.contains(char::is_control) {
        let account = account_of(&app, Some(&form.account)).await?;
        let providers = Box::pin(providers_of(&app, account.as_ref())).await?;
        let page = IdentifyPage {
            account,
            return_to: return_to.to_owned(),
            identifier: String::new(),
            error: Some("Enter your email address or username."),
            notice: None,
            asked_account: None,
            passkeys: false,
            providers,
        };
        return page::render_with_status(StatusCode::UNPROCESSABLE_ENTITY, &page);
    }
    app.signin.throttle.check_step(request.address).map_err(super::throttled)?;
    let account = match choose_account(&app, &form.account, identifier).await? {
        AccountChoice::Chosen(account) => account,
        AccountChoice::Needed(error) => {
            let page = IdentifyPage {
                account: None,
                return_to: return_to.to_owned(),
                identifier: identifier.to_owned(),
                error,
                notice: None,
                asked_account: Some(form.account.trim().to_owned()),
                passkeys: false,
                providers: Vec::new(),
            };
            return page::render_with_status(AccountChoice::status(error), &page);
        }
    };
    let door = match domain_of(identifier) {
        Some(domain) => app.idp_discovery.route_for_domain(&app.kernel, &account.id, &domain).await?,
        None => None,
    };
    let connection = door.as_deref();
    let names = flow::cookies(&app.kernel);
    let browser = names.browser_secret(&headers);
    let begin = flow::FlowStart { account_id: Some(&account.id), identifier, return_to, browser: &browser };
    let ticket = flow::begin_without_row(&app.kernel, begin)?.id;
    let next = match connection {
        Some(connection) => format!("{}?flow={ticket}", connection.login_path()),
        None => format!("/login/password?flow={ticket}"),
    };
    Ok(([(header::SET_COOKIE, names.set_flow(&browser))], Redirect::to(&next)).into_response())
}
