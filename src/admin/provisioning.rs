//! Looking after a directory connection: its log, and the changes that wait.

use super::{AdminRequest, Error};
use crate::access::tokens::{self, ApiToken};
use crate::directory::{fold_case, groups, users};
use crate::idp::connections::Connection;
use crate::kernel::database::DbConn;
use crate::kernel::{Kernel, Timestamp};
use crate::provisioning;
use crate::provisioning::scim::approval::{self, ApprovalResult};
use crate::provisioning::scim::request_log::{self, Logged, ScimLogQuery};

/// Users and groups that a search text may mean, of each.
const MAX_MATCHES: i64 = 20;

/// What is looked for in the log of a connection.
#[derive(Debug, Default)]
pub struct LogSearch<'a> {
    /// A part of somebody's name or address, a user name, or an id; all when empty.
    pub about: &'a str,
    /// Only those that were refused.
    pub failed: bool,
    /// Only those that changed something.
    pub changes: bool,
}

/// A page of a connection's log. What this node has served is in it.
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

/// What a request may have named when somebody looks for `text`: the text itself, and the ids of whom it fits.
async fn expand_search_terms(c: &mut DbConn, account_id: &str, text: &str) -> Result<Vec<String>, Error> {
    let mut names = vec![fold_case(text)];
    let users = users::search(c, account_id, text, "", MAX_MATCHES).await?;
    names.extend(users.into_iter().flat_map(|user| [fold_case(&user.user_name), user.id]));
    let groups = groups::search(c, account_id, text, "", MAX_MATCHES).await?;
    names.extend(groups.into_iter().map(|group| group.id));
    Ok(names)
}

/// Makes a token of a directory connection; in the place of another, if `replaces` names one.
pub async fn create_token(
    request: &AdminRequest<'_>,
    id: &str,
    new: NewScimToken<'_>,
) -> Result<(ApiToken, String), Error> {
    let mut tx = request.kernel().db.begin().await?;
    let connection = request.principal().find_connection(&mut tx, id).await?;
    let context = request.context();
    let made = if let Some((old, overlap_hours)) = new.replaces {
        let old = tokens::by_id(&mut tx, request.account_id(), old).await?;
        let old = old.ok_or(Error::NotFound("token"))?;
        provisioning::replace_token(&mut tx, &context, &connection, &old, overlap_hours).await?
    } else {
        let name = new.name.unwrap_or(&connection.name);
        provisioning::create_token(&mut tx, &context, &connection, name, new.expires_at).await?
    };
    tx.commit().await?;
    Ok(made)
}

/// A token to be made.
#[derive(Debug, Default)]
pub struct NewScimToken<'a> {
    /// What it is called; the connection's name otherwise.
    pub name: Option<&'a str>,
    /// Without a time it works until it is revoked.
    pub expires_at: Option<Timestamp>,
    /// The id of the token whose place it takes, and for how many hours that one works beside it.
    pub replaces: Option<(&'a str, u32)>,
}

/// Lets changes through that wait for a connection: the one with the id `only`, or all.
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

/// Forgets changes that wait for a connection: the one with the id `only`, or all.
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
