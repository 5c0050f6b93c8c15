//! Provisioning tokens of a directory connection.

use axum::Form;
use axum::extract::Path;
use axum::response::{IntoResponse, Redirect, Response};
use serde::Deserialize;

use super::detail::{self, ConnectionPageExtras, redirect_or_rerender};
use crate::admin;
use crate::admin::provisioning::NewScimToken;
use crate::web::page::non_empty;
use crate::web::{AuthenticatedRequest, Error};

#[derive(Deserialize)]
pub(crate) struct ScimTokenForm {
    #[serde(default)]
    name: String,
    /// The id of the token that the new one replaces.
    replaces: Option<String>,
    overlap_hours: Option<u32>,
}

/// Shows the secret in the response itself: only its hash is stored, so a page after a redirect could not
/// show it.
pub(crate) async fn create_token(
    request: AuthenticatedRequest,
    Path(id): Path<String>,
    Form(form): Form<ScimTokenForm>,
) -> Result<Response, Error> {
    let name = non_empty(&form.name);
    let replaces = form.replaces.as_deref().map(|old| (old, form.overlap_hours.unwrap_or(24)));
    let new = NewScimToken { name: name.as_deref(), expires_at: None, replaces };
    match admin::provisioning::create_token(&request.admin(), &id, new).await {
        Ok((_, secret)) => {
            detail::render(
                &request,
                &id,
                ConnectionPageExtras { secret: Some(secret), ..ConnectionPageExtras::default() },
            )
            .await
        }
        Err(error) => redirect_or_rerender(&request, &id, "", Err(error)).await,
    }
}

#[derive(Deserialize)]
pub(crate) struct RevokeForm {
    token: String,
}

pub(crate) async fn revoke_token(
    request: AuthenticatedRequest,
    Path(id): Path<String>,
    Form(form): Form<RevokeForm>,
) -> Result<Response, Error> {
    admin::tokens::revoke(&request.admin(), &form.token).await?;
    Ok(Redirect::to(&format!("/console/connections/{id}?notice=token_revoked")).into_response())
}
