//! Two-factor authentication of the account's users: report, reminders, reset.

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

/// Filters and paging of the two-factor report.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct TwoFactorReportQuery {
    /// Which active users to list: `missing` (not enrolled), `enrolled` or `all`. The default is `missing`,
    /// and `all` for the CSV file.
    show: Option<String>,
    /// The number of users per page, 1 to 200. The default is 50. The CSV file has no pages.
    limit: Option<i64>,
    /// The value of `next` from the previous page.
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

/// List the two-factor enrollment of users
///
/// Returns active users with the two-factor methods that they have set up.
#[utoipa::path(
    get, operation_id = "get_two_factor_report", path = "/api/v1/two-factor/report", tag = "two-factor",
    params(TwoFactorReportQuery),
    security(("bearer" = [])),
    responses(
        (status = 200, description = "A page of users", body = List<Row>),
        (status = 422, description = "`show` is not valid"),
    ),
)]
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

/// Export the two-factor enrollment of users
///
/// Returns the whole report as a CSV file.
#[utoipa::path(
    get, operation_id = "export_two_factor_report", path = "/api/v1/two-factor/report.csv",
    tag = "two-factor",
    params(TwoFactorReportQuery),
    security(("bearer" = [])),
    responses(
        (status = 200, description = "The CSV file", content_type = "text/csv"),
        (status = 422, description = "`show` is not valid"),
    ),
)]
pub(super) async fn export(
    request: AuthenticatedRequest,
    Query(query): Query<TwoFactorReportQuery>,
) -> Result<Response, Error> {
    Ok(report_csv(&request.app, &request.principal, query.filter(EnrolmentFilter::All)?))
}

/// Get the two-factor enrollment summary
///
/// Counts active users with and without two-factor authentication.
#[utoipa::path(
    get, operation_id = "get_two_factor_summary", path = "/api/v1/two-factor/summary", tag = "two-factor",
    security(("bearer" = [])),
    responses(
        (status = 200, description = "The number of users", body = Summary),
    ),
)]
pub(super) async fn summary(request: AuthenticatedRequest) -> Result<Json<Summary>, Error> {
    let mut c = request.app.kernel.db.read().await?;
    Ok(Json(factors::summary(&mut c, &request.principal.account_id).await?))
}

/// A mailing that was started.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Reminded {
    /// The number of users who receive the email.
    people: i64,
}

/// Send two-factor enrollment reminders
///
/// Emails a setup link to all active users who must use two-factor authentication and have not set it up. If
/// the account does not require it, all active users without it receive the email. Emails are queued in
/// batches.
#[utoipa::path(
    post, operation_id = "send_two_factor_reminders", path = "/api/v1/two-factor/remind",
    tag = "two-factor",
    security(("bearer" = [])),
    responses(
        (status = 202, description = "The mailing was started", body = Reminded),
        (status = 409, description = "The previous mailing has not finished"),
    ),
)]
pub(super) async fn remind(request: AuthenticatedRequest) -> Result<(StatusCode, Json<Reminded>), Error> {
    let people = admin::two_factor::send_enrolment_reminders(&request.admin()).await?;
    Ok((StatusCode::ACCEPTED, Json(Reminded { people })))
}

/// List two-factor mailings
///
/// Returns the account's latest 20 mailings with their progress, newest first.
#[utoipa::path(
    get, operation_id = "list_two_factor_mailings", path = "/api/v1/two-factor/mailings",
    tag = "two-factor",
    security(("bearer" = [])),
    responses(
        (status = 200, description = "The mailings", body = List<Mailing>),
    ),
)]
pub(super) async fn mailings(request: AuthenticatedRequest) -> Result<Json<List<Mailing>>, Error> {
    let mut c = request.app.kernel.db.read().await?;
    let items = mailing::latest(&mut c, &request.principal.account_id, 20).await?;
    Ok(Json(List { items, next: None }))
}

/// Stop sending two-factor emails
///
/// No further emails are queued. Emails that are already queued are still delivered.
#[utoipa::path(
    post, operation_id = "stop_two_factor_mailings", path = "/api/v1/two-factor/mailings/stop",
    tag = "two-factor",
    security(("bearer" = [])),
    responses(
        (status = 204, description = "The mailing was stopped, or none was running"),
    ),
)]
pub(super) async fn stop(request: AuthenticatedRequest) -> Result<StatusCode, Error> {
    admin::two_factor::stop_mailing(&request.admin()).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// A two-factor method of a user, without its secret.
#[derive(Debug, Serialize, ToSchema)]
struct FactorBody {
    /// The method's ID.
    id: String,
    /// The kind of method.
    kind: FactorKind,
    /// The name that the user gave it.
    name: String,
    /// Whether it is a passkey, which allows passwordless sign-in.
    passkey: bool,
    /// Whether the passkey is backed up by its provider.
    backed_up: bool,
    /// When it was added.
    #[schema(value_type = String, format = DateTime)]
    created_at: Timestamp,
    /// When it was last used.
    #[schema(value_type = Option<String>, format = DateTime)]
    last_used_at: Option<Timestamp>,
}

/// The two-factor authentication of a user.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct UserFactors {
    /// When the user enrolled; `null` if the user has not set up two-factor authentication.
    #[schema(value_type = Option<String>, format = DateTime)]
    enrolled_at: Option<Timestamp>,
    /// Whether the account requires two-factor authentication for the user.
    enforced: bool,
    /// The user's authenticator apps, passkeys and security keys.
    factors: Vec<FactorBody>,
    /// The number of unused recovery codes.
    recovery_codes: i64,
    /// The number of remembered browsers.
    remembered_devices: usize,
}

/// Get the two-factor authentication of a user
#[utoipa::path(
    get, operation_id = "get_user_two_factor", path = "/api/v1/users/{id}/two-factor", tag = "two-factor",
    params(("id" = String, Path, description = "The user's ID")),
    security(("bearer" = [])),
    responses(
        (status = 200, description = "The user's two-factor methods", body = UserFactors),
        (status = 404, description = "No user has this ID"),
    ),
)]
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

/// Reset the two-factor authentication of a user
///
/// Removes the user's authenticator apps, passkeys, security keys, recovery codes and remembered browsers,
/// revokes all sessions of the user, and emails the user a link to set up two-factor authentication again. A
/// user who has not set it up keeps their sessions and only receives the link.
#[utoipa::path(
    post, operation_id = "reset_user_two_factor", path = "/api/v1/users/{id}/two-factor/reset",
    tag = "two-factor",
    params(("id" = String, Path, description = "The user's ID")),
    security(("bearer" = [])),
    responses(
        (status = 204, description = "Two-factor authentication was reset"),
        (status = 404, description = "No user has this ID"),
        (status = 409, description = "The user is the last administrator and has no other sign-in method"),
    ),
)]
pub(super) async fn reset(
    request: AuthenticatedRequest,
    Path(id): Path<String>,
) -> Result<StatusCode, Error> {
    admin::two_factor::reset(&request.admin(), &id).await?;
    Ok(StatusCode::NO_CONTENT)
}
