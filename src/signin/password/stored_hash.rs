//! Stored password hashes: ours, and those of other systems that `user import` brought. Those are replaced
//! with ours when their user signs in.

use std::num::NonZeroU32;

use argon2::password_hash::phc::PasswordHash;
use argon2::{Algorithm, Argon2, Params, Version};
use aws_lc_rs::constant_time::verify_slices_are_equal;
use aws_lc_rs::{digest, pbkdf2};
use base64::Engine as _;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};

use super::arena::Arena;
use super::plaintext::Password;

/// OWASP's minimum for argon2id: 19 MiB, two passes, one lane.
pub(super) const MEMORY_KIB: u32 = 19 * 1024;
const PASSES: u32 = 2;
const LANES: u32 = 1;

// Limits for hashes of other systems, because a file of expensive ones would keep the server busy. No known
// system uses more.
const MOST_ARGON2_KIB: u32 = 256 * 1024;
const MOST_ARGON2_PASSES: u32 = 20;
const MOST_LANES: u32 = 16;
const MOST_BCRYPT_COST: u32 = 15;
const MOST_PBKDF2_ROUNDS: u32 = 5_000_000;
const MOST_SCRYPT_BYTES: u64 = 256 * 1024 * 1024;

/// Standard alphabet, with or without padding.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &base64::alphabet::STANDARD,
    GeneralPurposeConfig::new()
        .with_decode_padding_mode(DecodePaddingMode::Indifferent)
        .with_decode_allow_trailing_bits(true),
);

/// A password hash that can be verified.
pub struct StoredHash(HashScheme);

enum HashScheme {
    Argon2 { algorithm: Algorithm, version: Version, params: Params, salt: Vec<u8>, hash: Vec<u8> },
    Bcrypt(String),
    Pbkdf2 { algorithm: pbkdf2::Algorithm, rounds: NonZeroU32, salt: Vec<u8>, hash: Vec<u8> },
    Scrypt { params: scrypt::Params, salt: Vec<u8>, hash: Vec<u8> },
    SaltedDigest { algorithm: &'static digest::Algorithm, salt: Vec<u8>, hash: Vec<u8> },
}

/// The parameters of new hashes.
pub(super) fn current_params() -> Params {
    Params::new(MEMORY_KIB, PASSES, LANES, None).expect("the constants above are valid")
}

impl StoredHash {
    /// Parses a hash: `$argon2…$`, `$2b$…`, `$scrypt$…`, `$pbkdf2-sha256$…` (PHC and passlib), Django's
    /// `pbkdf2_sha256$…`, and the forms of LDAP servers: `{SSHA}`, `{SSHA256}`, `{SSHA512}`, `{SHA}`…,
    /// `{PBKDF2-SHA256}`, `{CRYPT}$2b$…`, `{ARGON2}`, `{BCRYPT}`.
    pub fn parse(text: &str) -> Result<Self, &'static str> {
        let text = text.trim();
        if let Some((scheme, rest)) = text.strip_prefix('{').and_then(|t| t.split_once('}')) {
            return match scheme.to_ascii_uppercase().as_str() {
                "CRYPT" | "ARGON2" | "BCRYPT" => Self::parse(rest),
                "SHA" | "SSHA" => salted(&digest::SHA1_FOR_LEGACY_USE_ONLY, rest),
                "SHA256" | "SSHA256" => salted(&digest::SHA256, rest),
                "SHA384" | "SSHA384" => salted(&digest::SHA384, rest),
                "SHA512" | "SSHA512" => salted(&digest::SHA512, rest),
                "PBKDF2" | "PBKDF2-SHA1" => pbkdf2_of("sha1", rest, true),
                "PBKDF2-SHA256" => pbkdf2_of("sha256", rest, true),
                "PBKDF2-SHA512" => pbkdf2_of("sha512", rest, true),
                _ => Err("is in an unsupported format"),
            };
        }
        if text.starts_with("$argon2") {
            return argon2_of(text);
        }
        if ["$2a$", "$2b$", "$2y$", "$2x$"].iter().any(|p| text.starts_with(p)) {
            return bcrypt_of(text);
        }
        if let Some(rest) = text.strip_prefix("$scrypt$") {
            return scrypt_of(rest);
        }
        if let Some((kind, rest)) = text.strip_prefix("$pbkdf2-").and_then(|t| t.split_once('$')) {
            return pbkdf2_of(kind, rest, true);
        }
        if let Some((kind, rest)) = text.strip_prefix("pbkdf2_").and_then(|t| t.split_once('$')) {
            return pbkdf2_of(kind, rest, false);
        }
        Err("is in an unsupported format")
    }

