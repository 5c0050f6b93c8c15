//! Trying a connection before people depend on it: there and back, and what every check found.

use askama::Template;
use axum::extract::{Path, State};
use axum::response::{IntoResponse, Redirect, Response};

use super::advice;
use crate::access::Principal;
use crate::directory::users::{self, User};
use crate::idp::connection_tests::{self, ConnectionTest, TestResult};
use crate::idp::connections::Connection;
use crate::kernel::http::RequestContext;
use crate::web::page::{self, Shell};
use crate::web::{AppState, Error, admin};

#[derive(Template)]
#[template(path = "console/connection_test.html")]
struct TestPage {
    shell: Shell,
    connection: Connection,
    test: ConnectionTest,
    found: Option<TestResult>,
    /// Whom the assertion would sign in.
    user: Option<User>,
    /// Whether it names the administrator who looks at the page.
    own: bool,
    /// Whether somebody unknown would be created.
    creates: bool,
}

impl TestPage {
    fn advice(&self) -> &'static str {
        let failed = self.found.as_ref().and_then(TestResult::failed_check);
        let kind = self.connection.kind();
        kind.zip(failed).map_or("", |(kind, failed)| advice::for_failed_check(kind, &failed.check))
    }
}

/// Sends the administrator's browser to the identity provider.
pub(crate) async fn begin(
    State(app): State<AppState>,
    principal: Principal,
    Path(id): Path<String>,
    request: RequestContext,
) -> Result<Response, Error> {
    Ok(match admin::start_connection_test(&app, &principal, &request, &id).await? {
        admin::ConnectionTestStart::Redirect(_, sent) => sent.into_response(),
        admin::ConnectionTestStart::Finished(trial) => {
            Redirect::to(&format!("/console/connections/{id}/tests/{trial}")).into_response()
        }
    })
}

pub(crate) async fn show(
    State(app): State<AppState>,
    principal: Principal,
    Path((id, trial_id)): Path<(String, String)>,
) -> Result<Response, Error> {
    let shell = Shell::build(&app, &principal, "connections", None).await?;
    let mut c = app.kernel.db.read().await?;
    let connection = admin::find_connection(&mut c, &principal, &id).await?;
    let trial = connection_tests::by_id(&mut c, &connection.id, &trial_id).await?;
    let trial = trial.ok_or_else(|| Error::not_found("test"))?;
    let found = trial.result();
    let email = found.as_ref().and_then(|found| found.email.clone());
    let user = match email {
        Some(email) => users::find_by_email_or_user_name(&mut c, &principal.account_id, &email).await?,
        None => None,
    };
    let own = user.as_ref().is_some_and(|user| user.id == principal.id);
    let creates = connection.has_jit_provisioning();
    page::render(&TestPage { shell, connection, test: trial, found, user, own, creates })
}
