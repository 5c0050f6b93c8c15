//! Deleting an application.

use super::model::Application;
use super::store;
use crate::audit::{self, Action, Context, Event};
use crate::directory::Error;
use crate::kernel::Tx;

/// Deletes an application. Its sessions and tokens stop working at once.
pub async fn delete(tx: &mut Tx, context: &Context, app: &Application) -> Result<(), Error> {
    store::remove(tx, app).await?;
    audit::record(tx, context, Event::new(Action::AppDelete, "app", &app.id, &app.name)).await?;
    Ok(())
}
