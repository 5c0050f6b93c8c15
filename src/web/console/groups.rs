//! Groups.

use askama::Template;
use axum::Form;
use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};
use serde::Deserialize;

use super::{ConsoleListQuery, PAGE_SIZE, truncate_page};
use crate::access::Principal;
use crate::directory::groups::{
    self, Group, GroupMember, GroupUpdate, MembershipUpdate, NewGroup, UnlinkPolicy,
};
use crate::directory::users::{self, ChangeAuthority};
use crate::idp::connections::{self, Connection};
use crate::kernel::http::RequestContext;
use crate::web::page::{self, Shell};
use crate::web::{AppState, Error, admin};

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
    /// What it follows: (provider, its name there).
    link: Option<(String, String)>,
    /// The connections it could follow.
    providers: Vec<Connection>,
    count: i64,
    next: Option<String>,
    error: Option<String>,
}

async fn build_list(
    app: &AppState,
    principal: &Principal,
    query: ConsoleListQuery,
    error: Option<String>,
) -> Result<GroupsPage, Error> {
    let shell = Shell::build(app, principal, "groups", query.notice.as_deref()).await?;
    let mut c = app.kernel.db.read().await?;
    let mut groups =
        groups::search(&mut c, &principal.account_id, &query.q, &query.after, PAGE_SIZE + 1).await?;
    let next = truncate_page(&mut groups, |group| &group.id);
    Ok(GroupsPage { shell, q: query.q, groups, next, error })
}

pub(super) async fn list(
    State(app): State<AppState>,
    principal: Principal,
    Query(query): Query<ConsoleListQuery>,
) -> Result<Response, Error> {
    page::render(&build_list(&app, &principal, query, None).await?)
}

#[derive(Deserialize)]
pub(super) struct NameForm {
    name: String,
}

pub(super) async fn create(
    State(app): State<AppState>,
    principal: Principal,
    request: RequestContext,
    Form(form): Form<NameForm>,
) -> Result<Response, Error> {
    let done = async {
        let mut tx = app.kernel.db.begin().await?;
        let new = NewGroup { name: form.name, ..NewGroup::default() };
        let group =
            groups::create(&mut tx, &principal.context(&request), ChangeAuthority::Local, new).await?;
        tx.commit().await?;
        Ok::<_, Error>(group.id)
    };
    match done.await {
        Ok(id) => Ok(Redirect::to(&format!("/console/groups/{id}?notice=group_created")).into_response()),
        Err(error) => {
            let page =
                build_list(&app, &principal, ConsoleListQuery::default(), Some(error.for_form()?)).await?;
            page::render_with_status(StatusCode::UNPROCESSABLE_ENTITY, &page)
        }
    }
}

async fn build(
    app: &AppState,
    principal: &Principal,
    id: &str,
    query: ConsoleListQuery,
    error: Option<String>,
) -> Result<GroupPage, Error> {
    let shell = Shell::build(app, principal, "groups", query.notice.as_deref()).await?;
    let mut c = app.kernel.db.read().await?;
    let group = admin::find_group(&mut c, principal, id).await?;
    let manager = match &group.connection_id {
        Some(id) => connections::by_id(&mut c, &principal.account_id, id).await?.map(|c| c.name),
        None => None,
    };
    let link = match groups::link_of(&mut c, &group.id).await? {
        Some(link) => {
            let provider = connections::by_id(&mut c, &principal.account_id, &link.connection_id).await?;
            Some((provider.map(|c| c.name).unwrap_or_default(), link.name))
        }
        None => None,
    };
    let mut providers = connections::list(&mut c, &principal.account_id, "", 200).await?;
    providers.retain(Connection::syncs_groups);
    let mut members = groups::members(&mut c, &group.id, &query.after, PAGE_SIZE + 1).await?;
    let next = truncate_page(&mut members, |member| &member.user_id);
    let count = groups::member_count(&mut c, &group.id).await?;
    Ok(GroupPage { shell, group, manager, members, link, providers, count, next, error })
}

pub(super) async fn show(
    State(app): State<AppState>,
    principal: Principal,
    Path(id): Path<String>,
    Query(query): Query<ConsoleListQuery>,
) -> Result<Response, Error> {
    page::render(&build(&app, &principal, &id, query, None).await?)
}

