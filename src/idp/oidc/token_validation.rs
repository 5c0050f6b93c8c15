//! Validates the signed tokens of a provider. Pure: takes a token, keys and expectations, and returns the
//! claims or the check that failed.

use std::time::Duration;

use aws_lc_rs::digest;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::jwk::{AlgorithmParameters, EllipticCurve, Jwk, PublicKeyUse};
use jsonwebtoken::{Algorithm, DecodingKey};
use serde::Deserialize;
use serde_json::{Map, Value};

use super::check::OidcCheck;
use crate::idp::report::{CheckFailed, CheckReport, CheckResult, check_that};
use crate::kernel::{Timestamp, tokens};

/// The claims of a token.
pub(super) type Claims = Map<String, Value>;

/// The accepted difference between the provider's clock and ours.
pub(super) const SKEW: Duration = Duration::from_mins(2);
/// The age limit of a logout token. A provider sends it at once, so an older one was kept and may be a replay.
const MAX_LOGOUT_AGE: Duration = Duration::from_mins(10);
/// The size limit of a token.
const MAX_BYTES: usize = 64 * 1024;

/// What every token must match.
#[derive(Debug, Clone, Copy)]
pub(super) struct ExpectedToken<'a> {
    /// The issuer of the discovery document. `{tenantid}` in it stands for the token's own `tid`.
    pub(super) issuer: &'a str,
    pub(super) client_id: &'a str,
    pub(super) keys: &'a [Jwk],
    pub(super) now: Timestamp,
}

/// What an ID token must match in addition.
#[derive(Debug, Clone, Copy)]
pub(super) struct ExpectedIdToken<'a> {
    pub(super) nonce: &'a str,
    /// Whether a token without a nonce is accepted.
    pub(super) nonce_is_optional: bool,
    pub(super) access_token: &'a str,
}

/// Validates an ID token (OpenID Connect Core §3.1.3.7).
pub(super) fn validate_id_token(
    report: &mut CheckReport<OidcCheck>,
    token: &str,
    expected: &ExpectedToken<'_>,
    expected_id_token: &ExpectedIdToken<'_>,
) -> Result<Claims, CheckFailed<OidcCheck>> {
    let ValidToken { claims, algorithm, .. } = validate_token(report, token, expected)?;
    let nonce = text_claim(&claims, "nonce");
    let fits = match nonce {
        Some(nonce) => tokens::constant_time_eq(nonce, expected_id_token.nonce),
        None => expected_id_token.nonce_is_optional,
    };
    report
        .record(OidcCheck::Nonce, check_that(fits, "the nonce of this sign-in", nonce.unwrap_or("none")))?;
    if let Some(hash) = text_claim(&claims, "at_hash") {
        let wanted = half_hash(algorithm, expected_id_token.access_token);
        report.record(OidcCheck::AccessToken, check_that(hash == wanted, &wanted, hash))?;
    }
    let subject = text_claim(&claims, "sub").unwrap_or_default();
    let fits = !subject.is_empty() && subject.len() <= 255;
    report.record(OidcCheck::Subject, check_that(fits, "a subject of at most 255 characters", subject))?;
    Ok(claims)
}

/// Validates a logout token (OpenID Connect Back-Channel Logout §2.6).
pub(super) fn validate_logout_token(
    report: &mut CheckReport<OidcCheck>,
    token: &str,
    expected: &ExpectedToken<'_>,
) -> Result<Claims, CheckFailed<OidcCheck>> {
    const EVENT: &str = "http://schemas.openid.net/event/backchannel-logout";
    let ValidToken { claims, media_type, .. } = validate_token(report, token, expected)?;
    let media_type = media_type.map(|name| name.to_ascii_lowercase());
    // Few providers send the type that the standard recommends. Another one names a token for another purpose.
    let fits = matches!(
        media_type.as_deref(),
        None | Some("jwt" | "application/jwt" | "logout+jwt" | "application/logout+jwt")
    );
    let found = media_type.as_deref().unwrap_or("none");
    report.require(OidcCheck::Logout, fits, "the type logout+jwt or JWT", found)?;
    let issued = seconds_claim(&claims, "iat").unwrap_or(Timestamp(0));
    let fits = expected.now < issued.plus(MAX_LOGOUT_AGE + SKEW);
    let wanted = "a logout token issued in the last ten minutes";
    report.require(OidcCheck::Times, fits, wanted, format!("issued at {issued}"))?;
    let is_logout =
        claims.get("events").is_some_and(|events| events.get(EVENT).is_some_and(Value::is_object));
    // A nonce is prohibited, so that an ID token cannot be used as a logout token.
    let fits = is_logout && !claims.contains_key("nonce");
    report.record(
        OidcCheck::Logout,
        check_that(fits, EVENT, if is_logout { "a nonce" } else { "no logout event" }),
    )?;
    let named = text_claim(&claims, "sub").or(text_claim(&claims, "sid"));
    report.record(
        OidcCheck::Subject,
        check_that(named.is_some(), "a subject (sub) or a session ID (sid)", named.unwrap_or("none")),
    )?;
    let id = text_claim(&claims, "jti");
    report.record(OidcCheck::Replay, check_that(id.is_some(), "a token ID (jti)", id.unwrap_or("none")))?;
    Ok(claims)
}

