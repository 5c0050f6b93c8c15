//! Connection tests: a trial sign-in before users depend on a connection, and the result of every check.

use askama::Template;
use axum::extract::Path;
use axum::response::{IntoResponse, Redirect, Response};

use super::advice;
use crate::admin;
use crate::directory::users::{self, User};
use crate::idp::connection_tests::{self, ConnectionTest, TestResult};
use crate::idp::connections::Connection;
use crate::web::page::{self, Shell};
use crate::web::{AuthenticatedRequest, Error};

#[derive(Template)]
#[template(path = "console/connection_test.html")]
struct TestPage {
    shell: Shell,
    connection: Connection,
    test: ConnectionTest,
    found: Option<TestResult>,
    /// The user that the assertion would sign in.
    user: Option<User>,
    /// Whether that user is the administrator who views the page.
    own: bool,
    /// Whether just-in-time provisioning would create an unknown user.
    creates: bool,
}

impl TestPage {
    fn advice(&self) -> &'static str {
        let failed = self.found.as_ref().and_then(TestResult::failed_check);
        let kind = self.connection.kind();
        kind.zip(failed).map_or("", |(kind, failed)| advice::for_failed_check(kind, &failed.check))
    }
}

/// Begins a test and redirects to the identity provider, or to the result where no sign-in is needed.
pub(crate) async fn begin(request: AuthenticatedRequest, Path(id): Path<String>) -> Result<Response, Error> {
    Ok(match admin::connections::start_test(&request.admin(), &id).await? {
        admin::connections::ConnectionTestStart::Redirect(_, sent) => sent.into_response(),
        admin::connections::ConnectionTestStart::Finished(test_run) => {
            Redirect::to(&format!("/console/connections/{id}/tests/{test_run}")).into_response()
        }
    })
}

pub(crate) async fn show(
    request: AuthenticatedRequest,
    Path((id, trial_id)): Path<(String, String)>,
) -> Result<Response, Error> {
    let shell = Shell::build(&request.app, &request.principal, "connections", None).await?;
    let mut c = request.app.kernel.db.read().await?;
    let connection = request.principal.find_connection(&mut c, &id).await?;
    let test_run = connection_tests::by_id(&mut c, &connection.id, &trial_id).await?;
    let test_run = test_run.ok_or_else(|| Error::not_found("test"))?;
    let found = test_run.result();
    let email = found.as_ref().and_then(|found| found.email.clone());
    let user = match email {
        Some(email) => {
            users::find_by_email_or_user_name(&mut c, &request.principal.account_id, &email).await?
        }
        None => None,
    };
    let own = user.as_ref().is_some_and(|user| user.id == request.principal.id);
    let creates = connection.has_jit_provisioning();
    page::render(&TestPage { shell, connection, test: test_run, found, user, own, creates })
}
