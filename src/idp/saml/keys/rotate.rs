//! Generating keys and rotating them.

use std::time::Duration;

use serde_json::json;

use super::generate::generate_key;
use super::model::{KeyPurpose, KeyState, NewKey};
use super::store;
use crate::audit::{self, Action, Context, Event};
use crate::directory::Error;
use crate::idp::connections::Connection;
use crate::kernel::{Kernel, Tx};

/// How long a replaced key stays published and decrypts.
const RETIREMENT_PERIOD: Duration = Duration::from_hours(7 * 24);

/// A signing pair and an encryption pair.
#[derive(Debug, Clone)]
pub(crate) struct NewKeys([NewKey; 2]);

/// Generates both pairs. This takes a good part of a second, so no transaction may be open.
pub(crate) async fn generate_key_pairs(kernel: &Kernel) -> Result<NewKeys, Error> {
    let signing = generate_key_pair(kernel, KeyPurpose::Signing).await?;
    Ok(NewKeys([signing, generate_key_pair(kernel, KeyPurpose::Encryption).await?]))
}

pub(super) async fn generate_key_pair(kernel: &Kernel, purpose: KeyPurpose) -> Result<NewKey, Error> {
    let name = format!("Vestibule {}", purpose.as_str());
    let made = tokio::task::spawn_blocking(move || generate_key(&name)).await;
    let made = made.map_err(|e| Error::Internal(e.to_string()))?;
    let pair = made.map_err(|e| Error::Internal(e.to_string()))?;
    NewKey::seal(kernel, purpose, pair.certificate, &pair.private_key)
}

/// Stores the keys of a connection.
pub(crate) async fn insert(
    tx: &mut Tx,
    connection: &Connection,
    keys: &NewKeys,
    state: KeyState,
) -> Result<(), sqlx::Error> {
    for key in &keys.0 {
        store::insert(tx, &connection.account_id, &connection.id, key, state).await?;
    }
    Ok(())
}

/// Publishes new keys beside the active ones.
pub async fn begin_rotation(
    kernel: &Kernel,
    context: &Context,
    connection: &Connection,
) -> Result<(), Error> {
    let keys = generate_key_pairs(kernel).await?;
    let mut tx = kernel.db.begin().await?;
    let present = store::of_connection(&mut tx, &connection.id).await?;
    if present.iter().any(|key| key.state() == KeyState::Next) {
        return Err(Error::Forbidden(
            "New certificates are already published. Activate or discard them first.",
        ));
    }
    insert(&mut tx, connection, &keys, KeyState::Next).await?;
    record(&mut tx, context, connection, "published").await?;
    Ok(tx.commit().await?)
}

/// Activates the published keys and retires the previous ones.
pub async fn finish_rotation(tx: &mut Tx, context: &Context, connection: &Connection) -> Result<(), Error> {
    let until = tx.now().plus(RETIREMENT_PERIOD);
    let present = store::of_connection(tx, &connection.id).await?;
    if present.iter().all(|key| key.state() != KeyState::Next) {
        let reason = "No new certificates are published. Publish new certificates first.";
        return Err(Error::Forbidden(reason));
    }
    // One generation of retiring keys is enough, so older ones are deleted now.
    store::remove(tx, &connection.id, KeyState::Retiring).await?;
    store::change_state(tx, &connection.id, KeyState::Active, KeyState::Retiring, Some(until)).await?;
    store::change_state(tx, &connection.id, KeyState::Next, KeyState::Active, None).await?;
    Ok(record(tx, context, connection, "switched").await?)
}

/// Withdraws published keys that are not active yet.
pub async fn cancel_rotation(tx: &mut Tx, context: &Context, connection: &Connection) -> Result<(), Error> {
    if store::remove(tx, &connection.id, KeyState::Next).await? > 0 {
        record(tx, context, connection, "taken_back").await?;
    }
    Ok(())
}

async fn record(
    tx: &mut Tx,
    context: &Context,
    connection: &Connection,
    step: &str,
) -> Result<(), sqlx::Error> {
    let event = Event::new(Action::ConnectionRotateKeys, "connection", &connection.id, &connection.name);
    audit::record(tx, context, event.detail(json!({"step": step}))).await
}
