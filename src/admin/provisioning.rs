//! Administration of a provisioning connection: its tokens, its request log and its pending changes.

use super::{AdminRequest, Error};
use crate::access::tokens::{self, ApiToken, TokenOrigin};
use crate::directory::{fold_case, groups, users};
use crate::idp::connections::Connection;
use crate::kernel::database::DbConn;
use crate::kernel::{AccountId, Kernel, Timestamp};
use crate::provisioning::scim::approval::{self, ApprovalResult};
use crate::provisioning::scim::request_log::{self, Logged, ScimLogQuery};
use crate::provisioning::{self, ReplacedToken};

/// The limit on users, and on groups, that a search text expands to.
const MAX_MATCHES: i64 = 20;

/// A search in the request log of a connection.
#[derive(Debug, Default)]
pub struct LogSearch<'a> {
    /// A part of a user's or group's name or address, a user name or an id; empty for all requests.
    pub about: &'a str,
    /// Only requests that failed.
    pub failed: bool,
    /// Only requests that changed something.
    pub changes: bool,
}

/// A page of a connection's request log, including the rows that this node has not written yet.
pub async fn list_requests(
    kernel: &Kernel,
    connection: &Connection,
    search: LogSearch<'_>,
    before: Option<&str>,
    limit: i64,
) -> Result<Vec<Logged>, Error> {
    kernel.write_behind.flush().await;
    let mut c = kernel.db.read().await?;
    let names = match search.about.trim() {
        "" => None,
        text => Some(expand_search_terms(&mut c, &connection.account_id, text).await?),
    };
    let filter = ScimLogQuery { names, failed_only: search.failed, changes_only: search.changes };
    let (account_id, connection_id) = (&connection.account_id, &connection.id);
    Ok(request_log::list(&mut c, account_id, connection_id, &filter, before, limit).await?)
}

/// The names and ids to search for: the text itself, and the users and groups that it matches.
async fn expand_search_terms(
    c: &mut DbConn,
    account_id: &AccountId,
    text: &str,
) -> Result<Vec<String>, Error> {
    let mut names = vec![fold_case(text)];
    let users = users::search(c, account_id, text, "", MAX_MATCHES).await?;
    names.extend(users.into_iter().flat_map(|user| [fold_case(&user.user_name), user.id.into()]));
    let groups = groups::search(c, account_id, text, "", MAX_MATCHES).await?;
    names.extend(groups.into_iter().map(|group| group.id.into()));
    Ok(names)
}

/// Creates a token for a provisioning connection, which replaces the one that `replaces` names.
pub async fn create_token(
    request: &AdminRequest<'_>,
    id: &str,
    new: NewScimToken<'_>,
) -> Result<(ApiToken, String), Error> {
    let mut tx = request.kernel().db.begin().await?;
    let connection = request.principal().find_connection(&mut tx, id).await?;
    let context = request.context();
    let parent = super::tokens::token_in_use(request, &mut tx).await?;
    let origin = match &parent {
        Some(parent) => TokenOrigin::Token(parent),
        None => TokenOrigin::Session { second_factor: super::tokens::lock_session(request, &mut tx).await? },
    };
    let made = if let Some((old, overlap_hours)) = new.replaces {
        let old = tokens::by_id(&mut tx, request.account_id(), old).await?;
        let old = old.ok_or(Error::NotFound("token"))?;
        let replaced = ReplacedToken { token: &old, overlap_hours };
        provisioning::replace_token(&mut tx, &context, &connection, origin, replaced).await?
    } else {
        let name = new.name.unwrap_or(&connection.name);
        provisioning::create_token(&mut tx, &context, &connection, origin, name, new.expires_at).await?
    };
    tx.commit().await?;
    Ok(made)
}

/// The parameters of a new token.
#[derive(Debug, Default)]
pub struct NewScimToken<'a> {
    /// The token's name; the connection's name when absent.
    pub name: Option<&'a str>,
    /// When the token expires; never when absent.
    pub expires_at: Option<Timestamp>,
    /// The id of the token to replace, and the number of hours for which it stays valid.
    pub replaces: Option<(&'a str, u32)>,
}

/// Approves pending changes of a connection: the one with the id `only`, or all.
pub async fn approve_pending_changes(
    request: &AdminRequest<'_>,
    id: &str,
    only: Option<&str>,
) -> Result<ApprovalResult, Error> {
    let mut c = request.kernel().db.read().await?;
    let connection = request.principal().find_connection(&mut c, id).await?;
    drop(c);

    approval::approve(request.kernel(), request.principal(), &request.context(), &connection, only)
        .await
        .map_err(Error::PendingChange)
}

/// Discards pending changes of a connection: the one with the id `only`, or all.
pub async fn discard_pending_changes(
    request: &AdminRequest<'_>,
    id: &str,
    only: Option<&str>,
) -> Result<u64, Error> {
    let mut tx = request.kernel().db.begin().await?;
    let connection = request.principal().find_connection(&mut tx, id).await?;
    let discarded = approval::discard(&mut tx, &request.context(), &connection, only).await?;
    tx.commit().await?;
    Ok(discarded)
}
