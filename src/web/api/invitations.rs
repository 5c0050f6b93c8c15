//! Invitations.

use axum::Json;
use axum::extract::{Path, Query};
use axum::http::StatusCode;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::users::read_roles;
use super::{Body, List, Paging};
use crate::admin;
use crate::kernel::Timestamp;
use crate::provisioning::invitations::{
    self, Invitation, InviteStatus, Invitee, InviteeOutcome, NewInvitations,
};
use crate::web::{AuthenticatedRequest, Error};

/// Users to invite.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct InvitationRequest {
    /// The email addresses to invite, 1 to 500.
    emails: Vec<String>,
    /// The IDs of the groups that the invited users are added to.
    #[serde(default)]
    groups: Vec<String>,
    /// The roles of the invited users: `account_admin` or `account_viewer`.
    #[serde(default)]
    roles: Vec<String>,
    /// Where users are redirected after they accept: a path on this server or an http(s) URL.
    landing_url: Option<String>,
}

/// The result for one email address.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct InvitationOutcome {
    /// The email address as it was sent.
    email: String,
    /// `invited`: the user is pending and receives an invitation email. `active` and `notified`: the user
    /// signs in through an identity provider and is active immediately, as the account's settings state;
    /// `notified` users receive an email. `refused`: the address was not invited, for the given `reason`.
    status: &'static str,
    /// The invitation's ID, for `invited`.
    id: Option<String>,
    /// The user's ID, unless the address was refused.
    user_id: Option<String>,
    /// Why the address was refused.
    reason: Option<String>,
}

impl From<InviteeOutcome> for InvitationOutcome {
    fn from(outcome: InviteeOutcome) -> Self {
        let (status, id, user_id, reason) = match outcome.status {
            InviteStatus::Invited { invitation_id, user_id } => {
                ("invited", Some(invitation_id), Some(user_id), None)
            }
            InviteStatus::Active { user_id, notified: true } => ("notified", None, Some(user_id), None),
            InviteStatus::Active { user_id, notified: false } => ("active", None, Some(user_id), None),
            InviteStatus::Refused(reason) => ("refused", None, None, Some(reason)),
        };
        Self { email: outcome.email, status, id, user_id: user_id.map(String::from), reason }
    }
}

/// The results in the order of the email addresses.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct InvitationOutcomes {
    /// One result for each email address.
    items: Vec<InvitationOutcome>,
}

/// An invitation.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct InvitationBody {
    /// The invitation's ID.
    id: String,
    /// The email address that was invited.
    email: Option<String>,
    /// The ID of the user that the invitation created.
    user_id: String,
    /// `pending`, `expired` or `accepted`.
    status: &'static str,
    /// The name of the user or service account that sent the invitation.
    invited_by: String,
    /// Where the user is redirected after accepting: a path on this server or an http(s) URL.
    landing_url: Option<String>,
    /// When the current link was generated.
    #[schema(value_type = String, format = DateTime)]
    sent_at: Timestamp,
    /// When the current link expires.
    #[schema(value_type = String, format = DateTime)]
    expires_at: Timestamp,
    /// The delivery of the invitation email: `queued`, `sent` or `failed`; `null` if no email was sent or its
    /// delivery record was deleted.
    mail_status: Option<String>,
    /// The mail server's response if delivery failed.
    mail_error: Option<String>,
}

impl InvitationBody {
    fn of(invitation: Invitation, now: Timestamp) -> Self {
        Self {
            status: invitation.state(now).as_str(),
            id: invitation.id,
            email: invitation.email,
            user_id: invitation.user_id.into(),
            invited_by: invitation.invited_by,
            landing_url: invitation.landing_url,
            sent_at: invitation.sent_at,
            expires_at: invitation.expires_at,
            mail_status: invitation.mail_status,
            mail_error: invitation.mail_error,
        }
    }
}

/// Filters on invitations.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct InvitationFilter {
    /// Only invitations that have not been accepted, whether pending or expired.
    #[serde(default)]
    open: bool,
}

/// An invitation link.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct InvitationLink {
    /// The URL of the invitation. It is shown only once, and earlier links of the invitation stop working.
    url: String,
}

/// Invite users
///
/// Each email address is processed separately: one that is refused does not affect the others.
#[utoipa::path(
    post, operation_id = "create_invitation", path = "/api/v1/invitations", tag = "invitations",
    request_body = InvitationRequest,
    security(("bearer" = [])),
    responses(
        (status = 201, description = "The result for each email address", body = InvitationOutcomes),
        (status = 422, description = "A field is not valid"),
    ),
)]
pub(super) async fn create(
    request: AuthenticatedRequest,
    Body(new): Body<InvitationRequest>,
) -> Result<(StatusCode, Json<InvitationOutcomes>), Error> {
    let person = |email| Invitee { email, ..Invitee::default() };
    let new = NewInvitations {
        invitees: new.emails.into_iter().map(person).collect(),
        group_ids: new.groups,
        roles: read_roles(&new.roles)?,
        landing_url: new.landing_url,
    };
    let outcomes = admin::invitations::create(&request.admin(), new).await?;
    let items = outcomes.into_iter().map(InvitationOutcome::from).collect();
    Ok((StatusCode::CREATED, Json(InvitationOutcomes { items })))
}

