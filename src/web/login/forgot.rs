//! Password reset: requests a mail with a reset link.

use askama::Template;
use axum::Form;
use axum::extract::{Query, State};
use axum::http::StatusCode;
use axum::response::Response;
use serde::Deserialize;

use super::identify::account_of;
use crate::audit::Context;
use crate::directory::accounts::{self, Account};
use crate::directory::{domain_of, domains, users};
use crate::idp::connections;
use crate::kernel::AccountId;
use crate::kernel::http::RequestContext;
use crate::signin::{password, policy};
use crate::web::{AppState, Error, page};

#[derive(Template)]
#[template(path = "signin/forgot.html")]
struct ForgotPage {
    account: Option<Account>,
    identifier: String,
    sent: bool,
    error: Option<&'static str>,
}

#[derive(Deserialize)]
pub(super) struct ForgotQuery {
    account: Option<String>,
    #[serde(default)]
    identifier: String,
}

#[derive(Deserialize)]
pub(super) struct ForgotForm {
    identifier: String,
    #[serde(default)]
    account: String,
}

pub(super) async fn show(
    State(app): State<AppState>,
    Query(query): Query<ForgotQuery>,
) -> Result<Response, Error> {
    let account = account_of(&app, query.account.as_deref()).await?;
    page::render(&ForgotPage { account, identifier: query.identifier, sent: false, error: None })
}

/// Shows the same page after the same time whether or not the user exists: the lookup runs after the
/// response.
pub(super) async fn submit(
    State(app): State<AppState>,
    request: RequestContext,
    Form(form): Form<ForgotForm>,
) -> Result<Response, Error> {
    app.signin.throttle.check_step(request.address).map_err(super::throttled)?;
    let account = account_of(&app, Some(&form.account)).await?;
    let identifier = form.identifier.trim().to_owned();
    if identifier.is_empty() || identifier.chars().count() > 320 {
        let error = Some("Enter your email address or username.");
        let page = ForgotPage { account, identifier: String::new(), sent: false, error };
        return page::render_with_status(StatusCode::UNPROCESSABLE_ENTITY, &page);
    }
    let account_id = account.as_ref().map(|account| account.id.clone());
    let name = identifier.clone();
    tokio::spawn(async move {
        if let Err(error) = send_reset_links(&app, &request, account_id, &name).await {
            tracing::error!(
                request_id = request.request_id,
                ?error,
                "a password reset email could not be queued"
            );
        }
    });
    page::render(&ForgotPage { account, identifier, sent: true, error: None })
}

/// Mails the user of the account, or of the account that has verified the domain of the address.
/// Otherwise every active user with the address, in whatever account; each mail names its account.
async fn send_reset_links(
    app: &AppState,
    request: &RequestContext,
    account: Option<AccountId>,
    identifier: &str,
) -> Result<(), Error> {
    let mut c = app.kernel.db.read().await?;
    let now = app.kernel.clock.now();
    let account = match (account, domain_of(identifier)) {
        (Some(id), _) => Some(id),
        // A domain that an account only claims keeps no mail back from the users of others.
        (None, Some(domain)) => domains::account_of(&mut c, &domain).await?,
        (None, None) => None,
    };
    let found = match account {
        Some(id) => users::find_by_email_or_user_name(&mut c, &id, identifier).await?.into_iter().collect(),
        None => users::list_active_by_email_any_account(&mut c, identifier).await?,
    };
    drop(c);
    for user in found {
        let mut c = app.kernel.db.read().await?;
        let provider = connections::route_for_user(&mut c, &user, now).await?;
        let settings = accounts::settings_of(&mut c, &user.account_id).await?;
        let may_use_password = policy::may_use_password(&mut c, &settings, &user).await?;
        drop(c);
        let context = Context::anonymous(&user.account_id, identifier, request);
        let provider = provider.as_ref().map(|connection| connection.name.as_str());
        // What is wrong in one account does not keep the mails of others back.
        if let Err(error) =
            password::request_reset(&app.signin, &context, &user, provider, may_use_password).await
        {
            tracing::error!(account = %user.account_id, ?error, "a password reset email could not be queued");
        }
    }
    Ok(())
}
