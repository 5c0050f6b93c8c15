//! Who may change what an account requires, and what must stay possible after a change.

use super::sign_in_methods;
use crate::access::{self, Principal, PrincipalKind};
use crate::directory::accounts::{self, TwoFactorSettings};
use crate::directory::users::User;
use crate::kernel::ConnectionId;
use crate::kernel::database::DbConn;
use crate::signin::factors::{self, Factor};
use crate::signin::password;

/// Whether the principal meets the requirement that they are about to set for others: an administrator
/// needs a second factor of their own, and a service account needs an administrator who has one.
pub async fn requester_has_second_factor(c: &mut DbConn, principal: &Principal) -> Result<bool, sqlx::Error> {
    if principal.kind == PrincipalKind::User {
        return factors::is_enrolled(c, &principal.user_id()).await;
    }
    for id in access::admins(&mut *c, &principal.account_id).await? {
        if factors::is_enrolled(&mut *c, &id).await? {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Whether the principal may change which users must have a second factor. Only a change that adds users
/// takes [`requester_has_second_factor`].
pub async fn may_change_enforcement(
    c: &mut DbConn,
    principal: &Principal,
    before: &TwoFactorSettings,
    after: &TwoFactorSettings,
) -> Result<bool, sqlx::Error> {
    Ok(!after.widens(before) || requester_has_second_factor(c, principal).await?)
}

/// The factors that are removed from a user.
#[derive(Debug, Clone, Copy)]
pub enum RemovedFactors<'a> {
    /// This factor.
    One(&'a Factor),
    /// All factors.
    All,
}

/// Whether a user has no way to sign in once these factors are removed. `provider` is the connection whose
/// identity provider signs them in. A method that the account does not allow for them is no way, and a passkey that
/// they may not sign in with can therefore be removed.
pub async fn leaves_no_sign_in_method(
    c: &mut DbConn,
    user: &User,
    removed: RemovedFactors<'_>,
    provider: Option<&ConnectionId>,
) -> Result<bool, sqlx::Error> {
    let settings = accounts::settings_of(&mut *c, &user.account_id).await?;
    let address = user.email_or_user_name();
    let allowed = sign_in_methods::allowed_methods(&mut *c, &settings, Some(user), address).await?;
    if provider.is_some_and(|id| allowed.permits_connection(id)) {
        return Ok(false);
    }
    let has_password = password::changed_at(&mut *c, &user.id).await?.is_some();
    if has_password
        && (allowed.password || sign_in_methods::may_use_local_page(&mut *c, &settings, user).await?)
    {
        return Ok(false);
    }
    let RemovedFactors::One(removed) = removed else { return Ok(true) };
    let passkeys_sign_in = allowed.passkey && settings.two_factor.passkey_sign_in;
    if !removed.is_passkey() || !passkeys_sign_in {
        return Ok(false);
    }
    let owned = factors::of_user(c, &user.id).await?;
    Ok(!owned.iter().any(|other| other.id != removed.id && other.is_passkey()))
}
