//! Verifies a second factor.
//!
//! A code is counted as a failed attempt, checked and uncounted in one transaction: however many requests
//! race, no more than the limit are checked. A WebAuthn assertion cannot be guessed, so it is verified
//! before the transaction and not counted.

use std::time::Duration;

use webauthn_rs::prelude::SecurityKeyAuthentication;

use super::model::{CredentialMetadata, Factor, FactorKind, SecondFactor};
use super::store;
use super::webauthn::{self, VerifiedAssertion, WebauthnError};
use super::{recovery, totp};
use crate::directory::accounts::LockoutSettings;
use crate::directory::users::User;
use crate::kernel::sealed_state::{self, SealedState};
use crate::kernel::{Kernel, Timestamp, Tx, UserId, vault};
use crate::signin::SignIn;
use crate::signin::lockout::{self, Attempt, AttemptDecision};

/// How long a challenge can be answered.
pub(super) const CHALLENGE_LIFETIME: Duration = Duration::from_mins(5);

/// The second factor that a user presents.
#[derive(Debug, Clone, Copy)]
pub enum FactorResponse<'a> {
    /// A code of an authenticator app, or a recovery code.
    Code(&'a str),
    /// A WebAuthn assertion for the challenge in the ticket.
    Key {
        /// The ticket from [`start_challenge`].
        ticket: &'a str,
        /// The browser's response, as JSON.
        answer: &'a str,
    },
}

/// Why a second factor was not accepted. The `Display` text is the reason in the audit trail.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum FactorError {
    /// The code is wrong.
    #[error("wrong_code")]
    WrongCode,
    /// The code is right but was used before.
    #[error("used_code")]
    CodeReused,
    /// There were too many wrong codes before this one, which was not checked.
    #[error("codes_locked")]
    Locked,
    /// The WebAuthn assertion is not valid.
    #[error("wrong_key")]
    KeyRejected,
    /// The challenge was answered before, has expired, or belongs to another user, flow or session.
    #[error("challenge_ended")]
    ChallengeExpired,
}

