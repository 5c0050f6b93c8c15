//! Time-based codes as authenticator apps expect them (RFC 6238): SHA-1, six digits, thirty seconds, and one
//! step either way for clocks that are off. Pure: seed and time in, step out.

use qrcode::render::svg;
use qrcode::{EcLevel, QrCode};
use totp_rs::{Algorithm, Builder, Totp};

use crate::kernel::{Timestamp, random};

/// 160 bits, as long as the hash (RFC 4226 §4).
pub(super) const SEED: usize = 20;
const STEP: u64 = 30;
/// Steps before and after the present one whose codes are taken (RFC 6238 §5.2).
const SKEW: u16 = 1;

/// A fresh seed.
pub(super) fn seed() -> [u8; SEED] {
    random::bytes()
}

fn totp(seed: &[u8], issuer: &str, owner: &str) -> Option<Totp> {
    // A colon divides issuer and name in the label.
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

/// The step whose code this is, if it is one of now. Spaces between the digits are as people read them.
pub(super) fn step_of(seed: &[u8], code: &str, now: Timestamp) -> Option<i64> {
    let digits: String = code.chars().filter(|c| !c.is_whitespace()).collect();
    let seconds = u64::try_from(now.0 / 1000).ok()?;
    let step = totp(seed, "", "")?.check(&digits, seconds)?;
    i64::try_from(step).ok()
}

/// What an authenticator app takes.
pub(super) struct TotpProvisioning {
    /// The address in the QR code.
    pub(super) uri: String,
    /// The picture of it.
    pub(super) svg: String,
    /// The seed for typing, in groups of four.
    pub(super) typed: String,
}

/// Shows `seed` to its owner. `issuer`: the account's name, which the app shows above the codes.
pub(super) fn provisioning(seed: &[u8], issuer: &str, owner: &str) -> Option<TotpProvisioning> {
    let totp = totp(seed, issuer, owner)?;
    let uri = totp.to_url().ok()?;
    let code = QrCode::with_error_correction_level(&uri, EcLevel::M).ok()?;
    // The picture is black on white in dark pages too: not every camera reads it the other way round.
    let picture = code.render::<svg::Color<'_>>().min_dimensions(240, 240).quiet_zone(true).build();
    // Only the element: it stands inside a page.
    let svg = picture.find("<svg").map(|at| picture[at..].to_owned())?;
    let secret = totp.secret().to_base32();
    let groups: Vec<&str> =
        (0..secret.len()).step_by(4).filter_map(|at| secret.get(at..(at + 4).min(secret.len()))).collect();
    Some(TotpProvisioning { uri, svg, typed: groups.join(" ") })
}

#[cfg(test)]
#[path = "totp_tests.rs"]
mod tests;
