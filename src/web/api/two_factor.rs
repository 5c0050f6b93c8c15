//! Second factors of the account's users: report, reminders, reset.

use axum::Json;
use axum::extract::{Path, Query};
use axum::http::StatusCode;
use axum::response::Response;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::List;
use crate::admin;
use crate::directory::accounts;
use crate::kernel::TextEnum as _;
use crate::kernel::Timestamp;
use crate::kernel::mail::mailing::{self, Mailing};
use crate::signin::factors::{self, EnrolmentFilter, FactorKind, Row, Summary};
use crate::signin::policy;
use crate::web::console::two_factor::report_csv;
use crate::web::{AuthenticatedRequest, Error};

/// Whom to list, and how the list is cut.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct TwoFactorReportQuery {
    /// `missing` (when not given), `enrolled` or `all`.
    show: Option<String>,
    /// Items a page, 1 to 200; 50 when not given.
    limit: Option<i64>,
    /// The `next` of the page before.
    after: Option<String>,
}

impl TwoFactorReportQuery {
    fn filter(&self, otherwise: EnrolmentFilter) -> Result<EnrolmentFilter, Error> {
        match self.show.as_deref() {
            None => Ok(otherwise),
            Some(text) => EnrolmentFilter::parse(text)
                .ok_or_else(|| Error::invalid("show", "must be missing, enrolled or all")),
        }
    }
}

/// Lists active people with what they have.
#[utoipa::path(get, path = "/api/v1/two-factor/report", tag = "two-factor", params(TwoFactorReportQuery),
    security(("bearer" = [])), responses((status = 200, body = List<Row>), (status = 422)))]
pub(super) async fn report(
    request: AuthenticatedRequest,
    Query(query): Query<TwoFactorReportQuery>,
) -> Result<Json<List<Row>>, Error> {
    let limit = query.limit.unwrap_or(50).clamp(1, 200);
    let after = query.after.as_deref().unwrap_or_default();
    let filter = query.filter(EnrolmentFilter::Missing)?;
    let mut c = request.app.kernel.db.read().await?;
    let rows = factors::report(&mut c, &request.principal.account_id, filter, after, limit + 1).await?;
    Ok(Json(List::of(rows, limit, |row| &row.user_id, |row| row)))
}

/// The same list as a CSV file, all of it.
#[utoipa::path(get, path = "/api/v1/two-factor/report.csv", tag = "two-factor", params(TwoFactorReportQuery),
    security(("bearer" = [])), responses((status = 200, content_type = "text/csv"), (status = 422)))]
pub(super) async fn export(
    request: AuthenticatedRequest,
    Query(query): Query<TwoFactorReportQuery>,
) -> Result<Response, Error> {
    Ok(report_csv(&request.app, &request.principal, query.filter(EnrolmentFilter::All)?))
}

/// Counts active people with and without a second factor.
#[utoipa::path(get, path = "/api/v1/two-factor/summary", tag = "two-factor", security(("bearer" = [])),
    responses((status = 200, body = Summary)))]
pub(super) async fn summary(request: AuthenticatedRequest) -> Result<Json<Summary>, Error> {
    let mut c = request.app.kernel.db.read().await?;
    Ok(Json(factors::summary(&mut c, &request.principal.account_id).await?))
}

/// How many people are mailed.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Reminded {
    people: i64,
}

/// Mails a link to everybody without a second factor whom the account asks for one; in an account that asks
/// nobody, to everybody without. The mails go out bit by bit.
#[utoipa::path(post, path = "/api/v1/two-factor/remind", tag = "two-factor", security(("bearer" = [])),
    responses((status = 202, body = Reminded), (status = 409, description = "Mails are on their way already")))]
pub(super) async fn remind(request: AuthenticatedRequest) -> Result<(StatusCode, Json<Reminded>), Error> {
    let people = admin::two_factor::send_enrolment_reminders(&request.admin()).await?;
    Ok((StatusCode::ACCEPTED, Json(Reminded { people })))
}

