//! The REST API under `/api/v1`: everything the console can do, for scripts.

mod apps;
mod audit_events;
mod body;
mod connections;
mod domains;
mod groups;
mod identities;
mod invitations;
mod me;
mod service_accounts;
mod settings;
mod tokens;
mod two_factor;
mod user_signin;
mod users;

use axum::body::Bytes;
use axum::http::header;
use serde::{Deserialize, Serialize};
use utoipa::openapi::path::Operation;
use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityScheme};
use utoipa::openapi::{
    ComponentsBuilder, Content, Deprecated, Info, OpenApiBuilder, PathItem, Paths, Ref, RefOr,
};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::UtoipaMethodRouter;
use utoipa_axum::routes;

use super::AppState;
use super::error::Problem;
use crate::access::{Guard, Permission, Routes};
use crate::admin::ListPage;
use crate::kernel::http::FieldError;

pub(super) use body::Body;

/// The API's routes. One of them serves the OpenAPI document, which is built from the same declarations.
#[must_use]
pub(super) fn routes() -> Routes<AppState> {
    use Permission as P;
    let may = Guard::Requires;
    let mut api = DocumentedRoutes::default();
    api.add(Guard::SignedIn, routes!(me::show));
    api.add(may(P::UsersView), routes!(users::list));
    api.add(may(P::UsersEdit), routes!(users::create));
    api.add(may(P::UsersView), routes!(users::show));
    api.add(may(P::UsersEdit), routes!(users::change));
    api.add(may(P::UsersEdit), routes!(users::delete));
    api.add(may(P::UsersView), routes!(user_signin::list_sessions));
    api.add(may(P::UsersEdit), routes!(user_signin::revoke_sessions));
    api.add(may(P::UsersEdit), routes!(user_signin::revoke_session));
    api.add(may(P::UsersEdit), routes!(user_signin::unlock));
    api.add(may(P::UsersEdit), routes!(user_signin::send_reset));
    api.add(may(P::UsersView), routes!(two_factor::show));
    api.add(may(P::UsersEdit), routes!(two_factor::reset));
    api.add(may(P::UsersView), routes!(two_factor::report));
    api.add(may(P::UsersView), routes!(two_factor::export));
    api.add(may(P::UsersView), routes!(two_factor::summary));
    api.add(may(P::UsersEdit), routes!(two_factor::remind));
    api.add(may(P::UsersView), routes!(two_factor::mailings));
    api.add(may(P::UsersEdit), routes!(two_factor::stop));
    api.add(may(P::UsersView), routes!(invitations::list));
    api.add(may(P::UsersEdit), routes!(invitations::create));
    api.add(may(P::UsersView), routes!(invitations::show));
    api.add(may(P::UsersEdit), routes!(invitations::resend));
    api.add(may(P::UsersEdit), routes!(invitations::copy_link));
    api.add(may(P::UsersEdit), routes!(invitations::cancel));
    api.add(may(P::GroupsView), routes!(groups::list));
    api.add(may(P::GroupsEdit), routes!(groups::create));
    api.add(may(P::GroupsView), routes!(groups::show));
    api.add(may(P::GroupsEdit), routes!(groups::change));
    api.add(may(P::GroupsEdit), routes!(groups::delete));
    api.add(may(P::GroupsView), routes!(groups::list_members));
    api.add(may(P::GroupsEdit), routes!(groups::change_members));
    api.add(may(P::GroupsEdit), routes!(groups::links::create_link));
    api.add(may(P::GroupsEdit), routes!(groups::links::delete_link));
    api.add(may(P::ServiceAccountsView), routes!(service_accounts::list));
    api.add(may(P::ServiceAccountsEdit), routes!(service_accounts::create));
    api.add(may(P::ServiceAccountsEdit), routes!(service_accounts::delete));
    api.add(Guard::SignedIn, routes!(tokens::list));
    api.add(Guard::SignedIn, routes!(tokens::create));
    api.add(Guard::SignedIn, routes!(tokens::revoke));
    identities::add_routes(&mut api);
    api.add(may(P::ConnectionsView), routes!(connections::list));
    api.add(may(P::ConnectionsEdit), routes!(connections::create));
    api.add(may(P::ConnectionsView), routes!(connections::show));
    api.add(may(P::ConnectionsEdit), routes!(connections::change));
    api.add(may(P::ConnectionsEdit), routes!(connections::delete));
    api.add(may(P::ConnectionsEdit), routes!(connections::connection_tests::begin_test));
    api.add(may(P::ConnectionsView), routes!(connections::connection_tests::show_test));
    api.add(may(P::ConnectionsEdit), routes!(connections::syncs::begin_sync));
    api.add(may(P::ConnectionsView), routes!(connections::syncs::list_syncs));
    api.add(may(P::ConnectionsView), routes!(connections::tokens::list_tokens));
    api.add(may(P::ConnectionsEdit), routes!(connections::tokens::create_token));
    api.add(may(P::ConnectionsEdit), routes!(connections::saml::rotate_keys));
    api.add(may(P::ConnectionsView), routes!(connections::requests::list));
    api.add(may(P::ConnectionsView), routes!(connections::pending_changes::list));
    api.add(may(P::ConnectionsEdit), routes!(connections::pending_changes::approve));
    api.add(may(P::ConnectionsEdit), routes!(connections::pending_changes::discard));
    domains::add_routes(&mut api);
    api.add(may(P::AuditView), routes!(audit_events::list));
    api.add(may(P::SettingsView), routes!(settings::show));
    api.add(may(P::SettingsEdit), routes!(settings::change));
    api.add(may(P::SettingsEdit), routes!(settings::preview));
    apps::add_routes(&mut api);
    let DocumentedRoutes { routes, paths, components } = api;
    let bearer = HttpBuilder::new().scheme(HttpAuthScheme::Bearer).build();
    let components = components.schema_from::<Problem>().schema_from::<FieldError>();
    let components = components.security_scheme("bearer", SecurityScheme::Http(bearer));
    let openapi = OpenApiBuilder::new()
        .info(Info::new("Vestibule", env!("CARGO_PKG_VERSION")))
        .paths(paths)
        .components(Some(components.build()))
        .build();
    // Kept as the serialized text, which takes a fifth of the memory.
    let text = Bytes::from(serde_json::to_vec(&openapi).expect("strings, numbers and lists"));
    let described = ([(header::CONTENT_TYPE, "application/json")], text);
    routes.get("/api/v1/openapi.json", Guard::Public, async move || described.clone())
}

