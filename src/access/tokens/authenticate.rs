//! Authenticates a bearer token: from the presented secret to a principal.

use std::time::Duration;

use super::model::TokenPurpose;
use super::store;
use crate::access::{Credential, Principal, PrincipalKind, Role, SessionRestriction};
use crate::kernel::TextEnum as _;
use crate::kernel::{AccountId, ConnectionId, Kernel, Timestamp, tokens};

/// A token that passed every check.
#[derive(Debug)]
pub struct AuthenticatedToken {
    /// The principal it acts as.
    pub principal: Principal,
    /// The connection it provisions through.
    pub connection: Option<TokenConnection>,
    /// The application that it was made for.
    pub application_id: Option<String>,
    /// When the token expires.
    pub expires_at: Option<Timestamp>,
    /// Whether the session in which a user made the token had verified a second factor.
    pub second_factor: bool,
}

/// The current state of a provisioning token's connection.
#[derive(Debug)]
pub struct TokenConnection {
    /// Its id.
    pub id: String,
    /// Its name.
    pub name: String,
    /// Its kind, as it is stored.
    pub kind: String,
    /// Its settings, as they are stored.
    pub settings: String,
    /// Whether the connection is enabled.
    pub enabled: bool,
    /// Whether its changes wait for an administrator's approval.
    pub paused: bool,
}

#[derive(sqlx::FromRow)]
struct Row {
    id: String,
    account_id: AccountId,
    #[sqlx(try_from = "String")]
    owner_kind: PrincipalKind,
    owner_id: String,
    owner_name: Option<String>,
    application_id: Option<String>,
    connection_id: Option<ConnectionId>,
    connection_name: Option<String>,
    connection_kind: Option<String>,
    connection_settings: Option<String>,
    connection_enabled: Option<i32>,
    connection_paused_at: Option<i64>,
    last_used_at: Option<Timestamp>,
    expires_at: Option<Timestamp>,
    parent_id: Option<String>,
    second_factor: i32,
    roles: Option<String>,
}

/// `last_used_at` is updated only when it is older than this, so that most requests write nothing.
const TOUCH_AFTER: Duration = Duration::from_mins(1);

/// Accepts a token that exists, was issued for `purpose`, and is neither revoked nor expired, whose owner
/// is active and still in the epoch in which the token was issued. If it was made with another token, that one must be
/// valid as well.
pub async fn authenticate(
    kernel: &Kernel,
    secret: &str,
    purpose: TokenPurpose,
) -> Result<Option<AuthenticatedToken>, sqlx::Error> {
    let now = kernel.clock.now();
    let mut c = kernel.db.read().await?;
    let row: Option<Row> = sqlx::query_as(
        "SELECT t.id, t.account_id, t.owner_kind, t.owner_id, COALESCE(u.user_name, s.name) AS owner_name, \
         t.application_id, t.connection_id, c.name AS connection_name, c.kind AS connection_kind, c.settings AS connection_settings, \
         c.enabled AS connection_enabled, \
         c.paused_at AS connection_paused_at, t.last_used_at, t.expires_at, \
         t.parent_id, t.second_factor, \
         (SELECT string_agg(b.role, ' ') FROM role_bindings b WHERE b.principal_id = t.owner_id) AS roles \
         FROM api_tokens t \
         LEFT JOIN users u ON t.owner_kind = 'user' AND u.id = t.owner_id AND u.active = 1 AND u.epoch = t.owner_epoch \
         LEFT JOIN service_accounts s ON t.owner_kind = 'service_account' AND s.id = t.owner_id \
         LEFT JOIN connections c ON c.id = t.connection_id \
         WHERE t.hash = $1 AND t.purpose = $2 AND t.revoked_at IS NULL \
         AND (t.expires_at IS NULL OR t.expires_at > $3)",
    )
    .bind(tokens::hash(secret))
    .bind(purpose.as_str())
    .bind(now)
    .fetch_optional(&mut *c)
    .await?;
    let Some(row) = row else { return Ok(None) };
    let Some(name) = row.owner_name else { return Ok(None) };
    if let Some(parent_id) = &row.parent_id
        && !store::is_chain_valid(&mut c, &row.account_id, parent_id, now).await?
    {
        return Ok(None);
    }
    let roles = row.roles.unwrap_or_default().split(' ').filter_map(Role::parse).collect();
    drop(c);
    if row.last_used_at.is_none_or(|last| last < now.minus(TOUCH_AFTER)) {
        let mut tx = kernel.db.begin().await?;
        store::touch(&mut tx, &row.id).await?;
        tx.commit().await?;
    }
    let principal = Principal {
        account_id: row.account_id,
        kind: row.owner_kind,
        id: row.owner_id,
        name,
        credential: Credential::Token { id: row.id, restriction: SessionRestriction::None },
        roles,
    };
    let connection = row.connection_id.map(|id| TokenConnection {
        id: id.into(),
        name: row.connection_name.unwrap_or_default(),
        kind: row.connection_kind.unwrap_or_default(),
        settings: row.connection_settings.unwrap_or_default(),
        enabled: row.connection_enabled == Some(1),
        paused: row.connection_paused_at.is_some(),
    });
    let (application_id, expires_at) = (row.application_id, row.expires_at);
    let second_factor = row.second_factor == 1;
    Ok(Some(AuthenticatedToken { principal, connection, application_id, expires_at, second_factor }))
}