/// The newest mailings of the account and how far they are.
#[utoipa::path(get, path = "/api/v1/two-factor/mailings", tag = "two-factor", security(("bearer" = [])),
    responses((status = 200, body = List<Mailing>)))]
pub(super) async fn mailings(request: AuthenticatedRequest) -> Result<Json<List<Mailing>>, Error> {
    let mut c = request.app.kernel.db.read().await?;
    let items = mailing::latest(&mut c, &request.principal.account_id, 20).await?;
    Ok(Json(List { items, next: None }))
}

/// Stops making mails; those that are made are still delivered.
#[utoipa::path(post, path = "/api/v1/two-factor/mailings/stop", tag = "two-factor", security(("bearer" = [])),
    responses((status = 204)))]
pub(super) async fn stop(request: AuthenticatedRequest) -> Result<StatusCode, Error> {
    admin::two_factor::stop_mailing(&request.admin()).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// A factor of a user, without its secret.
#[derive(Debug, Serialize, ToSchema)]
struct FactorBody {
    /// Its id.
    id: String,
    /// Its kind.
    kind: FactorKind,
    /// What its owner calls it.
    name: String,
    /// For a key: whether it opens the door alone.
    passkey: bool,
    /// For a key: whether its provider keeps copies.
    backed_up: bool,
    /// When it was added.
    #[schema(value_type = String, format = DateTime)]
    created_at: Timestamp,
    /// When it was shown last.
    #[schema(value_type = Option<String>, format = DateTime)]
    last_used_at: Option<Timestamp>,
}

/// What a user has.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct UserFactors {
    /// Since when they have a second factor.
    #[schema(value_type = Option<String>, format = DateTime)]
    enrolled_at: Option<Timestamp>,
    /// Whether the account asks them for one.
    enforced: bool,
    factors: Vec<FactorBody>,
    /// Recovery codes left.
    recovery_codes: i64,
    /// Browsers that are remembered.
    remembered_devices: usize,
}

/// Shows the second factors of a user.
#[utoipa::path(get, path = "/api/v1/users/{id}/two-factor", tag = "two-factor", params(("id" = String, Path,)),
    security(("bearer" = [])), responses((status = 200, body = UserFactors), (status = 404)))]
pub(super) async fn show(
    request: AuthenticatedRequest,
    Path(id): Path<String>,
) -> Result<Json<UserFactors>, Error> {
    let now = request.app.kernel.clock.now();
    let mut c = request.app.kernel.db.read().await?;
    let user = request.principal.find_user(&mut c, &id).await?;
    let settings = accounts::settings_of(&mut c, &user.account_id).await?.two_factor;
    let all = factors::of_user(&mut c, &user.id).await?;
    let factors = all.into_iter().map(|factor| FactorBody {
        kind: factor.kind(),
        passkey: factor.is_passkey(),
        backed_up: factor.is_backed_up(),
        created_at: factor.created_at,
        last_used_at: factor.last_used_at,
        id: factor.id,
        name: factor.name,
    });
    Ok(Json(UserFactors {
        factors: factors.collect(),
        enrolled_at: factors::enrolled_at(&mut c, &user.id).await?,
        enforced: policy::is_enforced_for(&mut c, &settings, &user.id).await?,
        recovery_codes: factors::codes_left(&mut c, &user.id).await?,
        remembered_devices: factors::remembered_browsers(&mut c, &settings, &user, now).await?.len(),
    }))
}

/// Ends all second factors, recovery codes, remembered browsers and sessions of a user, and mails them a link
/// to set up a new one.
#[utoipa::path(post, path = "/api/v1/users/{id}/two-factor/reset", tag = "two-factor",
    params(("id" = String, Path,)), security(("bearer" = [])),
    responses((status = 204), (status = 404), (status = 409, description = "It is the last administrator's only way in")))]
pub(super) async fn reset(
    request: AuthenticatedRequest,
    Path(id): Path<String>,
) -> Result<StatusCode, Error> {
    admin::two_factor::reset(&request.admin(), &id).await?;
    Ok(StatusCode::NO_CONTENT)
}
