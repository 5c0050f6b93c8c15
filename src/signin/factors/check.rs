//! Checking a second factor that somebody shows.
//!
//! A code is counted as a wrong attempt, checked and uncounted in one unit of work, like a password: however
//! many requests race, no more than the limit are looked at. An answer of a key cannot be guessed, so it
//! is verified before the unit of work and not counted.

use std::time::Duration;

use webauthn_rs::prelude::SecurityKeyAuthentication;

use super::super::SignIn;
use super::super::lockout::{self, Attempt, Counted};
use super::model::{Factor, Kind, SecondFactor};
use super::store::{self, KeyFacts};
use super::webauthn::{self, Failure, Used};
use super::{recovery, totp};
use crate::directory::Error;
use crate::directory::accounts::LockoutSettings;
use crate::directory::users::User;
use crate::kernel::tickets::{self, Ticket};
use crate::kernel::{Kernel, Tx, vault};

/// How long an answer to a challenge is waited for.
pub(super) const CHALLENGE_LIFETIME: Duration = Duration::from_mins(5);

/// What somebody shows.
#[derive(Debug, Clone, Copy)]
pub enum Shown<'a> {
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
pub enum Wrong {
    /// No such code.
    #[error("wrong_code")]
    Code,
    /// The right code, for the second time.
    #[error("used_code")]
    Used,
    /// Too many wrong codes before: this one was not looked at.
    #[error("codes_locked")]
    Locked,
    /// The key's answer is not good.
    #[error("wrong_key")]
    Key,
    /// The challenge was answered before, is too old or is another's.
    #[error("challenge_ended")]
    Challenge,
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
fn binding(user_id: &str, place: &str) -> String {
    format!("factor_challenge/{user_id}/{place}")
}

/// A challenge for the keys of a user; none when they have no key that can be used here. `place`: the id of
/// the flow or session.
///
/// # Errors
/// The vault's.
pub fn start_challenge(
    kernel: &Kernel,
    user_id: &str,
    place: &str,
    factors: &[Factor],
) -> Result<Option<KeyChallenge>, vault::Error> {
    if !factors.iter().any(|factor| factor.kind() == Kind::Webauthn) {
        return Ok(None);
    }
    let Ok((options, state)) = webauthn::begin_check(kernel, factors) else { return Ok(None) };
    let ticket = tickets::issue(kernel, &binding(user_id, place), state, CHALLENGE_LIFETIME)?;
    Ok(Some(KeyChallenge { options: options.to_string(), ticket }))
}

/// What is to be accepted in a unit of work.
pub(in super::super) enum Claim {
    Code(String),
    Key { used: Used, ticket: Ticket<SecurityKeyAuthentication> },
}

/// Verifies what can be verified outside the unit of work. `Ok(Err(…))`: it is wrong.
///
/// # Errors
/// The database's.
pub(in super::super) async fn prepare(
    signin: &SignIn,
    user_id: &str,
    place: &str,
    shown: Shown<'_>,
) -> Result<Result<Claim, Wrong>, sqlx::Error> {
    let (ticket, answer) = match shown {
        Shown::Code(code) => return Ok(Ok(Claim::Code(code.to_owned()))),
        Shown::Key { ticket, answer } => (ticket, answer),
    };
    let kernel = &signin.kernel;
    let opened = tickets::open::<SecurityKeyAuthentication>(kernel, &binding(user_id, place), ticket).await?;
    let Some(ticket) = opened else { return Ok(Err(Wrong::Challenge)) };
    let factors = store::of_user(&mut *kernel.db.read().await?, user_id).await?;
    Ok(match webauthn::end_check(kernel, &ticket.content, answer, &factors) {
        Ok(used) => Ok(Claim::Key { used, ticket }),
        Err(failure) => Err(refuse_key(&failure)),
    })
}

pub(super) fn refuse_key(failure: &Failure) -> Wrong {
    tracing::info!(%failure, "a key's answer was refused");
    Wrong::Key
}

/// What was accepted.
#[derive(Debug)]
pub(in super::super) struct Accepted {
    pub(in super::super) factor: SecondFactor,
    /// Methods to add to the session's (RFC 8176).
    pub(in super::super) amr: Vec<&'static str>,
}

/// The methods a code stands for.
pub(super) const AMR_OF_CODE: [&str; 2] = ["otp", "mfa"];

/// The methods a key's use stands for.
pub(super) fn amr_of_key(facts: &KeyFacts) -> Vec<&'static str> {
    // A key that can be copied by its provider is in software for whoever asks.
    vec![if facts.backup_eligible { "swk" } else { "hwk" }, "user", "mfa"]
}

/// What came of a claim.
pub(in super::super) enum Verdict {
    Accepted(Accepted),
    /// `Counted`: how the attempt was counted, if it was.
    Refused(Wrong, Option<Counted>),
}

/// Counts, checks and uses up what is claimed. The caller commits either way.
pub(in super::super) async fn accept(
    signin: &SignIn,
    tx: &mut Tx,
    user: &User,
    settings: &LockoutSettings,
    claim: &Claim,
) -> Result<Verdict, Error> {
    match claim {
        Claim::Code(code) => accept_code(signin, tx, user, settings, code).await,
        Claim::Key { used, ticket } => {
            if !ticket.spend(tx).await? {
                return Ok(Verdict::Refused(Wrong::Challenge, None));
            }
            if !store::accept_key(tx, used).await? {
                return Ok(Verdict::Refused(Wrong::Key, None));
            }
            Ok(Verdict::Accepted(Accepted { factor: SecondFactor::Webauthn, amr: amr_of_key(&used.facts) }))
        }
    }
}

async fn accept_code(
    signin: &SignIn,
    tx: &mut Tx,
    user: &User,
    settings: &LockoutSettings,
    code: &str,
) -> Result<Verdict, Error> {
    let attempt = Attempt { account_id: &user.account_id, key: &user.id, factor: lockout::Factor::Code };
    let counted = lockout::count(tx, attempt, settings).await?;
    if counted == Counted::Locked {
        return Ok(Verdict::Refused(Wrong::Locked, Some(counted)));
    }
    let factor = match find_code(signin, tx, user, code).await? {
        Ok(factor) => factor,
        Err(wrong) => return Ok(Verdict::Refused(wrong, Some(counted))),
    };
    lockout::forgive(tx, &user.id, lockout::Factor::Code).await?;
    Ok(Verdict::Accepted(Accepted { factor, amr: AMR_OF_CODE.to_vec() }))
}

/// Uses the code up if it is one of the user's.
async fn find_code(
    signin: &SignIn,
    tx: &mut Tx,
    user: &User,
    code: &str,
) -> Result<Result<SecondFactor, Wrong>, Error> {
    if let Some(hash) = recovery::hash(&user.id, code) {
        let taken = store::take_code(tx, &user.id, &hash).await?;
        return Ok(if taken { Ok(SecondFactor::Recovery) } else { Err(Wrong::Code) });
    }
    let mut wrong = Wrong::Code;
    for factor in store::of_user(tx, &user.id).await?.iter().filter(|f| f.kind() == Kind::Totp) {
        let seed = signin.kernel.vault.open_sealed(&Factor::binding(&factor.id), &factor.secret).await?;
        if let Some(step) = totp::step_of(&seed, code, tx.now()) {
            if store::accept_step(tx, factor, step).await? {
                return Ok(Ok(SecondFactor::Totp));
            }
            wrong = Wrong::Used;
        }
    }
    Ok(Err(wrong))
}
