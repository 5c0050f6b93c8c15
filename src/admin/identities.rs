//! Linked identities of users.

use super::{AdminRequest, Error};
use crate::directory::accounts;
use crate::directory::users::{self, User};
use crate::kernel::{Tx, UserId};
use crate::signin::identities::{self, PendingIdentity};
use crate::signin::policy;

/// Links a pending identity to a user, because the administrator says that it is theirs.
pub async fn approve(request: &AdminRequest<'_>, user_id: &UserId, id: &str) -> Result<(), Error> {
    let mut tx = request.kernel().db.begin().await?;
    if request.principal().session_id().is_some() {
        request.principal().require_recent_authentication(tx.now())?;
    }
    accounts::lock(&mut tx, &request.principal().account_id).await?;
    // A sign-in that links another identity to the user holds this lock.
    users::lock(&mut tx, &request.principal().account_id, user_id).await?;
    let (user, pending) = find_pending(request, &mut tx, user_id, id).await?;
    if let Some(refusal) = policy::find_approval_refusal(&mut tx, &user, &pending).await? {
        return Err(Error::ApprovalRefused(refusal));
    }
    identities::approve(&mut tx, &request.context(), &user, &pending).await?;
    Ok(tx.commit().await?)
}

/// Discards a pending identity of a user.
pub async fn discard(request: &AdminRequest<'_>, user_id: &UserId, id: &str) -> Result<(), Error> {
    let mut tx = request.kernel().db.begin().await?;
    let (user, pending) = find_pending(request, &mut tx, user_id, id).await?;
    identities::discard(&mut tx, &request.context(), &user, &pending).await?;
    Ok(tx.commit().await?)
}

async fn find_pending(
    request: &AdminRequest<'_>,
    tx: &mut Tx,
    user_id: &UserId,
    id: &str,
) -> Result<(User, PendingIdentity), Error> {
    let user = request.principal().find_user(tx, user_id).await?;
    let now = tx.now();
    let pending = identities::pending_by_id(tx, &user, id, now).await?;
    Ok((user, pending.ok_or(Error::NotFound("pending identity"))?))
}

/// Unlinks an identity from a user. At the subject's next sign-in, the address decides again.
pub async fn unlink(request: &AdminRequest<'_>, user_id: &UserId, id: &str) -> Result<(), Error> {
    let mut tx = request.kernel().db.begin().await?;
    let user = request.principal().find_user(&mut tx, user_id).await?;
    let identity =
        identities::by_id(&mut tx, &user.id, id).await?.ok_or(Error::NotFound("linked identity"))?;
    identities::unlink(&mut tx, &request.context(), &user, &identity).await?;
    Ok(tx.commit().await?)
}
