//! Sets a password.

use serde_json::json;

use super::plaintext::Password;
use super::policy::{self, PersonalTerms, PolicyRule};
use super::stored_hash::StoredHash;
use super::{Overloaded, store};
use crate::access;
use crate::audit::{self, Action, Context, Event};
use crate::directory::accounts::PasswordSettings;
use crate::directory::users::{self, User};
use crate::directory::{Error, accounts};
use crate::kernel::text_enum::text_enum;
use crate::kernel::{Kernel, Tx, UserId};
use crate::signin::{SignIn, factors, notifications};

text_enum! {
    /// How a password came to be set.
    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    pub enum PasswordChangeReason {
        /// The first one, through an invitation, a setup link or the command line.
        First = "first",
        /// Chosen by an administrator.
        Administrator = "administrator",
        /// Chosen through a link from a mail.
        Reset = "reset",
        /// Changed in the profile.
        Change = "change",
        /// Replaced at sign-in, because the old one had expired.
        Expired = "expired",
    }
}

impl PasswordChangeReason {
    /// The wording in the mail to the user.
    const fn description(self) -> &'static str {
        match self {
            Self::First => "with a setup or invitation link",
            Self::Administrator => "by an administrator",
            Self::Reset => "with a password reset link",
            Self::Change => "on the profile page",
            Self::Expired => "at sign-in (the old password had expired)",
        }
    }
}

/// Why a password was not hashed.
#[derive(Debug, thiserror::Error)]
pub enum PrepareError {
    /// It does not meet the account's password policy.
    #[error(transparent)]
    Policy(#[from] Error),
    /// The database failed.
    #[error("{0}")]
    Database(#[from] sqlx::Error),
    /// Too many passwords are being hashed; the caller may retry in a moment.
    #[error(transparent)]
    Overloaded(#[from] Overloaded),
}

/// Checks `password` against the policy and, for an existing user (`user_id`), against the history, and
/// hashes it. This comes before the transaction that stores the hash, because hashing takes longer than
/// other writers should wait.
pub async fn prepare(
    signin: &SignIn,
    settings: &PasswordSettings,
    password: &Password,
    person: &PersonalTerms,
    user_id: Option<&UserId>,
) -> Result<String, PrepareError> {
    policy::check(settings, password, person)?;
    let earlier = match user_id {
        Some(id) if settings.history > 0 => {
            let mut c = signin.kernel.db.read().await?;
            store::recent_hashes(&mut c, id, settings.history).await?
        }
        _ => Vec::new(),
    };
    for hash in earlier {
        let Ok(stored) = StoredHash::parse(&hash) else { continue };
        if signin.hasher.acquire()?.verify(password, Some(stored.into())).await? {
            policy::refuse(&[PolicyRule::Used(settings.history)])?;
        }
    }
    Ok(signin.hasher.hash(password).await?)
}

/// Stores `hash` (from [`prepare`]) as the user's password and returns the user. Unless it is their first, the user
/// enters a new epoch, which ends sessions, API tokens and links; remembered browsers are forgotten and the user is
/// notified. The caller may keep the session of the request with [`sessions::sweep`].
///
/// [`sessions::sweep`]: crate::signin::sessions::sweep
pub async fn set(
    kernel: &Kernel,
    tx: &mut Tx,
    context: &Context,
    user: &User,
    hash: &str,
    reason: PasswordChangeReason,
) -> Result<User, Error> {
    users::lock(tx, &user.account_id, &user.id).await?;
    let settings = accounts::settings_of(tx, &user.account_id).await?.password;
    let had_one = store::of_user(tx, &user.id).await?.is_some();
    if had_one {
        store::retire(tx, &user.account_id, &user.id, settings.history.saturating_sub(1)).await?;
    }
    store::upsert(tx, &user.account_id, &user.id, hash).await?;
    let mut user = user.clone();
    if had_one {
        user = access::raise_epoch(tx, &user).await?;
        // Browsers were remembered on the basis of the old password.
        factors::revoke_remembered_browser(tx, context, &user, "").await?;
    }
    let event = Event::new(Action::PasswordSet, "user", &user.id, &user.user_name);
    audit::record(tx, context, event.detail(json!({"way": reason.as_str()}))).await?;
    if had_one {
        notifications::password_changed(kernel, tx, &user, reason.description(), &context.address).await?;
    }
    Ok(user)
}
