//! SQL of groups and memberships.

use super::model::{Group, GroupMember, NewGroup};
use crate::directory::{PageRequest, fold_case};
use crate::kernel::database::{Conditions, DbConn, SqlValue, execute_where_in, like_anywhere};
use crate::kernel::{AccountId, ConnectionId, GroupId, Tx, UserId};

macro_rules! columns {
    () => {
        "id, account_id, name, identifier, connection_id, external_id, attributes, version, created_at, updated_at"
    };
}

/// A condition on groups. Several are joined by AND.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum GroupCondition {
    /// The exact id.
    Id(String),
    /// The display name, compared without case.
    Name(String),
    /// The exact external id.
    ExternalId(String),
    /// The group has this user as a member.
    Member(String),
    /// The group is managed by this connection.
    Connection(String),
}

/// The group with this id in this account.
pub async fn by_id(c: &mut DbConn, account_id: &AccountId, id: &str) -> Result<Option<Group>, sqlx::Error> {
    sqlx::query_as(concat!("SELECT ", columns!(), " FROM user_groups WHERE account_id = $1 AND id = $2"))
        .bind(account_id)
        .bind(id)
        .fetch_optional(c)
        .await
}

fn conditions(account_id: &AccountId, matches: &[GroupCondition]) -> Conditions {
    let mut all = Conditions::default();
    all.text("account_id = ?", account_id);
    for one in matches {
        match one {
            GroupCondition::Id(id) => all.text("id = ?", id),
            GroupCondition::Name(name) => all.text("name_folded = ?", fold_case(name)),
            GroupCondition::ExternalId(id) => all.text("external_id = ?", id),
            GroupCondition::Connection(id) => all.text("connection_id = ?", id),
            GroupCondition::Member(id) => all.text(
                "EXISTS (SELECT 1 FROM memberships m WHERE m.group_id = user_groups.id AND m.user_id = ?)",
                id,
            ),
        }
    }
    all
}

/// The number of matching groups.
pub async fn count(
    c: &mut DbConn,
    account_id: &AccountId,
    matches: &[GroupCondition],
) -> Result<i64, sqlx::Error> {
    let all = conditions(account_id, matches);
    let (count,): (i64,) = all.bind_as(all.sql("SELECT COUNT(*) FROM user_groups", "")).fetch_one(c).await?;
    Ok(count)
}

/// A part of the matching groups, in order of creation or of name.
pub async fn list_page(
    c: &mut DbConn,
    account_id: &AccountId,
    matches: &[GroupCondition],
    page_request: &PageRequest<'_>,
) -> Result<Vec<Group>, sqlx::Error> {
    let mut all = conditions(account_id, matches);
    let tail = page_request.apply(&mut all, "name_folded");
    all.bind_as(all.sql(concat!("SELECT ", columns!(), " FROM user_groups"), &tail)).fetch_all(c).await
}

/// A page of groups in order of creation, after the one with id `after`.
pub async fn list_after(
    c: &mut DbConn,
    account_id: &AccountId,
    matches: &[GroupCondition],
    after: &str,
    limit: i64,
) -> Result<Vec<Group>, sqlx::Error> {
    let mut all = conditions(account_id, matches);
    all.text("id > ?", after);
    let tail = format!("ORDER BY id LIMIT {limit}");
    all.bind_as(all.sql(concat!("SELECT ", columns!(), " FROM user_groups"), &tail)).fetch_all(c).await
}

/// Groups whose name contains `text`, for the console.
pub async fn search(
    c: &mut DbConn,
    account_id: &AccountId,
    text: &str,
    after: &str,
    limit: i64,
) -> Result<Vec<Group>, sqlx::Error> {
    let mut all = conditions(account_id, &[]);
    if !text.trim().is_empty() {
        all.text("name_folded LIKE ? ESCAPE '\\'", like_anywhere(&fold_case(text)));
    }
    all.text("id > ?", after);
    let tail = format!("ORDER BY id LIMIT {limit}");
    all.bind_as(all.sql(concat!("SELECT ", columns!(), " FROM user_groups"), &tail)).fetch_all(c).await
}

/// The groups a user is in.
pub async fn of_user(
    c: &mut DbConn,
    account_id: &AccountId,
    user_id: &UserId,
) -> Result<Vec<Group>, sqlx::Error> {
    let mut all = conditions(account_id, &[]);
    all.text("id IN (SELECT group_id FROM memberships WHERE user_id = ?)", user_id);
    all.bind_as(all.sql(concat!("SELECT ", columns!(), " FROM user_groups"), "ORDER BY name_folded, id"))
        .fetch_all(c)
        .await
}

/// The names of the groups a user is in, in order.
pub async fn names_of_user(c: &mut DbConn, user_id: &UserId) -> Result<Vec<String>, sqlx::Error> {
    sqlx::query_scalar(
        "SELECT DISTINCT g.name FROM memberships m JOIN user_groups g ON g.id = m.group_id \
         WHERE m.user_id = $1 ORDER BY g.name",
    )
    .bind(user_id)
    .fetch_all(c)
    .await
}

