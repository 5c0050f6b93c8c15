//! What a directory asked for, and what waits for an administrator.

use std::collections::HashMap;

use askama::Template;
use axum::Form;
use axum::extract::{Path, Query, State};
use axum::response::{IntoResponse, Redirect, Response};
use serde::Deserialize;
use serde_json::Value;

use crate::access::Principal;
use crate::directory::users;
use crate::idp::connections::Connection;
use crate::kernel;
use crate::kernel::http::RequestContext;
use crate::provisioning::scim::AttributeChange;
use crate::provisioning::scim::pending_changes::{self, PendingChange};
use crate::provisioning::scim::request_log::Logged;
use crate::web::admin::LogSearch;
use crate::web::console::{ConsoleListQuery, PAGE_SIZE, truncate_page};
use crate::web::page::{self, Shell};
use crate::web::{AppState, Error, admin};

/// Members whose names are looked up for one page.
const MOST_NAMED: usize = 50;
/// Characters of a value that are shown.
const MOST_SHOWN: usize = 200;

/// A change as it is shown.
pub(super) struct Difference {
    pub(super) attribute: String,
    pub(super) before: String,
    pub(super) after: String,
}

impl Difference {
    fn of(changed: &AttributeChange, names: &HashMap<String, String>) -> Self {
        let AttributeChange { attribute, before, after } = changed;
        Self {
            attribute: attribute.clone(),
            before: display_value(before, names),
            after: display_value(after, names),
        }
    }
}

/// A value for people: a list as its elements, ids of members as their names.
fn display_value(value: &Value, names: &HashMap<String, String>) -> String {
    let text = match value {
        Value::Null => String::new(),
        Value::String(text) => names.get(text).unwrap_or(text).clone(),
        Value::Array(list) => {
            let list: Vec<String> = list.iter().take(20).map(|one| element(one, names)).collect();
            list.join(", ")
        }
        other => other.to_string(),
    };
    if text.chars().count() <= MOST_SHOWN {
        return text;
    }
    text.chars().take(MOST_SHOWN).chain(['…']).collect()
}

/// An element of a list: `bob@acme.example (work, primary)`.
fn element(value: &Value, names: &HashMap<String, String>) -> String {
    let Some(text) = value.get("value").and_then(Value::as_str) else { return display_value(value, names) };
    let kind = value.get("type").and_then(Value::as_str);
    let primary = (value.get("primary") == Some(&Value::Bool(true))).then_some("primary");
    let notes: Vec<&str> = kind.into_iter().chain(primary).collect();
    if notes.is_empty() { text.to_owned() } else { format!("{text} ({})", notes.join(", ")) }
}

/// A request of the log as it is shown.
pub(super) struct RequestLogRow {
    pub(super) logged: Logged,
    pub(super) changes: Vec<Difference>,
}

impl From<Logged> for RequestLogRow {
    fn from(logged: Logged) -> Self {
        let none = HashMap::new();
        let changes = logged.changes.iter().map(|one| Difference::of(one, &none)).collect();
        Self { logged, changes }
    }
}

impl RequestLogRow {
    fn with_member_names(logged: Logged, names: &HashMap<String, String>) -> Self {
        let changes = logged.changes.iter().map(|one| Difference::of(one, names)).collect();
        Self { logged, changes }
    }

    /// The path with its query as people read it.
    pub(super) fn path(&self) -> String {
        let Some((path, query)) = self.logged.path.split_once('?') else { return self.logged.path.clone() };
        let pairs: Vec<String> = url::form_urlencoded::parse(query.as_bytes())
            .map(|(name, value)| if value.is_empty() { name.into_owned() } else { format!("{name}={value}") })
            .collect();
        format!("{path}?{}", pairs.join("&"))
    }

    /// The names of the attributes, when their values were not kept.
    pub(super) fn attributes(&self) -> Option<String> {
        let masked = self.changes.iter().all(|one| one.before.is_empty() && one.after.is_empty());
        (masked && !self.changes.is_empty()).then(|| {
            let names: Vec<&str> = self.changes.iter().map(|one| one.attribute.as_str()).collect();
            names.join(", ")
        })
    }
}

/// The names of the members in these changes.
async fn names(
    c: &mut kernel::database::DbConn,
    account_id: &str,
    changes: impl Iterator<Item = &AttributeChange>,
) -> Result<HashMap<String, String>, Error> {
    let members = changes.filter(|one| one.attribute == "members");
    let ids = members.flat_map(|one| [&one.before, &one.after]).filter_map(Value::as_array).flatten();
    let ids: Vec<&str> = ids.filter_map(Value::as_str).take(MOST_NAMED).collect();
    let mut names = HashMap::new();
    for id in ids {
        if let Some(user) = users::by_id(c, account_id, id).await? {
            names.insert(id.to_owned(), user.user_name);
        }
    }
    Ok(names)
}

#[derive(Template)]
#[template(path = "console/connection_requests.html")]
struct RequestsPage {
    shell: Shell,
    connection: Connection,
    form: LogForm,
    lines: Vec<RequestLogRow>,
    next: Option<String>,
    log_days: u32,
    log_values: bool,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct LogForm {
    about: String,
    show: String,
    after: String,
}

impl LogForm {
    fn search(&self) -> LogSearch<'_> {
        LogSearch { about: &self.about, failed: self.show == "failed", changes: self.show == "changes" }
    }

