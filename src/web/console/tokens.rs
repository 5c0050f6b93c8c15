//! Tokens of service accounts. The same page lists the account's other tokens.

use axum::Form;
use axum::response::Response;
use serde::Deserialize;

use super::service_accounts::{ServiceAccountsIdForm, redirect_or_rerender, render};
use crate::admin;
use crate::admin::tokens::NewApiToken;
use crate::web::profile::redirect_unless_recent;
use crate::web::{AuthenticatedRequest, Error};

#[derive(Debug, Deserialize)]
pub(super) struct ServiceAccountTokenForm {
    service_account: String,
    name: String,
    /// The application that the token is for; empty for the REST API.
    #[serde(default)]
    application: String,
    #[serde(default)]
    expires_on: String,
}

pub(super) async fn create(
    request: AuthenticatedRequest,
    Form(form): Form<ServiceAccountTokenForm>,
) -> Result<Response, Error> {
    let back = "/console/service-accounts";
    if let Some(elsewhere) = redirect_unless_recent(&request.app, &request.principal, back) {
        return Ok(elsewhere);
    }
    let done = async {
        let expires_at = admin::tokens::parse_expiry_date(&form.expires_on)?;
        let service_account_id = Some(form.service_account.as_str());
        let application = Some(form.application.as_str()).filter(|id| !id.is_empty());
        let new = NewApiToken { name: &form.name, service_account_id, application, expires_at };
        let (_, secret) = admin::tokens::create(&request.admin(), new).await?;
        Ok::<_, Error>(secret)
    };
    match done.await {
        Ok(secret) => render(&request, None, Some(secret), None).await,
        Err(error) => redirect_or_rerender(&request, Err(error)).await,
    }
}

pub(super) async fn revoke(
    request: AuthenticatedRequest,
    Form(form): Form<ServiceAccountsIdForm>,
) -> Result<Response, Error> {
    admin::tokens::revoke(&request.admin(), &form.id).await?;
    redirect_or_rerender(&request, Ok::<_, Error>("token_revoked")).await
}
