//! Checking a second factor that somebody shows.
//!
//! A code is counted as a wrong attempt, checked and uncounted in one unit of work, like a password: however
//! many requests race, no more than the limit are looked at. An answer of a key cannot be guessed, so it
//! is verified before the unit of work and not counted.

use std::time::Duration;

use webauthn_rs::prelude::SecurityKeyAuthentication;

use super::model::{Factor, FactorKind, SecondFactor};
use super::store::{self, CredentialMetadata};
use super::webauthn::{self, VerifiedAssertion, WebauthnError};
use super::{recovery, totp};
use crate::directory::Error;
use crate::directory::accounts::LockoutSettings;
use crate::directory::users::User;
use crate::kernel::sealed_state::{self, SealedState};
use crate::kernel::{Kernel, Tx, vault};
use crate::signin::SignIn;
use crate::signin::lockout::{self, Attempt, AttemptDecision};

/// How long an answer to a challenge is waited for.
pub(super) const CHALLENGE_LIFETIME: Duration = Duration::from_mins(5);

/// What somebody shows.
#[derive(Debug, Clone, Copy)]
pub enum FactorResponse<'a> {
    /// A code of an authenticator app, or a recovery code.
    Code(&'a str),
    /// A key's answer to the challenge in the ticket.
    Key {
        /// From [`start_challenge`].
        ticket: &'a str,
        /// The browser's JSON.
        answer: &'a str,
    },
}

/// Why it was not accepted, by its name in the trail.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum FactorError {
    /// No such code.
    #[error("wrong_code")]
    WrongCode,
    /// The right code, for the second time.
    #[error("used_code")]
    CodeReused,
    /// Too many wrong codes before: this one was not looked at.
    #[error("codes_locked")]
    Locked,
    /// The key's answer is not good.
    #[error("wrong_key")]
    KeyRejected,
    /// The challenge was answered before, is too old or is another's.
    #[error("challenge_ended")]
    ChallengeExpired,
}

/// A challenge for a page.
#[derive(Debug, Clone)]
pub struct KeyChallenge {
    /// The options for the browser, as JSON.
    pub options: String,
    /// What has to come back with the answer.
    pub ticket: String,
}

/// What a challenge is bound to: the person, and the flow or session it is asked in.
fn binding(user_id: &str, context_id: &str) -> String {
    format!("factor_challenge/{user_id}/{context_id}")
}

/// A challenge for the keys of a user; none when they have no key that can be used here. `place`: the id of
/// the flow or session.
pub fn start_challenge(
    kernel: &Kernel,
    user_id: &str,
    context_id: &str,
    factors: &[Factor],
) -> Result<Option<KeyChallenge>, vault::Error> {
    if !factors.iter().any(|factor| factor.kind() == FactorKind::Webauthn) {
        return Ok(None);
    }
    let Ok((options, state)) = webauthn::start_authentication(kernel, factors) else { return Ok(None) };
    let ticket = sealed_state::issue(kernel, &binding(user_id, context_id), state, CHALLENGE_LIFETIME)?;
    Ok(Some(KeyChallenge { options: options.to_string(), ticket }))
}

/// What is to be accepted in a unit of work.
pub(crate) enum PreparedResponse {
    Code(String),
    Key { assertion: VerifiedAssertion, ticket: SealedState<SecurityKeyAuthentication> },
}

/// Verifies what can be verified outside the unit of work. `Ok(Err(…))`: it is wrong.
pub(crate) async fn prepare_response(
    signin: &SignIn,
    user_id: &str,
    context_id: &str,
    response: FactorResponse<'_>,
) -> Result<Result<PreparedResponse, FactorError>, sqlx::Error> {
    let (ticket, answer) = match response {
        FactorResponse::Code(code) => return Ok(Ok(PreparedResponse::Code(code.to_owned()))),
        FactorResponse::Key { ticket, answer } => (ticket, answer),
    };
    let kernel = &signin.kernel;
    let opened =
        sealed_state::open::<SecurityKeyAuthentication>(kernel, &binding(user_id, context_id), ticket)
            .await?;
    let Some(ticket) = opened else { return Ok(Err(FactorError::ChallengeExpired)) };
    let factors = store::of_user(&mut *kernel.db.read().await?, user_id).await?;
    Ok(match webauthn::finish_authentication(kernel, &ticket.content, answer, &factors) {
        Ok(used) => Ok(PreparedResponse::Key { assertion: used, ticket }),
        Err(failure) => Err(log_key_rejection(&failure)),
    })
}

