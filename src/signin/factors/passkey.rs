//! A passkey as the whole sign-in: no name is typed, the key says whose it is and has checked who holds it.

use webauthn_rs::prelude::DiscoverableAuthentication;

use super::super::{Method, Proof, SignIn};
use super::check::{self, CHALLENGE_LIFETIME, KeyChallenge, Wrong, amr_of_key};
use super::model::{ACR_TWO_FACTORS, SecondFactor};
use super::store;
use super::webauthn::{self, Used};
use crate::directory::users::{self, User};
use crate::kernel::tickets::{self, Ticket};
use crate::kernel::{Kernel, Tx, tokens, vault};

fn binding(browser: &str) -> String {
    format!("passkey_challenge/{}", tokens::hash(browser))
}

/// Asks a browser for any passkey of this server; none when keys cannot be used at the public address.
///
/// # Errors
/// The vault's.
pub fn start_passkey(kernel: &Kernel, browser: &str) -> Result<Option<KeyChallenge>, vault::Error> {
    let Ok((options, state)) = webauthn::begin_passkey(kernel) else { return Ok(None) };
    let ticket = tickets::issue(kernel, &binding(browser), state, CHALLENGE_LIFETIME)?;
    Ok(Some(KeyChallenge { options: options.to_string(), ticket }))
}

/// A passkey that was verified and not used up yet.
pub struct PasskeyProof {
    /// Whose it is.
    pub user: User,
    used: Used,
    ticket: Ticket<DiscoverableAuthentication>,
}

/// Verifies a browser's answer to [`start_passkey`]. `Ok(Err(…))`: it is not good.
///
/// # Errors
/// The database's.
pub async fn prove_passkey(
    signin: &SignIn,
    browser: &str,
    (ticket, answer): (&str, &str),
) -> Result<Result<PasskeyProof, Wrong>, sqlx::Error> {
    let kernel = &signin.kernel;
    let opened = tickets::open::<DiscoverableAuthentication>(kernel, &binding(browser), ticket).await?;
    let Some(ticket) = opened else { return Ok(Err(Wrong::Challenge)) };
    let (user_id, credential_id) = match webauthn::claimed(kernel, answer) {
        Ok(claimed) => claimed,
        Err(failure) => return Ok(Err(check::refuse_key(&failure))),
    };
    let mut c = kernel.db.read().await?;
    let key = store::by_credential(&mut c, &credential_id).await?;
    let Some(key) = key.filter(|key| key.user_id == user_id && key.is_passkey()) else {
        return Ok(Err(Wrong::Key));
    };
    let Some(user) = users::anywhere(&mut c, &user_id).await? else { return Ok(Err(Wrong::Key)) };
    drop(c);
    let used = match webauthn::end_passkey(kernel, ticket.content.clone(), answer, &key) {
        Ok(used) => used,
        Err(failure) => return Ok(Err(check::refuse_key(&failure))),
    };
    Ok(Ok(PasskeyProof { user, used, ticket }))
}

impl PasskeyProof {
    /// Uses the answer up; false when it was used before or the key is gone.
    pub(in super::super) async fn spend(&self, tx: &mut Tx) -> Result<bool, sqlx::Error> {
        Ok(self.ticket.spend(tx).await? && store::accept_key(tx, &self.used).await?)
    }

    /// What it proves: both factors at once.
    pub(in super::super) fn proof(&self) -> Proof {
        Proof {
            method: Method::Passkey,
            amr: amr_of_key(&self.used.facts).into_iter().map(str::to_owned).collect(),
            acr: ACR_TWO_FACTORS.to_owned(),
            second_factor: Some(SecondFactor::Webauthn),
            ..Proof::password(&self.user, Method::Passkey)
        }
    }
}
