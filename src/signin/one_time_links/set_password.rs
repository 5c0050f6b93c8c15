//! Sets a password through a link: a first one, a new one, or that of an invited user.

use super::store::{self, LinkPurpose};
use crate::access;
use crate::directory::users::{self, ChangeAuthority, Profile, User};
use crate::directory::{Error, accounts};
use crate::kernel::Tx;
use crate::kernel::http::RequestContext;
use crate::signin::flow::{self, BrowserBinding, Flow};
use crate::signin::lockout::{self, CredentialKind};
use crate::signin::password::{self, Password, PasswordChangeReason, PersonalTerms, PrepareError};
use crate::signin::{Method, Proof, SignIn, SignInAttempt, SignInError, SignInOutcome, policy, sessions};

/// What the user entered on the page behind a link.
pub struct PasswordChoice<'a> {
    /// The link's secret.
    pub link: &'a str,
    /// The password.
    pub password: &'a Password,
    /// The names of an invited user.
    pub names: Option<InviteeNames<'a>>,
}

/// The names that an invited user entered.
#[derive(Debug, Clone, Copy)]
pub struct InviteeNames<'a> {
    /// The given name.
    pub given_name: &'a str,
    /// The family name.
    pub family_name: &'a str,
}

/// Why the password was not set, or the user was not signed in.
#[derive(Debug, thiserror::Error)]
pub enum SetPasswordError {
    /// The link is not valid, or not valid any more.
    #[error("the link is no longer valid")]
    LinkInvalid,
    /// The password does not meet the policy, or hashing is overloaded.
    #[error(transparent)]
    Prepare(#[from] PrepareError),
    /// The password is set, but the account's rules refuse the sign-in.
    #[error(transparent)]
    SignIn(#[from] SignInError),
    /// The user could not be changed.
    #[error(transparent)]
    Directory(#[from] Error),
    /// The database failed.
    #[error("{0}")]
    Database(#[from] sqlx::Error),
}

/// Whether the user may still use a link with this purpose.
#[must_use]
pub fn may_use(user: &User, purpose: LinkPurpose) -> bool {
    match purpose {
        LinkPurpose::Invite => user.is_pending(),
        LinkPurpose::Setup | LinkPurpose::Reset | LinkPurpose::Enrol => user.is_active(),
    }
}

/// Sets the password of the link's user and signs them in. A reset also ends all earlier sessions and lifts
/// a lock of the password. A second factor is required as in any sign-in.
pub async fn set_password(
    signin: &SignIn,
    request: &RequestContext,
    browser: BrowserBinding<'_>,
    return_to: &str,
    chosen: PasswordChoice<'_>,
) -> Result<SignInOutcome, SetPasswordError> {
    let mut c = signin.kernel.db.read().await?;
    let link = store::find(&mut c, chosen.link, signin.kernel.clock.now())
        .await?
        .ok_or(SetPasswordError::LinkInvalid)?;
    let (Some(account_id), Some(user_id)) = (&link.account_id, &link.user_id) else {
        return Err(SetPasswordError::LinkInvalid);
    };
    let user = users::by_id(&mut c, account_id, user_id).await?.ok_or(SetPasswordError::LinkInvalid)?;
    let settings = accounts::settings_of(&mut c, account_id).await?;
    if !may_use(&user, link.purpose()) || link.purpose() == LinkPurpose::Enrol {
        return Err(SetPasswordError::LinkInvalid);
    }
    // Checked before the link is used up and an invitation is accepted.
    if !policy::may_use_password(&mut c, &settings, &user).await? {
        return Err(SignInError::MethodNotAllowed.into());
    }
    drop(c);
    let profile = with_names(&user, chosen.names);
    let person = PersonalTerms::from(&profile);
    let hash =
        password::prepare(signin, &settings.password, chosen.password, &person, Some(&user.id)).await?;

    let mut tx = signin.kernel.db.begin().await?;
    // What voids links, such as another address, holds this lock as well.
    users::lock(&mut tx, account_id, user_id).await?;
    // Of two requests with one link, only one finds it.
    let link = store::consume(&mut tx, chosen.link).await?.ok_or(SetPasswordError::LinkInvalid)?;
    let user = users::by_id(&mut tx, account_id, user_id).await?.ok_or(SetPasswordError::LinkInvalid)?;
    if !may_use(&user, link.purpose()) {
        return Err(SetPasswordError::LinkInvalid);
    }
    let checked = CheckedChoice { purpose: link.purpose(), hash: &hash, names: chosen.names };
    let user = apply_choice(signin, &mut tx, request, user, checked).await?;
    let flow = Flow::transient(&user, return_to);
    let attempt = SignInAttempt { signin, request, flow: &flow, browser };
    let proof = Proof::from_password(&user, Method::Password);
    let outcome = attempt.complete_in_transaction(&mut tx, proof).await;
    tx.commit().await?;
    Ok(outcome?)
}

/// A choice whose password meets the policy.
struct CheckedChoice<'a> {
    purpose: LinkPurpose,
    hash: &'a str,
    names: Option<InviteeNames<'a>>,
}

fn with_names(user: &User, names: Option<InviteeNames<'_>>) -> Profile {
    let profile = user.profile();
    match names {
        // A user that a connection manages keeps the names from there.
        Some(names) if user.connection_id.is_none() => Profile {
            given_name: Some(names.given_name.to_owned()),
            family_name: Some(names.family_name.to_owned()),
            display_name: None,
            ..profile
        },
        _ => profile,
    }
}

async fn apply_choice(
    signin: &SignIn,
    tx: &mut Tx,
    request: &RequestContext,
    mut user: User,
    choice: CheckedChoice<'_>,
) -> Result<User, Error> {
    let CheckedChoice { purpose, hash, names } = choice;
    let context = flow::audit_context_of(&user, request);
    let reason = match purpose {
        LinkPurpose::Reset => PasswordChangeReason::Reset,
        LinkPurpose::Setup | LinkPurpose::Invite | LinkPurpose::Enrol => PasswordChangeReason::First,
    };
    if purpose == LinkPurpose::Invite {
        let named = with_names(&user, names);
        user = access::update_user(tx, &context, ChangeAuthority::Local, &user, named).await?;
        user = flow::activate_invited_user(tx, request, &user, Method::Password).await?;
    }
    if purpose == LinkPurpose::Reset {
        lockout::unlock(tx, &context, &user, Some(CredentialKind::Password), "reset").await?;
    }
    let user = password::set(&signin.kernel, tx, &context, &user, hash, reason).await?;
    if purpose == LinkPurpose::Reset {
        sessions::sweep(tx, &context, &user, "").await?;
        store::revoke(tx, &user.id, LinkPurpose::Reset).await?;
    }
    Ok(user)
}
