//! The console for administrators.

mod apps;
mod audit_events;
mod connections;
mod domains;
mod groups;
mod identities;
mod invitations;
mod overview;
mod service_accounts;
mod settings;
mod tokens;
pub(super) mod two_factor;
mod user_signin;
mod users;

use axum::extract::Multipart;
use serde::Deserialize;

use super::{AppState, Error};
use crate::access::{Guard, Permission as P, Routes};

pub(super) fn routes() -> Routes<AppState> {
    let directory = user_routes().merge(connection_routes()).merge(domain_routes());
    directory.merge(app_routes()).merge(account_routes())
}

/// Users, invitations and groups.
fn user_routes() -> Routes<AppState> {
    let may = Guard::Requires;
    Routes::default()
        .get("/console", may(P::UsersView), overview::show)
        .get("/console/users", may(P::UsersView), users::list)
        .post("/console/users", may(P::UsersEdit), users::create)
        .get("/console/users/new", may(P::UsersEdit), users::new)
        .get("/console/users/{id}", may(P::UsersView), users::show)
        .post("/console/users/{id}", may(P::UsersEdit), users::save)
        .post("/console/users/{id}/active", may(P::UsersEdit), users::set_active)
        .post("/console/users/{id}/sessions/revoke", may(P::UsersEdit), user_signin::revoke_sessions)
        .post("/console/users/{id}/delete", may(P::UsersEdit), users::delete)
        .post("/console/users/{id}/unlock", may(P::UsersEdit), user_signin::unlock)
        .post("/console/users/{id}/identities/unlink", may(P::UsersEdit), identities::unlink)
        .post("/console/users/{id}/identities/approve", may(P::UsersEdit), identities::approve)
        .post("/console/users/{id}/identities/discard", may(P::UsersEdit), identities::discard)
        .post("/console/users/{id}/password/reset", may(P::UsersEdit), user_signin::send_reset)
        .post("/console/users/{id}/sessions/revoke-one", may(P::UsersEdit), user_signin::revoke_session)
        .get("/console/invitations", may(P::UsersView), invitations::list)
        .get("/console/invitations/new", may(P::UsersEdit), invitations::new)
        .post("/console/invitations", may(P::UsersEdit), invitations::create)
        .post("/console/invitations/{id}/resend", may(P::UsersEdit), invitations::resend)
        .post("/console/invitations/{id}/link", may(P::UsersEdit), invitations::copy_link)
        .post("/console/invitations/{id}/cancel", may(P::UsersEdit), invitations::cancel)
        .get("/console/groups", may(P::GroupsView), groups::list)
        .post("/console/groups", may(P::GroupsEdit), groups::create)
        .get("/console/groups/{id}", may(P::GroupsView), groups::show)
        .post("/console/groups/{id}", may(P::GroupsEdit), groups::rename)
        .post("/console/groups/{id}/members", may(P::GroupsEdit), groups::change_members)
        .post("/console/groups/{id}/link", may(P::GroupsEdit), groups::links::create_link)
        .post("/console/groups/{id}/unlink", may(P::GroupsEdit), groups::links::delete_link)
        .post("/console/groups/{id}/delete", may(P::GroupsEdit), groups::delete)
}

/// Connections with their tests, keys, syncs, tokens, request logs and pending changes.
fn connection_routes() -> Routes<AppState> {
    let may = Guard::Requires;
    Routes::default()
        .get("/console/connections", may(P::ConnectionsView), connections::list)
        .get("/console/connections/new", may(P::ConnectionsEdit), connections::new)
        .post("/console/connections", may(P::ConnectionsEdit), connections::create)
        .get("/console/connections/{id}", may(P::ConnectionsView), connections::show)
        .post("/console/connections/{id}", may(P::ConnectionsEdit), connections::saml::save)
        .post("/console/connections/{id}/oidc", may(P::ConnectionsEdit), connections::oidc::save)
        .post("/console/connections/{id}/syncs", may(P::ConnectionsEdit), connections::syncs::begin_sync)
        .get(
            "/console/connections/{id}/syncs/progress",
            may(P::ConnectionsView),
            connections::syncs::progress,
        )
        .post("/console/connections/{id}/ldap", may(P::ConnectionsEdit), connections::ldap::save)
        .post("/console/connections/{id}/metadata", may(P::ConnectionsEdit), connections::saml::load_metadata)
        .post(
            "/console/connections/{id}/metadata/forget",
            may(P::ConnectionsEdit),
            connections::saml::forget_retiring,
        )
        .post("/console/connections/{id}/keys", may(P::ConnectionsEdit), connections::saml::rotate_keys)
        .post("/console/connections/{id}/enabled", may(P::ConnectionsEdit), connections::set_enabled)
        .post(
            "/console/connections/{id}/tests",
            may(P::ConnectionsEdit),
            connections::connection_tests::begin,
        )
        .get(
            "/console/connections/{id}/tests/{test}",
            may(P::ConnectionsView),
            connections::connection_tests::show,
        )
        .post("/console/connections/{id}/tokens", may(P::ConnectionsEdit), connections::tokens::create_token)
        .post(
            "/console/connections/{id}/tokens/revoke",
            may(P::ConnectionsEdit),
            connections::tokens::revoke_token,
        )
        .post("/console/connections/{id}/provisioning", may(P::ConnectionsEdit), connections::scim::save)
        .get("/console/connections/{id}/requests", may(P::ConnectionsView), connections::requests::list)
        .get(
            "/console/connections/{id}/pending-changes",
            may(P::ConnectionsView),
            connections::pending_changes::list,
        )
        .get(
            "/console/connections/{id}/waiting",
            may(P::ConnectionsView),
            connections::pending_changes::redirect_from_earlier_path,
        )
        .post(
            "/console/connections/{id}/pending-changes/approve",
            may(P::ConnectionsEdit),
            connections::pending_changes::approve,
        )
        .post(
            "/console/connections/{id}/pending-changes/discard",
            may(P::ConnectionsEdit),
            connections::pending_changes::discard,
        )
        .post("/console/connections/{id}/delete", may(P::ConnectionsEdit), connections::delete)
}