/// The identifiers of the groups a user is in, in order. Unlike names, they are unique in the account.
pub async fn identifiers_of_user(c: &mut DbConn, user_id: &UserId) -> Result<Vec<String>, sqlx::Error> {
    sqlx::query_scalar(
        "SELECT DISTINCT g.identifier FROM memberships m JOIN user_groups g ON g.id = m.group_id \
         WHERE m.user_id = $1 ORDER BY g.identifier",
    )
    .bind(user_id)
    .fetch_all(c)
    .await
}

/// A page of members in order of the users' creation, after the user with id `after`.
pub async fn members(
    c: &mut DbConn,
    group_id: &GroupId,
    after: &str,
    limit: i64,
) -> Result<Vec<GroupMember>, sqlx::Error> {
    sqlx::query_as(
        "SELECT DISTINCT m.user_id, u.display_name, u.user_name, (SELECT COUNT(*) FROM memberships h \
         WHERE h.group_id = m.group_id AND h.user_id = m.user_id AND h.source = 'manual') AS by_hand \
         FROM memberships m JOIN users u ON u.id = m.user_id \
         WHERE m.group_id = $1 AND m.user_id > $2 ORDER BY m.user_id LIMIT $3",
    )
    .bind(group_id)
    .bind(after)
    .bind(limit)
    .fetch_all(c)
    .await
}

/// The number of members.
pub async fn member_count(c: &mut DbConn, group_id: &GroupId) -> Result<i64, sqlx::Error> {
    sqlx::query_scalar("SELECT COUNT(DISTINCT user_id) FROM memberships WHERE group_id = $1")
        .bind(group_id)
        .fetch_one(c)
        .await
}

/// Whether a group of the account has this identifier, compared without case: an application may not tell `Admins` from
/// `admins`.
pub(super) async fn identifier_taken(
    c: &mut DbConn,
    account_id: &AccountId,
    text: &str,
) -> Result<bool, sqlx::Error> {
    let found: Option<(String,)> =
        sqlx::query_as("SELECT id FROM user_groups WHERE account_id = $1 AND identifier_folded = $2 LIMIT 1")
            .bind(account_id)
            .bind(fold_case(text))
            .fetch_optional(c)
            .await?;
    Ok(found.is_some())
}

pub(super) async fn insert(
    tx: &mut Tx,
    account_id: &AccountId,
    identifier: &str,
    group: &NewGroup,
    connection_id: Option<&ConnectionId>,
) -> Result<Group, sqlx::Error> {
    let (id, now) = (tx.new_id(), tx.now());
    sqlx::query_as(concat!(
        "INSERT INTO user_groups (id, account_id, name, name_folded, identifier, identifier_folded, connection_id, \
         external_id, attributes, version, created_at, updated_at) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, 1, $10, $10) RETURNING ",
        columns!()
    ))
    .bind(id)
    .bind(account_id)
    .bind(&group.name)
    .bind(fold_case(&group.name))
    .bind(identifier)
    .bind(fold_case(identifier))
    .bind(connection_id)
    .bind(group.external_id.as_deref())
    .bind(serde_json::Value::Object(group.attributes.clone()).to_string())
    .bind(now)
    .fetch_one(&mut **tx)
    .await
}

/// Writes name, external id, attributes and manager, and increments the version. Returns `None` when
/// another request changed the group after it was read.
pub(super) async fn overwrite(tx: &mut Tx, group: &Group) -> Result<Option<Group>, sqlx::Error> {
    let now = tx.now();
    sqlx::query_as(concat!(
        "UPDATE user_groups SET name = $1, name_folded = $2, external_id = $3, attributes = $4, connection_id = $5, \
         version = version + 1, updated_at = $6 WHERE account_id = $7 AND id = $8 AND version = $9 RETURNING ",
        columns!()
    ))
    .bind(&group.name)
    .bind(fold_case(&group.name))
    .bind(group.external_id.as_deref())
    .bind(&group.attributes)
    .bind(group.connection_id.as_deref())
    .bind(now)
    .bind(&group.account_id)
    .bind(&group.id)
    .bind(group.version)
    .fetch_optional(&mut **tx)
    .await
}

/// Increments the version, whatever it was, after a change of members. Returns `None` when the group was
/// deleted. On PostgreSQL this also locks the row, so that concurrent changes of one group run one after
/// another.
pub(super) async fn touch(tx: &mut Tx, group: &Group) -> Result<Option<Group>, sqlx::Error> {
    let now = tx.now();
    sqlx::query_as(concat!(
        "UPDATE user_groups SET version = version + 1, updated_at = $1 WHERE account_id = $2 AND id = $3 RETURNING ",
        columns!()
    ))
    .bind(now)
    .bind(&group.account_id)
    .bind(&group.id)
    .fetch_optional(&mut **tx)
    .await
}

