//! The rules about second factors that console and API share: who may ask everybody for one, and whom one
//! must not be taken from.

use axum::http::StatusCode;

use super::find_user;
use crate::access::{self, Principal, PrincipalKind, Role};
use crate::audit::{self, Action, Event};
use crate::directory::accounts::{self, Account, TwoFactorSettings};
use crate::directory::users::User;
use crate::idp::connections;
use crate::kernel::Tx;
use crate::kernel::database::DbConn;
use crate::kernel::http::{Refusal, RequestContext};
use crate::kernel::mail::mailing;
use crate::signin::factors::{self, EnrolmentMailKind, Factor};
use crate::signin::policy::{self, RemovedFactors};
use crate::web::{AppState, Error};

fn refuse(title: &'static str, detail: &str) -> Error {
    Error::Refused(Refusal::new(StatusCode::CONFLICT, title, detail))
}

/// Refuses to ask more people for a second factor than before by somebody who has none.
pub(crate) async fn check_enforcement(
    c: &mut DbConn,
    principal: &Principal,
    before: &TwoFactorSettings,
    after: &TwoFactorSettings,
) -> Result<(), Error> {
    if policy::may_change_enforcement(c, principal, before, after).await? {
        return Ok(());
    }
    Err(refuse(
        "Second factor first",
        match principal.kind {
            PrincipalKind::User => {
                "Set up a second factor of your own before you ask others for one, at /profile/two-factor. So you know \
                 what they will see, and are not locked out yourself."
            }
            PrincipalKind::ServiceAccount => {
                "No administrator of this account has a second factor. One of them has to set one up before everybody \
                 is asked for it."
            }
        },
    ))
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
pub(crate) async fn send_enrolment_reminders(
    app: &AppState,
    principal: &Principal,
    request: &RequestContext,
) -> Result<i64, Error> {
    let mut tx = app.kernel.db.begin().await?;
    let running = mailing::latest(&mut tx, &principal.account_id, 1).await?;
    if running.iter().any(mailing::Mailing::is_under_way) {
        return Err(refuse("Under way", "Mails are on their way already. Wait until they are out."));
    }
    let account = accounts::by_id(&mut tx, &principal.account_id).await?;
    let account = account.ok_or_else(|| Error::not_found("account"))?;
    let settings = account.settings().two_factor;
    let total =
        factors::start_mailing(&mut tx, &account, &settings, EnrolmentMailKind::Reminder, &principal.name)
            .await?;
    let event = Event::new(Action::TwoFactorMail, "account", &account.id, &account.name);
    let event = event.detail(serde_json::json!({"people": total}));
    audit::record(&mut tx, &principal.context(request), event).await?;
    tx.commit().await?;
    Ok(total)
}

/// Stops a mailing; what is in the outbox is still delivered.
pub(crate) async fn stop_mailing(
    app: &AppState,
    principal: &Principal,
    request: &RequestContext,
) -> Result<(), Error> {
    let mut tx = app.kernel.db.begin().await?;
    if mailing::cancel(&mut tx, &principal.account_id).await? > 0 {
        let account = accounts::by_id(&mut tx, &principal.account_id).await?;
        let account = account.ok_or_else(|| Error::not_found("account"))?;
        let event = Event::new(Action::TwoFactorMail, "account", &account.id, &account.name);
        let event = event.detail(serde_json::json!({"stopped": true}));
        audit::record(&mut tx, &principal.context(request), event).await?;
    }
    Ok(tx.commit().await?)
}

/// Ends a user's second factor and mails them a link for a new one.
pub(crate) async fn reset_two_factor(
    app: &AppState,
    principal: &Principal,
    request: &RequestContext,
    id: &str,
) -> Result<(), Error> {
    let mut tx = app.kernel.db.begin().await?;
    let user = find_user(&mut tx, principal, id).await?;
    ensure_last_admin_can_sign_in(&mut tx, &user).await?;
    factors::reset(&app.kernel, &mut tx, &principal.context(request), &user).await?;
    tx.commit().await?;
    app.kernel.mail_wake.notify_one();
    Ok(())
}

/// The last administrator must not lose the only way to sign in.
async fn ensure_last_admin_can_sign_in(tx: &mut Tx, user: &User) -> Result<(), Error> {
    let is_admin = access::roles_of(tx, &user.id).await?.contains(&Role::AccountAdmin);
    if !is_admin || access::has_other_admin(tx, &user.account_id, &user.id).await? {
        return Ok(());
    }
    ensure_not_last_sign_in_method(
        tx,
        user,
        RemovedFactors::All,
        "This is the last administrator, and a passkey is their only way in. Mail them a link to choose a password \
         first, or make somebody else an administrator.",
    )
    .await
}

/// Refuses to remove a passkey that is its owner's only way in.
pub(crate) async fn ensure_not_last_passkey(tx: &mut Tx, user: &User, factor: &Factor) -> Result<(), Error> {
    ensure_not_last_sign_in_method(
        tx,
        user,
        RemovedFactors::One(factor),
        "This passkey is your only way in. Add another, or have a link to choose a password mailed to you, first.",
    )
    .await
}

/// Refuses, with this text, to remove factors without which the user could not sign in.
async fn ensure_not_last_sign_in_method(
    tx: &mut Tx,
    user: &User,
    removed: RemovedFactors<'_>,
    detail: &str,
) -> Result<(), Error> {
    let has_provider = connections::route_for_user(&mut *tx, user).await?.is_some();
    if policy::leaves_no_sign_in_method(&mut *tx, user, removed, has_provider).await? {
        return Err(refuse("Not possible", detail));
    }
    Ok(())
}