#[derive(Default)]
struct DocumentedRoutes {
    routes: Routes<AppState>,
    paths: Paths,
    components: ComponentsBuilder,
}

/// Paths that were renamed: the earlier path, which keeps working until the next minor version, and the current
/// one. OpenAPI marks the earlier one as deprecated.
const RENAMED_PATHS: [(&str, &str); 3] = [
    ("/api/v1/connections/{id}/waiting", "/api/v1/connections/{id}/pending-changes"),
    ("/api/v1/connections/{id}/waiting/let-through", "/api/v1/connections/{id}/pending-changes/approve"),
    ("/api/v1/connections/{id}/waiting/discard", "/api/v1/connections/{id}/pending-changes/discard"),
];

fn operations(item: &mut PathItem) -> impl Iterator<Item = &mut Operation> {
    [&mut item.get, &mut item.post, &mut item.patch, &mut item.delete].into_iter().flatten()
}

/// Describes the body of all error responses, which is the same for each operation.
fn describe_problems(item: &mut PathItem) {
    let responses = operations(item).flat_map(|operation| &mut operation.responses.responses);
    for (_, response) in responses.filter(|(status, _)| status.starts_with(['4', '5'])) {
        if let RefOr::T(response) = response {
            let content = Content::new(Some(Ref::from_schema_name(Problem::name())));
            response.content.insert(Problem::MEDIA_TYPE.to_owned(), content.into());
        }
    }
}

/// The same operations, described as deprecated.
fn deprecated(mut item: PathItem) -> PathItem {
    for operation in operations(&mut item) {
        operation.deprecated = Some(Deprecated::True);
        operation.operation_id = operation.operation_id.take().map(|id| format!("{id}_deprecated"));
    }
    item
}

impl DocumentedRoutes {
    /// Adds one documented handler: its path and method to the route table, the rest to the OpenAPI
    /// document.
    fn add(&mut self, guard: Guard, documented: UtoipaMethodRouter<AppState>) {
        let (schemas, mut paths, handler) = documented;
        paths.paths.values_mut().for_each(describe_problems);
        for (earlier, current) in RENAMED_PATHS {
            if let Some(item) = paths.paths.get(current) {
                paths.paths.insert(earlier.to_owned(), deprecated(item.clone()));
            }
        }
        for (path, item) in &paths.paths {
            let methods = [
                ("GET", item.get.is_some()),
                ("POST", item.post.is_some()),
                ("PATCH", item.patch.is_some()),
                ("DELETE", item.delete.is_some()),
            ];
            let method = methods.iter().find(|(_, there)| *there).map_or("GET", |(method, _)| method);
            let routes = std::mem::take(&mut self.routes);
            self.routes = routes.route(path, method, guard, handler.clone());
        }
        let all = std::mem::take(&mut self.paths);
        self.paths = paths.paths.into_iter().fold(all, |mut all, (path, item)| {
            match all.paths.get_mut(&path) {
                Some(present) => present.merge_operations(item),
                None => drop(all.paths.insert(path, item)),
            }
            all
        });
        let components = std::mem::take(&mut self.components);
        self.components = schemas.into_iter().fold(components, |c, (name, schema)| c.schema(name, schema));
    }
}

/// A page of a list.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct List<T> {
    /// The items of the page.
    items: Vec<T>,
    /// The value of `after` for the next page; `null` on the last page.
    next: Option<String>,
}

impl<T> List<T> {
    fn from_page<R>(page: ListPage<R>, item: impl Fn(R) -> T) -> Self {
        Self { items: page.items.into_iter().map(item).collect(), next: page.next }
    }

    /// Keeps `limit` of the `limit + 1` rows that were read. The extra row shows that there is a next page.
    fn of<R>(rows: Vec<R>, limit: i64, id: impl Fn(&R) -> &str, item: impl Fn(R) -> T) -> Self {
        Self::from_page(ListPage::of(rows, limit, id), item)
    }
}

/// Paging of a list.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct Paging {
    /// The number of items per page, 1 to 200. The default is 50.
    limit: Option<i64>,
    /// The value of `next` from the previous page.
    after: Option<String>,
}

impl Paging {
    fn limit(&self) -> i64 {
        self.limit.unwrap_or(50).clamp(1, 200)
    }

    fn after(&self) -> &str {
        self.after.as_deref().unwrap_or_default()
    }
}
