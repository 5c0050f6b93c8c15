//! TOTP codes as authenticator apps expect them (RFC 6238): SHA-1, six digits, 30 seconds per step, and one
//! step of skew either way. The functions take the time as an argument.

use qrcode::render::svg;
use qrcode::{EcLevel, QrCode};
use totp_rs::{Algorithm, Builder, Totp};

use crate::kernel::{Timestamp, random};

/// Length of a seed in bytes: 160 bits, as RFC 4226 §4 recommends.
pub(super) const SEED: usize = 20;
const STEP: u64 = 30;
/// Steps before and after the current one whose codes are accepted (RFC 6238 §5.2).
const SKEW: u16 = 1;

pub(super) fn seed() -> [u8; SEED] {
    random::bytes()
}

fn totp(seed: &[u8], issuer: &str, owner: &str) -> Option<Totp> {
    // A colon separates the issuer from the account name in the label.
    let plain = |text: &str| text.replace(':', " ");
    Builder::new()
        .with_algorithm(Algorithm::SHA1)
        .with_digits(6)
        .with_step_duration(STEP)
        .with_skew(SKEW)
        .with_secret(seed)
        .with_issuer(Some(plain(issuer)))
        .with_account_name(plain(owner))
        .build()
        .ok()
}

/// The step whose code this is, if it is within the skew. Spaces between the digits are ignored.
pub(super) fn step_of(seed: &[u8], code: &str, now: Timestamp) -> Option<i64> {
    let digits: String = code.chars().filter(|c| !c.is_whitespace()).collect();
    let seconds = u64::try_from(now.0 / 1000).ok()?;
    let step = totp(seed, "", "")?.check(&digits, seconds)?;
    i64::try_from(step).ok()
}

/// What a user needs to add a seed to an authenticator app.
pub(super) struct TotpProvisioning {
    /// The `otpauth://` URI in the QR code.
    pub(super) uri: String,
    /// The QR code.
    pub(super) svg: String,
    /// The seed in Base32 for manual entry, in groups of four.
    pub(super) typed: String,
}

/// Prepares `seed` for display to its owner. `issuer` is the account's name, which the app shows above the
/// codes.
pub(super) fn provisioning(seed: &[u8], issuer: &str, owner: &str) -> Option<TotpProvisioning> {
    let totp = totp(seed, issuer, owner)?;
    let uri = totp.to_url().ok()?;
    let code = QrCode::with_error_correction_level(&uri, EcLevel::M).ok()?;
    // Black on white on dark pages too, because some cameras cannot read an inverted code.
    let picture = code.render::<svg::Color<'_>>().min_dimensions(240, 240).quiet_zone(true).build();
    // Only the element, because it is embedded in a page.
    let svg = picture.find("<svg").map(|at| picture[at..].to_owned())?;
    let secret = totp.secret().to_base32();
    let groups: Vec<&str> =
        (0..secret.len()).step_by(4).filter_map(|at| secret.get(at..(at + 4).min(secret.len()))).collect();
    Some(TotpProvisioning { uri, svg, typed: groups.join(" ") })
}

#[cfg(test)]
#[path = "totp_tests.rs"]
mod tests;
