//! Which methods a user may sign in with. Every proof is checked against it in [`super::authorize`].

use super::enforcement::groups_of;
use crate::access::{self, Role};
use crate::directory::accounts::{AllowedMethods, AuthenticationSettings};
use crate::directory::domain_of;
use crate::directory::users::User;
use crate::kernel::database::DbConn;
use crate::signin::{Method, Proof};

/// The methods that the account allows for `user`, or for a new user with this address.
pub async fn allowed_methods(
    c: &mut DbConn,
    settings: &AuthenticationSettings,
    user: Option<&User>,
    address: &str,
) -> Result<AllowedMethods, sqlx::Error> {
    let groups = match user {
        Some(user) if settings.has_group_rules() => groups_of(c, &user.id).await?,
        Some(_) | None => Vec::new(),
    };
    Ok(settings.allowed_methods(&domain_of(address).unwrap_or_default(), &groups))
}

/// Whether a password that is stored here is of any use to `user`: on the ordinary sign-in page, or for an
/// administrator on the local one.
pub async fn may_use_password(
    c: &mut DbConn,
    settings: &AuthenticationSettings,
    user: &User,
) -> Result<bool, sqlx::Error> {
    let allowed = allowed_methods(&mut *c, settings, Some(user), user.email_or_user_name()).await?;
    Ok(allowed.password || may_use_local_page(c, settings, user).await?)
}

/// Whether `user` may sign in on the page for administrators, which accepts a password under any rule.
pub(super) async fn may_use_local_page(
    c: &mut DbConn,
    settings: &AuthenticationSettings,
    user: &User,
) -> Result<bool, sqlx::Error> {
    Ok(settings.local_login && access::roles_of(c, &user.id).await?.contains(&Role::AccountAdmin))
}

/// Whether the methods include the one of a proof. The local page is the exception for administrators, which
/// has a setting of its own.
pub(super) fn permits(allowed: &AllowedMethods, proof: &Proof) -> bool {
    match proof.method {
        Method::Password => allowed.password,
        Method::Passkey => allowed.passkey,
        Method::Local => true,
        Method::Saml | Method::Oidc | Method::Ldap => {
            proof.connection_id.as_ref().is_some_and(|id| allowed.permits_connection(id))
        }
    }
}
