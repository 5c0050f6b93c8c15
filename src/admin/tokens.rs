//! API tokens of users and service accounts.

use super::{AdminRequest, Error};
use crate::access::tokens::{self, ApiToken, NewToken, TokenOrigin, TokenOwner, TokenPurpose};
use crate::access::{Credential, Permission, PrincipalKind, roles_of};
use crate::apps::Application;
use crate::directory::users;
use crate::kernel::{TextEnum as _, Timestamp, Tx};
use crate::signin::{notifications, sessions};

/// The parameters of a new token.
#[derive(Debug)]
pub struct NewApiToken<'a> {
    /// The token's name.
    pub name: &'a str,
    /// The service account that owns the token; the principal itself when absent.
    pub service_account_id: Option<&'a str>,
    /// The application that the token is for; the REST API when absent.
    pub application: Option<&'a str>,
    /// When the token expires; never when absent.
    pub expires_at: Option<Timestamp>,
}

/// Creates a token and returns it with its secret.
pub async fn create(request: &AdminRequest<'_>, new: NewApiToken<'_>) -> Result<(ApiToken, String), Error> {
    let NewApiToken { name, service_account_id, application, expires_at } = new;
    let mut tx = request.kernel().db.begin().await?;
    let parent = token_in_use(request, &mut tx).await?;
    let origin = match &parent {
        Some(parent) => TokenOrigin::Token(parent),
        None => TokenOrigin::Session { second_factor: confirm_session(request, &mut tx).await? },
    };
    let (kind, id, epoch) = match service_account_id {
        Some(id) => (PrincipalKind::ServiceAccount, owning_service_account(request, &mut tx, id).await?, 0),
        None => owning_principal(request, &mut tx, name).await?,
    };
    let owner = TokenOwner { kind, id: &id, epoch };
    let application = match application {
        Some(id) => Some(find_application(request, &mut tx, id, kind).await?),
        None => None,
    };
    let purpose = if application.is_some() { TokenPurpose::Application } else { TokenPurpose::Api };
    let application_id = application.as_ref().map(|app| app.id.as_str());
    let new = NewToken { origin, owner, purpose, connection_id: None, application_id, name, expires_at };
    let made = tokens::create(&mut tx, &request.context(), new).await?;
    tx.commit().await?;
    Ok(made)
}

/// The application that a token of an owner of this kind is made for.
async fn find_application(
    request: &AdminRequest<'_>,
    tx: &mut Tx,
    id: &str,
    owner: PrincipalKind,
) -> Result<Application, Error> {
    // Applications let service accounts in whatever their groups, because an administrator decides here.
    if owner == PrincipalKind::ServiceAccount {
        request.principal().require(Permission::ServiceAccountsEdit)?;
    }
    let app = request.principal().find_app(tx, id).await?;
    if !app.allow_tokens {
        return Err(Error::invalid("application", "does not allow tokens; change its settings first"));
    }
    Ok(app)
}

/// The token that the request was authenticated with, if it was one. What is made with it ends with it.
pub(super) async fn token_in_use(request: &AdminRequest<'_>, tx: &mut Tx) -> Result<Option<ApiToken>, Error> {
    let Credential::Token { id, .. } = &request.principal().credential else { return Ok(None) };
    let found = tokens::by_id(tx, request.account_id(), id).await?;
    Ok(Some(found.ok_or(Error::NotFound("token"))?))
}

/// Requires that the user has authenticated recently in the session of the request. Returns whether the session has
/// verified a second factor.
async fn confirm_session(request: &AdminRequest<'_>, tx: &mut Tx) -> Result<bool, Error> {
    request.principal().require_recent_authentication(tx.now())?;
    lock_session(request, tx).await
}

/// Keeps the session of the request from ending before the transaction does: what the session makes would outlive
/// it. Returns whether it has verified a second factor, or an error if it has ended since the request began.
pub(super) async fn lock_session(request: &AdminRequest<'_>, tx: &mut Tx) -> Result<bool, Error> {
    let principal = request.principal();
    let user_id = principal.user_id();
    users::lock(tx, &principal.account_id, &user_id).await?;
    let session_id = principal.session_id().unwrap_or_default();
    sessions::has_second_factor(tx, &user_id, session_id).await?.ok_or(Error::NeedsReauthentication)
}

/// The id of the service account, if the principal may create tokens for it: never with more permissions than its own.
async fn owning_service_account(request: &AdminRequest<'_>, tx: &mut Tx, id: &str) -> Result<String, Error> {
    request.principal().require(Permission::ServiceAccountsEdit)?;
    let found = request.principal().find_service_account(tx, id).await?;
    if found.connection_id.is_some() {
        return Err(Error::invalid(
            "service_account_id",
            "belongs to a SCIM connection; generate its tokens there",
        ));
    }
    for role in roles_of(tx, &found.id).await? {
        for permission in Permission::ALL.iter().filter(|permission| role.grants(**permission)) {
            request.principal().require(*permission)?;
        }
    }
    Ok(found.id)
}

/// The principal as the owner. Users are notified by mail.
async fn owning_principal(
    request: &AdminRequest<'_>,
    tx: &mut Tx,
    name: &str,
) -> Result<(PrincipalKind, String, i64), Error> {
    let principal = request.principal();
    if principal.kind != PrincipalKind::User {
        return Ok((principal.kind, principal.id.clone(), 0));
    }
    let user = principal.find_user(tx, &principal.id).await?;
    notifications::token_made(request.kernel(), tx, &user, name).await?;
    Ok((PrincipalKind::User, user.id.into(), user.epoch))
}

/// Revokes a token at once.
pub async fn revoke(request: &AdminRequest<'_>, id: &str) -> Result<(), Error> {
    let mut tx = request.kernel().db.begin().await?;
    let token = request.principal().find_token(&mut tx, id).await?;
    tokens::revoke(&mut tx, &request.context(), &token).await?;
    Ok(tx.commit().await?)
}

/// Parses an expiry time in RFC 3339; an empty text means none.
pub fn parse_expiry(text: Option<&str>) -> Result<Option<Timestamp>, Error> {
    match text.filter(|text| !text.is_empty()) {
        None => Ok(None),
        Some(text) => match Timestamp::parse(text) {
            Some(time) => Ok(Some(time)),
            None => Err(Error::invalid("expires_at", "must be a time such as 2027-01-31T00:00:00Z")),
        },
    }
}

/// Parses the date field of a form. The token is valid until the end of that day in UTC.
pub fn parse_expiry_date(text: &str) -> Result<Option<Timestamp>, Error> {
    if text.trim().is_empty() {
        return Ok(None);
    }
    parse_expiry(Some(&format!("{}T23:59:59Z", text.trim())))
}
