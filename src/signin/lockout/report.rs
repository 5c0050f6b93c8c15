//! Reports a lock, which the counter has already put in place.

use super::model::LockNotice;
use crate::audit::{self, Action, Context, Event};
use crate::directory::users::User;
use crate::directory::{Error, accounts};
use crate::kernel::{Kernel, Tx};
use crate::signin::notifications;

/// Records that `user` is locked, and notifies them and the group that the account has chosen.
pub(crate) async fn report_lock(
    kernel: &Kernel,
    tx: &mut Tx,
    context: &Context,
    user: &User,
    notice: LockNotice<'_>,
) -> Result<(), Error> {
    let account = accounts::by_id(tx, &user.account_id).await?.ok_or(Error::NotFound("account"))?;
    let detail = serde_json::json!({"factor": notice.credential_kind.as_str(), "until": notice.until});
    let event = Event::new(Action::UserLock, "user", &user.id, &user.user_name).detail(detail);
    audit::record(tx, context, event).await?;
    notifications::user_locked(kernel, tx, &account, user, notice).await
}
