//! SQL of what settings refer to.

use crate::kernel::AccountId;
use crate::kernel::database::DbConn;

/// A connection for sign-in, as settings and their form name it.
#[derive(Debug, sqlx::FromRow)]
pub(crate) struct ConnectionName {
    pub(crate) id: String,
    pub(crate) name: String,
}

/// The connections for sign-in of an account.
pub(crate) async fn connection_names(
    c: &mut DbConn,
    account_id: &AccountId,
) -> Result<Vec<ConnectionName>, sqlx::Error> {
    sqlx::query_as(
        "SELECT id, name FROM connections WHERE account_id = $1 AND kind <> 'scim' ORDER BY name_folded",
    )
    .bind(account_id)
    .fetch_all(c)
    .await
}
