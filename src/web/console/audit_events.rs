//! The audit trail page. It shows the last seven days unless dates are given.

use std::time::Duration;

use askama::Template;
use axum::extract::Query;
use axum::response::Response;
use serde::Deserialize;

use super::PAGE_SIZE;
use crate::audit::{self, Action, AuditQuery, AuditRecord};
use crate::kernel::TextEnum as _;
use crate::kernel::Timestamp;
use crate::web::page::{self, Shell};
use crate::web::{AuthenticatedRequest, Error};

#[derive(Template)]
#[template(path = "console/audit.html")]
struct AuditPage {
    shell: Shell,
    form: AuditForm,
    actions: Vec<&'static str>,
    events: Vec<AuditRecord>,
    next: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct AuditForm {
    /// A date such as `2026-11-23`, inclusive, in UTC.
    from: String,
    /// A date such as `2026-11-23`, inclusive, in UTC.
    to: String,
    actor: String,
    action: String,
    after: String,
}

const DAY: Duration = Duration::from_hours(24);

impl AuditForm {
    fn filter(&self, now: Timestamp) -> AuditQuery {
        let day = |text: &str| Timestamp::parse(&format!("{text}T00:00:00Z"));
        let some = |text: &str| Some(text.trim().to_owned()).filter(|text| !text.is_empty());
        AuditQuery {
            from: Some(day(&self.from).unwrap_or(now.minus(7 * DAY))),
            to: day(&self.to).map(|begin| begin.plus(DAY)),
            actor: some(&self.actor),
            action: some(&self.action),
            resource_type: None,
        }
    }

    /// The URL of the next page with the same filter.
    fn next(&self, after: &str) -> String {
        url::form_urlencoded::Serializer::new("/console/audit?".to_owned())
            .append_pair("from", &self.from)
            .append_pair("to", &self.to)
            .append_pair("actor", &self.actor)
            .append_pair("action", &self.action)
            .append_pair("after", after)
            .finish()
    }
}

pub(super) async fn list(
    request: AuthenticatedRequest,
    Query(form): Query<AuditForm>,
) -> Result<Response, Error> {
    let shell = Shell::build(&request.app, &request.principal, "audit", None).await?;
    let filter = form.filter(request.app.kernel.clock.now());
    let mut c = request.app.kernel.db.read().await?;
    let after = Some(form.after.as_str()).filter(|after| !after.is_empty());
    let page = audit::list(&mut c, &request.principal.account_id, &filter, PAGE_SIZE, after).await?;
    let next = page.next.map(|after| form.next(&after));
    let actions = Action::ALL.iter().map(|action| action.as_str()).collect();
    page::render(&AuditPage { shell, form, actions, events: page.items, next })
}
