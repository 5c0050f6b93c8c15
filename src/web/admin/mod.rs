//! What the console and the API both do beyond one call of an operation: finding things in the
//! principal's account, and the rules that keep an account governable.

mod connections;
mod identities;
mod invitations;
mod provisioning;
mod settings;
mod two_factor;

use axum::http::StatusCode;

use super::{AppState, Error, login};
use crate::access::tokens::{self, ApiToken, NewToken, TokenOwner, TokenPurpose};
use crate::access::{self, Permission, Principal, PrincipalKind, Role, service_accounts};
use crate::audit::Context;
use crate::directory::accounts::{self, PasswordSettings};
use crate::directory::groups::{self, Group};
use crate::directory::users::{self, ChangeAuthority, Profile, User};
use crate::idp::connections::{self as idp_connections, Connection};
use crate::kernel::database::DbConn;
use crate::kernel::http::{Refusal, RequestContext};
use crate::kernel::{Timestamp, Tx};
use crate::signin::password::{self, Password, PersonalTerms, PrepareError};
use crate::signin::{lockout, notifications, sessions};

pub(super) use connections::{
    ConnectionFields, ConnectionTestStart, KeyStep, change_connection, create_connection, delete_connection,
    link_group, request_sync, rotate_keys, start_connection_test, unlink_group,
};
pub(super) use identities::unlink_identity;
pub(super) use invitations::{
    cancel_invitation, copy_invitation_link, create_invitations, find_invitation, resend_invitation,
};
pub(super) use provisioning::{
    LogSearch, NewScimToken, approve_pending_changes, discard_pending_changes, list_scim_requests,
    make_scim_token,
};
pub(super) use settings::{Impact, preview_settings, save_settings};
pub(super) use two_factor::{
    ensure_not_last_passkey, reset_two_factor, send_enrolment_reminders, stop_mailing,
};

/// The user with this id in the principal's account.
pub(super) async fn find_user(c: &mut DbConn, principal: &Principal, id: &str) -> Result<User, Error> {
    users::by_id(c, &principal.account_id, id).await?.ok_or_else(|| Error::not_found("user"))
}

/// The group with this id in the principal's account.
pub(super) async fn find_group(c: &mut DbConn, principal: &Principal, id: &str) -> Result<Group, Error> {
    groups::by_id(c, &principal.account_id, id).await?.ok_or_else(|| Error::not_found("group"))
}

/// The connection with this id in the principal's account.
pub(super) async fn find_connection(
    c: &mut DbConn,
    principal: &Principal,
    id: &str,
) -> Result<Connection, Error> {
    let found = idp_connections::by_id(c, &principal.account_id, id).await?;
    found.ok_or_else(|| Error::not_found("connection"))
}

/// Gives the user exactly these roles.
pub(super) async fn set_roles(
    tx: &mut Tx,
    context: &Context,
    user: &User,
    wanted: &[Role],
) -> Result<(), Error> {
    let present = access::roles_of(tx, &user.id).await?;
    let who = (PrincipalKind::User, user.id.as_str(), user.user_name.as_str());
    if present.contains(&Role::AccountAdmin) && !wanted.contains(&Role::AccountAdmin) {
        ensure_not_last_admin(tx, user).await?;
    }
    for role in Role::ALL {
        match (present.contains(&role), wanted.contains(&role)) {
            (false, true) => access::bind_role(tx, context, who.0, who.1, who.2, role).await?,
            (true, false) => access::unbind_role(tx, context, who.0, who.1, who.2, role).await?,
            _ => {}
        }
    }
    Ok(())
}

/// The last active administrator stays: nobody could undo it.
pub(super) async fn ensure_not_last_admin(tx: &mut Tx, user: &User) -> Result<(), Error> {
    let is_admin = access::roles_of(tx, &user.id).await?.contains(&Role::AccountAdmin);
    if !is_admin || !user.is_active() || access::has_other_admin(tx, &user.account_id, &user.id).await? {
        return Ok(());
    }
    Err(Error::Refused(Refusal::new(
        StatusCode::CONFLICT,
        "Not possible",
        "This is the last active administrator of the account. Make somebody else an administrator first.",
    )))
}

