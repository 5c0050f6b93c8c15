//! Trying a connection before people depend on it: there and back, and what every check found.

use askama::Template;
use axum::extract::{Path, State};
use axum::response::{IntoResponse, Redirect, Response};

use super::super::super::page::{self, Shell};
use super::super::super::{App, Error, rules};
use super::advice;
use crate::access::Principal;
use crate::directory::users::{self, User};
use crate::idp::connections::Connection;
use crate::idp::trials::{self, Found, Trial};
use crate::kernel::http::RequestContext;

#[derive(Template)]
#[template(path = "console/connection_test.html")]
struct TestPage {
    shell: Shell,
    connection: Connection,
    trial: Trial,
    found: Option<Found>,
    /// Whom the assertion would sign in.
    user: Option<User>,
    /// Whether it names the administrator who looks at the page.
    own: bool,
    /// Whether somebody unknown would be created.
    creates: bool,
}

impl TestPage {
    fn advice(&self) -> &'static str {
        let failed = self.found.as_ref().and_then(Found::failure);
        failed.map_or("", |failed| advice::of(self.connection.kind(), &failed.check))
    }
}

/// Sends the administrator's browser to the identity provider.
pub(in super::super) async fn begin(
    State(app): State<App>,
    principal: Principal,
    Path(id): Path<String>,
    request: RequestContext,
) -> Result<Response, Error> {
    Ok(match rules::begin_trial(&app, &principal, &request, &id).await? {
        rules::BegunTest::Away(_, sent) => sent.into_response(),
        rules::BegunTest::Ended(trial) => {
            Redirect::to(&format!("/console/connections/{id}/tests/{trial}")).into_response()
        }
    })
}

pub(in super::super) async fn show(
    State(app): State<App>,
    principal: Principal,
    Path((id, trial_id)): Path<(String, String)>,
) -> Result<Response, Error> {
    let shell = Shell::build(&app, &principal, "connections", None).await?;
    let mut c = app.kernel.db.read().await?;
    let connection = rules::find_connection(&mut c, &principal, &id).await?;
    let trial = trials::by_id(&mut c, &connection.id, &trial_id).await?;
    let trial = trial.ok_or_else(|| Error::not_found("test"))?;
    let found = trial.found();
    let email = found.as_ref().and_then(|found| found.email.clone());
    let user = match email {
        Some(email) => users::by_email(&mut c, &principal.account_id, &email).await?,
        None => None,
    };
    let own = user.as_ref().is_some_and(|user| user.id == principal.id);
    let creates = connection.creates_people();
    page::render(&TestPage { shell, connection, trial, found, user, own, creates })
}
