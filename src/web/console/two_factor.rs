//! The two-factor report: counts, the list of users, the latest mailing, the tokens that work without a
//! second factor, and the list as a CSV file.

use askama::Template;
use axum::Json;
use axum::body::Body;
use axum::extract::{Path, Query};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Redirect, Response};
use serde::Deserialize;

use super::PAGE_SIZE;
use super::users::redirect_or_rerender;
use crate::access::Principal;
use crate::access::tokens::{self, ApiToken};
use crate::admin::{self, ListPage};
use crate::directory::accounts::{self, TwoFactorSettings};
use crate::kernel::TextEnum as _;
use crate::kernel::Timestamp;
use crate::kernel::mail::mailing::{self, Mailing};
use crate::signin::factors::{self, EnrolmentFilter, Row, Summary};
use crate::web::page::{self, Shell};
use crate::web::{AppState, AuthenticatedRequest, Error};

#[derive(Template)]
#[template(path = "console/two_factor.html")]
struct TwoFactorReportPage {
    shell: Shell,
    settings: TwoFactorSettings,
    summary: Summary,
    filter: &'static str,
    rows: Vec<Row>,
    next: Option<String>,
    mailing: Option<Mailing>,
    tokens: Vec<ApiToken>,
    /// When the grace period for open sessions without a second factor ends.
    grace_ends_at: Option<Timestamp>,
    error: Option<String>,
}

