//! Who users are at providers.

use super::{AdminRequest, Error};
use crate::signin::identities;

/// Takes an identity away from a user. If the provider vouches for their address, it leads to them again.
pub async fn unlink(request: &AdminRequest<'_>, user_id: &str, id: &str) -> Result<(), Error> {
    let mut tx = request.kernel().db.begin().await?;
    let user = request.principal().find_user(&mut tx, user_id).await?;
    let identity = identities::by_id(&mut tx, &user.id, id).await?.ok_or(Error::NotFound("identity"))?;
    identities::unlink(&mut tx, &request.context(), &user, &identity).await?;
    Ok(tx.commit().await?)
}
