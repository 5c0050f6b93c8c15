//! Changes of an account's settings, with two safeguards against lockouts: a preview of the users that a
//! change affects, and the refusal of a change after which no administrator could sign in to undo it.

use serde::Serialize;
use utoipa::ToSchema;

use super::two_factor::{check_enforcement, update_enforcement_mailing};
use super::{AdminRequest, Error, LockOutRisk};
use crate::access::{self, Principal};
use crate::directory::accounts::{self, AuthenticationSettings, update_settings};
use crate::directory::users::{self, User};
use crate::idp::connections::{self, Connection, ConnectionKind};
use crate::kernel::database::DbConn;
use crate::kernel::{AccountId, Kernel, Timestamp, Tx};
use crate::signin::policy::{self, ImpactCounts};
use crate::signin::{Method, password, sessions};

/// An effect of a change of the settings on users or sessions.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[schema(as = Effect)]
pub struct Impact {
    /// The number of affected users or sessions; `null` if the effect has no number.
    pub count: Option<i64>,
    /// A description of the effect.
    pub text: String,
}

fn counted_impact(count: i64, one: &str, many: &str, rest: &str) -> Impact {
    let who = if count == 1 { one } else { many };
    Impact { count: Some(count), text: format!("{count} {who} {rest}") }
}

/// The effects of changing `before` to `after`, in the order of the settings page.
async fn impact_of(
    c: &mut DbConn,
    account_id: &AccountId,
    before: &AuthenticationSettings,
    after: &AuthenticationSettings,
    now: Timestamp,
) -> Result<Vec<Impact>, sqlx::Error> {
    let counts = policy::count_impact(c, account_id, before, after, now).await?;
    let mut effects = Vec::new();
    let people = |count, rest: &str| counted_impact(count, "user", "users", rest);
    if before.password != after.password {
        effects.push(Impact {
            count: None,
            text: "New rules apply to passwords that users choose from now on, not to current passwords."
                .into(),
        });
    }
    if let Some(old) = counts.expired_passwords {
        let days = after.password.expires_after_days;
        let rest = format!("a password older than {days} days and must change it at the next sign-in.");
        effects.push(counted_impact(old, "user has", "users have", &rest));
    }
    if let Some(soon) = counts.expiring_passwords {
        effects.push(people(soon, "will receive an email that their password expires soon."));
    }
    if let Some(locked) = counts.locked_users {
        effects.push(counted_impact(
            locked,
            "locked-out user stays",
            "locked-out users stay",
            "locked out until the lockout ends.",
        ));
    }
    effects.extend(two_factor_impact(&counts, before, after));
    if let Some(ended) = counts.ended_sessions {
        effects.push(counted_impact(ended, "session ends", "sessions end", "immediately."));
    }
    if let Some(outside) = counts.users_outside_domains {
        let text = "can no longer sign in with any method. Current sessions are not affected.";
        effects.push(counted_impact(
            outside,
            "active user is outside the allowed domains and",
            "active users are outside the allowed domains and",
            text,
        ));
    }
    if before.sign_in_rules != after.sign_in_rules {
        effects.push(Impact {
            count: None,
            text: "The sign-in methods apply from the next sign-in. Current sessions and API tokens are not \
                   affected."
                .into(),
        });
    }
    if before.local_login && !after.local_login {
        effects.push(Impact {
            count: None,
            text: "Administrators can no longer bypass single sign-on when it does not work.".into(),
        });
    }
    effects.retain(|effect| effect.count != Some(0));
    Ok(effects)
}

/// The effects of a change of the two-factor settings.
fn two_factor_impact(
    counts: &ImpactCounts,
    before: &AuthenticationSettings,
    after: &AuthenticationSettings,
) -> Vec<Impact> {
    let mut effects = Vec::new();
    let (old, new) = (&before.two_factor, &after.two_factor);
    if let Some(missing) = counts.users_without_factor {
        effects.push(counted_impact(
            missing,
            "user has not set up two-factor authentication. They receive",
            "users have not set up two-factor authentication. They receive",
            "an email with a link and must set it up at the next sign-in.",
        ));
    }
    if let Some(open) = counts.sessions_without_factor {
        let when = match new.grace_days {
            0 => "two-factor authentication at the next request.".to_owned(),
            1 => "two-factor authentication after one day.".to_owned(),
            days => format!("two-factor authentication after {days} days."),
        };
        let asked = if new.enforced { "requires" } else { "of a user in these groups requires" };
        let many = if new.enforced { "require" } else { "of users in these groups require" };
        effects.push(counted_impact(
            open,
            &format!("open session {asked}"),
            &format!("open sessions {many}"),
            &when,
        ));
        effects.push(Impact {
            count: None,
            text:
                "API tokens that users generated without two-factor authentication stop working at the same \
                   time. Tokens of service accounts are not affected. The two-factor page lists all tokens."
                    .into(),
        });
    } else if old.is_enforced() && !new.is_enforced() {
        effects.push(Impact {
            count: None,
            text: "Two-factor authentication becomes optional. Users who have set it up still use it.".into(),
        });
    }
    if old.remember_days > new.remember_days {
        effects.push(Impact {
            count: None,
            text: "Browsers that were remembered for longer require two-factor authentication again.".into(),
        });
    }
    effects
}

