//! Changes to the factors that a user has.

use serde_json::json;

use super::model::Factor;
use super::{recovery, store};
use crate::audit::{self, Action, Context, Event};
use crate::directory::accounts::TwoFactorSettings;
use crate::directory::users::{self, User};
use crate::directory::{Error, check_name};
use crate::kernel::{Kernel, Tx};
use crate::signin::{notifications, policy, sessions};

/// Renames a factor.
pub async fn rename(
    tx: &mut Tx,
    context: &Context,
    user: &User,
    factor: &Factor,
    name: &str,
) -> Result<(), Error> {
    check_name("name", name, 64)?;
    store::rename(tx, factor, name.trim()).await?;
    let detail = json!({"factor": factor.id, "before": factor.name, "after": name.trim()});
    let event = Event::new(Action::FactorRename, "user", &user.id, &user.user_name).detail(detail);
    Ok(audit::record(tx, context, event).await?)
}

/// Removes a factor and notifies the user. Removing the last one also deletes recovery codes and remembered
/// browsers, and is refused while the account requires a second factor.
pub async fn remove(
    kernel: &Kernel,
    tx: &mut Tx,
    context: &Context,
    user: &User,
    settings: &TwoFactorSettings,
    factor: &Factor,
) -> Result<(), Error> {
    // Two removals at the same time would each find the other factor still there.
    users::lock(tx, &user.account_id, &user.id).await?;
    let is_last = store::count(tx, &user.id).await? <= 1;
    if is_last && policy::is_enforced_for(tx, settings, &user.id).await? {
        return Err(Error::Forbidden(
            "Your account requires two-factor authentication, so you cannot remove your last method. Add \
             another method first.",
        ));
    }
    if !store::delete(tx, factor).await? {
        return Ok(());
    }
    if is_last {
        store::delete_all(tx, &user.id).await?;
        sessions::forget_second_factor(tx, &user.id).await?;
    }
    let detail =
        json!({"kind": factor.kind().as_str(), "factor": factor.id, "name": factor.name, "last": is_last});
    let event = Event::new(Action::FactorRemove, "user", &user.id, &user.user_name).detail(detail);
    audit::record(tx, context, event).await?;
    notifications::factor_removed(kernel, tx, user, &factor.name, is_last, &context.address).await
}

/// Generates new recovery codes, which are shown only once. The old ones stop working.
pub async fn renew_codes(
    kernel: &Kernel,
    tx: &mut Tx,
    context: &Context,
    user: &User,
) -> Result<Vec<String>, Error> {
    if !store::is_enrolled(tx, &user.id).await? {
        return Err(Error::Forbidden(
            "Set up two-factor authentication first. You receive recovery codes when you do.",
        ));
    }
    let codes = recovery::generate_codes(tx, user).await?;
    audit::record(tx, context, Event::new(Action::RecoveryCodesRenew, "user", &user.id, &user.user_name))
        .await?;
    notifications::codes_renewed(kernel, tx, user, &context.address).await?;
    Ok(codes)
}