/// Deletes a user and what was bound to it.
pub(super) async fn remove_user(
    tx: &mut Tx,
    principal: &Principal,
    request: &RequestContext,
    user: &User,
) -> Result<(), Error> {
    ensure_not_last_admin(tx, user).await?;
    let context = principal.context(request);
    users::delete(tx, &context, ChangeAuthority::Local, user).await?;
    Ok(access::unbind_all_roles(tx, &context, (PrincipalKind::User, &user.id, &user.user_name)).await?)
}

/// Changes a user that is managed here. The old address is told when it is replaced.
pub(super) async fn update_user(
    app: &AppState,
    tx: &mut Tx,
    context: &Context,
    user: &User,
    wanted: Profile,
) -> Result<User, Error> {
    let updated = users::update(tx, context, ChangeAuthority::Local, user, wanted).await?;
    notifications::address_changed(&app.kernel, tx, user, &updated).await?;
    Ok(updated)
}

/// Lets a locked user try again at once.
pub(super) async fn unlock_user(
    app: &AppState,
    principal: &Principal,
    request: &RequestContext,
    id: &str,
) -> Result<(), Error> {
    let mut tx = app.kernel.db.begin().await?;
    let user = find_user(&mut tx, principal, id).await?;
    lockout::unlock(&mut tx, &principal.context(request), &user, None, "administrator").await?;
    Ok(tx.commit().await?)
}

/// Ends one session of a user.
pub(super) async fn revoke_session(
    app: &AppState,
    principal: &Principal,
    request: &RequestContext,
    user_id: &str,
    session_id: &str,
) -> Result<(), Error> {
    let mut tx = app.kernel.db.begin().await?;
    let user = find_user(&mut tx, principal, user_id).await?;
    let session = sessions::by_id(&mut tx, &user.id, session_id).await?;
    let session = session.ok_or_else(|| Error::not_found("session"))?;
    sessions::revoke(&mut tx, &principal.context(request), &session).await?;
    Ok(tx.commit().await?)
}

/// Mails a user a link to choose a new password, for an administrator.
pub(super) async fn send_reset(
    app: &AppState,
    principal: &Principal,
    request: &RequestContext,
    id: &str,
) -> Result<(), Error> {
    let mut c = app.kernel.db.read().await?;
    let user = find_user(&mut c, principal, id).await?;
    let provider = idp_connections::route_for_user(&mut c, &user).await?;
    let has_password = password::changed_at(&mut c, &user.id).await?.is_some();
    drop(c);
    let refuse =
        |detail: String| Err(Error::Refused(Refusal::new(StatusCode::CONFLICT, "Not possible", detail)));
    if let Some(provider) = provider.filter(|_| !has_password) {
        return refuse(format!("This user has no password here and signs in through {}.", provider.name));
    }
    if !user.is_active() || user.email.is_none() {
        return refuse("Only active users with an address can be sent a link.".into());
    }
    let context = principal.context(request);
    if password::request_reset(&app.signin, &context, &user, None).await? {
        return Ok(());
    }
    refuse(
        "This user has had several links within the hour. Wait, or ask them to look into their mail.".into(),
    )
}

/// Reads an expiry.
pub(super) fn read_expiry(text: Option<&str>) -> Result<Option<Timestamp>, Error> {
    match text.filter(|text| !text.is_empty()) {
        None => Ok(None),
        Some(text) => match Timestamp::parse(text) {
            Some(time) => Ok(Some(time)),
            None => Err(Error::invalid("expires_at", "must be a time such as 2027-01-31T00:00:00Z")),
        },
    }
}

