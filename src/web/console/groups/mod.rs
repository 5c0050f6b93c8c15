//! The pages of groups and their members.

pub(super) mod links;

use askama::Template;
use axum::Form;
use axum::extract::{Path, Query};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};
use serde::Deserialize;

use crate::admin;
use crate::directory::groups::{self, Group, GroupMember, GroupUpdate, MembershipUpdate};
use crate::directory::users;
use crate::idp::connections::{self, Connection};
use crate::web::console::{ConsoleListQuery, PAGE_SIZE};
use crate::web::page::{self, Shell};
use crate::web::{AuthenticatedRequest, Error};

#[derive(Template)]
#[template(path = "console/groups.html")]
struct GroupsPage {
    shell: Shell,
    q: String,
    groups: Vec<Group>,
    next: Option<String>,
    error: Option<String>,
}

#[derive(Template)]
#[template(path = "console/group.html")]
struct GroupPage {
    shell: Shell,
    group: Group,
    manager: Option<String>,
    members: Vec<GroupMember>,
    /// The group link: (name of the connection, name of the group there).
    link: Option<(String, String)>,
    /// The connections that the group can be linked to.
    providers: Vec<Connection>,
    count: i64,
    next: Option<String>,
    error: Option<String>,
}

async fn build_list(
    request: &AuthenticatedRequest,
    query: ConsoleListQuery,
    error: Option<String>,
) -> Result<GroupsPage, Error> {
    let shell = Shell::build(&request.app, &request.principal, "groups", query.notice.as_deref()).await?;
    let mut c = request.app.kernel.db.read().await?;
    let page = admin::groups::list(&mut c, &request.principal, &query.q, &query.after, PAGE_SIZE).await?;
    Ok(GroupsPage { shell, q: query.q, groups: page.items, next: page.next, error })
}

pub(super) async fn list(
    request: AuthenticatedRequest,
    Query(query): Query<ConsoleListQuery>,
) -> Result<Response, Error> {
    page::render(&build_list(&request, query, None).await?)
}

#[derive(Deserialize)]
pub(super) struct NameForm {
    name: String,
}

pub(super) async fn create(
    request: AuthenticatedRequest,
    Form(form): Form<NameForm>,
) -> Result<Response, Error> {
    match admin::groups::create(&request.admin(), form.name).await {
        Ok(group) => {
            let id = group.id;
            Ok(Redirect::to(&format!("/console/groups/{id}?notice=group_created")).into_response())
        }
        Err(error) => {
            let page = build_list(&request, ConsoleListQuery::default(), Some(error.for_form()?)).await?;
            page::render_with_status(StatusCode::UNPROCESSABLE_ENTITY, &page)
        }
    }
}

async fn build(
    request: &AuthenticatedRequest,
    id: &str,
    query: ConsoleListQuery,
    error: Option<String>,
) -> Result<GroupPage, Error> {
    let shell = Shell::build(&request.app, &request.principal, "groups", query.notice.as_deref()).await?;
    let mut c = request.app.kernel.db.read().await?;
    let group = request.principal.find_group(&mut c, id).await?;
    let manager = match &group.connection_id {
        Some(id) => connections::by_id(&mut c, &request.principal.account_id, id).await?.map(|c| c.name),
        None => None,
    };
    let link = match groups::link_of(&mut c, &group.id).await? {
        Some(link) => {
            let provider =
                connections::by_id(&mut c, &request.principal.account_id, &link.connection_id).await?;
            Some((provider.map(|c| c.name).unwrap_or_default(), link.name))
        }
        None => None,
    };
    let mut providers = connections::list(&mut c, &request.principal.account_id, "", 200).await?;
    providers.retain(Connection::syncs_groups);
    let page = admin::groups::list_members(&mut c, &group, &query.after, PAGE_SIZE).await?;
    let (members, next) = (page.items, page.next);
    let count = groups::member_count(&mut c, &group.id).await?;
    Ok(GroupPage { shell, group, manager, members, link, providers, count, next, error })
}

pub(super) async fn show(
    request: AuthenticatedRequest,
    Path(id): Path<String>,
    Query(query): Query<ConsoleListQuery>,
) -> Result<Response, Error> {
    page::render(&build(&request, &id, query, None).await?)
}

/// Applies a change and returns to the group's page.
async fn apply_change(
    request: &AuthenticatedRequest,
    id: &str,
    change: Result<GroupUpdate, Error>,
) -> Result<Response, Error> {
    let done = match change {
        Ok(change) => admin::groups::change(&request.admin(), id, change).await.map(drop),
        Err(error) => return redirect_or_rerender(request, id, "", Err(error)).await,
    };
    redirect_or_rerender(request, id, "group_saved", done).await
}

/// Redirects to the group's page with a notice, or renders it again with the error.
async fn redirect_or_rerender(
    request: &AuthenticatedRequest,
    id: &str,
    notice: &str,
    done: Result<(), impl Into<Error>>,
) -> Result<Response, Error> {
    match done {
        Ok(()) => Ok(Redirect::to(&format!("/console/groups/{id}?notice={notice}")).into_response()),
        Err(error) => {
            let page =
                build(request, id, ConsoleListQuery::default(), Some(error.into().for_form()?)).await?;
            page::render_with_status(StatusCode::UNPROCESSABLE_ENTITY, &page)
        }
    }
}

pub(super) async fn rename(
    request: AuthenticatedRequest,
    Path(id): Path<String>,
    Form(form): Form<NameForm>,
) -> Result<Response, Error> {
    let change = GroupUpdate { name: Some(form.name), ..GroupUpdate::default() };
    apply_change(&request, &id, Ok(change)).await
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct MemberForm {
    /// The user name or email address of a user to add.
    add: String,
    /// The id of a user to remove.
    remove: String,
}

pub(super) async fn change_members(
    request: AuthenticatedRequest,
    Path(id): Path<String>,
    Form(form): Form<MemberForm>,
) -> Result<Response, Error> {
    let mut members = MembershipUpdate::default();
    if !form.remove.is_empty() {
        members.remove.push(form.remove);
    }
    let mut change = Ok(());
    if let Some(name) = page::non_empty(&form.add) {
        let mut c = request.app.kernel.db.read().await?;
        let account_id = &request.principal.account_id;
        if let Some(user) = users::find_by_email_or_user_name(&mut c, account_id, &name).await? {
            members.add.push(user.id.into());
        } else {
            let reason = format!("no user has the username or email address {name}");
            change = Err(Error::invalid("Member", &reason));
        }
    }
    let change = change.map(|()| GroupUpdate { members, ..GroupUpdate::default() });
    apply_change(&request, &id, change).await
}

pub(super) async fn delete(request: AuthenticatedRequest, Path(id): Path<String>) -> Result<Response, Error> {
    admin::groups::delete(&request.admin(), &id).await?;
    Ok(Redirect::to("/console/groups?notice=group_deleted").into_response())
}
