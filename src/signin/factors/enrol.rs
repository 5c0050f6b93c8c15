//! Adds a second factor. It counts only after a confirmation: a code from the app, or a response from the
//! key.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::check::{AMR_OF_CODE, CHALLENGE_LIFETIME, KeyChallenge, amr_of_key};
use super::model::{CredentialMetadata, Factor, FactorKind, SecondFactor};
use super::store::{self, NewFactor};
use super::webauthn::{self, Registration};
use super::{recovery, totp};
use crate::audit::{self, Action, Context, Event};
use crate::directory::accounts::Account;
use crate::directory::users::{self, User};
use crate::directory::{Error, check_name};
use crate::kernel::sealed_state::{self, SealedState};
use crate::kernel::{Kernel, Tx, UserId, ids, vault};
use crate::signin::one_time_links::{self, LinkPurpose};
use crate::signin::{SignIn, notifications};

/// How long the user has to set up an authenticator app.
const AUTHENTICATOR_LIFETIME: Duration = Duration::from_mins(15);
const NAME_LENGTH: usize = 64;

/// Why a factor was not added.
#[derive(Debug, thiserror::Error)]
pub enum EnrolError {
    /// The code does not match the seed.
    #[error("wrong_code")]
    WrongCode,
    /// The response is not valid, or the credential is registered already.
    #[error("wrong_key")]
    KeyRejected,
    /// The ticket has expired or was used before.
    #[error("challenge_ended")]
    ChallengeExpired,
    /// A second factor was enrolled in the meantime and must be verified.
    #[error("enrolled_already")]
    AlreadyEnrolled,
    /// The user has the maximum number of factors.
    #[error("too_many_factors")]
    TooManyFactors,
    /// The name is not valid, or the email to the user could not be composed.
    #[error(transparent)]
    Directory(#[from] Error),
    /// The database failed.
    #[error("{0}")]
    Database(#[from] sqlx::Error),
    /// The seed could not be encrypted.
    #[error(transparent)]
    Vault(#[from] vault::Error),
}

/// What the user has proved before a factor is added.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EnrolmentRight {
    /// The user has verified one factor and has no second, so this must be their first.
    FirstFactor,
    /// The user has verified all factors that they have.
    Verified,
}

/// A seed that waits for its first code.
#[derive(Serialize, Deserialize)]
struct PendingTotpSecret {
    id: String,
    seed: String,
}

/// An authenticator app to be set up, for display.
pub struct NewAuthenticator {
    /// The ticket that must come back with the code.
    pub ticket: String,
    /// The QR code, as an SVG element.
    pub svg: String,
    /// The seed for manual entry.
    pub typed: String,
    /// The seed as an `otpauth://` URI, which apps on this device open.
    pub uri: String,
}

fn binding(user_id: &UserId) -> String {
    format!("factor_enrolment/{user_id}")
}

/// Generates a seed for `user`. Nothing is stored before it is confirmed.
pub fn start_authenticator(
    kernel: &Kernel,
    account: &Account,
    user: &User,
) -> Result<NewAuthenticator, vault::Error> {
    let seed = totp::seed();
    let content = PendingTotpSecret { id: ids::new_id(kernel.clock.now()), seed: STANDARD.encode(seed) };
    let ticket = sealed_state::issue(kernel, &binding(&user.id), content, AUTHENTICATOR_LIFETIME)?;
    show(ticket, &seed, account, user)
}

/// Shows the seed of a ticket again, after a wrong code. If the ticket is not valid, generates a new seed.
pub async fn show_authenticator(
    kernel: &Kernel,
    account: &Account,
    user: &User,
    ticket: &str,
) -> Result<NewAuthenticator, vault::Error> {
    let opened = sealed_state::open::<PendingTotpSecret>(kernel, &binding(&user.id), ticket).await?;
    match opened.and_then(|t| STANDARD.decode(t.content.seed).ok()) {
        Some(seed) => show(ticket.to_owned(), &seed, account, user),
        None => start_authenticator(kernel, account, user),
    }
}

fn show(
    ticket: String,
    seed: &[u8],
    account: &Account,
    user: &User,
) -> Result<NewAuthenticator, vault::Error> {
    let card = totp::provisioning(seed, &account.name, &user.user_name).ok_or(vault::Error::Damaged)?;
    Ok(NewAuthenticator { ticket, svg: card.svg, typed: card.typed, uri: card.uri })
}

/// Starts the registration of a key for `user`; returns `None` when WebAuthn cannot be used at the public
/// address.
pub async fn start_key_registration(
    kernel: &Kernel,
    user: &User,
    passkey: bool,
) -> Result<Option<KeyChallenge>, vault::Error> {
    let present = store::of_user(&mut *kernel.db.read().await?, &user.id).await?;
    let Ok((options, registration)) = webauthn::start_registration(kernel, user, &present, passkey) else {
        return Ok(None);
    };
    let ticket = sealed_state::issue(kernel, &binding(&user.id), registration, CHALLENGE_LIFETIME)?;
    Ok(Some(KeyChallenge { ticket, options: options.to_string() }))
}

/// The confirmation of a new factor.
#[derive(Debug, Clone, Copy)]
pub struct Confirmation<'a> {
    /// The name that the user gave it; a default is used when it is empty.
    pub name: &'a str,
    /// The ticket from [`start_authenticator`] or [`start_key_registration`].
    pub ticket: &'a str,
    /// The code, or the browser's response.
    pub proof: EnrolmentProof<'a>,
}

/// How a new factor is confirmed.
#[derive(Debug, Clone, Copy)]
pub enum EnrolmentProof<'a> {
    /// A code from the app.
    Code(&'a str),
    /// The browser's response, as JSON.
    Key(&'a str),
}

/// A factor that is confirmed and not stored yet.
pub(crate) struct ConfirmedFactor {
    name: String,
    kind: ConfirmedKind,
    /// How it counts in the session in which it is added.
    pub(crate) factor: SecondFactor,
    pub(crate) amr: Vec<&'static str>,
}

enum ConfirmedKind {
    Authenticator { ticket: SealedState<PendingTotpSecret>, sealed: String, step: i64 },
    Key { ticket: SealedState<Registration>, credential: String, metadata: CredentialMetadata },
}

/// Checks a confirmation, before the transaction that stores the factor.
pub(crate) async fn confirm_enrolment(
    signin: &SignIn,
    user: &User,
    confirmation: Confirmation<'_>,
) -> Result<ConfirmedFactor, EnrolError> {
    let kernel = &signin.kernel;
    let name = confirmation.name.trim();
    let name_or = |made_up: &str| if name.is_empty() { made_up.to_owned() } else { name.to_owned() };
    if !name.is_empty() {
        check_name("name", name, NAME_LENGTH)?;
    }
    match confirmation.proof {
        EnrolmentProof::Code(code) => {
            let ticket =
                sealed_state::open::<PendingTotpSecret>(kernel, &binding(&user.id), confirmation.ticket)
                    .await?;
            let ticket = ticket.ok_or(EnrolError::ChallengeExpired)?;
            let seed = STANDARD.decode(&ticket.content.seed).map_err(|_| EnrolError::ChallengeExpired)?;
            let step = totp::step_of(&seed, code, kernel.clock.now()).ok_or(EnrolError::WrongCode)?;
            let sealed = kernel.vault.seal(&Factor::binding(&ticket.content.id), &seed)?;
            Ok(ConfirmedFactor {
                name: name_or("Authenticator app"),
                kind: ConfirmedKind::Authenticator { ticket, sealed, step },
                factor: SecondFactor::Totp,
                amr: AMR_OF_CODE.to_vec(),
            })
        }
        EnrolmentProof::Key(answer) => {
            let ticket =
                sealed_state::open::<Registration>(kernel, &binding(&user.id), confirmation.ticket).await?;
            let ticket = ticket.ok_or(EnrolError::ChallengeExpired)?;
            let registered =
                webauthn::finish_registration(kernel, &ticket.content, answer).map_err(|failure| {
                    tracing::info!(
                        account = %user.account_id,
                        user = %user.id,
                        %failure,
                        "the registration of a passkey or security key was rejected"
                    );
                    EnrolError::KeyRejected
                })?;
            let made_up = if registered.metadata.discoverable { "Passkey" } else { "Security key" };
            Ok(ConfirmedFactor {
                name: name_or(made_up),
                amr: amr_of_key(&registered.metadata),
                kind: ConfirmedKind::Key {
                    ticket,
                    credential: registered.credential,
                    metadata: registered.metadata,
                },
                factor: SecondFactor::Webauthn,
            })
        }
    }
}

/// Stores a confirmed factor and notifies the user. The first factor comes with recovery codes, which are
/// shown only once.
pub(crate) async fn add(
    kernel: &Kernel,
    tx: &mut Tx,
    context: &Context,
    user: &User,
    right: EnrolmentRight,
    confirmed: ConfirmedFactor,
) -> Result<Option<Vec<String>>, EnrolError> {
    // A removal at the same time must see this factor, or it would end the enrolment and leave the factor.
    users::lock(tx, &user.account_id, &user.id).await?;
    let is_first = store::insert_enrolment(tx, user).await?;
    if right == EnrolmentRight::FirstFactor && !is_first {
        return Err(EnrolError::AlreadyEnrolled);
    }
    if store::count(tx, &user.id).await? >= store::MAX_FACTORS {
        return Err(EnrolError::TooManyFactors);
    }
    let (id, kind, stored, last_step, key, fresh) = match confirmed.kind {
        ConfirmedKind::Authenticator { ticket, sealed, step } => {
            let fresh = ticket.consume(tx).await?;
            (ticket.content.id, FactorKind::Totp, sealed, step, None, fresh)
        }
        ConfirmedKind::Key { ticket, credential, metadata: facts } => {
            let fresh = ticket.consume(tx).await?;
            (tx.new_id(), FactorKind::Webauthn, credential, 0, Some(facts), fresh)
        }
    };
    if !fresh {
        return Err(EnrolError::ChallengeExpired);
    }
    let new = NewFactor { id: &id, kind, name: &confirmed.name, secret: &stored, last_step, key };
    if !store::insert(tx, user, &new).await? {
        return Err(EnrolError::KeyRejected);
    }
    let event = Event::new(Action::FactorAdd, "user", &user.id, &user.user_name);
    let detail = json!({"kind": kind.as_str(), "factor": id, "name": confirmed.name, "first": is_first});
    audit::record(tx, context, event.detail(detail)).await?;
    notifications::factor_added(kernel, tx, user, &confirmed.name, &context.address).await?;
    if !is_first {
        return Ok(None);
    }
    one_time_links::revoke(tx, &user.id, LinkPurpose::Enrol).await?;
    Ok(Some(recovery::generate_codes(tx, user).await?))
}