#[derive(Deserialize)]
struct JoseHeader {
    alg: String,
    typ: Option<String>,
    kid: Option<String>,
    crit: Option<Value>,
}

/// A token that satisfies what every token must.
struct ValidToken {
    claims: Claims,
    algorithm: Algorithm,
    /// The `typ` of its header.
    media_type: Option<String>,
}

/// Checks what every token must satisfy: it is signed with one of the keys, comes from the issuer, is meant
/// for us, and is valid now.
fn validate_token(
    report: &mut CheckReport<OidcCheck>,
    token: &str,
    expected: &ExpectedToken<'_>,
) -> Result<ValidToken, CheckFailed<OidcCheck>> {
    let unreadable = |report: &CheckReport<OidcCheck>| {
        report.fail(OidcCheck::Token, "a signed JSON Web Token (JWT)", token)
    };
    let parts: Vec<&str> = token.split('.').collect();
    let [header, payload, signature] = parts[..] else { return Err(unreadable(report)) };
    let decode = |part: &str| URL_SAFE_NO_PAD.decode(part).ok().filter(|_| token.len() <= MAX_BYTES);
    let read = decode(header).and_then(|bytes| serde_json::from_slice::<JoseHeader>(&bytes).ok());
    let Some(header) = read.filter(|header| header.crit.is_none()) else { return Err(unreadable(report)) };
    let claims = decode(payload).and_then(|bytes| serde_json::from_slice::<Claims>(&bytes).ok());
    let Some(claims) = claims else { return Err(unreadable(report)) };
    report.pass(OidcCheck::Token);

    let algorithm = allowed_algorithm(&header.alg);
    let allowed = "RS256, RS384, RS512, PS256, PS384, PS512, ES256, ES384 or EdDSA";
    report.record(OidcCheck::Algorithm, check_that(algorithm.is_some(), allowed, &header.alg))?;
    let algorithm = algorithm.ok_or_else(|| unreadable(report))?;
    let fitting: Vec<DecodingKey> = expected
        .keys
        .iter()
        .filter(|key| key_matches(key, algorithm, header.kid.as_deref()))
        .filter_map(|key| DecodingKey::from_jwk(key).ok())
        .collect();
    let kid = header.kid.as_deref().unwrap_or("no key ID");
    report
        .record(OidcCheck::Key, check_that(!fitting.is_empty(), "a key that the provider publishes", kid))?;
    let signed = &token[..token.len() - signature.len() - 1];
    let good = fitting.iter().any(|key| {
        jsonwebtoken::crypto::verify(signature, signed.as_bytes(), key, algorithm).unwrap_or(false)
    });
    report.require(OidcCheck::Signature, good, "a signature made with this key", "a different signature")?;
    report.pass(OidcCheck::Signature);

    let tenant = text_claim(&claims, "tid").unwrap_or_default();
    let issuer = expected.issuer.replace("{tenantid}", tenant);
    let found = text_claim(&claims, "iss").unwrap_or_default();
    report.record(OidcCheck::Issuer, check_that(found == issuer, &issuer, found))?;
    report.record(OidcCheck::Audience, audience(&claims, expected.client_id))?;
    report.record(OidcCheck::AuthorizedParty, authorized_party(&claims, expected.client_id))?;
    report.record(OidcCheck::Times, times(&claims, expected.now))?;
    Ok(ValidToken { claims, algorithm, media_type: header.typ })
}