/// Saves settings, unless no administrator could sign in any more to change them back.
pub async fn save(
    request: &AdminRequest<'_>,
    tx: &mut Tx,
    wanted: AuthenticationSettings,
) -> Result<AuthenticationSettings, Error> {
    let principal = request.principal();
    // Whether an administrator can still sign in depends on rows that other requests change.
    accounts::lock(tx, &principal.account_id).await?;
    let account = principal.find_account(tx).await?;
    let wanted = wanted.checked()?;
    let before = account.settings()?;
    if before != wanted {
        let now = tx.now();
        ensure_admin_can_sign_in(tx, principal, &wanted, now).await?;
        check_enforcement(tx, principal, &before.two_factor, &wanted.two_factor).await?;
    }
    let saved = update_settings(tx, &request.context(), &account, wanted).await?;
    update_enforcement_mailing(tx, principal, &account, &before.two_factor, &saved.two_factor).await?;
    Ok(saved)
}

/// Refuses settings that exclude the principal's own domain or under which no administrator could sign in.
async fn ensure_admin_can_sign_in(
    c: &mut DbConn,
    principal: &Principal,
    wanted: &AuthenticationSettings,
    now: Timestamp,
) -> Result<(), Error> {
    let mut can_enter = false;
    let mut in_domain = false;
    for id in access::admins(&mut *c, &principal.account_id).await? {
        let Some(admin) = users::by_id(&mut *c, &principal.account_id, &id).await? else { continue };
        if !admin.is_active() {
            continue;
        }
        let allowed = wanted.allows_domain(&admin.domain().unwrap_or_default());
        if !allowed && admin.id == principal.id {
            return Err(Error::WouldLockOut(LockOutRisk::OwnDomain));
        }
        in_domain |= allowed;
        can_enter |= allowed && has_sign_in_method(&mut *c, &admin, wanted, now).await?;
    }
    if !in_domain {
        return Err(Error::WouldLockOut(LockOutRisk::DomainsOfAllAdmins));
    }
    // The local page is of no use to an administrator without a password, so rules about methods need one who
    // can sign in.
    if !can_enter && (!wanted.local_login || !wanted.sign_in_rules.is_empty()) {
        return Err(Error::WouldLockOut(LockOutRisk::NoAdminSignsIn));
    }
    Ok(())
}

/// Whether an administrator could sign in with a password on a page that accepts it, or through an enabled
/// identity provider that has signed them in before, or in a connection test.
async fn has_sign_in_method(
    c: &mut DbConn,
    admin: &User,
    wanted: &AuthenticationSettings,
    now: Timestamp,
) -> Result<bool, sqlx::Error> {
    let domain = admin.domain().unwrap_or_default();
    let address = admin.email_or_user_name();
    let allowed = policy::allowed_methods(&mut *c, wanted, Some(admin), address).await?;
    let routed = connections::route_by_domain(&mut *c, &admin.account_id, &domain, now).await?;
    let has_password = password::changed_at(&mut *c, &admin.id).await?.is_some();
    if has_password && (wanted.local_login || (routed.is_none() && allowed.password)) {
        return Ok(true);
    }
    let provider = connections::route_for_user(&mut *c, admin, now).await?;
    let Some(provider) = provider.filter(|provider| allowed.permits_connection(&provider.id)) else {
        return Ok(false);
    };
    if provider.tested_by.as_deref() == Some(&admin.id) {
        return Ok(true);
    }
    let Some(method) = method_of(&provider) else { return Ok(false) };
    sessions::exists_with_method(&mut *c, &admin.account_id, &admin.id, method.as_str()).await
}

/// The sign-in method of a connection's sessions; `None` if the connection is for provisioning only or
/// cannot be read.
fn method_of(connection: &Connection) -> Option<Method> {
    match connection.kind() {
        Some(ConnectionKind::Saml) => Some(Method::Saml),
        Some(ConnectionKind::Oidc) => Some(Method::Oidc),
        Some(ConnectionKind::Ldap) => Some(Method::Ldap),
        Some(ConnectionKind::Scim) | None => None,
    }
}

/// Settings that have not been saved.
#[derive(Debug)]
pub struct ProposedSettings {
    /// The current settings.
    pub before: AuthenticationSettings,
    /// The proposed settings.
    pub after: AuthenticationSettings,
    /// The effects of the change.
    pub effects: Vec<Impact>,
}

/// The effects of a change that is not saved, or the error with which saving it would fail.
pub async fn preview(
    kernel: &Kernel,
    principal: &Principal,
    wanted: AuthenticationSettings,
) -> Result<ProposedSettings, Error> {
    let mut c = kernel.db.read().await?;
    let before = accounts::settings_of(&mut c, &principal.account_id).await?;
    let mut after = wanted.checked()?;
    // The server sets this when the settings are saved.
    after.two_factor.enforced_since = before.two_factor.enforced_since;
    let now = kernel.clock.now();
    ensure_admin_can_sign_in(&mut c, principal, &after, now).await?;
    check_enforcement(&mut c, principal, &before.two_factor, &after.two_factor).await?;
    let effects = impact_of(&mut c, &principal.account_id, &before, &after, now).await?;
    Ok(ProposedSettings { before, after, effects })
}
