//! Invitations.

use super::{AdminRequest, Error};
use crate::provisioning::invitations::{self, InviteeOutcome, NewInvitations};

/// Creates invitations.
pub async fn create(request: &AdminRequest<'_>, new: NewInvitations) -> Result<Vec<InviteeOutcome>, Error> {
    let kernel = request.kernel();
    let mut tx = kernel.db.begin().await?;
    let outcomes = invitations::create(kernel, &mut tx, &request.context(), new).await?;
    tx.commit().await?;
    Ok(outcomes)
}

/// Sends an invitation again.
pub async fn resend(request: &AdminRequest<'_>, id: &str) -> Result<(), Error> {
    let kernel = request.kernel();
    let mut tx = kernel.db.begin().await?;
    let invitation = request.principal().find_invitation(&mut tx, id).await?;
    invitations::resend(kernel, &mut tx, &request.context(), &invitation).await?;
    tx.commit().await?;
    Ok(())
}

/// Creates a new link to deliver by other means than mail, and returns its address.
pub async fn copy_link(request: &AdminRequest<'_>, id: &str) -> Result<String, Error> {
    let kernel = request.kernel();
    let mut tx = kernel.db.begin().await?;
    let invitation = request.principal().find_invitation(&mut tx, id).await?;
    let link = invitations::copy_link(kernel, &mut tx, &request.context(), &invitation).await?;
    tx.commit().await?;
    Ok(link)
}

/// Cancels an invitation.
pub async fn cancel(request: &AdminRequest<'_>, id: &str) -> Result<(), Error> {
    let mut tx = request.kernel().db.begin().await?;
    let invitation = request.principal().find_invitation(&mut tx, id).await?;
    invitations::cancel(&mut tx, &request.context(), &invitation).await?;
    Ok(tx.commit().await?)
}