/// Adds a member; returns false when it was a member already or the account has no such user.
pub(super) async fn add_member(
    tx: &mut Tx,
    group: &Group,
    member_id: &str,
    source: &str,
) -> Result<bool, sqlx::Error> {
    let now = tx.now();
    let done = sqlx::query(
        "INSERT INTO memberships (account_id, group_id, user_id, source, created_at) \
         SELECT account_id, $1, id, $2, $3 FROM users WHERE account_id = $4 AND id = $5 ON CONFLICT DO NOTHING",
    )
    .bind(&group.id)
    .bind(source)
    .bind(now)
    .bind(&group.account_id)
    .bind(member_id)
    .execute(&mut **tx)
    .await?;
    Ok(done.rows_affected() > 0)
}

/// Adds many members in as few statements as possible and returns the ones that were not members before.
/// Ids that are not users of the account are ignored.
pub(super) async fn add_members(
    tx: &mut Tx,
    group: &Group,
    user_ids: &[String],
    source: &str,
) -> Result<Vec<String>, sqlx::Error> {
    let head = "INSERT INTO memberships (account_id, group_id, user_id, source, created_at) \
                SELECT account_id, $1, id, $2, $3 FROM users WHERE account_id = $4 AND id IN";
    let firsts =
        [SqlValue::from(group.id.as_str()), source.into(), tx.now().into(), group.account_id.as_str().into()];
    execute_where_in(tx, head, "ON CONFLICT DO NOTHING RETURNING user_id", &firsts, user_ids).await
}

/// Removes a membership of the given source.
pub(super) async fn remove_member(
    tx: &mut Tx,
    group: &Group,
    member_id: &str,
    source: &str,
) -> Result<bool, sqlx::Error> {
    let done = sqlx::query("DELETE FROM memberships WHERE group_id = $1 AND user_id = $2 AND source = $3")
        .bind(&group.id)
        .bind(member_id)
        .bind(source)
        .execute(&mut **tx)
        .await?;
    Ok(done.rows_affected() > 0)
}

/// Whether a user is a member, through any source.
pub(super) async fn is_member(c: &mut DbConn, group: &Group, member_id: &str) -> Result<bool, sqlx::Error> {
    let found: Option<(String,)> =
        sqlx::query_as("SELECT user_id FROM memberships WHERE group_id = $1 AND user_id = $2 LIMIT 1")
            .bind(&group.id)
            .bind(member_id)
            .fetch_optional(c)
            .await?;
    Ok(found.is_some())
}

pub(super) async fn ids_from(
    c: &mut DbConn,
    group: &Group,
    source: &str,
) -> Result<Vec<String>, sqlx::Error> {
    sqlx::query_scalar("SELECT user_id FROM memberships WHERE group_id = $1 AND source = $2")
        .bind(&group.id)
        .bind(source)
        .fetch_all(c)
        .await
}

/// The groups nested in a group, by id: (id, name).
pub async fn nested_groups(c: &mut DbConn, group_id: &GroupId) -> Result<Vec<(String, String)>, sqlx::Error> {
    sqlx::query_as(
        "SELECT DISTINCT g.id, g.name FROM group_nestings n JOIN user_groups g ON g.id = n.member_id \
         WHERE n.group_id = $1 ORDER BY g.id",
    )
    .bind(group_id)
    .fetch_all(c)
    .await
}

pub(super) async fn nested_group_ids_from(
    c: &mut DbConn,
    group: &Group,
    source: &str,
) -> Result<Vec<String>, sqlx::Error> {
    sqlx::query_scalar("SELECT member_id FROM group_nestings WHERE group_id = $1 AND source = $2")
        .bind(&group.id)
        .bind(source)
        .fetch_all(c)
        .await
}

/// Nests a group of the same account in another; returns false when it is nested there already.
pub(super) async fn insert_nesting(
    tx: &mut Tx,
    group: &Group,
    inner: &Group,
    source: &str,
) -> Result<bool, sqlx::Error> {
    let now = tx.now();
    let done = sqlx::query(
        "INSERT INTO group_nestings (account_id, group_id, member_id, source, created_at) \
         VALUES ($1, $2, $3, $4, $5) ON CONFLICT DO NOTHING",
    )
    .bind(&group.account_id)
    .bind(&group.id)
    .bind(&inner.id)
    .bind(source)
    .bind(now)
    .execute(&mut **tx)
    .await?;
    Ok(done.rows_affected() > 0)
}

/// Removes a nested group.
pub(super) async fn delete_nesting(
    tx: &mut Tx,
    group: &Group,
    inner_id: &str,
    source: &str,
) -> Result<bool, sqlx::Error> {
    let done =
        sqlx::query("DELETE FROM group_nestings WHERE group_id = $1 AND member_id = $2 AND source = $3")
            .bind(&group.id)
            .bind(inner_id)
            .bind(source)
            .execute(&mut **tx)
            .await?;
    Ok(done.rows_affected() > 0)
}

pub(super) async fn delete(tx: &mut Tx, group: &Group) -> Result<(), sqlx::Error> {
    sqlx::query("DELETE FROM user_groups WHERE account_id = $1 AND id = $2")
        .bind(&group.account_id)
        .bind(&group.id)
        .execute(&mut **tx)
        .await
        .map(drop)
}
