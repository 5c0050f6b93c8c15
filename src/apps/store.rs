//! SQL of applications and their hosts.

use super::host::hostname_of;
use super::model::{Application, ApplicationKind, NewApplication};
use super::ownership::withhold_foreign_hosts;
use crate::kernel::TextEnum as _;
use crate::kernel::database::DbConn;
use crate::kernel::{AccountId, Timestamp, Tx};

macro_rules! columns {
    () => {
        "a.id, a.account_id, a.kind, a.name, a.allowed_groups, a.allow_tokens, a.created_at, a.updated_at, \
         (SELECT string_agg(h.host, ' ') FROM app_hosts h WHERE h.app_id = a.id AND h.taken_at IS NULL) AS hosts, \
         (SELECT string_agg(h.host, ' ') FROM app_hosts h WHERE h.app_id = a.id AND h.taken_at IS NOT NULL) AS taken"
    };
}

#[derive(sqlx::FromRow)]
struct Row {
    id: String,
    account_id: AccountId,
    kind: String,
    name: String,
    allowed_groups: Option<String>,
    allow_tokens: i32,
    created_at: Timestamp,
    updated_at: Timestamp,
    hosts: Option<String>,
    taken: Option<String>,
}

fn split_hosts(text: Option<&str>) -> Vec<String> {
    let mut hosts: Vec<String> = text.unwrap_or_default().split_whitespace().map(str::to_owned).collect();
    hosts.sort_unstable();
    hosts
}

impl TryFrom<Row> for Application {
    type Error = sqlx::Error;
    fn try_from(row: Row) -> Result<Self, sqlx::Error> {
        // A list that cannot be read must not become access for everybody.
        let groups = match row.allowed_groups.as_deref() {
            None => None,
            Some(text) => Some(serde_json::from_str(text).map_err(|e| sqlx::Error::Decode(Box::new(e)))?),
        };
        let unknown = || sqlx::Error::Decode(format!("unknown kind of application {}", row.kind).into());
        Ok(Self {
            kind: ApplicationKind::parse(&row.kind).ok_or_else(unknown)?,
            id: row.id,
            account_id: row.account_id,
            name: row.name,
            hosts: split_hosts(row.hosts.as_deref()),
            ineffective_hosts: split_hosts(row.taken.as_deref()),
            groups,
            allow_tokens: row.allow_tokens != 0,
            created_at: row.created_at,
            updated_at: row.updated_at,
        })
    }
}

/// Reads applications. They answer only for hosts that are in no domain of another account.
async fn read(c: &mut DbConn, rows: Vec<Row>) -> Result<Vec<Application>, sqlx::Error> {
    let mut apps: Vec<Application> = rows.into_iter().map(Application::try_from).collect::<Result<_, _>>()?;
    withhold_foreign_hosts(c, &mut apps).await?;
    Ok(apps)
}

async fn read_one(c: &mut DbConn, row: Option<Row>) -> Result<Option<Application>, sqlx::Error> {
    Ok(read(c, row.into_iter().collect()).await?.pop())
}

/// The application with this id in this account.
pub async fn by_id(
    c: &mut DbConn,
    account_id: &AccountId,
    id: &str,
) -> Result<Option<Application>, sqlx::Error> {
    let row: Option<Row> =
        sqlx::query_as(concat!("SELECT ", columns!(), " FROM apps a WHERE a.account_id = $1 AND a.id = $2"))
            .bind(account_id)
            .bind(id)
            .fetch_optional(&mut *c)
            .await?;
    read_one(c, row).await
}

/// The application with this id, for a proxy that asks before any account is known. What is answered is
/// limited to the application's account.
pub async fn find(c: &mut DbConn, id: &str) -> Result<Option<Application>, sqlx::Error> {
    let row: Option<Row> = sqlx::query_as(concat!("SELECT ", columns!(), " FROM apps a WHERE a.id = $1"))
        .bind(id)
        .fetch_optional(&mut *c)
        .await?;
    read_one(c, row).await
}

/// The application that answers for this host.
pub async fn by_host(c: &mut DbConn, host: &str) -> Result<Option<Application>, sqlx::Error> {
    let row: Option<Row> = sqlx::query_as(concat!(
        "SELECT ",
        columns!(),
        " FROM apps a JOIN app_hosts own ON own.app_id = a.id WHERE own.hostname = $1 AND own.host = $2 \
         AND own.taken_at IS NULL"
    ))
    .bind(hostname_of(host))
    .bind(host)
    .fetch_optional(&mut *c)
    .await?;
    Ok(read_one(c, row).await?.filter(|app| app.hosts.iter().any(|own| own == host)))
}

/// A page of the account's applications, after the one with id `after`.
pub async fn list(
    c: &mut DbConn,
    account_id: &AccountId,
    after: &str,
    limit: i64,
) -> Result<Vec<Application>, sqlx::Error> {
    let rows: Vec<Row> = sqlx::query_as(concat!(
        "SELECT ",
        columns!(),
        " FROM apps a WHERE a.account_id = $1 AND a.id > $2 ORDER BY a.id LIMIT $3"
    ))
    .bind(account_id)
    .bind(after)
    .bind(limit)
    .fetch_all(&mut *c)
    .await?;
    read(c, rows).await
}

