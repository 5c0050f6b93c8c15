//! The mail about a user with a role who has left.

use crate::directory::users::User;
use crate::idp::ldap::sync::entry_state::LeaverReason;
use crate::kernel::Kernel;
use crate::kernel::mail::EmailMessage;

pub(super) fn held_leaver(
    kernel: &Kernel,
    account: &str,
    connection: &str,
    user: &User,
    reason: LeaverReason,
) -> EmailMessage {
    EmailMessage {
        subject: format!("{} may have left: your decision is needed", user.user_name),
        paragraphs: vec![
            format!(
                "{} is {} {connection}. The user has a role in {account}, so the user is still active and can use \
                 {account}.",
                user.user_name,
                reason.label()
            ),
            "If the user has left, deactivate the user. That ends all sessions and API tokens of the user immediately."
                .into(),
        ],
        action: Some(("View user".into(), kernel.urls.absolute(&format!("/console/users/{}", user.id)))),
        notes: vec!["This email was sent to all administrators of the account.".into()],
    }
}
