//! Sign-in with a passkey alone.

use super::complete::find_record_of;
use super::outcome_record::record_refusal;
use crate::audit::Context;
use crate::signin::factors::{FactorError, PasskeyProof};
use crate::signin::{Method, SignInAttempt, SignInError, SignInOutcome};

impl SignInAttempt<'_> {
    /// Signs in the owner of a verified passkey, if the account accepts a passkey alone. The attempt's flow
    /// is [`super::Flow::transient`].
    pub async fn sign_in_with_passkey(&self, passkey: &PasskeyProof) -> Result<SignInOutcome, SignInError> {
        let user = &passkey.user;
        let mut tx = self.signin.kernel.db.begin().await?;
        let proof = passkey.proof();
        let record = find_record_of(&mut tx, &proof).await?;
        let refused = if !record.settings.two_factor.passkey_sign_in {
            SignInError::PasskeysOff
        } else if !passkey.consume(&mut tx).await? {
            SignInError::SecondFactor(FactorError::ChallengeExpired)
        } else {
            let outcome = self.complete_with_record(&mut tx, proof, record).await;
            tx.commit().await?;
            return outcome;
        };
        let context = Context::anonymous(&user.account_id, &user.user_name, self.request);
        record_refusal(&mut tx, &context, Some(user), Method::Passkey, &refused).await?;
        tx.commit().await?;
        Err(refused)
    }
}