/// Applies a change and goes back to the group's page.
async fn apply_change(
    app: &AppState,
    principal: &Principal,
    request: &RequestContext,
    id: &str,
    change: Result<GroupUpdate, Error>,
) -> Result<Response, Error> {
    let done = async {
        let change = change?;
        let mut tx = app.kernel.db.begin().await?;
        let group = admin::find_group(&mut tx, principal, id).await?;
        groups::update(&mut tx, &principal.context(request), ChangeAuthority::Local, &group, change).await?;
        tx.commit().await?;
        Ok::<_, Error>(())
    };
    let done = done.await;
    redirect_or_rerender(app, principal, id, "group_saved", done).await
}

/// Back to the group's page, which says that it was done, or why not.
async fn redirect_or_rerender(
    app: &AppState,
    principal: &Principal,
    id: &str,
    notice: &str,
    done: Result<(), Error>,
) -> Result<Response, Error> {
    match done {
        Ok(()) => Ok(Redirect::to(&format!("/console/groups/{id}?notice={notice}")).into_response()),
        Err(error) => {
            let page =
                build(app, principal, id, ConsoleListQuery::default(), Some(error.for_form()?)).await?;
            page::render_with_status(StatusCode::UNPROCESSABLE_ENTITY, &page)
        }
    }
}

pub(super) async fn rename(
    State(app): State<AppState>,
    principal: Principal,
    Path(id): Path<String>,
    request: RequestContext,
    Form(form): Form<NameForm>,
) -> Result<Response, Error> {
    let change = GroupUpdate { name: Some(form.name), ..GroupUpdate::default() };
    apply_change(&app, &principal, &request, &id, Ok(change)).await
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct MemberForm {
    /// Sign-in name or address of somebody to add.
    add: String,
    /// Id of somebody to remove.
    remove: String,
}

pub(super) async fn change_members(
    State(app): State<AppState>,
    principal: Principal,
    Path(id): Path<String>,
    request: RequestContext,
    Form(form): Form<MemberForm>,
) -> Result<Response, Error> {
    let mut members = MembershipUpdate::default();
    if !form.remove.is_empty() {
        members.remove.push(form.remove);
    }
    let mut change = Ok(());
    if let Some(name) = page::non_empty(&form.add) {
        let mut c = app.kernel.db.read().await?;
        match users::find_by_email_or_user_name(&mut c, &principal.account_id, &name).await? {
            Some(user) => members.add.push(user.id),
            None => change = Err(Error::invalid("Member", &format!("nobody here is called {name}"))),
        }
    }
    let change = change.map(|()| GroupUpdate { members, ..GroupUpdate::default() });
    apply_change(&app, &principal, &request, &id, change).await
}

#[derive(Deserialize)]
pub(super) struct GroupLinkForm {
    connection_id: String,
    name: String,
}

pub(super) async fn link(
    State(app): State<AppState>,
    principal: Principal,
    Path(id): Path<String>,
    request: RequestContext,
    Form(form): Form<GroupLinkForm>,
) -> Result<Response, Error> {
    let done = admin::link_group(
        &app,
        &principal,
        &request,
        id.as_str(),
        form.connection_id.as_str(),
        form.name.as_str(),
    )
    .await
    .map(drop);
    redirect_or_rerender(&app, &principal, &id, "group_linked", done).await
}

#[derive(Deserialize)]
pub(super) struct GroupUnlinkForm {
    members: String,
}

pub(super) async fn unlink(
    State(app): State<AppState>,
    principal: Principal,
    Path(id): Path<String>,
    request: RequestContext,
    Form(form): Form<GroupUnlinkForm>,
) -> Result<Response, Error> {
    let kept =
        if form.members == "remove" { UnlinkPolicy::RemoveMembers } else { UnlinkPolicy::RetainMembers };
    let done = admin::unlink_group(&app, &principal, &request, &id, kept).await;
    redirect_or_rerender(&app, &principal, &id, "group_unlinked", done).await
}

pub(super) async fn delete(
    State(app): State<AppState>,
    principal: Principal,
    Path(id): Path<String>,
    request: RequestContext,
) -> Result<Response, Error> {
    let mut tx = app.kernel.db.begin().await?;
    let group = admin::find_group(&mut tx, &principal, &id).await?;
    groups::delete(&mut tx, &principal.context(&request), ChangeAuthority::Local, &group).await?;
    tx.commit().await?;
    Ok(Redirect::to("/console/groups?notice=group_deleted").into_response())
}
