//! Opaque tokens: 256 random bits, shown once and stored as SHA-256.
//!
//! A plain hash is enough for 256 bits of randomness. Salt and key stretching protect guessable secrets,
//! which these are not.

use aws_lc_rs::digest;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use super::{ids, random};

/// What a token is for. The prefix lets people and secret scanners recognise a leaked token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OpaqueTokenKind {
    /// A browser session's cookie.
    Session,
    /// The cookie of a sign-in flow.
    Flow,
    /// Hands a proof from an identity provider's callback over to the sign-in flow it belongs to.
    Handover,
    /// The first-run link, or a link to choose a first password.
    Setup,
    /// A link to choose a new password.
    Reset,
    /// An invitation.
    Invite,
    /// A link to enrol a second factor.
    Enrol,
    /// The cookie of a remembered browser.
    RememberedBrowser,
    /// The cookie of a connection test.
    ConnectionTest,
    /// A token for the REST API.
    Api,
    /// A provisioning client's token.
    Scim,
    /// A token for one application.
    Application,
    /// The cookie of a session at one application.
    ApplicationSession,
    /// The cookie that binds a sign-in to the browser on an application's host.
    ApplicationBrowser,
}

impl OpaqueTokenKind {
    /// The prefix of every token of this kind.
    #[must_use]
    pub const fn prefix(self) -> &'static str {
        match self {
            Self::Session => "vst_session_",
            Self::Flow => "vst_flow_",
            Self::Handover => "vst_handover_",
            Self::Setup => "vst_setup_",
            Self::Reset => "vst_reset_",
            Self::Invite => "vst_invite_",
            Self::Enrol => "vst_enrol_",
            Self::RememberedBrowser => "vst_device_",
            Self::ConnectionTest => "vst_test_",
            Self::Api => "vst_api_",
            Self::Scim => "vst_scim_",
            Self::Application => "vst_app_",
            Self::ApplicationSession => "vst_appsession_",
            Self::ApplicationBrowser => "vst_appbrowser_",
        }
    }
}

/// A new token: the secret for its owner and the hash for the database.
pub struct OpaqueToken {
    /// The secret. It is shown once and never stored.
    pub secret: String,
    /// The hash, which is stored.
    pub hash: String,
}

impl OpaqueToken {
    /// Generates a token with 256 bits from the operating system.
    #[must_use]
    pub fn generate(purpose: OpaqueTokenKind) -> Self {
        Self::with_random_suffix(purpose.prefix().to_owned())
    }

    /// Like [`OpaqueToken::generate`], with the row's id inside, so that the row is found by its primary
    /// key and the hash needs no index.
    #[must_use]
    pub fn for_row(purpose: OpaqueTokenKind, id: &str) -> Self {
        Self::with_random_suffix(format!("{}{id}.", purpose.prefix()))
    }

    fn with_random_suffix(mut secret: String) -> Self {
        URL_SAFE_NO_PAD.encode_string(random::bytes::<32>(), &mut secret);
        let hash = hash(&secret);
        Self { secret, hash }
    }

    /// The last four characters, kept so that users can tell their tokens apart.
    #[must_use]
    pub fn hint(&self) -> &str {
        &self.secret[self.secret.len() - 4..]
    }
}

/// The stored form of a presented token. A lookup by this value compares hashes, not secrets, so its timing
/// reveals nothing about the secret.
#[must_use]
pub fn hash(secret: &str) -> String {
    URL_SAFE_NO_PAD.encode(digest::digest(&digest::SHA256, secret.as_bytes()))
}

/// The row id in a secret made by [`OpaqueToken::for_row`]. It proves nothing by itself: compare the row's
/// hash with [`constant_time_eq`].
#[must_use]
pub fn row_id(purpose: OpaqueTokenKind, secret: &str) -> Option<&str> {
    let (id, _) = secret.strip_prefix(purpose.prefix())?.split_once('.')?;
    ids::is_id(id).then_some(id)
}

/// Compares two texts in constant time.
#[must_use]
pub fn constant_time_eq(a: &str, b: &str) -> bool {
    aws_lc_rs::constant_time::verify_slices_are_equal(a.as_bytes(), b.as_bytes()).is_ok()
}
