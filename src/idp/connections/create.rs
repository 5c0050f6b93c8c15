//! Creating a connection.

use std::sync::Arc;

use serde_json::json;

use super::checks::{check_connection_name, check_domains};
use super::kind::ConnectionKind;
use super::model::Connection;
use super::scim::ScimSettings;
use super::settings::ConnectionSettings;
use super::store;
use crate::access::service_accounts;
use crate::audit::{self, Action, Context, Event};
use crate::directory::{Error, accounts, domains};
use crate::kernel::Tx;

/// A connection to be created.
#[derive(Debug, Clone)]
pub struct NewConnection {
    /// Its id, chosen by the caller.
    pub id: String,
    /// Its name: letters, digits, spaces and `_-.`.
    pub name: String,
    /// Its protocol and settings.
    pub settings: ConnectionSettings,
    /// The email domains whose users sign in with it, as far as the account has verified them.
    pub domains: Vec<String>,
}

impl NewConnection {
    /// A provisioning connection, which needs only a name.
    #[must_use]
    pub fn scim(id: String, name: &str) -> Self {
        Self {
            id,
            name: name.to_owned(),
            settings: ConnectionSettings::Scim(Arc::new(ScimSettings::default())),
            domains: Vec::new(),
        }
    }
}

/// Creates a connection. One for sign-in is created switched off, so that it can be tested first. A
/// provisioning connection is switched on; it accepts requests once it has a token.
pub async fn create(tx: &mut Tx, context: &Context, new: NewConnection) -> Result<Connection, Error> {
    check_connection_name(&new.name)?;
    if store::by_name(tx, &context.account_id, &new.name).await?.is_some() {
        return Err(Error::Duplicate { field: "name" });
    }
    let kind = new.settings.kind();
    let settings = new.settings.checked()?;
    let account = accounts::by_id(tx, &context.account_id).await?.ok_or(Error::NotFound("account"))?;
    let connection = Connection {
        id: new.id.into(),
        account_id: account.id,
        account_slug: account.slug,
        kind: kind.as_str().to_owned(),
        name: new.name.trim().to_owned(),
        enabled: i32::from(kind == ConnectionKind::Scim),
        stored_settings: settings.to_json(),
        settings: Some(settings),
        is_default: 0,
        position: store::last_position(tx, &context.account_id).await? + 1,
        created_at: tx.now(),
        updated_at: tx.now(),
        tested_at: None,
        tested_by: None,
        paused_at: None,
    };
    store::insert(tx, &connection).await?;
    let names = check_domains(&new.domains, &[])?;
    domains::set_domains_of_connection(tx, context, &connection.id, &names).await?;
    let event = Event::new(Action::ConnectionCreate, "connection", &connection.id, &connection.name);
    audit::record(tx, context, event.detail(json!({"kind": kind}))).await?;
    if kind == ConnectionKind::Scim {
        // The audit trail shows the changes of the provisioning client under this name.
        let name = format!("Directory: {}", connection.name);
        service_accounts::create(tx, context, &name, None, Some(&connection.id)).await?;
    }
    Ok(connection)
}
