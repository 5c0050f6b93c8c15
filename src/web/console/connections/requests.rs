//! The request log of a directory connection.

use std::collections::HashMap;

use askama::Template;
use axum::extract::{Path, Query};
use axum::response::Response;
use serde::Deserialize;
use serde_json::Value;

use crate::admin::provisioning::LogSearch;
use crate::admin::{self, ListPage};
use crate::directory::users;
use crate::idp::connections::Connection;
use crate::kernel;
use crate::kernel::AccountId;
use crate::provisioning::scim::AttributeChange;
use crate::provisioning::scim::request_log::Logged;
use crate::web::console::PAGE_SIZE;
use crate::web::page::{self, Shell};
use crate::web::{AuthenticatedRequest, Error};

/// The most members whose names are looked up for one page.
const MOST_NAMED: usize = 50;
/// The most characters of a value that are shown.
const MOST_SHOWN: usize = 200;

/// A changed attribute as the page shows it.
pub(super) struct Difference {
    pub(super) attribute: String,
    pub(super) before: String,
    pub(super) after: String,
}

impl Difference {
    pub(super) fn of(changed: &AttributeChange, names: &HashMap<String, String>) -> Self {
        let AttributeChange { attribute, before, after } = changed;
        Self {
            attribute: attribute.clone(),
            before: display_value(before, names),
            after: display_value(after, names),
        }
    }
}

/// A value for display: a list as its elements, and ids of members as their names.
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

/// An element of a list, such as `bob@acme.example (work, primary)`.
fn element(value: &Value, names: &HashMap<String, String>) -> String {
    let Some(text) = value.get("value").and_then(Value::as_str) else { return display_value(value, names) };
    let kind = value.get("type").and_then(Value::as_str);
    let primary = (value.get("primary") == Some(&Value::Bool(true))).then_some("primary");
    let notes: Vec<&str> = kind.into_iter().chain(primary).collect();
    if notes.is_empty() { text.to_owned() } else { format!("{text} ({})", notes.join(", ")) }
}

/// A log entry as the page shows it.
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

    /// The path with its query decoded for reading.
    pub(super) fn path(&self) -> String {
        let Some((path, query)) = self.logged.path.split_once('?') else { return self.logged.path.clone() };
        let pairs: Vec<String> = url::form_urlencoded::parse(query.as_bytes())
            .map(|(name, value)| if value.is_empty() { name.into_owned() } else { format!("{name}={value}") })
            .collect();
        format!("{path}?{}", pairs.join("&"))
    }

    /// The names of the changed attributes, if the log did not keep their values.
    pub(super) fn attributes(&self) -> Option<String> {
        let masked = self.changes.iter().all(|one| one.before.is_empty() && one.after.is_empty());
        (masked && !self.changes.is_empty()).then(|| {
            let names: Vec<&str> = self.changes.iter().map(|one| one.attribute.as_str()).collect();
            names.join(", ")
        })
    }
}

/// The user names of the members in these changes, by id.
pub(super) async fn names(
    c: &mut kernel::database::DbConn,
    account_id: &AccountId,
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

    /// The URL of the next page with the same search.
    fn next(&self, id: &str, after: &str) -> String {
        url::form_urlencoded::Serializer::new(format!("/console/connections/{id}/requests?"))
            .append_pair("about", &self.about)
            .append_pair("show", &self.show)
            .append_pair("after", after)
            .finish()
    }
}

pub(crate) async fn list(
    request: AuthenticatedRequest,
    Path(id): Path<String>,
    Query(form): Query<LogForm>,
) -> Result<Response, Error> {
    let shell = Shell::build(&request.app, &request.principal, "connections", None).await?;
    let mut c = request.app.kernel.db.read().await?;
    let connection = request.principal.find_connection(&mut c, &id).await?;
    let connection = connection.typed()?.into_scim().ok_or_else(|| Error::not_found("request log"))?;
    let before = Some(form.after.as_str()).filter(|after| !after.is_empty());
    let rows = admin::provisioning::list_requests(
        &request.app.kernel,
        &connection,
        form.search(),
        before,
        PAGE_SIZE + 1,
    )
    .await?;
    let page = ListPage::of(rows, PAGE_SIZE, |one| &one.id);
    let next = page.next.map(|last| form.next(&id, &last));
    let changes = page.items.iter().flat_map(|row| &row.changes);
    let names = names(&mut c, &request.principal.account_id, changes).await?;
    let lines = page.items.into_iter().map(|row| RequestLogRow::with_member_names(row, &names)).collect();
    let (log_days, log_values) = (connection.settings.log_days, connection.settings.log_values);
    let connection = connection.into_connection();
    page::render(&RequestsPage { shell, connection, form, lines, next, log_days, log_values })
}