/// List invitations
///
/// Returns invitations in the order of their creation.
#[utoipa::path(
    get, operation_id = "list_invitations", path = "/api/v1/invitations", tag = "invitations",
    params(Paging, InvitationFilter),
    security(("bearer" = [])),
    responses(
        (status = 200, description = "A page of invitations", body = List<InvitationBody>),
    ),
)]
pub(super) async fn list(
    request: AuthenticatedRequest,
    Query(paging): Query<Paging>,
    Query(filter): Query<InvitationFilter>,
) -> Result<Json<List<InvitationBody>>, Error> {
    let (limit, now) = (paging.limit(), request.app.kernel.clock.now());
    let mut c = request.app.kernel.db.read().await?;

    let rows =
        invitations::list(&mut c, &request.principal.account_id, filter.open, paging.after(), limit + 1)
            .await?;
    Ok(Json(List::of(rows, limit, |i| &i.user_id, |i| InvitationBody::of(i, now))))
}

/// Get an invitation
#[utoipa::path(
    get, operation_id = "get_invitation", path = "/api/v1/invitations/{id}", tag = "invitations",
    params(("id" = String, Path, description = "The invitation's ID")),
    security(("bearer" = [])),
    responses(
        (status = 200, description = "The invitation", body = InvitationBody),
        (status = 404, description = "No invitation has this ID"),
    ),
)]
pub(super) async fn show(
    request: AuthenticatedRequest,
    Path(id): Path<String>,
) -> Result<Json<InvitationBody>, Error> {
    let mut c = request.app.kernel.db.read().await?;
    let invitation = request.principal.find_invitation(&mut c, &id).await?;
    Ok(Json(InvitationBody::of(invitation, request.app.kernel.clock.now())))
}

/// Resend an invitation
///
/// Sends the email again with a new link, which is valid for 7 days. Earlier links stop working.
#[utoipa::path(
    post, operation_id = "resend_invitation", path = "/api/v1/invitations/{id}/resend", tag = "invitations",
    params(("id" = String, Path, description = "The invitation's ID")),
    security(("bearer" = [])),
    responses(
        (status = 202, description = "The email was queued"),
        (status = 404, description = "No invitation has this ID"),
        (status = 409, description = "The invitation has already been accepted"),
    ),
)]
pub(super) async fn resend(
    request: AuthenticatedRequest,
    Path(id): Path<String>,
) -> Result<StatusCode, Error> {
    admin::invitations::resend(&request.admin(), &id).await?;
    Ok(StatusCode::ACCEPTED)
}

/// Generate an invitation link
///
/// Returns a new link that you can send to the user yourself. It is valid for 7 days. Earlier links stop
/// working.
#[utoipa::path(
    post, operation_id = "create_invitation_link", path = "/api/v1/invitations/{id}/link",
    tag = "invitations",
    params(("id" = String, Path, description = "The invitation's ID")),
    security(("bearer" = [])),
    responses(
        (status = 200, description = "The new link", body = InvitationLink),
        (status = 404, description = "No invitation has this ID"),
        (status = 409, description = "The invitation has already been accepted"),
    ),
)]
pub(super) async fn copy_link(
    request: AuthenticatedRequest,
    Path(id): Path<String>,
) -> Result<Json<InvitationLink>, Error> {
    let url = admin::invitations::copy_link(&request.admin(), &id).await?;
    Ok(Json(InvitationLink { url }))
}

/// Cancel an invitation
///
/// Deletes the invitation and the pending user.
#[utoipa::path(
    delete, operation_id = "cancel_invitation", path = "/api/v1/invitations/{id}", tag = "invitations",
    params(("id" = String, Path, description = "The invitation's ID")),
    security(("bearer" = [])),
    responses(
        (status = 204, description = "The invitation was canceled"),
        (status = 404, description = "No invitation has this ID"),
        (status = 409, description = "The invitation has already been accepted"),
    ),
)]
pub(super) async fn cancel(
    request: AuthenticatedRequest,
    Path(id): Path<String>,
) -> Result<StatusCode, Error> {
    admin::invitations::cancel(&request.admin(), &id).await?;
    Ok(StatusCode::NO_CONTENT)
}
