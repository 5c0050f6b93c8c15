//! Changing a connection.

use std::collections::BTreeSet;

use serde_json::{Map, Value, json};

use super::checks::{check_connection_name, check_domains};
use super::model::Connection;
use super::settings::ConnectionSettings;
use super::store;
use crate::audit::{self, Action, Context, Event};
use crate::directory::Error;
use crate::directory::domains::{self, Domain, DomainName};
use crate::kernel::Tx;

/// The changes to make; `None` leaves a member unchanged.
#[derive(Debug, Clone, Default)]
pub struct ConnectionChange {
    /// The new name.
    pub name: Option<String>,
    /// Whether it is switched on.
    pub enabled: Option<bool>,
    /// Allows switching on a connection that has no successful test.
    pub override_untested: bool,
    /// The new settings.
    pub settings: Option<ConnectionSettings>,
    /// The complete new list of email domains.
    pub domains: Option<Vec<String>>,
    /// Whether it serves users whose email domain is routed to no connection. At most one connection of an
    /// account does.
    pub is_default: Option<bool>,
    /// The new position on the sign-in page.
    pub position: Option<i64>,
}

/// Applies `change` to `connection`.
pub async fn update(
    tx: &mut Tx,
    context: &Context,
    connection: &Connection,
    change: ConnectionChange,
) -> Result<Connection, Error> {
    let before = connection.settings().map_err(|error| {
        tracing::warn!(
            connection = %connection.id,
            %error,
            "a change was rejected because the stored connection cannot be read"
        );
        Error::Forbidden(
            "This version of the server cannot read the stored connection, so the connection cannot be \
             changed. If an upgrade is in progress, finish it. Otherwise, delete the connection and create \
             it again.",
        )
    })?;
    let mut wanted = connection.clone();
    if let Some(name) = change.name {
        check_connection_name(&name)?;
        let other = store::by_name(tx, &context.account_id, &name).await?;
        if other.is_some_and(|other| other.id != connection.id) {
            return Err(Error::Duplicate { field: "name" });
        }
        wanted.name = name.trim().to_owned();
    }
    if let Some(enabled) = change.enabled {
        let switched_on = enabled && !connection.is_enabled();
        let untested = connection.is_for_sign_in() && connection.tested_at.is_none();
        if switched_on && untested && !change.override_untested {
            return Err(Error::Forbidden(
                "No test of this connection has succeeded yet. Test the connection first, or \
                 confirm that you want to enable it without a test (in the API: override_untested).",
            ));
        }
        wanted.enabled = i32::from(enabled);
    }
    if let Some(settings) = change.settings {
        let settings = settings.checked()?;
        if !settings.has_same_trust_as(before) {
            (wanted.tested_at, wanted.tested_by) = (None, None);
        }
        wanted.stored_settings = settings.to_json();
        wanted.settings = Some(settings);
    }
    if let Some(is_default) = change.is_default {
        wanted.is_default = i32::from(is_default && connection.is_for_sign_in());
        if is_default {
            store::clear_default(tx, &context.account_id).await?;
        }
    }
    if let Some(position) = change.position {
        wanted.position = position.clamp(0, 10_000);
    }
    wanted.updated_at = tx.now();
    store::overwrite(tx, &wanted).await?;
    let listed = domains::domains_of(tx, &context.account_id, &connection.id).await?;
    let names_before: BTreeSet<DomainName> = listed.iter().map(Domain::name).collect();
    let names = match change.domains {
        Some(texts) => check_domains(&texts, &listed)?,
        None => names_before.clone(),
    };
    if names != names_before {
        domains::set_domains_of_connection(tx, context, &connection.id, &names).await?;
    }
    let detail = json!({"before": summary(connection, &names_before)?, "after": summary(&wanted, &names)?});
    let event = Event::new(Action::ConnectionUpdate, "connection", &wanted.id, &wanted.name).detail(detail);
    audit::record(tx, context, event).await?;
    Ok(wanted)
}

fn summary(connection: &Connection, domains: &BTreeSet<DomainName>) -> Result<Map<String, Value>, Error> {
    let read = serde_json::from_str(&connection.stored_settings);
    let mut map: Map<String, Value> = read.map_err(|error| Error::Internal(error.to_string()))?;
    map.insert("name".into(), json!(connection.name));
    map.insert("enabled".into(), json!(connection.is_enabled()));
    map.insert("is_default".into(), json!(connection.is_default()));
    map.insert("position".into(), json!(connection.position));
    let names: Vec<&str> = domains.iter().map(DomainName::as_str).collect();
    map.insert("email_domains".into(), json!(names));
    Ok(map)
}
