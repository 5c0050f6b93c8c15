//! Second factors: the right to require them of others, the protection against losing the last sign-in
//! method, and the mails about them.

use super::{AdminRequest, Error, LockOutRisk};
use crate::access::{self, Principal, Role};
use crate::audit::{self, Action, Event};
use crate::directory::accounts::{self, Account, TwoFactorSettings};
use crate::directory::users::User;
use crate::idp::connections;
use crate::kernel::Tx;
use crate::kernel::database::DbConn;
use crate::kernel::mail::mailing;
use crate::signin::factors::{self, EnrolmentMailKind};
use crate::signin::policy::{self, RemovedFactors};

/// Refuses a change that requires a second factor of more users than before, if the principal has none.
pub(super) async fn check_enforcement(
    c: &mut DbConn,
    principal: &Principal,
    before: &TwoFactorSettings,
    after: &TwoFactorSettings,
) -> Result<(), Error> {
    if policy::may_change_enforcement(c, principal, before, after).await? {
        return Ok(());
    }
    Err(Error::SecondFactorFirst(principal.kind))
}

/// Starts a mailing to all users who now need a second factor and have none, or cancels mailings when none
/// is required any more.
pub(super) async fn update_enforcement_mailing(
    tx: &mut Tx,
    principal: &Principal,
    account: &Account,
    before: &TwoFactorSettings,
    after: &TwoFactorSettings,
) -> Result<(), Error> {
    if after.widens(before) {
        factors::start_mailing(tx, account, after, EnrolmentMailKind::Enforced, &principal.name).await?;
    } else if before.is_enforced() && !after.is_enforced() {
        mailing::cancel(tx, &account.id).await?;
    }
    Ok(())
}

/// Starts a mailing to all users without a second factor who need one, or, in an account that requires
/// none, to all users without one. Returns the number of recipients.
pub async fn send_enrolment_reminders(request: &AdminRequest<'_>) -> Result<i64, Error> {
    let principal = request.principal();
    let mut tx = request.kernel().db.begin().await?;
    let running = mailing::latest(&mut tx, &principal.account_id, 1).await?;
    if running.iter().any(mailing::Mailing::is_under_way) {
        return Err(Error::MailingUnderWay);
    }
    let account = principal.find_account(&mut tx).await?;
    let settings = account.settings()?.two_factor;
    let kind = EnrolmentMailKind::Reminder;
    let total = factors::start_mailing(&mut tx, &account, &settings, kind, &principal.name).await?;
    let event = Event::new(Action::TwoFactorMail, "account", &account.id, &account.name);
    let event = event.detail(serde_json::json!({"people": total}));
    audit::record(&mut tx, &request.context(), event).await?;
    tx.commit().await?;
    Ok(total)
}

/// Cancels the account's mailings. Mails that are already queued are still delivered.
pub async fn stop_mailing(request: &AdminRequest<'_>) -> Result<(), Error> {
    let principal = request.principal();
    let mut tx = request.kernel().db.begin().await?;
    if mailing::cancel(&mut tx, &principal.account_id).await? > 0 {
        let account = principal.find_account(&mut tx).await?;
        let event = Event::new(Action::TwoFactorMail, "account", &account.id, &account.name);
        let event = event.detail(serde_json::json!({"stopped": true}));
        audit::record(&mut tx, &request.context(), event).await?;
    }
    Ok(tx.commit().await?)
}

/// Removes a user's second factors and mails them a link to enrol a new one.
pub async fn reset(request: &AdminRequest<'_>, id: &str) -> Result<(), Error> {
    let kernel = request.kernel();
    let mut tx = kernel.db.begin().await?;
    let user = request.principal().find_user(&mut tx, id).await?;
    ensure_not_last_sign_in_method(&mut tx, &user, RemovedFactors::All).await?;
    factors::reset(kernel, &mut tx, &request.context(), &user).await?;
    tx.commit().await?;
    Ok(())
}

/// Refuses to remove a passkey that is the user's only sign-in method: when its owner removes it, and when
/// all factors of the last administrator would be removed, because no other administrator could help them.
pub async fn ensure_not_last_sign_in_method(
    tx: &mut Tx,
    user: &User,
    removed: RemovedFactors<'_>,
) -> Result<(), Error> {
    // The other factors and the other administrators must still be there when this one is gone.
    accounts::lock(tx, &user.account_id).await?;
    let risk = match removed {
        RemovedFactors::One(_) => LockOutRisk::OwnPasskey,
        RemovedFactors::All => {
            let is_admin = access::roles_of(tx, &user.id).await?.contains(&Role::AccountAdmin);
            if !is_admin || access::has_other_admin(tx, &user.account_id, &user.id).await? {
                return Ok(());
            }
            LockOutRisk::LastAdmin
        }
    };
    let now = tx.now();
    let provider = connections::route_for_user(&mut *tx, user, now).await?;
    let provider = provider.as_ref().map(|connection| &connection.id);
    if policy::leaves_no_sign_in_method(tx, user, removed, provider).await? {
        return Err(Error::WouldLockOut(risk));
    }
    Ok(())
}
