//! Invitations, for the console and the API: find, change, commit, wake the mail.

use crate::access::Principal;
use crate::kernel::database::DbConn;
use crate::kernel::http::RequestContext;
use crate::provisioning::invitations::{self, Invitation, InviteeOutcome, NewInvitations};
use crate::web::{AppState, Error};

/// The invitation with this id in the principal's account.
pub(crate) async fn find_invitation(
    c: &mut DbConn,
    principal: &Principal,
    id: &str,
) -> Result<Invitation, Error> {
    let found = invitations::by_id(c, &principal.account_id, id).await?;
    found.ok_or_else(|| Error::not_found("invitation"))
}

/// Invites people.
pub(crate) async fn create_invitations(
    app: &AppState,
    principal: &Principal,
    request: &RequestContext,
    new: NewInvitations,
) -> Result<Vec<InviteeOutcome>, Error> {
    let mut tx = app.kernel.db.begin().await?;
    let outcomes = invitations::create(&app.kernel, &mut tx, &principal.context(request), new).await?;
    tx.commit().await?;
    Ok(outcomes)
}

/// Sends an invitation again.
pub(crate) async fn resend_invitation(
    app: &AppState,
    principal: &Principal,
    request: &RequestContext,
    id: &str,
) -> Result<(), Error> {
    let mut tx = app.kernel.db.begin().await?;
    let invitation = find_invitation(&mut tx, principal, id).await?;
    invitations::resend(&app.kernel, &mut tx, &principal.context(request), &invitation).await?;
    tx.commit().await?;
    Ok(())
}

/// Makes a link to hand over.
pub(crate) async fn copy_invitation_link(
    app: &AppState,
    principal: &Principal,
    request: &RequestContext,
    id: &str,
) -> Result<String, Error> {
    let mut tx = app.kernel.db.begin().await?;
    let invitation = find_invitation(&mut tx, principal, id).await?;
    let link = invitations::copy_link(&app.kernel, &mut tx, &principal.context(request), &invitation).await?;
    tx.commit().await?;
    Ok(link)
}

/// Takes an invitation back.
pub(crate) async fn cancel_invitation(
    app: &AppState,
    principal: &Principal,
    request: &RequestContext,
    id: &str,
) -> Result<(), Error> {
    let mut tx = app.kernel.db.begin().await?;
    let invitation = find_invitation(&mut tx, principal, id).await?;
    invitations::cancel(&mut tx, &principal.context(request), &invitation).await?;
    Ok(tx.commit().await?)
}
