//! Applications: list, registration, and the page of one with recipes for its reverse proxy.

use askama::Template;
use axum::extract::{Path, Query, RawForm};
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Redirect, Response};

use super::{ConsoleListQuery, PAGE_SIZE};
use crate::admin;
use crate::apps::signing_keys::{self, Issuer, SigningKey};
use crate::apps::{self, Application, ApplicationKind, ApplicationUpdate, NewApplication};
use crate::directory::groups::{self, Group};
use crate::kernel::Timestamp;
use crate::web::page::{self, Shell, split_list};
use crate::web::{AuthenticatedRequest, Error};

#[derive(Template)]
#[template(path = "console/apps.html")]
struct AppsPage {
    shell: Shell,
    apps: Vec<Application>,
    next: Option<String>,
}

/// The fields of an application, as they are stored or as they were typed.
#[derive(Debug, Clone, Default)]
struct AppForm {
    name: String,
    hosts: String,
    is_limited: bool,
    groups: Vec<String>,
    allow_tokens: bool,
}

impl AppForm {
    /// Reads the form. A group is a checkbox, so that the field occurs once for each.
    fn parse(body: &[u8]) -> Self {
        let mut form = Self::default();
        for (name, value) in url::form_urlencoded::parse(body) {
            match &*name {
                "name" => form.name = value.into_owned(),
                "hosts" => form.hosts = value.into_owned(),
                "access" => form.is_limited = value == "groups",
                "group" => form.groups.push(value.into_owned()),
                "allow_tokens" => form.allow_tokens = true,
                _ => {}
            }
        }
        form
    }

    fn of(app: &Application) -> Self {
        Self {
            name: app.name.clone(),
            hosts: app.registered_hosts().join("\n"),
            is_limited: app.groups.is_some(),
            groups: app.groups.clone().unwrap_or_default(),
            allow_tokens: app.allow_tokens,
        }
    }

    /// The groups that have access. Selected groups beside access for all users are a contradiction, which
    /// must not become access for all users.
    fn groups(&self) -> Result<Option<Vec<String>>, admin::Error> {
        match (self.is_limited, self.groups.is_empty()) {
            (true, _) => Ok(Some(self.groups.clone())),
            (false, true) => Ok(None),
            (false, false) => Err(admin::Error::invalid(
                "groups",
                "are selected, but all users of the account have access; choose one of the two",
            )),
        }
    }

    fn has(&self, group: &Group) -> bool {
        self.groups.iter().any(|id| group.id == *id)
    }
}

/// A form that was refused, and why.
struct RefusedForm {
    form: AppForm,
    error: String,
}

#[derive(Template)]
#[template(path = "console/app_new.html")]
struct AppNewPage {
    shell: Shell,
    form: AppForm,
    groups: Vec<Group>,
    error: Option<String>,
}

/// A configuration of a reverse proxy, filled in.
struct Recipe {
    id: &'static str,
    title: &'static str,
    text: String,
}

#[derive(Template)]
#[template(path = "console/app.html")]
struct AppPage {
    shell: Shell,
    app: Application,
    form: AppForm,
    groups: Vec<Group>,
    forward_auth_url: String,
    issuer: Issuer,
    keys: Vec<SigningKey>,
    recipes: Vec<Recipe>,
    error: Option<String>,
}

/// The recipes. Tests run them as they are, but for the addresses.
const RECIPES: [(&str, &str, &str); 5] = [
    ("nginx", "nginx", include_str!("../../../templates/apps/recipes/nginx.conf")),
    ("caddy", "Caddy", include_str!("../../../templates/apps/recipes/Caddyfile")),
    (
        "traefik",
        "Traefik (dynamic configuration)",
        include_str!("../../../templates/apps/recipes/traefik.yml"),
    ),
    ("haproxy", "HAProxy", include_str!("../../../templates/apps/recipes/haproxy.cfg")),
    ("haproxy-lua", "HAProxy: vestibule.lua", include_str!("../../../templates/apps/recipes/haproxy.lua")),
];

fn recipes_for(app: &Application) -> Vec<Recipe> {
    let fill = |text: &str| {
        let host = app.hosts.first().map_or("app.example.com", |host| apps::hostname_of(host));
        text.replace("APPLICATION_ID", &app.id).replace("app.example.com", host)
    };
    RECIPES.iter().map(|(id, title, text)| Recipe { id, title, text: fill(text) }).collect()
}

pub(super) async fn list(
    request: AuthenticatedRequest,
    Query(query): Query<ConsoleListQuery>,
) -> Result<Response, Error> {
    let shell = Shell::build(&request.app, &request.principal, "apps", query.notice.as_deref()).await?;
    let mut c = request.app.kernel.db.read().await?;
    let rows = apps::list(&mut c, &request.principal.account_id, &query.after, PAGE_SIZE + 1).await?;
    let page = admin::ListPage::of(rows, PAGE_SIZE, |app| &app.id);
    page::render(&AppsPage { shell, apps: page.items, next: page.next })
}

