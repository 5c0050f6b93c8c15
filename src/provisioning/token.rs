//! Tokens of provisioning clients. Each acts as the service account of its connection.

use std::time::Duration;

use crate::access::tokens::{self, ApiToken, NewToken, TokenOrigin, TokenOwner, TokenPurpose};
use crate::access::{PrincipalKind, service_accounts};
use crate::audit::Context;
use crate::directory::Error;
use crate::idp::connections::Connection;
use crate::kernel::{Timestamp, Tx};

/// The limit on the overlap of a replaced token, in hours: thirty days.
const MAX_OVERLAP_HOURS: u32 = 720;

/// A token to replace.
#[derive(Debug, Clone, Copy)]
pub struct ReplacedToken<'a> {
    /// The token.
    pub token: &'a ApiToken,
    /// For how long it stays valid.
    pub overlap_hours: u32,
}

/// Issues a token that replaces another one. The old token stays valid for a while, so that the new one can be entered
/// at the identity provider without an interruption.
pub async fn replace_token(
    tx: &mut Tx,
    context: &Context,
    connection: &Connection,
    origin: TokenOrigin<'_>,
    replaced: ReplacedToken<'_>,
) -> Result<(ApiToken, String), Error> {
    let ReplacedToken { token: old, overlap_hours } = replaced;
    if old.connection_id.as_ref() != Some(&connection.id) || old.status(tx.now()) != "active" {
        let reason = "must be an active token of this connection".to_owned();
        return Err(Error::Invalid { field: "replaces", reason });
    }
    if overlap_hours > MAX_OVERLAP_HOURS {
        let reason = format!("must be at most {MAX_OVERLAP_HOURS} hours");
        return Err(Error::Invalid { field: "overlap_hours", reason });
    }
    let made = create_token(tx, context, connection, origin, &old.name, None).await?;
    let end = tx.now().plus(Duration::from_hours(overlap_hours.into()));
    tokens::expire(tx, context, old, end).await?;
    Ok(made)
}

/// Issues a token for the provisioning client of `connection` and returns its secret, which is not stored.
pub async fn create_token(
    tx: &mut Tx,
    context: &Context,
    connection: &Connection,
    origin: TokenOrigin<'_>,
    name: &str,
    expires_at: Option<Timestamp>,
) -> Result<(ApiToken, String), Error> {
    let service_account = service_accounts::of_connection(tx, &context.account_id, &connection.id).await?;
    let robot = service_account.ok_or_else(|| {
        let reason = "must be scim: only SCIM provisioning connections have tokens".to_owned();
        Error::Invalid { field: "kind", reason }
    })?;
    let new = NewToken {
        origin,
        owner: TokenOwner { kind: PrincipalKind::ServiceAccount, id: &robot.id, epoch: 0 },
        purpose: TokenPurpose::Scim,
        connection_id: Some(&connection.id),
        application_id: None,
        name,
        expires_at,
    };
    tokens::create(tx, context, new).await
}
