//! Who users are at providers.

use super::super::Error;
use crate::access::Principal;
use crate::directory::users::User;
use crate::kernel::Tx;
use crate::kernel::http::RequestContext;
use crate::signin::identities;

/// Takes an identity away from its user.
pub(in super::super) async fn unlink_identity(
    tx: &mut Tx,
    principal: &Principal,
    request: &RequestContext,
    (user, id): (&User, &str),
) -> Result<(), Error> {
    let identity = identities::by_id(tx, &user.id, id).await?.ok_or_else(|| Error::not_found("identity"))?;
    Ok(identities::unlink(tx, &principal.context(request), user, &identity).await?)
}
