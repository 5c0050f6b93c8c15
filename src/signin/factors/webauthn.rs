//! Passkeys and security keys (W3C WebAuthn Level 3). webauthn-rs verifies the responses; this module
//! decides what is requested and what is stored.
//!
//! A *passkey* is stored by its authenticator together with the user's id, and the authenticator verifies
//! its holder (PIN, fingerprint, face), so it can be the whole sign-in. A *security key* only proves that
//! it is present.

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

/// Why a response was not accepted, for the log. The user is asked to try again.
#[derive(Debug, thiserror::Error)]
pub(super) enum WebauthnError {
    /// The public address has no host name that credentials can be bound to.
    #[error("the public URL has no host name, so passkeys and security keys cannot be used")]
    Unavailable,
    /// The browser did not send a WebAuthn response.
    #[error("the response cannot be parsed")]
    Malformed,
    /// The response is not valid.
    #[error("{0}")]
    Rejected(String),
}

fn rejected(error: impl std::fmt::Display) -> WebauthnError {
    WebauthnError::Rejected(error.to_string())
}

/// The relying party, which is the public address. `None` for a bare IP address, which browsers refuse
/// (§5.1.3: the relying party's id is a domain).
fn relying_party(kernel: &Kernel) -> Option<Webauthn> {
    let origin = Url::parse(kernel.urls.origin()).ok()?;
    WebauthnBuilder::new(origin.domain()?, &origin).ok()?.rp_name("Vestibule").build().ok()
}

/// Whether WebAuthn can be used at the public address.
#[must_use]
pub fn is_available(kernel: &Kernel) -> bool {
    relying_party(kernel).is_some()
}

/// A registration in progress, for its ticket.
#[derive(Serialize, Deserialize)]
pub(super) enum Registration {
    Passkey(PasskeyRegistration),
    SecurityKey(SecurityKeyRegistration),
}

/// A credential that was registered.
pub(super) struct RegisteredCredential {
    /// The credential with its public key, as JSON.
    pub(super) credential: String,
    pub(super) metadata: CredentialMetadata,
}

/// Starts the registration of a key for `user`. Keys that are registered already are excluded.
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
        // Browsers refuse a credential that always requires user verification if the registration does not
        // require it.
        extensions.cred_protect = None;
    }
    if passkey && let Some(selection) = &mut options.public_key.authenticator_selection {
        // Only a discoverable credential can be found without a user name (§5.4.6).
        selection.resident_key = serde_json::from_value(Value::from("required")).ok();
        selection.require_resident_key = true;
    }
    let options = serde_json::to_value(options).map_err(rejected)?;
    Ok((options["publicKey"].clone(), registration))
}

/// Verifies the browser's response to [`start_registration`].
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

/// The keys among `factors`, each with its credential.
fn keys_of(factors: &[Factor]) -> impl Iterator<Item = (&Factor, Credential)> {
    let keys = factors.iter().filter(|factor| factor.kind() == FactorKind::Webauthn);
    keys.filter_map(|key| Some((key, serde_json::from_str(&key.secret).ok()?)))
}

/// An assertion that was verified.
pub(crate) struct VerifiedAssertion {
    /// The id of the factor.
    pub(crate) factor_id: String,
    /// The credential as it must be stored from now on.
    pub(crate) credential: String,
    pub(crate) metadata: CredentialMetadata,
}

/// Starts an authentication with one of these keys as the second factor. User presence is enough, except
/// that a passkey must verify its holder.
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

/// Verifies the browser's response to [`start_authentication`]. `factors` are the user's current ones.
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
    let (key, credential) = used.ok_or_else(|| rejected("the key is no longer registered"))?;
    updated_assertion(key, credential, &result)
}

/// Starts an authentication with any passkey of this server.
pub(super) fn start_passkey_authentication(
    kernel: &Kernel,
) -> Result<(Value, DiscoverableAuthentication), WebauthnError> {
    let party = relying_party(kernel).ok_or(WebauthnError::Unavailable)?;
    let (options, state) = party.start_discoverable_authentication().map_err(rejected)?;
    let options = serde_json::to_value(options).map_err(rejected)?;
    Ok((options["publicKey"].clone(), state))
}

/// The owner and the credential that a passkey response claims: (user id, credential id). Nothing is
/// verified yet.
pub(super) fn claimed_owner(kernel: &Kernel, answer: &str) -> Result<(String, String), WebauthnError> {
    let party = relying_party(kernel).ok_or(WebauthnError::Unavailable)?;
    let answer: PublicKeyCredential = serde_json::from_str(answer).map_err(|_| WebauthnError::Malformed)?;
    let (user, credential) = party.identify_discoverable_authentication(&answer).map_err(rejected)?;
    Ok((user.to_string(), encode_credential_id(credential)))
}

/// Verifies the browser's response to [`start_passkey_authentication`] for this passkey.
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
        return Err(rejected("the passkey did not verify the user"));
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
