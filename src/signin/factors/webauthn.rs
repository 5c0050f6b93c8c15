//! Passkeys and security keys (Web Authentication, level 3). The verification is webauthn-rs'; what is asked
//! for and what is kept is decided here.
//!
//! A *passkey* is kept by its authenticator together with its owner's id and checks who holds it (PIN,
//! finger, face), so it can open the door alone. A *security key* proves that it is there.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use url::Url;
use webauthn_rs::prelude::{
    AuthenticationResult, Credential, CredentialID, DiscoverableAuthentication, DiscoverableKey, Passkey,
    PasskeyRegistration, PublicKeyCredential, RegisterPublicKeyCredential, SecurityKey,
    SecurityKeyAuthentication, SecurityKeyRegistration, Uuid, Webauthn, WebauthnBuilder,
};

use super::model::{CredentialMetadata, Factor, FactorKind};
use crate::directory::users::User;
use crate::kernel::Kernel;

/// Why a key was not taken, for the trail; the person is told to try again.
#[derive(Debug, thiserror::Error)]
pub(super) enum WebauthnError {
    /// The public address is not one that keys can be bound to.
    #[error("the public address has no host name, so keys cannot be bound to it")]
    Unavailable,
    /// What the browser sent is not an answer.
    #[error("the answer cannot be read")]
    Malformed,
    /// It is an answer and it is wrong.
    #[error("{0}")]
    Rejected(String),
}

fn rejected(error: impl std::fmt::Display) -> WebauthnError {
    WebauthnError::Rejected(error.to_string())
}

/// The one place that keys are bound to: the public address. `None` for a bare IP address, which browsers
/// refuse (§5.1.3: the relying party's id is a domain).
fn relying_party(kernel: &Kernel) -> Option<Webauthn> {
    let origin = Url::parse(kernel.urls.origin()).ok()?;
    WebauthnBuilder::new(origin.domain()?, &origin).ok()?.rp_name("Vestibule").build().ok()
}

/// Whether keys can be used at the public address.
#[must_use]
pub fn is_available(kernel: &Kernel) -> bool {
    relying_party(kernel).is_some()
}

/// A registration under way, for its ticket.
#[derive(Serialize, Deserialize)]
pub(super) enum Registration {
    Passkey(PasskeyRegistration),
    SecurityKey(SecurityKeyRegistration),
}

/// A key that was registered.
pub(super) struct RegisteredCredential {
    /// The credential with its public key.
    pub(super) credential: String,
    pub(super) metadata: CredentialMetadata,
}

/// Asks for a new key of `user`; one that is here already is not taken twice.
pub(super) fn start_registration(
    kernel: &Kernel,
    user: &User,
    present: &[Factor],
    passkey: bool,
) -> Result<(Value, Registration), WebauthnError> {
    let party = relying_party(kernel).ok_or(WebauthnError::Unavailable)?;
    let id = Uuid::parse_str(&user.id).map_err(rejected)?;
    let exclude: Vec<CredentialID> = keys_of(present).map(|(_, c)| c.cred_id).collect();
    let (name, shown) = (user.user_name.as_str(), user.display_name.as_str());
    let (mut options, registration) = if passkey {
        let (options, state) =
            party.start_passkey_registration(id, name, shown, Some(exclude)).map_err(rejected)?;
        (options, Registration::Passkey(state))
    } else {
        let (options, state) = party
            .start_securitykey_registration(id, name, shown, Some(exclude), None, None)
            .map_err(rejected)?;
        (options, Registration::SecurityKey(state))
    };
    if let Some(extensions) = options.public_key.extensions.as_mut().filter(|_| !passkey) {
        // Browsers refuse a key that must always verify its holder where that is not required of it now.
        extensions.cred_protect = None;
    }
    if passkey && let Some(selection) = &mut options.public_key.authenticator_selection {
        // Only a discoverable credential can be found without a name (§5.4.6).
        selection.resident_key = serde_json::from_value(Value::from("required")).ok();
        selection.require_resident_key = true;
    }
    let options = serde_json::to_value(options).map_err(rejected)?;
    Ok((options["publicKey"].clone(), registration))
}

/// Takes the browser's answer to [`begin_registration`].
pub(super) fn finish_registration(
    kernel: &Kernel,
    registration: &Registration,
    answer: &str,
) -> Result<RegisteredCredential, WebauthnError> {
    let party = relying_party(kernel).ok_or(WebauthnError::Unavailable)?;
    let answer: RegisterPublicKeyCredential =
        serde_json::from_str(answer).map_err(|_| WebauthnError::Malformed)?;
    let (credential, discoverable): (Credential, bool) = match registration {
        Registration::Passkey(state) => {
            (party.finish_passkey_registration(&answer, state).map_err(rejected)?.into(), true)
        }
        Registration::SecurityKey(state) => {
            (party.finish_securitykey_registration(&answer, state).map_err(rejected)?.into(), false)
        }
    };
    let facts = CredentialMetadata { discoverable, ..metadata_of(&credential) };
    Ok(RegisteredCredential {
        credential: serde_json::to_string(&credential).map_err(rejected)?,
        metadata: facts,
    })
}

