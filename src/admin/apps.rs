//! Applications and the keys that sign what they are told.

use super::{AdminRequest, Error};
use crate::apps::signing_keys::{self, SigningKey};
use crate::apps::{self, Application, ApplicationUpdate, NewApplication};

/// Registers an application.
pub async fn create(request: &AdminRequest<'_>, new: NewApplication) -> Result<Application, Error> {
    let kernel = request.kernel();
    let mut tx = kernel.db.begin().await?;
    let app = apps::create(&mut tx, &request.context(), &kernel.urls, new).await?;
    tx.commit().await?;
    Ok(app)
}

/// Changes an application.
pub async fn change(
    request: &AdminRequest<'_>,
    id: &str,
    change: ApplicationUpdate,
) -> Result<Application, Error> {
    let kernel = request.kernel();
    let mut tx = kernel.db.begin().await?;
    let app = request.principal().find_app(&mut tx, id).await?;
    let app = apps::update(&mut tx, &request.context(), &kernel.urls, &app, change).await?;
    tx.commit().await?;
    Ok(app)
}

/// Deletes an application with its sessions and tokens.
pub async fn delete(request: &AdminRequest<'_>, id: &str) -> Result<(), Error> {
    let mut tx = request.kernel().db.begin().await?;
    let app = request.principal().find_app(&mut tx, id).await?;
    apps::delete(&mut tx, &request.context(), &app).await?;
    Ok(tx.commit().await?)
}

/// Rotates the account's signing keys and returns all published ones.
pub async fn rotate_signing_keys(request: &AdminRequest<'_>) -> Result<Vec<SigningKey>, Error> {
    let mut tx = request.kernel().db.begin().await?;
    let keys = signing_keys::rotate(request.kernel(), &mut tx, &request.context()).await?;
    tx.commit().await?;
    Ok(keys)
}
