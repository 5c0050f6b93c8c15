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

/// People to be invited.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct InvitationRequest {
    /// Addresses, 1 to 500.
    emails: Vec<String>,
    /// Ids of user groups they become members of.
    #[serde(default)]
    groups: Vec<String>,
    /// Roles they get.
    #[serde(default)]
    roles: Vec<String>,
    /// Where they land after accepting: a path here or an http(s) address.
    landing_url: Option<String>,
}

/// What became of an address.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct InvitationOutcome {
    /// The address as it was sent.
    email: String,
    /// `invited`; `active` and `notified` for people who sign in through an identity provider, as the
    /// settings say; `refused`.
    status: &'static str,
    /// The invitation's id.
    id: Option<String>,
    /// The user's id.
    user_id: Option<String>,
    /// Why it was refused.
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

/// What became of each address, in order.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct InvitationOutcomes {
    items: Vec<InvitationOutcome>,
}

/// An invitation.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct InvitationBody {
    /// Its id.
    id: String,
    /// The invited address.
    email: Option<String>,
    /// The user it made.
    user_id: String,
    /// `pending`, `expired` or `accepted`.
    status: &'static str,
    /// Who invited, by name.
    invited_by: String,
    /// Where they land.
    landing_url: Option<String>,
    /// When the last link was made.
    #[schema(value_type = String, format = DateTime)]
    sent_at: Timestamp,
    /// When that link ends.
    #[schema(value_type = String, format = DateTime)]
    expires_at: Timestamp,
    /// `queued`, `sent` or `failed`; null without a mail.
    mail_status: Option<String>,
    /// What the mail server said when it did not take it.
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

/// Which invitations to list.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct InvitationFilter {
    /// Only those whose person has not come: pending and expired ones.
    #[serde(default)]
    open: bool,
}

/// A link to hand over.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct InvitationLink {
    /// The address. It is shown once; the link of the mail has stopped working.
    url: String,
}

/// Invites people. Each address is answered by itself.
#[utoipa::path(post, path = "/api/v1/invitations", tag = "invitations", request_body = InvitationRequest,
    security(("bearer" = [])), responses((status = 201, body = InvitationOutcomes), (status = 422)))]
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

/// Lists invitations in order of making.
#[utoipa::path(get, path = "/api/v1/invitations", tag = "invitations", params(Paging, InvitationFilter),
    security(("bearer" = [])), responses((status = 200, body = List<InvitationBody>)))]
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

/// Shows an invitation.
#[utoipa::path(get, path = "/api/v1/invitations/{id}", tag = "invitations", params(("id" = String, Path,)),
    security(("bearer" = [])), responses((status = 200, body = InvitationBody), (status = 404)))]
pub(super) async fn show(
    request: AuthenticatedRequest,
    Path(id): Path<String>,
) -> Result<Json<InvitationBody>, Error> {
    let mut c = request.app.kernel.db.read().await?;
    let invitation = request.principal.find_invitation(&mut c, &id).await?;
    Ok(Json(InvitationBody::of(invitation, request.app.kernel.clock.now())))
}

/// Sends the mail again with a fresh link, good for seven days.
#[utoipa::path(post, path = "/api/v1/invitations/{id}/resend", tag = "invitations", params(("id" = String, Path,)),
    security(("bearer" = [])), responses((status = 202), (status = 404), (status = 409)))]
pub(super) async fn resend(
    request: AuthenticatedRequest,
    Path(id): Path<String>,
) -> Result<StatusCode, Error> {
    admin::invitations::resend(&request.admin(), &id).await?;
    Ok(StatusCode::ACCEPTED)
}

/// Makes a fresh link to hand over by other means than mail.
#[utoipa::path(post, path = "/api/v1/invitations/{id}/link", tag = "invitations", params(("id" = String, Path,)),
    security(("bearer" = [])), responses((status = 200, body = InvitationLink), (status = 404), (status = 409)))]
pub(super) async fn copy_link(
    request: AuthenticatedRequest,
    Path(id): Path<String>,
) -> Result<Json<InvitationLink>, Error> {
    let url = admin::invitations::copy_link(&request.admin(), &id).await?;
    Ok(Json(InvitationLink { url }))
}

/// Takes an invitation back, and the pending user with it.
#[utoipa::path(delete, path = "/api/v1/invitations/{id}", tag = "invitations", params(("id" = String, Path,)),
    security(("bearer" = [])), responses((status = 204), (status = 404), (status = 409)))]
pub(super) async fn cancel(
    request: AuthenticatedRequest,
    Path(id): Path<String>,
) -> Result<StatusCode, Error> {
    admin::invitations::cancel(&request.admin(), &id).await?;
    Ok(StatusCode::NO_CONTENT)
}