fn metadata_of(credential: &Credential) -> CredentialMetadata {
    CredentialMetadata {
        credential_id: encode_credential_id(credential.cred_id.as_slice()),
        discoverable: false,
        counter: credential.counter.into(),
        backup_eligible: credential.backup_eligible,
        backed_up: credential.backup_state,
    }
}

fn encode_credential_id(credential_id: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(credential_id)
}

/// The keys among some factors, each with its credential.
fn keys_of(factors: &[Factor]) -> impl Iterator<Item = (&Factor, Credential)> {
    let keys = factors.iter().filter(|factor| factor.kind() == FactorKind::Webauthn);
    keys.filter_map(|key| Some((key, serde_json::from_str(&key.secret).ok()?)))
}

/// A key that was shown.
pub(crate) struct VerifiedAssertion {
    /// Its id among the factors.
    pub(crate) factor_id: String,
    /// The credential as it is to be kept from now on.
    pub(crate) credential: String,
    pub(crate) metadata: CredentialMetadata,
}

/// Asks for one of these keys. As the second of two factors, its presence is enough; one that was registered
/// as a passkey has to check its holder all the same.
pub(super) fn start_authentication(
    kernel: &Kernel,
    factors: &[Factor],
) -> Result<(Value, SecurityKeyAuthentication), WebauthnError> {
    let party = relying_party(kernel).ok_or(WebauthnError::Unavailable)?;
    let keys: Vec<SecurityKey> = keys_of(factors).map(|(_, c)| SecurityKey::from(c)).collect();
    let (options, state) = party.start_securitykey_authentication(&keys).map_err(rejected)?;
    let options = serde_json::to_value(options).map_err(rejected)?;
    Ok((options["publicKey"].clone(), state))
}

/// Takes the browser's answer to [`begin_check`]. `factors`: those its owner has now.
pub(super) fn finish_authentication(
    kernel: &Kernel,
    state: &SecurityKeyAuthentication,
    answer: &str,
    factors: &[Factor],
) -> Result<VerifiedAssertion, WebauthnError> {
    let party = relying_party(kernel).ok_or(WebauthnError::Unavailable)?;
    let answer: PublicKeyCredential = serde_json::from_str(answer).map_err(|_| WebauthnError::Malformed)?;
    let result = party.finish_securitykey_authentication(&answer, state).map_err(rejected)?;
    let used = keys_of(factors).find(|(_, c)| c.cred_id == *result.cred_id());
    let (key, credential) = used.ok_or_else(|| rejected("the key was removed"))?;
    updated_assertion(key, credential, &result)
}

/// Asks for any passkey of this server.
pub(super) fn start_passkey_authentication(
    kernel: &Kernel,
) -> Result<(Value, DiscoverableAuthentication), WebauthnError> {
    let party = relying_party(kernel).ok_or(WebauthnError::Unavailable)?;
    let (options, state) = party.start_discoverable_authentication().map_err(rejected)?;
    let options = serde_json::to_value(options).map_err(rejected)?;
    Ok((options["publicKey"].clone(), state))
}

/// Whose passkey an answer claims to be of: (user id, credential id). Nothing is verified yet.
pub(super) fn claimed_owner(kernel: &Kernel, answer: &str) -> Result<(String, String), WebauthnError> {
    let party = relying_party(kernel).ok_or(WebauthnError::Unavailable)?;
    let answer: PublicKeyCredential = serde_json::from_str(answer).map_err(|_| WebauthnError::Malformed)?;
    let (user, credential) = party.identify_discoverable_authentication(&answer).map_err(rejected)?;
    Ok((user.to_string(), encode_credential_id(credential)))
}

/// Takes the browser's answer to [`begin_passkey`] for this passkey.
pub(super) fn finish_passkey_authentication(
    kernel: &Kernel,
    state: DiscoverableAuthentication,
    answer: &str,
    key: &Factor,
) -> Result<VerifiedAssertion, WebauthnError> {
    let party = relying_party(kernel).ok_or(WebauthnError::Unavailable)?;
    let answer: PublicKeyCredential = serde_json::from_str(answer).map_err(|_| WebauthnError::Malformed)?;
    let credential: Credential = serde_json::from_str(&key.secret).map_err(rejected)?;
    let passkey = DiscoverableKey::from(Passkey::from(credential.clone()));
    let result = party.finish_discoverable_authentication_v2(&answer, state, passkey).map_err(rejected)?;
    if !result.user_verified() {
        return Err(rejected("the holder was not verified"));
    }
    updated_assertion(key, credential, &result)
}

fn updated_assertion(
    factor: &Factor,
    credential: Credential,
    result: &AuthenticationResult,
) -> Result<VerifiedAssertion, WebauthnError> {
    let mut key = SecurityKey::from(credential);
    key.update_credential(result);
    let credential = Credential::from(key);
    let facts = metadata_of(&credential);
    let credential = serde_json::to_string(&credential).map_err(rejected)?;
    Ok(VerifiedAssertion { factor_id: factor.id.clone(), credential, metadata: facts })
}