/// The owner of a new token: the principal itself, or a service account it may edit.
pub(super) async fn make_token(
    app: &AppState,
    tx: &mut Tx,
    principal: &Principal,
    request: &RequestContext,
    (name, service_account_id): (&str, Option<&str>),
    expires_at: Option<Timestamp>,
) -> Result<(ApiToken, String), Error> {
    let (kind, id, epoch) = match service_account_id {
        Some(id) => {
            principal.require(Permission::ServiceAccountsEdit)?;
            let found = service_accounts::by_id(tx, &principal.account_id, id).await?;
            let found = found.ok_or_else(|| Error::not_found("service account"))?;
            if found.connection_id.is_some() {
                return Err(Error::invalid(
                    "service_account_id",
                    "belongs to a directory connection; make its token there",
                ));
            }
            (PrincipalKind::ServiceAccount, found.id, 0)
        }
        None if principal.kind == PrincipalKind::User => {
            if principal.session_id().is_some() {
                require_recent_authentication(app, principal)?;
            }
            let user = users::by_id(tx, &principal.account_id, &principal.id).await?;
            let user = user.ok_or_else(|| Error::not_found("user"))?;
            notifications::token_made(&app.kernel, tx, &user, name).await?;
            (PrincipalKind::User, user.id, user.epoch)
        }
        None => (principal.kind, principal.id.clone(), 0),
    };
    let owner = TokenOwner { kind, id: &id, epoch };
    let new = NewToken { owner, purpose: TokenPurpose::Api, connection_id: None, name, expires_at };
    Ok(tokens::create(tx, &principal.context(request), new).await?)
}

/// Reads the date field of a form; the token works until the end of that day.
pub(super) fn read_expiry_date(text: &str) -> Result<Option<Timestamp>, Error> {
    if text.trim().is_empty() {
        return Ok(None);
    }
    read_expiry(Some(&format!("{}T23:59:59Z", text.trim())))
}

/// Revokes a token that is the principal's own, or any of the account for those who may. Somebody
/// else's does not exist for everybody else.
pub(super) async fn revoke_token(
    tx: &mut Tx,
    principal: &Principal,
    request: &RequestContext,
    id: &str,
) -> Result<ApiToken, Error> {
    let found = tokens::by_id(tx, &principal.account_id, id).await?;
    let token = found
        .filter(|token| {
            token.owner_id == principal.id || principal.has_permission(Permission::ServiceAccountsEdit)
        })
        .ok_or_else(|| Error::not_found("token"))?;
    tokens::revoke(tx, &principal.context(request), &token).await?;
    Ok(token)
}

/// Judges a password and hashes it, or says why not.
pub(super) async fn check_and_hash_password(
    app: &AppState,
    settings: &PasswordSettings,
    typed: &Password,
    person: &PersonalTerms,
    user_id: Option<&str>,
) -> Result<String, Error> {
    password::prepare(&app.signin, settings, typed, person, user_id).await.map_err(prepare_error)
}

/// Why a password was not taken: the person's to mend, or a reason to come back.
pub(super) fn prepare_error(error: PrepareError) -> Error {
    match error {
        PrepareError::Overloaded(_) => login::overloaded().into(),
        PrepareError::Policy(error) => error.into(),
        PrepareError::Database(error) => error.into(),
    }
}

/// The hash of a password that an administrator chooses for a user to be made, if they choose one.
pub(super) async fn hash_initial_password(
    app: &AppState,
    principal: &Principal,
    typed: Option<&str>,
    profile: &Profile,
) -> Result<Option<String>, Error> {
    let Some(typed) = typed.filter(|text| !text.is_empty()) else { return Ok(None) };
    let mut c = app.kernel.db.read().await?;
    let settings = accounts::settings_of(&mut c, &principal.account_id).await?.password;
    drop(c);
    let person = PersonalTerms::from(profile);
    check_and_hash_password(app, &settings, &Password::new(typed), &person, None).await.map(Some)
}

/// Refuses what needs a recent proof of who one is. The page for it is `/profile/confirm`.
pub(super) fn require_recent_authentication(app: &AppState, principal: &Principal) -> Result<(), Error> {
    if principal.is_recently_authenticated(app.kernel.clock.now()) {
        return Ok(());
    }
    Err(Error::Refused(Refusal::new(
        StatusCode::FORBIDDEN,
        "Confirm that it is you",
        "You signed in a while ago. Open /profile/confirm, prove who you are, and try again.",
    )))
}