impl TwoFactorReportPage {
    /// The percentage of users who have a second factor.
    fn percent(&self) -> i64 {
        if self.summary.people == 0 { 0 } else { 100 * self.summary.enrolled / self.summary.people }
    }
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct TwoFactorPageQuery {
    show: String,
    after: String,
    notice: Option<String>,
}

/// How many tokens are read to find the active ones. The page of service accounts reads more.
const MOST_TOKENS: i64 = 200;

async fn render(
    request: &AuthenticatedRequest,
    query: TwoFactorPageQuery,
    error: Option<String>,
) -> Result<Response, Error> {
    let shell = Shell::build(&request.app, &request.principal, "two-factor", query.notice.as_deref()).await?;
    let status = if error.is_some() { StatusCode::UNPROCESSABLE_ENTITY } else { StatusCode::OK };
    let filter = EnrolmentFilter::parse(&query.show).unwrap_or_default();
    let account = &request.principal.account_id;
    let now = request.app.kernel.clock.now();
    let mut c = request.app.kernel.db.read().await?;
    let rows = factors::report(&mut c, account, filter, &query.after, PAGE_SIZE + 1).await?;
    let ListPage { items: rows, next } = ListPage::of(rows, PAGE_SIZE, |row| &row.user_id);
    let tokens = tokens::list(&mut c, account, None, "", MOST_TOKENS).await?;
    let settings = accounts::settings_of(&mut c, account).await?.two_factor;
    let page = TwoFactorReportPage {
        shell,
        grace_ends_at: settings.grace_ends_at().filter(|end| *end > now),
        settings,
        summary: factors::summary(&mut c, account).await?,
        filter: filter.as_str(),
        rows,
        next,
        mailing: mailing::latest(&mut c, account, 1).await?.pop(),
        tokens: tokens.into_iter().filter(|token| token.status(now) == "active").collect(),
        error,
    };
    page::render_with_status(status, &page)
}

pub(super) async fn show(
    request: AuthenticatedRequest,
    Query(query): Query<TwoFactorPageQuery>,
) -> Result<Response, Error> {
    render(&request, query, None).await
}

/// The progress of the latest mailing, for the page's script.
pub(super) async fn progress(request: AuthenticatedRequest) -> Result<Json<Option<Mailing>>, Error> {
    let mut c = request.app.kernel.db.read().await?;
    Ok(Json(mailing::latest(&mut c, &request.principal.account_id, 1).await?.pop()))
}

pub(super) async fn remind(request: AuthenticatedRequest) -> Result<Response, Error> {
    match admin::two_factor::send_enrolment_reminders(&request.admin()).await {
        Ok(_) => Ok(Redirect::to("/console/two-factor?notice=reminded").into_response()),
        Err(error) => render(&request, TwoFactorPageQuery::default(), Some(error.for_form()?)).await,
    }
}

pub(super) async fn stop(request: AuthenticatedRequest) -> Result<Response, Error> {
    admin::two_factor::stop_mailing(&request.admin()).await?;
    Ok(Redirect::to("/console/two-factor?notice=mailing_stopped").into_response())
}

pub(super) async fn export(
    request: AuthenticatedRequest,
    Query(query): Query<TwoFactorPageQuery>,
) -> Result<Response, Error> {
    Ok(report_csv(
        &request.app,
        &request.principal,
        EnrolmentFilter::parse(&query.show).unwrap_or(EnrolmentFilter::All),
    ))
}

/// Removes the user's second factors and mails them a link to enrol a new one.
pub(super) async fn reset(request: AuthenticatedRequest, Path(id): Path<String>) -> Result<Response, Error> {
    let done = admin::two_factor::reset(&request.admin(), &id).await.map(|()| "two_factor_reset");
    redirect_or_rerender(&request, &id, done).await
}

/// Rows per query of the export.
const EXPORT_BATCH: i64 = 1000;

/// The report as CSV. It is streamed in batches, so its memory does not grow with the account.
pub(crate) fn report_csv(app: &AppState, principal: &Principal, filter: EnrolmentFilter) -> Response {
    let account = principal.account_id.clone();
    let head = "user_name,display_name,email,enrolled_at,authenticators,keys,recovery_codes\r\n";
    let first = (app.clone(), Some((String::new(), head.to_owned())));
    let pieces = futures_util::stream::unfold(first, move |(app, at)| {
        let account = account.clone();
        async move {
            let (after, mut text) = at?;
            let read = async {
                let mut c = app.kernel.db.read().await?;
                factors::report(&mut c, &account, filter, &after, EXPORT_BATCH).await
            };
            let rows = match read.await {
                Ok(rows) => rows,
                Err(error) => {
                    tracing::error!(%error, "the export of the two-factor report failed");
                    return Some((Err(error), (app, None)));
                }
            };
            text.push_str(&lines(&rows));
            let full = i64::try_from(rows.len()).unwrap_or(0) == EXPORT_BATCH;
            let next = rows.last().filter(|_| full).map(|row| (String::from(&row.user_id), String::new()));
            Some((Ok(text), (app, next)))
        }
    });
    let headers = [
        (header::CONTENT_TYPE, "text/csv; charset=utf-8"),
        (header::CONTENT_DISPOSITION, "attachment; filename=\"two-factor.csv\""),
    ];
    (headers, Body::from_stream(pieces)).into_response()
}

fn lines(rows: &[Row]) -> String {
    let mut file = csv::WriterBuilder::new().terminator(csv::Terminator::CRLF).from_writer(Vec::new());
    for row in rows {
        let cells = [
            escape_formula(&row.user_name),
            escape_formula(&row.display_name),
            escape_formula(row.email.as_deref().unwrap_or_default()),
            row.enrolled_at.map(|at| at.to_string()).unwrap_or_default(),
            row.authenticators.to_string(),
            row.keys.to_string(),
            row.recovery_codes.to_string(),
        ];
        // Writing to memory cannot fail.
        let _ = file.write_record(cells);
    }
    file.into_inner().ok().and_then(|bytes| String::from_utf8(bytes).ok()).unwrap_or_default()
}

/// Escapes a cell that a spreadsheet would take for a formula, because users choose their own names.
fn escape_formula(text: &str) -> String {
    if text.starts_with(['=', '+', '-', '@', '\t', '\r']) { format!("'{text}") } else { text.to_owned() }
}
