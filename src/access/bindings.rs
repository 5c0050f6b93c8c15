//! Role bindings: which principal has which role.

use super::{PrincipalKind, Role};
use crate::audit::{self, Action, Context, Event};
use crate::kernel::TextEnum as _;
use crate::kernel::database::DbConn;
use crate::kernel::{AccountId, Tx, UserId};

/// The roles of a principal.
pub async fn roles_of(c: &mut DbConn, principal_id: &str) -> Result<Vec<Role>, sqlx::Error> {
    let names: Vec<String> =
        sqlx::query_scalar("SELECT role FROM role_bindings WHERE principal_id = $1 ORDER BY role")
            .bind(principal_id)
            .fetch_all(c)
            .await?;
    Ok(names.iter().filter_map(|name| Role::parse(name)).collect())
}

/// Binds a role to a principal of the context's account. Has no effect, and leaves no event, when the
/// binding exists.
pub async fn bind_role(
    tx: &mut Tx,
    context: &Context,
    kind: PrincipalKind,
    id: &str,
    name: &str,
    role: Role,
) -> Result<(), sqlx::Error> {
    let now = tx.now();
    let done = sqlx::query(
        "INSERT INTO role_bindings (account_id, principal_kind, principal_id, role, created_at) \
         VALUES ($1, $2, $3, $4, $5) ON CONFLICT DO NOTHING",
    )
    .bind(&context.account_id)
    .bind(kind.as_str())
    .bind(id)
    .bind(role.as_str())
    .bind(now)
    .execute(&mut **tx)
    .await?;
    if done.rows_affected() == 0 {
        return Ok(());
    }
    let event = Event::new(Action::RoleBind, kind.as_str(), id, name);
    audit::record(tx, context, event.detail(serde_json::json!({"role": role.as_str()}))).await
}

/// Takes a role away.
pub(super) async fn unbind_role(
    tx: &mut Tx,
    context: &Context,
    kind: PrincipalKind,
    id: &str,
    name: &str,
    role: Role,
) -> Result<(), sqlx::Error> {
    let done =
        sqlx::query("DELETE FROM role_bindings WHERE account_id = $1 AND principal_id = $2 AND role = $3")
            .bind(&context.account_id)
            .bind(id)
            .bind(role.as_str())
            .execute(&mut **tx)
            .await?;
    if done.rows_affected() == 0 {
        return Ok(());
    }
    let event = Event::new(Action::RoleUnbind, kind.as_str(), id, name);
    audit::record(tx, context, event.detail(serde_json::json!({"role": role.as_str()}))).await
}

/// Takes all roles away, from a principal that is being deleted.
pub(super) async fn unbind_all_roles(
    tx: &mut Tx,
    context: &Context,
    kind: PrincipalKind,
    id: &str,
    name: &str,
) -> Result<(), sqlx::Error> {
    for role in roles_of(tx, id).await? {
        unbind_role(tx, context, kind, id, name, role).await?;
    }
    Ok(())
}

/// Whether this user is an active administrator of the account.
pub(super) async fn is_active_admin(
    c: &mut DbConn,
    account_id: &AccountId,
    user_id: &UserId,
) -> Result<bool, sqlx::Error> {
    let found: Option<String> = sqlx::query_scalar(
        "SELECT u.id FROM role_bindings b JOIN users u ON u.id = b.principal_id \
         WHERE b.account_id = $1 AND b.role = 'account_admin' AND u.active = 1 AND u.id = $2",
    )
    .bind(account_id)
    .bind(user_id)
    .fetch_optional(c)
    .await?;
    Ok(found.is_some())
}

/// Whether the account has an active administrator other than this user.
pub async fn has_other_admin(
    c: &mut DbConn,
    account_id: &AccountId,
    user_id: &UserId,
) -> Result<bool, sqlx::Error> {
    let other: Option<(String,)> = sqlx::query_as(
        "SELECT u.id FROM role_bindings b JOIN users u ON u.id = b.principal_id \
         WHERE b.account_id = $1 AND b.role = 'account_admin' AND u.active = 1 AND u.id <> $2 LIMIT 1",
    )
    .bind(account_id)
    .bind(user_id)
    .fetch_optional(c)
    .await?;
    Ok(other.is_some())
}

/// The ids of the users who are administrators of the account, active or not.
pub async fn admins(c: &mut DbConn, account_id: &AccountId) -> Result<Vec<UserId>, sqlx::Error> {
    sqlx::query_scalar(
        "SELECT principal_id FROM role_bindings WHERE account_id = $1 AND role = 'account_admin' \
         AND principal_kind = 'user'",
    )
    .bind(account_id)
    .fetch_all(c)
    .await
}