    /// Whether it has the current parameters. A hash with others is replaced at sign-in.
    #[must_use]
    pub fn is_current(&self) -> bool {
        let now = current_params();
        matches!(&self.0, HashScheme::Argon2 { algorithm: Algorithm::Argon2id, version: Version::V0x13, params, .. }
            if (params.m_cost(), params.t_cost(), params.p_cost()) == (now.m_cost(), now.t_cost(), now.p_cost()))
    }

    /// Whether `password` has this hash, compared in constant time. It is slow: call it on the hasher's
    /// threads only.
    pub(super) fn matches(&self, password: &Password, arena: &mut Arena) -> bool {
        let composed = self.matches_bytes(password.as_str().as_bytes(), arena);
        // Another system may have hashed the password without composing it.
        let foreign = !matches!(self.0, HashScheme::Argon2 { .. }) || !self.is_current();
        composed
            || (foreign
                && password.as_typed() != password.as_str()
                && self.matches_bytes(password.as_typed().as_bytes(), arena))
    }

    fn matches_bytes(&self, password: &[u8], arena: &mut Arena) -> bool {
        match &self.0 {
            HashScheme::Argon2 { algorithm, version, params, salt, hash } => {
                let argon2 = Argon2::new(*algorithm, *version, params.clone());
                let mut out = vec![0; hash.len()];
                let blocks = arena.blocks(params.block_count());
                argon2.hash_password_into_with_memory(password, salt, &mut out, blocks).is_ok()
                    && verify_slices_are_equal(&out, hash).is_ok()
            }
            HashScheme::Bcrypt(text) => bcrypt::verify(password, text).unwrap_or(false),
            HashScheme::Pbkdf2 { algorithm, rounds, salt, hash } => {
                pbkdf2::verify(*algorithm, *rounds, salt, password, hash).is_ok()
            }
            HashScheme::Scrypt { params, salt, hash } => {
                let mut out = vec![0; hash.len()];
                scrypt::scrypt(password, salt, params, &mut out).is_ok()
                    && verify_slices_are_equal(&out, hash).is_ok()
            }
            HashScheme::SaltedDigest { algorithm, salt, hash } => {
                let mut context = digest::Context::new(algorithm);
                context.update(password);
                context.update(salt);
                verify_slices_are_equal(context.finish().as_ref(), hash).is_ok()
            }
        }
    }
}

fn argon2_of(text: &str) -> Result<StoredHash, &'static str> {
    let broken = "is not a valid argon2 hash";
    let phc = PasswordHash::new(text).map_err(|_| broken)?;
    let algorithm = Algorithm::new(phc.algorithm.as_str()).map_err(|_| broken)?;
    let version = phc.version.map_or(Ok(Version::V0x10), Version::try_from).map_err(|_| broken)?;
    let params = Params::try_from(&phc).map_err(|_| broken)?;
    let (Some(salt), Some(hash)) = (phc.salt, phc.hash) else { return Err(broken) };
    if params.m_cost() > MOST_ARGON2_KIB
        || params.t_cost() > MOST_ARGON2_PASSES
        || params.p_cost() > MOST_LANES
    {
        return Err("has a higher cost than this server allows");
    }
    let (salt, hash) = (salt.as_ref().to_vec(), hash.as_ref().to_vec());
    Ok(StoredHash(HashScheme::Argon2 { algorithm, version, params, salt, hash }))
}