/// Email domains.
fn domain_routes() -> Routes<AppState> {
    let may = Guard::Requires;
    Routes::default()
        .get("/console/domains", may(P::DomainsView), domains::list)
        .post("/console/domains", may(P::DomainsEdit), domains::create)
        .get("/console/domains/{id}", may(P::DomainsView), domains::show)
        .post("/console/domains/{id}", may(P::DomainsEdit), domains::save)
        .post("/console/domains/{id}/verify", may(P::DomainsEdit), domains::verify)
        .post("/console/domains/{id}/delete", may(P::DomainsEdit), domains::delete)
}

/// Applications and the keys that sign what they are told.
fn app_routes() -> Routes<AppState> {
    let may = Guard::Requires;
    Routes::default()
        .get("/console/apps", may(P::AppsView), apps::list)
        .post("/console/apps", may(P::AppsEdit), apps::create)
        .get("/console/apps/new", may(P::AppsEdit), apps::new)
        .get("/console/apps/{id}", may(P::AppsView), apps::show)
        .post("/console/apps/{id}", may(P::AppsEdit), apps::save)
        .post("/console/apps/{id}/signing-keys", may(P::AppsEdit), apps::rotate_keys)
        .post("/console/apps/{id}/delete", may(P::AppsEdit), apps::delete)
}

/// Service accounts, two-factor authentication, the audit trail and the settings.
fn account_routes() -> Routes<AppState> {
    let may = Guard::Requires;
    Routes::default()
        .get("/console/service-accounts", may(P::ServiceAccountsView), service_accounts::list)
        .post("/console/service-accounts", may(P::ServiceAccountsEdit), service_accounts::create)
        .post("/console/service-accounts/token", may(P::ServiceAccountsEdit), tokens::create)
        .post("/console/service-accounts/token/revoke", may(P::ServiceAccountsEdit), tokens::revoke)
        .post("/console/service-accounts/delete", may(P::ServiceAccountsEdit), service_accounts::delete)
        .get("/console/two-factor", may(P::UsersView), two_factor::show)
        .get("/console/two-factor/progress", may(P::UsersView), two_factor::progress)
        .get("/console/two-factor/report.csv", may(P::UsersView), two_factor::export)
        .post("/console/two-factor/remind", may(P::UsersEdit), two_factor::remind)
        .post("/console/two-factor/stop", may(P::UsersEdit), two_factor::stop)
        .post("/console/users/{id}/two-factor/reset", may(P::UsersEdit), two_factor::reset)
        .get("/console/audit", may(P::AuditView), audit_events::list)
        .get("/console/settings", may(P::SettingsView), settings::show)
        .post("/console/settings", may(P::SettingsEdit), settings::save)
        .post("/console/settings/test-mail", may(P::SettingsEdit), settings::test_mail)
}

/// Rows on one page of a list.
const PAGE_SIZE: i64 = 50;

/// The query parameters of list pages.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct ConsoleListQuery {
    q: String,
    after: String,
    notice: Option<String>,
}

/// The fields of a multipart form in their order, with an uploaded file as text. `file` is the name of the
/// file in the error text.
async fn text_fields(mut multipart: Multipart, file: &'static str) -> Result<Vec<(String, String)>, Error> {
    let unreadable = |_| Error::invalid("Form", "could not be read, or the file is larger than 1 MiB");
    let mut fields = Vec::new();
    while let Some(field) = multipart.next_field().await.map_err(unreadable)? {
        let name = field.name().unwrap_or_default().to_owned();
        let bytes = field.bytes().await.map_err(unreadable)?;
        let text =
            String::from_utf8(bytes.to_vec()).map_err(|_| Error::invalid(file, "is not UTF-8 text"))?;
        fields.push((name, text));
    }
    Ok(fields)
}
