//! Secrets that are only ever compared: 256 random bits, shown once, stored as SHA-256.
//!
//! A plain hash is enough for 256 bits of randomness; salt and stretching protect guessable
//! secrets, which these are not.

use aws_lc_rs::digest;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use super::{ids, random};

/// What a token is for. The prefix makes a leaked one recognisable to people and scanners.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OpaqueTokenKind {
    /// A browser session's cookie.
    Session,
    /// A sign-in under way.
    Flow,
    /// The hand-over from a SAML response to the sign-in it belongs to.
    Handover,
    /// The first-run link, or a link to choose a first password.
    Setup,
    /// A link to choose a new password.
    Reset,
    /// An invitation.
    Invite,
    /// A link to set up a second factor.
    Enrol,
    /// A browser that is remembered.
    RememberedBrowser,
    /// A test of a connection under way.
    ConnectionTest,
    /// REST API.
    Api,
    /// A provisioning client.
    Scim,
}

impl OpaqueTokenKind {
    /// What each of its secrets begins with.
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
        }
    }
}

/// A freshly made token: the secret for its owner and the hash for the database.
pub struct OpaqueToken {
    /// Give this out once and forget it.
    pub secret: String,
    /// Store this.
    pub hash: String,
}

impl OpaqueToken {
    /// Makes a token with 256 bits from the operating system.
    #[must_use]
    pub fn generate(purpose: OpaqueTokenKind) -> Self {
        Self::with_random_suffix(purpose.prefix().to_owned())
    }

    /// The same for the row with this id: the secret names it, and no index is needed to find a hash.
    #[must_use]
    pub fn for_row(purpose: OpaqueTokenKind, id: &str) -> Self {
        Self::with_random_suffix(format!("{}{id}.", purpose.prefix()))
    }

    fn with_random_suffix(mut secret: String) -> Self {
        URL_SAFE_NO_PAD.encode_string(random::bytes::<32>(), &mut secret);
        let hash = hash(&secret);
        Self { secret, hash }
    }

    /// The last four characters, kept so that people can tell their tokens apart.
    #[must_use]
    pub fn hint(&self) -> &str {
        &self.secret[self.secret.len() - 4..]
    }
}

/// The stored form of a presented token. Looking a row up by this value compares hashes, not
/// secrets, so its timing tells nothing about the secret.
#[must_use]
pub fn hash(secret: &str) -> String {
    URL_SAFE_NO_PAD.encode(digest::digest(&digest::SHA256, secret.as_bytes()))
}

/// The id of the row that a secret of [`Token::of_row`] names. Whether it is the row's secret, its hash tells, which is to
/// be compared with [`same`].
#[must_use]
pub fn row_id(purpose: OpaqueTokenKind, secret: &str) -> Option<&str> {
    let (id, _) = secret.strip_prefix(purpose.prefix())?.split_once('.')?;
    ids::is_id(id).then_some(id)
}

/// Compares two texts without telling by time where they differ.
#[must_use]
pub fn constant_time_eq(a: &str, b: &str) -> bool {
    aws_lc_rs::constant_time::verify_slices_are_equal(a.as_bytes(), b.as_bytes()).is_ok()
}