fn groups_text(groups: Option<&[String]>) -> Option<String> {
    groups.map(|groups| serde_json::json!(groups).to_string())
}

pub(super) async fn insert(
    tx: &mut Tx,
    account_id: &AccountId,
    new: &NewApplication,
) -> Result<String, sqlx::Error> {
    let (id, now) = (tx.new_id(), tx.now());
    sqlx::query(
        "INSERT INTO apps (id, account_id, kind, name, allowed_groups, allow_tokens, created_at, updated_at) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $7)",
    )
    .bind(&id)
    .bind(account_id)
    .bind(new.kind.as_str())
    .bind(new.name.trim())
    .bind(groups_text(new.groups.as_deref()))
    .bind(i32::from(new.allow_tokens))
    .bind(now)
    .execute(&mut **tx)
    .await?;
    Ok(id)
}

/// Writes what can change of an application but its hosts.
pub(super) async fn write(tx: &mut Tx, app: &Application) -> Result<(), sqlx::Error> {
    let now = tx.now();
    sqlx::query(
        "UPDATE apps SET name = $1, allowed_groups = $2, allow_tokens = $3, updated_at = $4 \
         WHERE account_id = $5 AND id = $6",
    )
    .bind(&app.name)
    .bind(groups_text(app.groups.as_deref()))
    .bind(i32::from(app.allow_tokens))
    .bind(now)
    .bind(&app.account_id)
    .bind(&app.id)
    .execute(&mut **tx)
    .await
    .map(drop)
}

/// Adds a host to an application; returns false when its name belongs to one already.
pub(super) async fn add_host(
    tx: &mut Tx,
    account_id: &AccountId,
    app_id: &str,
    host: &str,
) -> Result<bool, sqlx::Error> {
    let done = sqlx::query(
        "INSERT INTO app_hosts (hostname, host, account_id, app_id) VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING",
    )
    .bind(hostname_of(host))
    .bind(host)
    .bind(account_id)
    .bind(app_id)
    .execute(&mut **tx)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// A host of an application of another account.
#[derive(sqlx::FromRow)]
pub(super) struct RegisteredHost {
    pub(super) account_id: AccountId,
    pub(super) app_id: String,
    pub(super) app_name: String,
    pub(super) host: String,
}

/// The host with this name that an application of another account has.
pub(super) async fn host_of_another_account(
    c: &mut DbConn,
    account_id: &AccountId,
    hostname: &str,
) -> Result<Option<RegisteredHost>, sqlx::Error> {
    sqlx::query_as(
        "SELECT h.account_id, h.app_id, a.name AS app_name, h.host FROM app_hosts h JOIN apps a ON a.id = h.app_id \
         WHERE h.hostname = $1 AND h.account_id <> $2 AND h.taken_at IS NULL",
    )
    .bind(hostname)
    .bind(account_id)
    .fetch_optional(c)
    .await
}

/// Marks a host as taken, so that another application can have it, and deletes the sessions at it.
pub(super) async fn mark_taken(tx: &mut Tx, registered: &RegisteredHost) -> Result<(), sqlx::Error> {
    let now = tx.now();
    sqlx::query("UPDATE app_hosts SET taken_at = $1 WHERE account_id = $2 AND app_id = $3 AND host = $4")
        .bind(now)
        .bind(&registered.account_id)
        .bind(&registered.app_id)
        .bind(&registered.host)
        .execute(&mut **tx)
        .await?;
    sqlx::query("DELETE FROM app_sessions WHERE account_id = $1 AND app_id = $2 AND host = $3")
        .bind(&registered.account_id)
        .bind(&registered.app_id)
        .bind(&registered.host)
        .execute(&mut **tx)
        .await
        .map(drop)
}

/// Removes a host, and the sessions at it.
pub(super) async fn remove_host(tx: &mut Tx, app: &Application, host: &str) -> Result<(), sqlx::Error> {
    for sql in [
        "DELETE FROM app_hosts WHERE account_id = $1 AND app_id = $2 AND host = $3",
        "DELETE FROM app_sessions WHERE account_id = $1 AND app_id = $2 AND host = $3",
    ] {
        sqlx::query(sql).bind(&app.account_id).bind(&app.id).bind(host).execute(&mut **tx).await?;
    }
    Ok(())
}

/// Deletes an application with its hosts, sessions and tokens.
pub(super) async fn remove(tx: &mut Tx, app: &Application) -> Result<(), sqlx::Error> {
    for sql in [
        "DELETE FROM api_tokens WHERE account_id = $1 AND application_id = $2",
        "DELETE FROM app_sessions WHERE account_id = $1 AND app_id = $2",
        "DELETE FROM app_hosts WHERE account_id = $1 AND app_id = $2",
        "DELETE FROM apps WHERE account_id = $1 AND id = $2",
    ] {
        sqlx::query(sql).bind(&app.account_id).bind(&app.id).execute(&mut **tx).await?;
    }
    Ok(())
}