    fn is_empty(&self) -> bool {
        self.about.trim().is_empty() && self.show.is_empty()
    }

    /// The address of the next page with the same search.
    fn next(&self, id: &str, after: &str) -> String {
        url::form_urlencoded::Serializer::new(format!("/console/connections/{id}/requests?"))
            .append_pair("about", &self.about)
            .append_pair("show", &self.show)
            .append_pair("after", after)
            .finish()
    }
}

pub(crate) async fn requests(
    State(app): State<AppState>,
    principal: Principal,
    Path(id): Path<String>,
    Query(form): Query<LogForm>,
) -> Result<Response, Error> {
    let shell = Shell::build(&app, &principal, "connections", None).await?;
    let mut c = app.kernel.db.read().await?;
    let connection = admin::find_connection(&mut c, &principal, &id).await?;
    let connection = connection.typed()?.into_scim().ok_or_else(|| Error::not_found("log"))?;
    let before = Some(form.after.as_str()).filter(|after| !after.is_empty());
    let mut rows = admin::list_scim_requests(&app, &connection, form.search(), before, PAGE_SIZE + 1).await?;
    let next = truncate_page(&mut rows, |one| &one.id).map(|last| form.next(&id, &last));
    let changes = rows.iter().flat_map(|row| &row.changes);
    let names = names(&mut c, &principal.account_id, changes).await?;
    let lines = rows.into_iter().map(|row| RequestLogRow::with_member_names(row, &names)).collect();
    let (log_days, log_values) = (connection.settings.log_days, connection.settings.log_values);
    page::render(&RequestsPage {
        shell,
        connection: connection.into_connection(),
        form,
        lines,
        next,
        log_days,
        log_values,
    })
}

/// A change that waits, as it is shown.
struct PendingChangeRow {
    held: PendingChange,
    changes: Vec<Difference>,
}

#[derive(Template)]
#[template(path = "console/connection_waiting.html")]
struct PendingChangesPage {
    shell: Shell,
    connection: Connection,
    dry_run: bool,
    waiting: Vec<PendingChangeRow>,
    total: i64,
    next: Option<String>,
    outcome: Option<String>,
}

pub(crate) async fn list_pending_changes(
    State(app): State<AppState>,
    principal: Principal,
    Path(id): Path<String>,
    Query(query): Query<ConsoleListQuery>,
) -> Result<Response, Error> {
    render(&app, &principal, &id, query.notice.as_deref(), &query.after, None).await
}

async fn render(
    app: &AppState,
    principal: &Principal,
    id: &str,
    notice: Option<&str>,
    after: &str,
    outcome: Option<String>,
) -> Result<Response, Error> {
    let shell = Shell::build(app, principal, "connections", notice).await?;
    let mut c = app.kernel.db.read().await?;
    let connection = admin::find_connection(&mut c, principal, id).await?;
    let connection = connection.typed()?.into_scim().ok_or_else(|| Error::not_found("list"))?;
    let account_id = &principal.account_id;
    let mut rows = pending_changes::list(&mut c, account_id, id, after, PAGE_SIZE + 1).await?;
    let next = truncate_page(&mut rows, |one| &one.id);
    let names = names(&mut c, account_id, rows.iter().flat_map(|row| &row.changes)).await?;
    let waiting = rows.into_iter().map(|held| PendingChangeRow {
        changes: held.changes.iter().map(|one| Difference::of(one, &names)).collect(),
        held,
    });
    let page = PendingChangesPage {
        shell,
        dry_run: connection.settings.dry_run,
        waiting: waiting.collect(),
        total: pending_changes::count(&mut c, account_id, id).await?,
        connection: connection.into_connection(),
        next,
        outcome,
    };
    page::render(&page)
}

#[derive(Deserialize)]
pub(crate) struct PendingChangeForm {
    /// One of them; all otherwise.
    chosen: Option<String>,
}

pub(crate) async fn approve_pending_changes(
    State(app): State<AppState>,
    principal: Principal,
    Path(id): Path<String>,
    request: RequestContext,
    Form(form): Form<PendingChangeForm>,
) -> Result<Response, Error> {
    let released =
        admin::approve_pending_changes(&app, &principal, &request, id.as_str(), form.chosen.as_deref())
            .await?;
    let refused = match released.refused {
        0 => String::new(),
        some => format!(" {some} could not be; each says why."),
    };
    let unfinished =
        form.chosen.is_none() && released.remaining > i64::try_from(released.refused).unwrap_or(0);
    let rest = if unfinished { " There were too many for one go: let the rest through as well." } else { "" };
    let outcome = format!("{} carried out.{refused}{rest}", released.applied);
    render(&app, &principal, &id, None, "", Some(outcome)).await
}

pub(crate) async fn discard_pending_changes(
    State(app): State<AppState>,
    principal: Principal,
    Path(id): Path<String>,
    request: RequestContext,
    Form(form): Form<PendingChangeForm>,
) -> Result<Response, Error> {
    admin::discard_pending_changes(&app, &principal, &request, &id, form.chosen.as_deref()).await?;
    let to = format!("/console/connections/{id}/waiting?notice=waiting_discarded");
    Ok(Redirect::to(&to).into_response())
}
