//! Sign-in with a passkey alone: no name is typed, because the authenticator returns the user's id and has
//! verified its holder.

use webauthn_rs::prelude::DiscoverableAuthentication;

use super::check::{self, CHALLENGE_LIFETIME, FactorCheckError, FactorError, KeyChallenge, amr_of_key};
use super::model::{ACR_TWO_FACTORS, SecondFactor};
use super::store;
use super::webauthn::{self, VerifiedAssertion};
use crate::directory::users::{self, User};
use crate::kernel::sealed_state::{self, SealedState};
use crate::kernel::{Kernel, Tx, tokens, vault};
use crate::signin::{Method, Proof, SignIn};

fn binding(browser: &str) -> String {
    format!("passkey_challenge/{}", tokens::hash(browser))
}

/// Issues a challenge for any passkey of this server; returns `None` when WebAuthn cannot be used at the
/// public address.
pub fn start_passkey(kernel: &Kernel, browser: &str) -> Result<Option<KeyChallenge>, vault::Error> {
    let Ok((options, state)) = webauthn::start_passkey_authentication(kernel) else { return Ok(None) };
    let ticket = sealed_state::issue(kernel, &binding(browser), state, CHALLENGE_LIFETIME)?;
    Ok(Some(KeyChallenge { options: options.to_string(), ticket }))
}

/// A passkey assertion that was verified and is not consumed yet.
pub struct PasskeyProof {
    /// The owner of the passkey.
    pub user: User,
    assertion: VerifiedAssertion,
    ticket: SealedState<DiscoverableAuthentication>,
}

/// Verifies a browser's response to [`start_passkey`].
pub async fn verify_passkey(
    signin: &SignIn,
    browser: &str,
    ticket: &str,
    answer: &str,
) -> Result<PasskeyProof, FactorCheckError> {
    let kernel = &signin.kernel;
    let opened = sealed_state::open::<DiscoverableAuthentication>(kernel, &binding(browser), ticket).await?;
    let ticket = opened.ok_or(FactorError::ChallengeExpired)?;
    let (user_id, credential_id) =
        webauthn::claimed_owner(kernel, answer).map_err(|failure| check::log_key_rejection(&failure))?;
    let mut c = kernel.db.read().await?;
    let key = store::by_credential(&mut c, &credential_id).await?;
    let key = key.filter(|key| key.user_id == user_id && key.is_passkey()).ok_or(FactorError::KeyRejected)?;
    let user = users::find_by_id_any_account(&mut c, &user_id).await?.ok_or(FactorError::KeyRejected)?;
    drop(c);
    let content = ticket.content.clone();
    let assertion = webauthn::finish_passkey_authentication(kernel, content, answer, &key)
        .map_err(|failure| check::log_key_rejection(&failure))?;
    Ok(PasskeyProof { user, assertion, ticket })
}

impl PasskeyProof {
    /// Consumes the challenge and records the use; returns false when the challenge was used before or the
    /// passkey was removed.
    pub(crate) async fn consume(&self, tx: &mut Tx) -> Result<bool, sqlx::Error> {
        Ok(self.ticket.consume(tx).await? && store::record_key_use(tx, &self.assertion).await?)
    }

    /// The proof, which covers both factors.
    pub(crate) fn proof(&self) -> Proof {
        Proof {
            method: Method::Passkey,
            amr: amr_of_key(&self.assertion.metadata).into_iter().map(str::to_owned).collect(),
            acr: ACR_TWO_FACTORS.to_owned(),
            second_factor: Some(SecondFactor::Webauthn),
            ..Proof::from_password(&self.user, Method::Passkey)
        }
    }
}
