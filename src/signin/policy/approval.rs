//! Whether an administrator may still approve a pending identity. It can wait for days, and the reasons for it may no
//! longer hold.

use super::authority::{AddressClaim, has_address_authority};
use crate::directory::domain_of;
use crate::directory::users::User;
use crate::kernel::Tx;
use crate::signin::identities::{self, PendingIdentity};

/// Why a pending identity can no longer be linked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ApprovalRefusal {
    /// The connection is disabled.
    ConnectionDisabled,
    /// The user no longer has the address that the provider stated.
    AddressChanged(String),
    /// The connection may no longer speak for this domain.
    NotInConnectionDomains(String),
    /// The subject is linked to another user by now.
    LinkedToOtherUser,
    /// The user is linked to another subject of the provider by now.
    LinkedToOtherSubject,
}

/// Why `pending` cannot be linked to `user` now; `None` if it can. The caller holds the locks of the account and of the
/// user, so that the answer is still true when the identity is linked.
pub async fn find_approval_refusal(
    tx: &mut Tx,
    user: &User,
    pending: &PendingIdentity,
) -> Result<Option<ApprovalRefusal>, sqlx::Error> {
    let PendingIdentity { connection_id, name, .. } = pending;
    let account_id = &user.account_id;
    if !identities::is_connection_enabled(tx, account_id, connection_id).await? {
        return Ok(Some(ApprovalRefusal::ConnectionDisabled));
    }
    if !user.has_identifier(name) {
        return Ok(Some(ApprovalRefusal::AddressChanged(name.clone())));
    }
    let now = tx.now();
    let claim = AddressClaim { account_id, connection_id, email: name, user: Some(user), now };
    if !has_address_authority(tx, claim).await? {
        return Ok(Some(ApprovalRefusal::NotInConnectionDomains(domain_of(name).unwrap_or_default())));
    }
    let subject = pending.external_subject();
    let owner = identities::of_subject(tx, connection_id, &subject).await?;
    if owner.is_some_and(|owner| owner.user_id != user.id && !subject.is_address) {
        return Ok(Some(ApprovalRefusal::LinkedToOtherUser));
    }
    if identities::is_of_another_person(tx, user, connection_id, &subject, name).await? {
        return Ok(Some(ApprovalRefusal::LinkedToOtherSubject));
    }
    Ok(None)
}
