//! Who users are at providers.

use crate::access::Principal;
use crate::directory::users::User;
use crate::kernel::Tx;
use crate::kernel::http::RequestContext;
use crate::signin::identities;
use crate::web::Error;

/// Takes an identity away from its user.
pub(crate) async fn unlink_identity(
    tx: &mut Tx,
    principal: &Principal,
    request: &RequestContext,
    user: &User,
    id: &str,
) -> Result<(), Error> {
    let identity = identities::by_id(tx, &user.id, id).await?.ok_or_else(|| Error::not_found("identity"))?;
    Ok(identities::unlink(tx, &principal.context(request), user, &identity).await?)
}
