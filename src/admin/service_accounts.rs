//! Service accounts.

use super::{AdminRequest, Error};
use crate::access::Role;
use crate::access::service_accounts::{self, ServiceAccount};

/// Creates a service account, with a role if one is given.
pub async fn create(
    request: &AdminRequest<'_>,
    name: &str,
    role: Option<Role>,
) -> Result<ServiceAccount, Error> {
    let mut tx = request.kernel().db.begin().await?;
    let made = service_accounts::create(&mut tx, &request.context(), name, role, None).await?;
    tx.commit().await?;
    Ok(made)
}

/// Deletes a service account with its tokens.
pub async fn delete(request: &AdminRequest<'_>, id: &str) -> Result<(), Error> {
    let mut tx = request.kernel().db.begin().await?;
    let found = request.principal().find_service_account(&mut tx, id).await?;
    service_accounts::delete(&mut tx, &request.context(), &found).await?;
    Ok(tx.commit().await?)
}