fn bcrypt_of(text: &str) -> Result<StoredHash, &'static str> {
    let cost: u32 = text.get(4..6).and_then(|n| n.parse().ok()).unwrap_or(0);
    let well_formed = text.len() == 60
        && text.as_bytes()[6] == b'$'
        && text[7..].bytes().all(|b| b.is_ascii_alphanumeric() || b == b'.' || b == b'/');
    if !well_formed || cost < 4 {
        return Err("is not a valid bcrypt hash");
    }
    if cost > MOST_BCRYPT_COST {
        return Err("has a higher cost than this server allows");
    }
    Ok(StoredHash(HashScheme::Bcrypt(text.to_owned())))
}

fn scrypt_of(rest: &str) -> Result<StoredHash, &'static str> {
    let broken = "is not a valid scrypt hash";
    let [params, salt, hash] = rest.split('$').collect::<Vec<_>>()[..] else { return Err(broken) };
    let number = |name: &str| -> Option<u32> {
        params.split(',').find_map(|p| p.strip_prefix(name)?.strip_prefix('=')?.parse().ok())
    };
    let (Some(log_n), Some(r), Some(p)) = (number("ln"), number("r"), number("p")) else {
        return Err(broken);
    };
    let bytes = 1_u64.checked_shl(log_n).and_then(|n| n.checked_mul(128 * u64::from(r)));
    if bytes.is_none_or(|bytes| bytes > MOST_SCRYPT_BYTES) || p > MOST_LANES {
        return Err("has a higher cost than this server allows");
    }
    let params = scrypt::Params::new(u8::try_from(log_n).map_err(|_| broken)?, r, p).map_err(|_| broken)?;
    let (salt, hash) = (decode(salt).ok_or(broken)?, decode(hash).ok_or(broken)?);
    if !(16..=64).contains(&hash.len()) {
        return Err(broken);
    }
    Ok(StoredHash(HashScheme::Scrypt { params, salt, hash }))
}

/// `rounds$salt$hash`, or PHC's `i=rounds,l=…$salt$hash`. `encoded` says whether the salt is Base64 too.
fn pbkdf2_of(kind: &str, rest: &str, encoded: bool) -> Result<StoredHash, &'static str> {
    let broken = "is not a valid PBKDF2 hash";
    let algorithm = match kind {
        "sha1" => pbkdf2::PBKDF2_HMAC_SHA1,
        "sha256" => pbkdf2::PBKDF2_HMAC_SHA256,
        "sha384" => pbkdf2::PBKDF2_HMAC_SHA384,
        "sha512" => pbkdf2::PBKDF2_HMAC_SHA512,
        _ => return Err("is in an unsupported format"),
    };
    let [params, salt, hash] = rest.split('$').collect::<Vec<_>>()[..] else { return Err(broken) };
    let rounds = params.split(',').next().unwrap_or(params);
    let rounds: u32 = rounds.strip_prefix("i=").unwrap_or(rounds).parse().map_err(|_| broken)?;
    if rounds > MOST_PBKDF2_ROUNDS {
        return Err("has a higher cost than this server allows");
    }
    let rounds = NonZeroU32::new(rounds).ok_or(broken)?;
    let salt = if encoded { decode(salt).ok_or(broken)? } else { salt.as_bytes().to_vec() };
    let hash = decode(hash).ok_or(broken)?;
    if !(16..=64).contains(&hash.len()) {
        return Err(broken);
    }
    Ok(StoredHash(HashScheme::Pbkdf2 { algorithm, rounds, salt, hash }))
}

/// The digest followed by the salt (RFC 2307 §5.3, and the schemes that LDAP servers added).
fn salted(algorithm: &'static digest::Algorithm, rest: &str) -> Result<StoredHash, &'static str> {
    let broken = "is not a valid salted hash";
    let bytes = decode(rest).ok_or(broken)?;
    let (hash, salt) = bytes.split_at_checked(algorithm.output_len()).ok_or(broken)?;
    Ok(StoredHash(HashScheme::SaltedDigest { algorithm, salt: salt.to_vec(), hash: hash.to_vec() }))
}

/// Base64, also in passlib's alphabet with a dot in place of the plus sign.
fn decode(text: &str) -> Option<Vec<u8>> {
    BASE64.decode(text.replace('.', "+")).ok()
}

#[cfg(test)]
#[path = "stored_hash_tests.rs"]
mod tests;
