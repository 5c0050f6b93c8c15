//! Second factors: who may ask others for one, whom one must not be taken from, and the mails about them.

use super::{AdminRequest, Error, LockOutRisk};
use crate::access::{self, Principal, Role};
use crate::audit::{self, Action, Event};
use crate::directory::accounts::{Account, TwoFactorSettings};
use crate::directory::users::User;
use crate::idp::connections;
use crate::kernel::Tx;
use crate::kernel::database::DbConn;
use crate::kernel::mail::mailing;
use crate::signin::factors::{self, EnrolmentMailKind};
use crate::signin::policy::{self, RemovedFactors};

/// Refuses to ask more people for a second factor than before by a principal who has none.
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

/// Tells everybody who needs a second factor from now on, or stops telling when nobody does any more.
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

/// Mails everybody without a second factor who needs one; in an account that asks nobody, everybody without.
/// Returns how many.
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

/// Stops a mailing; what is in the outbox is still delivered.
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

/// Ends a user's second factor and mails them a link for a new one.
pub async fn reset(request: &AdminRequest<'_>, id: &str) -> Result<(), Error> {
    let kernel = request.kernel();
    let mut tx = kernel.db.begin().await?;
    let user = request.principal().find_user(&mut tx, id).await?;
    ensure_not_last_sign_in_method(&mut tx, &user, RemovedFactors::All).await?;
    factors::reset(kernel, &mut tx, &request.context(), &user).await?;
    tx.commit().await?;
    Ok(())
}

/// Refuses to take factors from a user for whom a passkey among them is the only way in: from the owner who removes it,
/// and from the last administrator, whom no other could help.
pub async fn ensure_not_last_sign_in_method(
    tx: &mut Tx,
    user: &User,
    removed: RemovedFactors<'_>,
) -> Result<(), Error> {
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
    let has_provider = connections::route_for_user(&mut *tx, user).await?.is_some();
    if policy::leaves_no_sign_in_method(tx, user, removed, has_provider).await? {
        return Err(Error::WouldLockOut(risk));
    }
    Ok(())
}