/// Why a second factor was not accepted, or could not be checked.
#[derive(Debug, thiserror::Error)]
pub enum FactorCheckError {
    /// It was not accepted.
    #[error(transparent)]
    Rejected(#[from] FactorError),
    /// The database failed.
    #[error("{0}")]
    Database(#[from] sqlx::Error),
    /// A stored secret could not be opened.
    #[error(transparent)]
    Vault(#[from] vault::Error),
}

/// A WebAuthn challenge for a page.
#[derive(Debug, Clone)]
pub struct KeyChallenge {
    /// The options for the browser, as JSON.
    pub options: String,
    /// The ticket that must come back with the response.
    pub ticket: String,
}

/// What a challenge is bound to: the user, and the flow or session in which it was issued.
fn binding(user_id: &UserId, context_id: &str) -> String {
    format!("factor_challenge/{user_id}/{context_id}")
}

/// Issues a challenge for the WebAuthn credentials of a user; returns `None` when none can be used here.
/// `context_id` is the id of the flow or session.
pub fn start_challenge(
    kernel: &Kernel,
    user_id: &UserId,
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

/// A response after every check that needs no transaction.
pub(crate) enum PreparedResponse {
    /// A code, which is not checked yet.
    Code(String),
    /// A valid assertion, whose ticket must still be consumed.
    Key { assertion: VerifiedAssertion, ticket: SealedState<SecurityKeyAuthentication> },
    /// An assertion that is not valid.
    Invalid(FactorError),
}

/// Checks what can be checked outside a transaction.
pub(crate) async fn prepare_response(
    signin: &SignIn,
    user_id: &UserId,
    context_id: &str,
    response: FactorResponse<'_>,
) -> Result<PreparedResponse, sqlx::Error> {
    let (ticket, answer) = match response {
        FactorResponse::Code(code) => return Ok(PreparedResponse::Code(code.to_owned())),
        FactorResponse::Key { ticket, answer } => (ticket, answer),
    };
    let kernel = &signin.kernel;
    let opened =
        sealed_state::open::<SecurityKeyAuthentication>(kernel, &binding(user_id, context_id), ticket)
            .await?;
    let Some(ticket) = opened else { return Ok(PreparedResponse::Invalid(FactorError::ChallengeExpired)) };
    let factors = store::of_user(&mut *kernel.db.read().await?, user_id).await?;
    Ok(match webauthn::finish_authentication(kernel, &ticket.content, answer, &factors) {
        Ok(assertion) => PreparedResponse::Key { assertion, ticket },
        Err(failure) => PreparedResponse::Invalid(log_key_rejection(&failure)),
    })
}

pub(super) fn log_key_rejection(failure: &WebauthnError) -> FactorError {
    tracing::info!(%failure, "the response of a passkey or security key was rejected");
    FactorError::KeyRejected
}

/// A second factor that was accepted.
#[derive(Debug)]
pub(crate) struct VerifiedFactor {
    pub(crate) factor: SecondFactor,
    /// Methods to add to the `amr` of the session (RFC 8176).
    pub(crate) amr: Vec<&'static str>,
}

/// The `amr` values for a code.
pub(super) const AMR_OF_CODE: [&str; 2] = ["otp", "mfa"];

/// The `amr` values for a WebAuthn credential.
pub(super) fn amr_of_key(facts: &CredentialMetadata) -> Vec<&'static str> {
    // A credential that its provider may copy counts as a software key.
    vec![if facts.backup_eligible { "swk" } else { "hwk" }, "user", "mfa"]
}

/// The outcome of checking a response.
pub(crate) enum FactorOutcome {
    Verified(VerifiedFactor),
    /// `locks_until` is when the user's lock ends, if this was the last allowed attempt.
    Rejected {
        error: FactorError,
        locks_until: Option<Timestamp>,
    },
}

impl FactorOutcome {
    /// The refusal of a response that was not counted as an attempt.
    const fn uncounted(error: FactorError) -> Self {
        Self::Rejected { error, locks_until: None }
    }
}

/// Counts, verifies and consumes a response. The caller commits in either case.
pub(crate) async fn verify_response(
    signin: &SignIn,
    tx: &mut Tx,
    user: &User,
    settings: &LockoutSettings,
    response: &PreparedResponse,
) -> Result<FactorOutcome, FactorCheckError> {
    match response {
        PreparedResponse::Code(code) => verify_code(signin, tx, user, settings, code).await,
        PreparedResponse::Invalid(error) => Ok(FactorOutcome::uncounted(*error)),
        PreparedResponse::Key { assertion: used, ticket } => {
            if !ticket.consume(tx).await? {
                return Ok(FactorOutcome::uncounted(FactorError::ChallengeExpired));
            }
            if !store::record_key_use(tx, used).await? {
                return Ok(FactorOutcome::uncounted(FactorError::KeyRejected));
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
) -> Result<FactorOutcome, FactorCheckError> {
    let attempt = Attempt {
        account_id: &user.account_id,
        key: &user.id,
        credential_kind: lockout::CredentialKind::Code,
    };
    let decision = lockout::record_attempt(tx, attempt, settings).await?;
    if decision == AttemptDecision::Locked {
        return Ok(FactorOutcome::Rejected { error: FactorError::Locked, locks_until: None });
    }
    let factor = match consume_matching_code(signin, tx, user, code).await {
        Ok(factor) => factor,
        Err(FactorCheckError::Rejected(error)) => {
            return Ok(FactorOutcome::Rejected { error, locks_until: decision.locks_until() });
        }
        Err(failure) => return Err(failure),
    };
    lockout::clear_failures(tx, &user.id, lockout::CredentialKind::Code).await?;
    Ok(FactorOutcome::Verified(VerifiedFactor { factor, amr: AMR_OF_CODE.to_vec() }))
}

/// Consumes the code if it is one of the user's.
async fn consume_matching_code(
    signin: &SignIn,
    tx: &mut Tx,
    user: &User,
    code: &str,
) -> Result<SecondFactor, FactorCheckError> {
    if let Some(hash) = recovery::hash(&user.id, code) {
        let taken = store::consume_recovery_code(tx, &user.id, &hash).await?;
        return if taken { Ok(SecondFactor::Recovery) } else { Err(FactorError::WrongCode.into()) };
    }
    let mut wrong = FactorError::WrongCode;
    for factor in store::of_user(tx, &user.id).await?.iter().filter(|f| f.kind() == FactorKind::Totp) {
        let seed = signin.kernel.vault.open_sealed(&Factor::binding(&factor.id), &factor.secret).await?;
        if let Some(step) = totp::step_of(&seed, code, tx.now()) {
            if store::consume_totp_step(tx, factor, step).await? {
                return Ok(SecondFactor::Totp);
            }
            wrong = FactorError::CodeReused;
        }
    }
    Err(wrong.into())
}
