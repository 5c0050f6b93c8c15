//! From a presented secret to a principal.

use std::time::Duration;

use super::super::{Credential, Principal, PrincipalKind, Role};
use super::model::TokenPurpose;
use super::store;
use crate::kernel::{Kernel, Timestamp, tokens};

/// A token that was accepted.
#[derive(Debug, Clone)]
pub struct Bearer {
    /// Whom it acts for.
    pub principal: Principal,
    /// The connection it provisions for.
    pub connection_id: Option<String>,
}

#[derive(sqlx::FromRow)]
struct Row {
    id: String,
    account_id: String,
    owner_kind: String,
    owner_id: String,
    owner_name: Option<String>,
    connection_id: Option<String>,
    last_used_at: Option<Timestamp>,
    roles: Option<String>,
}

/// How old `last_used_at` may get before a use is written down again.
const TOUCH_AFTER: Duration = Duration::from_mins(1);

/// Accepts a token that exists, was made for `purpose`, is neither revoked nor expired, and whose
/// owner is active and was not deactivated since.
///
/// # Errors
/// The database's.
pub async fn authenticate(
    kernel: &Kernel,
    secret: &str,
    purpose: TokenPurpose,
) -> Result<Option<Bearer>, sqlx::Error> {
    let now = kernel.clock.now();
    let mut c = kernel.db.read().await?;
    let row: Option<Row> = sqlx::query_as(
        "SELECT t.id, t.account_id, t.owner_kind, t.owner_id, COALESCE(u.user_name, s.name) AS owner_name, \
         t.connection_id, t.last_used_at, \
         (SELECT string_agg(b.role, ' ') FROM role_bindings b WHERE b.principal_id = t.owner_id) AS roles \
         FROM api_tokens t \
         LEFT JOIN users u ON t.owner_kind = 'user' AND u.id = t.owner_id AND u.active = 1 AND u.epoch = t.owner_epoch \
         LEFT JOIN service_accounts s ON t.owner_kind = 'service_account' AND s.id = t.owner_id \
         WHERE t.hash = $1 AND t.purpose = $2 AND t.revoked_at IS NULL \
         AND (t.expires_at IS NULL OR t.expires_at > $3)",
    )
    .bind(tokens::hash(secret))
    .bind(purpose.as_str())
    .bind(now)
    .fetch_optional(&mut *c)
    .await?;
    let Some(Row {
        owner_name: Some(name),
        id,
        account_id,
        owner_kind,
        owner_id,
        connection_id,
        last_used_at,
        roles,
    }) = row
    else {
        return Ok(None);
    };
    let roles = roles.unwrap_or_default().split(' ').filter_map(Role::parse).collect();
    drop(c);
    if last_used_at.is_none_or(|last| last < now.minus(TOUCH_AFTER)) {
        let mut tx = kernel.db.begin().await?;
        store::touch(&mut tx, &id).await?;
        tx.commit().await?;
    }
    let kind = PrincipalKind::parse(&owner_kind);
    let credential = Credential::Token { id };
    let principal = Principal { account_id, kind, id: owner_id, name, credential, roles };
    Ok(Some(Bearer { principal, connection_id }))
}
