//! Operations on users, and help with their sign-in.

use super::{AdminRequest, Error, ListPage, ResetLinkRefusal};
use crate::access::{self, Principal, Role};
use crate::directory::accounts;
use crate::directory::users::{self, ChangeAuthority, Profile, User, UserCondition};
use crate::idp::connections;
use crate::kernel::database::DbConn;
use crate::signin::password::{self, Password, PasswordChangeReason, PersonalTerms};
use crate::signin::{lockout, notifications, policy, sessions};

/// Filters and paging of a list of users.
#[derive(Debug, Default)]
pub struct UserListSearch<'a> {
    /// Exactly this user name, ignoring case.
    pub user_name: Option<&'a str>,
    /// A part of the name or address; empty for all users.
    pub text: &'a str,
    /// The id of the user after which the page begins.
    pub after: &'a str,
    /// The maximum number of users.
    pub limit: i64,
}

/// A page of users, in order of creation.
pub async fn list(
    c: &mut DbConn,
    principal: &Principal,
    search: UserListSearch<'_>,
) -> Result<ListPage<User>, Error> {
    let UserListSearch { user_name, text, after, limit } = search;
    let account_id = &principal.account_id;
    let rows = match user_name {
        Some(name) => {
            let named = [UserCondition::UserName(name.to_owned())];
            users::list_after(c, account_id, &named, after, limit + 1).await?
        }
        None => users::search(c, account_id, text, after, limit + 1).await?,
    };
    Ok(ListPage::of(rows, limit, |user| &user.id))
}

/// Creates a user, with a password if `typed_password` is not empty.
pub async fn create(
    request: &AdminRequest<'_>,
    profile: Profile,
    typed_password: Option<&str>,
    roles: &[Role],
) -> Result<User, Error> {
    let hash = match typed_password.filter(|text| !text.is_empty()) {
        Some(typed) => Some(hash_password(request, typed, &profile).await?),
        None => None,
    };
    let context = request.context();
    let mut tx = request.kernel().db.begin().await?;
    let user = users::create(&mut tx, &context, ChangeAuthority::Local, profile).await?;
    if let Some(hash) = hash {
        let reason = PasswordChangeReason::Administrator;
        password::set(request.kernel(), &mut tx, &context, &user, &hash, reason).await?;
    }
    access::set_user_roles(&mut tx, &context, &user, roles).await?;
    tx.commit().await?;
    Ok(user)
}

async fn hash_password(request: &AdminRequest<'_>, typed: &str, profile: &Profile) -> Result<String, Error> {
    let mut c = request.kernel().db.read().await?;
    let settings = accounts::settings_of(&mut c, request.account_id()).await?.password;
    drop(c);
    let person = PersonalTerms::from(profile);
    Ok(password::prepare(request.signin(), &settings, &Password::new(typed), &person, None).await?)
}

/// Changes the profile of a user to the result of `edit`, and the roles to `roles` if they are given. When
/// the address changes, the old address is notified.
pub async fn change(
    request: &AdminRequest<'_>,
    id: &str,
    edit: impl FnOnce(&User) -> Profile,
    roles: Option<&[Role]>,
) -> Result<User, Error> {
    let context = request.context();
    let mut tx = request.kernel().db.begin().await?;
    let user = request.principal().find_user(&mut tx, id).await?;
    if roles.is_some() {
        // The account is locked before the user, in the same order as everywhere else.
        accounts::lock(&mut tx, &user.account_id).await?;
    }
    let updated = access::update_user(&mut tx, &context, ChangeAuthority::Local, &user, edit(&user)).await?;
    notifications::address_changed(request.kernel(), &mut tx, &user, &updated).await?;
    let principal = request.principal();
    let own_session = principal.session_id().filter(|_| principal.id == *user.id);
    if let Some(session_id) = own_session.filter(|_| updated.epoch > user.epoch) {
        // Administrators who correct their own address stay signed in where they do it.
        sessions::carry_over(&mut tx, &updated, session_id).await?;
    }
    if let Some(roles) = roles {
        access::set_user_roles(&mut tx, &context, &updated, roles).await?;
    }
    tx.commit().await?;
    Ok(updated)
}

/// Activates or deactivates a user, even one that a connection manages.
pub async fn set_active(request: &AdminRequest<'_>, id: &str, active: bool) -> Result<(), Error> {
    let mut tx = request.kernel().db.begin().await?;
    let user = request.principal().find_user(&mut tx, id).await?;
    access::set_user_active(&mut tx, &request.context(), &user, active).await?;
    Ok(tx.commit().await?)
}

/// Deletes a user with its roles, memberships, password and sessions.
pub async fn delete(request: &AdminRequest<'_>, id: &str) -> Result<(), Error> {
    let mut tx = request.kernel().db.begin().await?;
    let user = request.principal().find_user(&mut tx, id).await?;
    access::delete_user(&mut tx, &request.context(), ChangeAuthority::Local, &user).await?;
    Ok(tx.commit().await?)
}

/// Ends a user's lockout.
pub async fn unlock(request: &AdminRequest<'_>, id: &str) -> Result<(), Error> {
    let mut tx = request.kernel().db.begin().await?;
    let user = request.principal().find_user(&mut tx, id).await?;
    lockout::unlock(&mut tx, &request.context(), &user, None, "administrator").await?;
    Ok(tx.commit().await?)
}

/// Ends one session of a user.
pub async fn revoke_session(request: &AdminRequest<'_>, id: &str, session_id: &str) -> Result<(), Error> {
    let mut tx = request.kernel().db.begin().await?;
    let user = request.principal().find_user(&mut tx, id).await?;
    let session = sessions::by_id(&mut tx, &user.id, session_id).await?;
    let session = session.ok_or(Error::NotFound("session"))?;
    sessions::revoke(&mut tx, &request.context(), &session).await?;
    Ok(tx.commit().await?)
}

/// Ends all sessions of a user except the one with id `kept`; an empty `kept` ends all.
pub async fn revoke_sessions(request: &AdminRequest<'_>, id: &str, kept: &str) -> Result<(), Error> {
    let mut tx = request.kernel().db.begin().await?;
    let user = request.principal().find_user(&mut tx, id).await?;
    sessions::revoke_all(&mut tx, &request.context(), &user, kept).await?;
    Ok(tx.commit().await?)
}

/// Mails a user a link to choose a new password.
pub async fn send_password_reset(request: &AdminRequest<'_>, id: &str) -> Result<(), Error> {
    let mut c = request.kernel().db.read().await?;
    let user = request.principal().find_user(&mut c, id).await?;
    let provider = connections::route_for_user(&mut c, &user, request.kernel().clock.now()).await?;
    let has_password = password::changed_at(&mut c, &user.id).await?.is_some();
    let settings = accounts::settings_of(&mut c, &user.account_id).await?;
    let may_use_password = policy::may_use_password(&mut c, &settings, &user).await?;
    drop(c);
    if let Some(provider) = provider.filter(|_| !has_password || !may_use_password) {
        return Err(Error::ResetLinkRefused(ResetLinkRefusal::SignsInThrough(provider.name)));
    }
    if !may_use_password {
        return Err(Error::ResetLinkRefused(ResetLinkRefusal::PasswordNotAllowed));
    }
    if !user.is_active() || user.email.is_none() {
        return Err(Error::ResetLinkRefused(ResetLinkRefusal::Unreachable));
    }
    if password::request_reset(request.signin(), &request.context(), &user, None, true).await? {
        Ok(())
    } else {
        Err(Error::ResetLinkRefused(ResetLinkRefusal::TooMany))
    }
}
