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

/// A test that was begun.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = BegunTest)]
pub(crate) struct StartedTest {
    /// Its id.
    id: String,
    /// Where a person has to sign in, in a browser, within fifteen minutes; none where the result is there already.
    url: Option<String>,
    /// What the browser has to post there; empty where it only goes there.
    fields: BTreeMap<&'static str, String>,
}

/// Begins a test of a connection that people sign in with. It may be switched off, and nobody is signed in by it.
#[utoipa::path(post, path = "/api/v1/connections/{id}/tests", tag = "connections", params(("id" = String, Path,)),
    security(("bearer" = [])), responses((status = 201, body = StartedTest), (status = 404), (status = 422)))]
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

/// A test and what it found.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct TestBody {
    /// Its id.
    id: String,
    /// `waiting`, `passed` or `failed`.
    status: &'static str,
    /// What was found; null while the identity provider has not answered.
    found: Option<TestResult>,
}

/// Shows a test of the last day.
#[utoipa::path(get, path = "/api/v1/connections/{id}/tests/{test}", tag = "connections",
    params(("id" = String, Path,), ("test" = String, Path,)), security(("bearer" = [])),
    responses((status = 200, body = TestBody), (status = 404)))]
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
