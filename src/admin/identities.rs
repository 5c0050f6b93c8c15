//! Linked identities of users.

use super::{AdminRequest, Error};
use crate::kernel::UserId;
use crate::signin::identities;

/// Unlinks an identity from a user. If the provider asserts the user's address as verified, the next
/// sign-in links it again.
pub async fn unlink(request: &AdminRequest<'_>, user_id: &UserId, id: &str) -> Result<(), Error> {
    let mut tx = request.kernel().db.begin().await?;
    let user = request.principal().find_user(&mut tx, user_id).await?;
    let identity =
        identities::by_id(&mut tx, &user.id, id).await?.ok_or(Error::NotFound("linked identity"))?;
    identities::unlink(&mut tx, &request.context(), &user, &identity).await?;
    Ok(tx.commit().await?)
}
