//! Connection tests.

use std::collections::BTreeMap;

use axum::Json;
use axum::extract::Path;
use axum::http::StatusCode;
use serde::Serialize;
use utoipa::ToSchema;

use crate::admin;
use crate::idp::connection_tests::{self, TestResult};
use crate::idp::saml::FrontChannelMessage;
use crate::web::{AuthenticatedRequest, Error};

/// A connection test that was started.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = BegunTest)]
pub(crate) struct StartedTest {
    /// The test's ID.
    id: String,
    /// The URL at which a user must sign in with a browser within 15 minutes; `null` if the test has already
    /// finished.
    url: Option<String>,
    /// The form fields that the browser posts to `url`. If there are none, the browser is redirected to
    /// `url`.
    fields: BTreeMap<&'static str, String>,
}

/// Start a connection test
///
/// Tests an SSO connection, which may be disabled. The test does not create a session. An LDAP test finishes
/// immediately; for other connections, a user signs in at the identity provider.
#[utoipa::path(
    post, operation_id = "start_connection_test", path = "/api/v1/connections/{id}/tests",
    tag = "connections",
    params(("id" = String, Path, description = "The connection's ID")),
    security(("bearer" = [])),
    responses(
        (status = 201, description = "The test was started", body = StartedTest),
        (status = 404, description = "No connection has this ID"),
        (status = 422, description = "The connection is a SCIM connection"),
    ),
)]
pub(crate) async fn begin_test(
    request: AuthenticatedRequest,
    Path(id): Path<String>,
) -> Result<(StatusCode, Json<StartedTest>), Error> {
    let (id, url, fields) = match admin::connections::start_test(&request.admin(), &id).await? {
        admin::connections::ConnectionTestStart::Redirect(id, FrontChannelMessage::Redirect(url)) => {
            (id, Some(url), BTreeMap::new())
        }
        admin::connections::ConnectionTestStart::Redirect(id, FrontChannelMessage::Post(form)) => {
            (id, Some(form.url), form.fields.into_iter().collect())
        }
        admin::connections::ConnectionTestStart::Finished(id) => (id, None, BTreeMap::new()),
    };
    Ok((StatusCode::CREATED, Json(StartedTest { id, url, fields })))
}

/// A connection test and its result.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct TestBody {
    /// The test's ID.
    id: String,
    /// `waiting`, `passed` or `failed`.
    status: &'static str,
    /// The result; `null` until the identity provider has responded.
    found: Option<TestResult>,
}

/// Get a connection test
///
/// Results are kept for 24 hours.
#[utoipa::path(
    get, operation_id = "get_connection_test", path = "/api/v1/connections/{id}/tests/{test}",
    tag = "connections",
    params(
        ("id" = String, Path, description = "The connection's ID"),
        ("test" = String, Path, description = "The test's ID"),
    ),
    security(("bearer" = [])),
    responses(
        (status = 200, description = "The connection test", body = TestBody),
        (status = 404, description = "The connection does not exist or has no test with this ID"),
    ),
)]
pub(crate) async fn show_test(
    request: AuthenticatedRequest,
    Path((id, test)): Path<(String, String)>,
) -> Result<Json<TestBody>, Error> {
    let mut c = request.app.kernel.db.read().await?;
    let connection = request.principal.find_connection(&mut c, &id).await?;
    let test_run = connection_tests::by_id(&mut c, &connection.id, &test).await?;
    let test_run = test_run.ok_or_else(|| Error::not_found("test"))?;
    let found = test_run.result();
    let status = found.as_ref().map_or("waiting", |found| if found.passed { "passed" } else { "failed" });
    Ok(Json(TestBody { id: test_run.id, status, found }))
}
