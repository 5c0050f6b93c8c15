//! Client authentication with a key of our own (`private_key_jwt`).

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use jsonwebtoken::jwk::{Jwk, JwkSet, PublicKeyUse};
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use rcgen::{KeyPair, PKCS_ECDSA_P256_SHA256};
use serde_json::json;

use crate::directory::Error;
use crate::idp::connections::{self, Connection};
use crate::kernel::{Kernel, Tx, ids, vault};

/// The name of the client secret among the connection's secrets.
pub const CLIENT_SECRET: &str = "client_secret";
/// The name of the private key among the connection's secrets. The value is base64 of PKCS#8.
const CLIENT_KEY: &str = "client_key";

/// Generates the key for client assertions, unless the connection has one.
pub async fn ensure_client_key(kernel: &Kernel, tx: &mut Tx, connection: &Connection) -> Result<(), Error> {
    if connections::has_secret(tx, &connection.id, CLIENT_KEY).await? {
        return Ok(());
    }
    let pair = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256);
    let pair = pair.map_err(|error| Error::Internal(error.to_string()))?;
    connections::set_secret(kernel, tx, connection, CLIENT_KEY, &STANDARD.encode(pair.serialize_der())).await
}

async fn client_key(kernel: &Kernel, connection: &Connection) -> Result<Option<EncodingKey>, vault::Error> {
    let kept = connections::secret(kernel, connection, CLIENT_KEY).await?;
    let der = kept.and_then(|text| STANDARD.decode(text).ok());
    Ok(der.map(|der| EncodingKey::from_ec_der(&der)))
}

fn public_jwk(key: &EncodingKey) -> Option<Jwk> {
    let mut jwk = Jwk::from_encoding_key(key, Algorithm::ES256).ok()?;
    jwk.common.key_id = jwk.thumbprint(jsonwebtoken::jwk::ThumbprintHash::SHA256).ok();
    jwk.common.public_key_use = Some(PublicKeyUse::Signature);
    Some(jwk)
}

/// The public key for the provider; an empty set if there is no key.
pub(super) async fn public_jwks(kernel: &Kernel, connection: &Connection) -> Result<JwkSet, vault::Error> {
    let key = client_key(kernel, connection).await?;
    Ok(JwkSet { keys: key.as_ref().and_then(public_jwk).into_iter().collect() })
}

/// A signed client assertion for one request (RFC 7523 §2.2), valid for one minute; `None` if there is no
/// key.
pub(super) async fn client_assertion(
    kernel: &Kernel,
    connection: &Connection,
    client_id: &str,
    audience: &str,
) -> Result<Option<String>, vault::Error> {
    let Some(key) = client_key(kernel, connection).await? else { return Ok(None) };
    let now = kernel.clock.now();
    let seconds = now.0 / 1000;
    let claims = json!({"iss": client_id, "sub": client_id, "aud": audience, "jti": ids::new_id(now),
        "iat": seconds, "exp": seconds + 60});
    let header =
        Header { kid: public_jwk(&key).and_then(|jwk| jwk.common.key_id), ..Header::new(Algorithm::ES256) };
    Ok(jsonwebtoken::encode(&header, &claims, &key).ok())
}
