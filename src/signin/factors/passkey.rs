//! A passkey as the whole sign-in: no name is typed, the key says whose it is and has checked who holds it.

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

/// Asks a browser for any passkey of this server; none when keys cannot be used at the public address.
pub fn start_passkey(kernel: &Kernel, browser: &str) -> Result<Option<KeyChallenge>, vault::Error> {
    let Ok((options, state)) = webauthn::start_passkey_authentication(kernel) else { return Ok(None) };
    let ticket = sealed_state::issue(kernel, &binding(browser), state, CHALLENGE_LIFETIME)?;
    Ok(Some(KeyChallenge { options: options.to_string(), ticket }))
}

/// A passkey that was verified and not used up yet.
pub struct PasskeyProof {
    /// Whose it is.
    pub user: User,
    assertion: VerifiedAssertion,
    ticket: SealedState<DiscoverableAuthentication>,
}

/// Verifies a browser's answer to [`start_passkey`].
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
    /// Uses the answer up; false when it was used before or the key is gone.
    pub(crate) async fn consume(&self, tx: &mut Tx) -> Result<bool, sqlx::Error> {
        Ok(self.ticket.consume(tx).await? && store::record_key_use(tx, &self.assertion).await?)
    }

    /// What it proves: both factors at once.
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
