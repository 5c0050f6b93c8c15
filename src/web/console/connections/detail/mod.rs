//! The page of a connection. Each kind has its own; every handler that changes a connection shows it again.

mod ldap;
mod listed_domains;
mod oidc;
mod saml;
mod scim;

use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};

use crate::idp::connections::TypedConnection;
use crate::web::page::Shell;
use crate::web::{AuthenticatedRequest, Error};

#[derive(Default)]
pub(super) struct ConnectionPageExtras<'a> {
    pub(super) notice: Option<&'a str>,
    /// The vendor whose setup steps are shown.
    pub(super) vendor: Option<&'a str>,
    pub(super) secret: Option<String>,
    pub(super) error: Option<String>,
}

impl ConnectionPageExtras<'_> {
    pub(super) fn status(&self) -> StatusCode {
        if self.error.is_some() { StatusCode::UNPROCESSABLE_ENTITY } else { StatusCode::OK }
    }
}

pub(super) async fn render(
    request: &AuthenticatedRequest,
    id: &str,
    extras: ConnectionPageExtras<'_>,
) -> Result<Response, Error> {
    let app = &request.app;
    let shell = Shell::build(app, &request.principal, "connections", extras.notice).await?;
    let mut c = app.kernel.db.read().await?;
    let connection = request.principal.find_connection(&mut c, id).await?;
    match connection.typed()? {
        TypedConnection::Saml(connection) => saml::page(app, &mut c, shell, connection, extras).await,
        TypedConnection::Oidc(connection) => oidc::page(app, &mut c, shell, connection, extras).await,
        TypedConnection::Ldap(connection) => {
            ldap::page(&mut c, shell, connection, extras, app.kernel.clock.now()).await
        }
        TypedConnection::Scim(connection) => scim::page(app, &mut c, shell, connection, extras).await,
    }
}

/// Redirects to the connection's page with a notice, or renders it again with the error.
pub(super) async fn redirect_or_rerender(
    request: &AuthenticatedRequest,
    id: &str,
    notice: &str,
    done: Result<(), impl Into<Error>>,
) -> Result<Response, Error> {
    match done {
        Ok(()) => Ok(Redirect::to(&format!("/console/connections/{id}?notice={notice}")).into_response()),
        Err(error) => {
            let error = Some(error.into().for_form()?);
            render(request, id, ConnectionPageExtras { error, ..ConnectionPageExtras::default() }).await
        }
    }
}