/// The accepted algorithms: neither `none` nor any with a shared secret.
fn allowed_algorithm(name: &str) -> Option<Algorithm> {
    Some(match name {
        "RS256" => Algorithm::RS256,
        "RS384" => Algorithm::RS384,
        "RS512" => Algorithm::RS512,
        "PS256" => Algorithm::PS256,
        "PS384" => Algorithm::PS384,
        "PS512" => Algorithm::PS512,
        "ES256" => Algorithm::ES256,
        "ES384" => Algorithm::ES384,
        "EdDSA" => Algorithm::EdDSA,
        _ => return None,
    })
}

/// Whether the key may have made a signature with this algorithm and key id.
fn key_matches(key: &Jwk, algorithm: Algorithm, kid: Option<&str>) -> bool {
    let of_kind = match (&key.algorithm, algorithm) {
        (AlgorithmParameters::EllipticCurve(curve), Algorithm::ES256) => curve.curve == EllipticCurve::P256,
        (AlgorithmParameters::EllipticCurve(curve), Algorithm::ES384) => curve.curve == EllipticCurve::P384,
        (AlgorithmParameters::OctetKeyPair(_), Algorithm::EdDSA) => true,
        (AlgorithmParameters::RSA(_), _) => {
            !matches!(algorithm, Algorithm::ES256 | Algorithm::ES384 | Algorithm::EdDSA)
        }
        _ => false,
    };
    let signs = !matches!(key.common.public_key_use, Some(PublicKeyUse::Encryption));
    let named = kid.is_none_or(|kid| key.common.key_id.as_deref() == Some(kid));
    of_kind && signs && named
}

pub(super) fn text_claim<'a>(claims: &'a Claims, name: &str) -> Option<&'a str> {
    claims.get(name).and_then(Value::as_str)
}

/// A time in seconds since 1970 (RFC 7519 §2, `NumericDate`).
pub(super) fn seconds_claim(claims: &Claims, name: &str) -> Option<Timestamp> {
    let seconds = claims.get(name).and_then(Value::as_f64)?;
    // The limit is beyond any real date, and the result still fits in milliseconds.
    (0.0..1e12).contains(&seconds).then(|| Timestamp(to_millis(seconds)))
}

fn audiences(claims: &Claims) -> Vec<&str> {
    match claims.get("aud") {
        Some(Value::String(one)) => vec![one],
        Some(Value::Array(many)) => many.iter().filter_map(Value::as_str).collect(),
        _ => Vec::new(),
    }
}

fn audience(claims: &Claims, client_id: &str) -> CheckResult {
    let all = audiences(claims);
    check_that(all.contains(&client_id), client_id, all.join(", "))
}

fn authorized_party(claims: &Claims, client_id: &str) -> CheckResult {
    let party = text_claim(claims, "azp");
    let fits = match party {
        Some(party) => party == client_id,
        None => audiences(claims).len() == 1,
    };
    check_that(fits, client_id, party.unwrap_or("none"))
}

fn times(claims: &Claims, now: Timestamp) -> CheckResult {
    let at = |name: &str| seconds_claim(claims, name);
    let (Some(end), Some(issued)) = (at("exp"), at("iat")) else {
        return check_that(false, "valid exp and iat claims", "missing or invalid claims");
    };
    let begin = at("nbf").unwrap_or(issued).max(issued);
    let found = format!("from {begin} until {end}");
    check_that(begin <= now.plus(SKEW) && now < end.plus(SKEW), format!("valid at {now}"), found)
}

#[expect(clippy::cast_possible_truncation, reason = "the caller has checked the range")]
fn to_millis(seconds: f64) -> i64 {
    (seconds * 1000.0) as i64
}

/// The expected `at_hash`: the left half of the hash that belongs to the algorithm (OpenID Connect Core
/// §3.1.3.6).
fn half_hash(algorithm: Algorithm, token: &str) -> String {
    let hash = match algorithm {
        Algorithm::RS384 | Algorithm::PS384 | Algorithm::ES384 => &digest::SHA384,
        Algorithm::RS512 | Algorithm::PS512 | Algorithm::EdDSA => &digest::SHA512,
        _ => &digest::SHA256,
    };
    let full = digest::digest(hash, token.as_bytes());
    let bytes = full.as_ref();
    URL_SAFE_NO_PAD.encode(&bytes[..bytes.len() / 2])
}
