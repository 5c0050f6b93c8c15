//! The page of a directory connection.

use askama::Template;
use axum::Form;
use axum::extract::{Path, State};
use axum::response::{IntoResponse, Redirect, Response};
use serde::Deserialize;

use super::super::super::page::{self, Shell, filled};
use super::super::super::{App, Error, rules};
use super::{Shown, back, render};
use crate::access::Principal;
use crate::access::tokens::{self, Token};
use crate::directory::{groups, users};
use crate::idp::connections::Connection;
use crate::kernel::http::RequestContext;
use crate::kernel::{self, Timestamp};
use crate::provisioning;

#[derive(Template)]
#[template(path = "console/connection_scim.html")]
struct ScimPage {
    shell: Shell,
    connection: Connection,
    base_url: String,
    tokens: Vec<Token>,
    now: Timestamp,
    users: i64,
    groups: i64,
    secret: Option<String>,
    error: Option<String>,
}

pub(super) async fn page(
    app: &App,
    c: &mut kernel::database::Connection,
    (shell, connection): (Shell, Connection),
    shown: Shown<'_>,
) -> Result<Response, Error> {
    let status = shown.status();
    let account_id = &connection.account_id;
    let managed_users = [users::Match::Connection(connection.id.clone())];
    let managed_groups = [groups::Match::Connection(connection.id.clone())];
    let page = ScimPage {
        shell,
        base_url: app.kernel.urls.absolute("/scim/v2"),
        tokens: tokens::of_connection(c, account_id, &connection.id).await?,
        now: app.kernel.clock.now(),
        users: users::count(c, account_id, &managed_users).await?,
        groups: groups::count(c, account_id, &managed_groups).await?,
        connection,
        secret: shown.secret,
        error: shown.error,
    };
    page::render_again(status, &page)
}

#[derive(Deserialize)]
pub(in super::super) struct TokenForm {
    #[serde(default)]
    name: String,
}

/// Shows the secret on the answer itself: it exists nowhere else, so it cannot survive a redirect.
pub(in super::super) async fn create_token(
    State(app): State<App>,
    principal: Principal,
    Path(id): Path<String>,
    request: RequestContext,
    Form(form): Form<TokenForm>,
) -> Result<Response, Error> {
    let done = async {
        let mut tx = app.kernel.db.begin().await?;
        let connection = rules::find_connection(&mut tx, &principal, &id).await?;
        let name = filled(&form.name).unwrap_or_else(|| connection.name.clone());
        let context = principal.context(&request);
        let (_, secret) = provisioning::create_token(&mut tx, &context, &connection, &name, None).await?;
        tx.commit().await?;
        Ok::<_, Error>(secret)
    };
    match done.await {
        Ok(secret) => render(&app, &principal, &id, Shown { secret: Some(secret), ..Shown::default() }).await,
        Err(error) => back(&app, &principal, (&id, ""), Err(error)).await,
    }
}

#[derive(Deserialize)]
pub(in super::super) struct RevokeForm {
    token: String,
}

pub(in super::super) async fn revoke_token(
    State(app): State<App>,
    principal: Principal,
    Path(id): Path<String>,
    request: RequestContext,
    Form(form): Form<RevokeForm>,
) -> Result<Response, Error> {
    let mut tx = app.kernel.db.begin().await?;
    rules::revoke_token(&mut tx, &principal, &request, &form.token).await?;
    tx.commit().await?;
    Ok(Redirect::to(&format!("/console/connections/{id}?notice=token_revoked")).into_response())
}
