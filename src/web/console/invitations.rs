//! The invitation pages.

use askama::Template;
use axum::Form;
use axum::extract::{Multipart, Path, Query};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};
use serde::Deserialize;

use super::{ConsoleListQuery, PAGE_SIZE, text_fields};
use crate::access::Role;
use crate::admin::{self, ListPage};
use crate::directory::groups::{self, Group};
use crate::kernel::TextEnum as _;
use crate::kernel::{GroupId, Timestamp};
use crate::provisioning::invitations::{
    self, Invitation, InviteStatus, InviteeOutcome, NewInvitations, State as InvitationState,
};
use crate::web::page::{self, Shell, non_empty};
use crate::web::{AuthenticatedRequest, Error};

#[derive(Template)]
#[template(path = "console/invitations.html")]
struct InvitationsPage {
    shell: Shell,
    invitations: Vec<Invitation>,
    next: Option<String>,
    now: Timestamp,
    /// A link that was just created: (address, link).
    link: Option<(String, String)>,
    error: Option<String>,
}

#[derive(Template)]
#[template(path = "console/invite.html")]
struct InvitePage {
    shell: Shell,
    form: InviteForm,
    groups: Vec<Group>,
    outcomes: Vec<InviteeOutcome>,
    error: Option<String>,
}

#[derive(Debug, Default)]
struct InviteForm {
    people: String,
    groups: Vec<String>,
    role: String,
    landing_url: String,
}

impl InviteForm {
    fn has_group(&self, id: &GroupId) -> bool {
        self.groups.iter().any(|chosen| chosen == id)
    }
}

#[derive(Default)]
struct InvitationsPageExtras<'a> {
    query: ConsoleListQuery,
    notice: Option<&'a str>,
    link: Option<(String, String)>,
    error: Option<String>,
}

async fn build(request: &AuthenticatedRequest, extras: InvitationsPageExtras<'_>) -> Result<Response, Error> {
    let notice = extras.query.notice.as_deref().or(extras.notice);
    let shell = Shell::build(&request.app, &request.principal, "invitations", notice).await?;
    let mut c = request.app.kernel.db.read().await?;
    let after = extras.query.after.as_str();
    let rows = invitations::list(&mut c, &request.principal.account_id, true, after, PAGE_SIZE + 1).await?;
    let ListPage { items: invitations, next } =
        ListPage::of(rows, PAGE_SIZE, |invitation| &invitation.user_id);
    let now = request.app.kernel.clock.now();
    let status = if extras.error.is_some() { StatusCode::UNPROCESSABLE_ENTITY } else { StatusCode::OK };
    let (link, error) = (extras.link, extras.error);
    page::render_with_status(status, &InvitationsPage { shell, invitations, next, now, link, error })
}

pub(super) async fn list(
    request: AuthenticatedRequest,
    Query(query): Query<ConsoleListQuery>,
) -> Result<Response, Error> {
    build(&request, InvitationsPageExtras { query, ..InvitationsPageExtras::default() }).await
}

async fn render_invite(
    request: &AuthenticatedRequest,
    form: InviteForm,
    outcomes: Vec<InviteeOutcome>,
    error: Option<String>,
) -> Result<Response, Error> {
    let shell = Shell::build(&request.app, &request.principal, "invitations", None).await?;
    let mut c = request.app.kernel.db.read().await?;
    let mut groups = groups::search(&mut c, &request.principal.account_id, "", "", 200).await?;
    groups.retain(|group| group.connection_id.is_none());
    let status = if error.is_some() { StatusCode::UNPROCESSABLE_ENTITY } else { StatusCode::OK };
    page::render_with_status(status, &InvitePage { shell, form, groups, outcomes, error })
}

pub(super) async fn new(request: AuthenticatedRequest) -> Result<Response, Error> {
    render_invite(&request, InviteForm::default(), Vec::new(), None).await
}

/// Reads the form. The addresses come from the text field or from the file; both together are refused.
async fn read_form(multipart: Multipart) -> Result<InviteForm, Error> {
    let mut form = InviteForm::default();
    for (name, text) in text_fields(multipart, "File").await? {
        match name.as_str() {
            "people" | "file" if form.people.trim().is_empty() => form.people = text,
            "people" | "file" if text.trim().is_empty() => {}
            "people" | "file" => {
                return Err(Error::invalid("Email addresses", "enter addresses or upload a file, not both"));
            }
            "groups" => form.groups.push(text),
            "role" => form.role = text,
            "landing_url" => form.landing_url = text,
            _ => {}
        }
    }
    Ok(form)
}

pub(super) async fn create(request: AuthenticatedRequest, multipart: Multipart) -> Result<Response, Error> {
    let form = match read_form(multipart).await {
        Ok(form) => form,
        Err(error) => {
            let error = Some(error.for_form()?);
            return render_invite(&request, InviteForm::default(), Vec::new(), error).await;
        }
    };
    let new = NewInvitations {
        invitees: invitations::parse_invitees(&form.people),
        group_ids: form.groups.clone(),
        roles: Role::parse(&form.role).into_iter().collect(),
        landing_url: non_empty(&form.landing_url),
    };
    match admin::invitations::create(&request.admin(), new).await {
        Ok(outcomes) if outcomes.iter().all(|o| matches!(o.status, InviteStatus::Invited { .. })) => {
            Ok(Redirect::to("/console/invitations?notice=invited").into_response())
        }
        // Unless every address was invited, the page lists all outcomes and offers the refused addresses for
        // correction.
        Ok(outcomes) => {
            let refused = outcomes.iter().filter(|o| matches!(o.status, InviteStatus::Refused(_)));
            let people = refused.map(|o| o.email.clone()).collect::<Vec<_>>().join("\n");
            render_invite(&request, InviteForm { people, ..form }, outcomes, None).await
        }
        Err(error) => {
            let error = Some(error.for_form()?);
            render_invite(&request, form, Vec::new(), error).await
        }
    }
}

async fn redirect_or_rerender(
    request: &AuthenticatedRequest,
    done: Result<&str, impl Into<Error>>,
) -> Result<Response, Error> {
    match done {
        Ok(notice) => Ok(Redirect::to(&format!("/console/invitations?notice={notice}")).into_response()),
        Err(error) => {
            let error = Some(error.into().for_form()?);
            build(request, InvitationsPageExtras { error, ..InvitationsPageExtras::default() }).await
        }
    }
}

pub(super) async fn resend(request: AuthenticatedRequest, Path(id): Path<String>) -> Result<Response, Error> {
    let done = admin::invitations::resend(&request.admin(), &id).await;
    redirect_or_rerender(&request, done.map(|()| "invitation_resent")).await
}

pub(super) async fn cancel(request: AuthenticatedRequest, Path(id): Path<String>) -> Result<Response, Error> {
    let done = admin::invitations::cancel(&request.admin(), &id).await;
    redirect_or_rerender(&request, done.map(|()| "invitation_cancelled")).await
}

#[derive(Deserialize)]
pub(super) struct InvitationLinkForm {
    #[serde(default)]
    email: String,
}

pub(super) async fn copy_link(
    request: AuthenticatedRequest,
    Path(id): Path<String>,
    Form(form): Form<InvitationLinkForm>,
) -> Result<Response, Error> {
    match admin::invitations::copy_link(&request.admin(), &id).await {
        Ok(link) => {
            build(
                &request,
                InvitationsPageExtras { link: Some((form.email, link)), ..InvitationsPageExtras::default() },
            )
            .await
        }
        Err(error) => redirect_or_rerender(&request, Err(error)).await,
    }
}