pub(super) fn log_key_rejection(failure: &WebauthnError) -> FactorError {
    tracing::info!(%failure, "a key's answer was refused");
    FactorError::KeyRejected
}

/// What was accepted.
#[derive(Debug)]
pub(crate) struct VerifiedFactor {
    pub(crate) factor: SecondFactor,
    /// Methods to add to the session's (RFC 8176).
    pub(crate) amr: Vec<&'static str>,
}

/// The methods a code stands for.
pub(super) const AMR_OF_CODE: [&str; 2] = ["otp", "mfa"];

/// The methods a key's use stands for.
pub(super) fn amr_of_key(facts: &CredentialMetadata) -> Vec<&'static str> {
    // A key that can be copied by its provider is in software for whoever asks.
    vec![if facts.backup_eligible { "swk" } else { "hwk" }, "user", "mfa"]
}

/// What came of a claim.
pub(crate) enum FactorOutcome {
    Verified(VerifiedFactor),
    /// `Counted`: how the attempt was counted, if it was.
    Rejected(FactorError, Option<AttemptDecision>),
}

/// Counts, checks and uses up what is claimed. The caller commits either way.
pub(crate) async fn verify_response(
    signin: &SignIn,
    tx: &mut Tx,
    user: &User,
    settings: &LockoutSettings,
    claim: &PreparedResponse,
) -> Result<FactorOutcome, Error> {
    match claim {
        PreparedResponse::Code(code) => verify_code(signin, tx, user, settings, code).await,
        PreparedResponse::Key { assertion: used, ticket } => {
            if !ticket.consume(tx).await? {
                return Ok(FactorOutcome::Rejected(FactorError::ChallengeExpired, None));
            }
            if !store::record_key_use(tx, used).await? {
                return Ok(FactorOutcome::Rejected(FactorError::KeyRejected, None));
            }
            Ok(FactorOutcome::Verified(VerifiedFactor {
                factor: SecondFactor::Webauthn,
                amr: amr_of_key(&used.metadata),
            }))
        }
    }
}

async fn verify_code(
    signin: &SignIn,
    tx: &mut Tx,
    user: &User,
    settings: &LockoutSettings,
    code: &str,
) -> Result<FactorOutcome, Error> {
    let attempt = Attempt {
        account_id: &user.account_id,
        key: &user.id,
        credential_kind: lockout::CredentialKind::Code,
    };
    let counted = lockout::record_attempt(tx, attempt, settings).await?;
    if counted == AttemptDecision::Locked {
        return Ok(FactorOutcome::Rejected(FactorError::Locked, Some(counted)));
    }
    let factor = match consume_matching_code(signin, tx, user, code).await? {
        Ok(factor) => factor,
        Err(wrong) => return Ok(FactorOutcome::Rejected(wrong, Some(counted))),
    };
    lockout::clear_failures(tx, &user.id, lockout::CredentialKind::Code).await?;
    Ok(FactorOutcome::Verified(VerifiedFactor { factor, amr: AMR_OF_CODE.to_vec() }))
}

/// Uses the code up if it is one of the user's.
async fn consume_matching_code(
    signin: &SignIn,
    tx: &mut Tx,
    user: &User,
    code: &str,
) -> Result<Result<SecondFactor, FactorError>, Error> {
    if let Some(hash) = recovery::hash(&user.id, code) {
        let taken = store::consume_recovery_code(tx, &user.id, &hash).await?;
        return Ok(if taken { Ok(SecondFactor::Recovery) } else { Err(FactorError::WrongCode) });
    }
    let mut wrong = FactorError::WrongCode;
    for factor in store::of_user(tx, &user.id).await?.iter().filter(|f| f.kind() == FactorKind::Totp) {
        let seed = signin.kernel.vault.open_sealed(&Factor::binding(&factor.id), &factor.secret).await?;
        if let Some(step) = totp::step_of(&seed, code, tx.now()) {
            if store::consume_totp_step(tx, factor, step).await? {
                return Ok(Ok(SecondFactor::Totp));
            }
            wrong = FactorError::CodeReused;
        }
    }
    Ok(Err(wrong))
}
