//! The tokens of provisioning clients.

use crate::access::tokens::{self, NewToken, Owner, Token, TokenPurpose};
use crate::access::{PrincipalKind, service_accounts};
use crate::audit::Context;
use crate::directory::Error;
use crate::idp::connections::Connection;
use crate::kernel::{Timestamp, Tx};

/// Makes a token for the provisioning client of `connection` and returns its secret, which exists
/// nowhere else from here on.
///
/// # Errors
/// [`Error::Invalid`] for a connection that does not provision, a name or an expiry.
pub async fn create_token(
    tx: &mut Tx,
    context: &Context,
    connection: &Connection,
    name: &str,
    expires_at: Option<Timestamp>,
) -> Result<(Token, String), Error> {
    let robot = service_accounts::of_connection(tx, &context.account_id, &connection.id).await?;
    let robot = robot.ok_or_else(|| {
        let reason = "must be scim: only directory connections have tokens".to_owned();
        Error::Invalid { field: "kind", reason }
    })?;
    let new = NewToken {
        owner: Owner { kind: PrincipalKind::ServiceAccount, id: &robot.id, epoch: 0 },
        purpose: TokenPurpose::Scim,
        connection_id: Some(&connection.id),
        name,
        expires_at,
    };
    tokens::create(tx, context, new).await
}
