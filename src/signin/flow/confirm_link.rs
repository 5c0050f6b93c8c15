//! Confirms with the password that a new identity is the user's, before it is linked.

use super::admit::link_identity;
use super::model::Flow;
use super::next_step::proof_waiting_for;
use super::password_attempt::{Candidate, PasswordAttempt};
use crate::directory::users;
use crate::kernel::ConnectionId;
use crate::signin::flow::NextStep;
use crate::signin::lockout::{self, CredentialKind};
use crate::signin::lookup::LookupBy;
use crate::signin::password::Password;
use crate::signin::{ExternalSubject, SignIn, SignInAttempt, SignInError, SignInOutcome};

/// A new identity that waits for the user's confirmation, for display.
pub struct PendingLink {
    /// The connection of the identity provider.
    pub connection_id: ConnectionId,
    /// What the provider calls the person.
    pub name: String,
    /// The subject at the provider, if it has identifiers for its users.
    pub subject: Option<ExternalSubject>,
    /// The user that it would be linked to.
    pub user_name: String,
}

/// The identity that waits in a flow for a confirmation.
pub async fn pending_link(signin: &SignIn, flow: &Flow) -> Result<Option<PendingLink>, sqlx::Error> {
    let Some(proof) = flow.proof().filter(|_| flow.confirms_link()) else { return Ok(None) };
    let (Some(connection_id), Some(user_id)) = (proof.connection_id, &proof.user_id) else { return Ok(None) };
    let mut c = signin.kernel.db.read().await?;
    let user = users::by_id(&mut c, &proof.account_id, user_id).await?;
    Ok(user.map(|user| PendingLink {
        connection_id,
        name: proof.identifier,
        subject: proof.external_subject,
        user_name: user.user_name,
    }))
}

impl SignInAttempt<'_> {
    /// Verifies the password of the user that a new identity would be linked to, links it and advances the
    /// flow. A wrong password counts towards the lockout, like every other one.
    pub async fn confirm_link_with_password(
        &self,
        password: &Password,
    ) -> Result<SignInOutcome, SignInError> {
        let Self { signin, request, flow, .. } = *self;
        let proof = proof_waiting_for(flow, NextStep::LinkByPassword)?;
        let user_id = proof.user_id.as_ref().ok_or(SignInError::FlowEnded)?;
        let permit = signin.hasher.acquire()?;
        let mut c = signin.kernel.db.read().await?;
        let lookup_by = LookupBy::UserId(user_id);
        let candidate = Candidate::find(&mut c, &proof.account_id, lookup_by, &proof.identifier).await?;
        let name = proof.identifier.clone();
        let attempt = PasswordAttempt::record(signin, request, c, candidate, name, proof.method).await?;
        attempt.verify(permit, password).await?;
        let tx = signin.kernel.db.begin().await?;
        let (mut tx, mut admitted) = self.load_pending_user(tx, &proof).await?;
        lockout::clear_failures(&mut tx, &admitted.user.id, CredentialKind::Password).await?;
        admitted.user = link_identity(&mut tx, request, admitted.user, &proof).await?;
        let outcome = self.advance(&mut tx, &admitted, proof).await?;
        tx.commit().await?;
        Ok(outcome)
    }
}