/// The groups to choose from.
async fn groups_of(request: &AuthenticatedRequest) -> Result<Vec<Group>, Error> {
    let mut c = request.app.kernel.db.read().await?;
    Ok(groups::search(&mut c, &request.principal.account_id, "", "", 500).await?)
}

async fn render_new(
    request: &AuthenticatedRequest,
    form: AppForm,
    error: Option<String>,
) -> Result<Response, Error> {
    let shell = Shell::build(&request.app, &request.principal, "apps", None).await?;
    let status = if error.is_some() { StatusCode::UNPROCESSABLE_ENTITY } else { StatusCode::OK };
    let groups = groups_of(request).await?;
    page::render_with_status(status, &AppNewPage { shell, form, groups, error })
}

pub(super) async fn new(request: AuthenticatedRequest) -> Result<Response, Error> {
    render_new(&request, AppForm::default(), None).await
}

pub(super) async fn create(request: AuthenticatedRequest, RawForm(body): RawForm) -> Result<Response, Error> {
    let form = AppForm::parse(&body);
    let done = async {
        let new = NewApplication {
            kind: ApplicationKind::ForwardAuth,
            name: form.name.clone(),
            hosts: split_list(&form.hosts),
            groups: form.groups()?,
            allow_tokens: form.allow_tokens,
        };
        admin::apps::create(&request.admin(), new).await
    };
    match done.await {
        Ok(app) => Ok(Redirect::to(&format!("/console/apps/{}?notice=app_created", app.id)).into_response()),
        Err(error) => render_new(&request, form, Some(error.for_form()?)).await,
    }
}

async fn render_one(
    request: &AuthenticatedRequest,
    id: &str,
    notice: Option<&str>,
    wrong: Option<RefusedForm>,
) -> Result<Response, Error> {
    let shell = Shell::build(&request.app, &request.principal, "apps", notice).await?;
    let groups = groups_of(request).await?;
    let mut c = request.app.kernel.db.read().await?;
    let app = request.principal.find_app(&mut c, id).await?;
    let account = request.principal.find_account(&mut c).await?;
    let keys = signing_keys::list(&mut c, &request.principal.account_id).await?;
    drop(c);
    let status = if wrong.is_some() { StatusCode::UNPROCESSABLE_ENTITY } else { StatusCode::OK };
    let (form, error) = match wrong {
        Some(RefusedForm { form, error }) => (form, Some(error)),
        None => (AppForm::of(&app), None),
    };
    let urls = &request.app.kernel.urls;
    let page = AppPage {
        shell,
        form,
        groups,
        forward_auth_url: app.forward_auth_url(urls),
        issuer: Issuer::of(urls, &account.slug),
        keys,
        recipes: recipes_for(&app),
        app,
        error,
    };
    page::render_with_status(status, &page)
}

impl AppPage {
    fn activated(key: &SigningKey) -> String {
        key.activated_at.map(Timestamp::display_minute).unwrap_or_default()
    }
}

pub(super) async fn show(
    request: AuthenticatedRequest,
    Path(id): Path<String>,
    Query(query): Query<ConsoleListQuery>,
) -> Result<Response, Error> {
    render_one(&request, &id, query.notice.as_deref(), None).await
}

pub(super) async fn save(
    request: AuthenticatedRequest,
    Path(id): Path<String>,
    RawForm(body): RawForm,
) -> Result<Response, Error> {
    let form = AppForm::parse(&body);
    let done = async {
        let change = ApplicationUpdate {
            name: Some(form.name.clone()),
            hosts: Some(split_list(&form.hosts)),
            groups: Some(form.groups()?),
            allow_tokens: Some(form.allow_tokens),
        };
        admin::apps::change(&request.admin(), &id, change).await
    };
    match done.await {
        Ok(app) => Ok(Redirect::to(&format!("/console/apps/{}?notice=app_saved", app.id)).into_response()),
        Err(error) => {
            let refused = RefusedForm { form, error: error.for_form()? };
            render_one(&request, &id, None, Some(refused)).await
        }
    }
}

pub(super) async fn delete(request: AuthenticatedRequest, Path(id): Path<String>) -> Result<Response, Error> {
    admin::apps::delete(&request.admin(), &id).await?;
    Ok(Redirect::to("/console/apps?notice=app_deleted").into_response())
}

pub(super) async fn rotate_keys(
    request: AuthenticatedRequest,
    Path(id): Path<String>,
) -> Result<Response, Error> {
    request.principal.find_app(&mut *request.app.kernel.db.read().await?, &id).await?;
    admin::apps::rotate_signing_keys(&request.admin()).await?;
    Ok(Redirect::to(&format!("/console/apps/{id}?notice=signing_keys_rotated")).into_response())
}
