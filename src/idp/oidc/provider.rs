//! What a provider says about itself: its endpoints and its keys, read once for many sign-ins.
//!
//! One reads, all others wait for it: a restart at nine in the morning asks each provider once. Keys that are not
//! known are looked for again, at most every half minute: a token with an invented key id makes nobody ask.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use jsonwebtoken::jwk::Jwk;
use serde::Deserialize;
use serde_json::Value;
use tokio::sync::Mutex as AsyncMutex;
use url::Url;

use super::super::connections::{OidcSettings, Preset};
use super::presets;
use crate::kernel::{Kernel, Timestamp, outgoing};

/// How long what was read is good.
const FRESH: Duration = Duration::from_hours(1);
/// How long it is used when it cannot be read again.
const STALE: Duration = Duration::from_hours(24);
/// How soon keys are read again for one that is not among them.
const KEYS_AGAIN: Duration = Duration::from_secs(30);
/// How long a provider that could not be read is left alone: whoever waits meanwhile need not wait once more each.
const LEFT_ALONE: Duration = Duration::from_secs(3);
/// A discovery document or a set of keys.
const MAX_BYTES: usize = 256 * 1024;
/// Providers that are remembered: more than a server has.
const MAX_PROVIDERS: usize = 10_000;

/// Why a provider cannot be used. The text is for its administrator.
#[derive(Debug, Clone, thiserror::Error)]
pub enum Unusable {
    /// Not reached.
    #[error("{url}: {error}")]
    Unreachable {
        /// The address.
        url: String,
        /// Why.
        error: Arc<outgoing::Error>,
    },
    /// It is no discovery document, or no set of keys.
    #[error("{0}: the answer is not what `OpenID` Connect Discovery asks for")]
    Malformed(String),
    /// The document is about another issuer (Discovery §4.3).
    #[error("the provider calls itself {0}: put exactly that into the issuer")]
    OtherIssuer(String),
    /// It sends people to an address that is not safe.
    #[error("the provider's {0} must be an https address")]
    Address(&'static str),
}

/// The members of a discovery document that are used (`OpenID` Connect Discovery §3, RFC 8414, RFC 9207).
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(super) struct Metadata {
    pub(super) issuer: String,
    pub(super) authorization_endpoint: String,
    pub(super) token_endpoint: Option<String>,
    pub(super) userinfo_endpoint: Option<String>,
    pub(super) jwks_uri: Option<String>,
    pub(super) end_session_endpoint: Option<String>,
    pub(super) token_endpoint_auth_methods_supported: Vec<String>,
    pub(super) authorization_response_iss_parameter_supported: bool,
}

/// What is known of a provider.
#[derive(Debug, Clone)]
pub(super) struct Known {
    pub(super) metadata: Arc<Metadata>,
    pub(super) keys: Arc<Vec<Jwk>>,
    read_at: Timestamp,
    keys_looked_for_at: Option<Timestamp>,
}

/// What is known of one provider, and how the last attempt to read it failed.
#[derive(Default)]
struct Memory {
    known: Option<Known>,
    failed: Option<(Timestamp, Unusable)>,
}

type Place = Arc<AsyncMutex<Memory>>;

/// All that is known of providers, by issuer.
#[derive(Default)]
pub struct Providers(Mutex<HashMap<String, Place>>);

impl Providers {
    fn place(&self, settings: &OidcSettings) -> Place {
        // What a document may say depends on the preset.
        let issuer = format!("{} {}", settings.preset.as_str(), settings.issuer);
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if all.len() >= MAX_PROVIDERS {
            all.clear();
        }
        all.entry(issuer).or_default().clone()
    }

    /// What is known of the provider of a connection; read when that is too old.
    pub(super) async fn known(&self, kernel: &Kernel, settings: &OidcSettings) -> Result<Known, Unusable> {
        if let Some(metadata) = presets::endpoints(settings) {
            check_addresses(kernel, &metadata)?;
            let (keys, read_at) = (Arc::default(), kernel.clock.now());
            return Ok(Known { metadata: Arc::new(metadata), keys, read_at, keys_looked_for_at: None });
        }
        let place = self.place(settings);
        let mut memory = place.lock().await;
        let now = kernel.clock.now();
        match memory.known.as_ref() {
            Some(fresh) if now < fresh.read_at.plus(FRESH) => return Ok(fresh.clone()),
            _ => {}
        }
        let failed = memory.failed.take().filter(|(at, _)| now < at.plus(LEFT_ALONE));
        let read = match failed {
            Some((at, error)) => Err((at, error)),
            None => read(kernel, settings).await.map_err(|error| (now, error)),
        };
        match read {
            Ok(read) => Ok(memory.known.insert(read).clone()),
            Err((at, error)) => {
                memory.failed = Some((at, error.clone()));
                let old = memory.known.clone().filter(|old| now < old.read_at.plus(STALE));
                let Some(old) = old else { return Err(error) };
                tracing::warn!(issuer = settings.issuer, %error, "a provider was not reached; what is known is used");
                Ok(old)
            }
        }
    }

    /// How many keys a provider publishes; none where it is one that publishes nothing.
    ///
    /// # Errors
    /// [`Unusable`].
    pub async fn keys_of(&self, kernel: &Kernel, settings: &OidcSettings) -> Result<Option<usize>, Unusable> {
        let known = self.known(kernel, settings).await?;
        Ok(known.metadata.jwks_uri.is_some().then_some(known.keys.len()))
    }

    /// The same with keys read anew, as one was not among them; unless that was tried a moment ago.
    pub(super) async fn with_new_keys(
        &self,
        kernel: &Kernel,
        settings: &OidcSettings,
    ) -> Result<Known, Unusable> {
        let place = self.place(settings);
        let mut memory = place.lock().await;
        let now = kernel.clock.now();
        let mut known = match memory.known.as_ref() {
            Some(known) => known.clone(),
            None => read(kernel, settings).await?,
        };
        if known.keys_looked_for_at.is_none_or(|at| at.plus(KEYS_AGAIN) <= now) {
            known.keys_looked_for_at = Some(now);
            match read_keys(kernel, &known.metadata).await {
                Ok(keys) => known.keys = Arc::new(keys),
                Err(error) => {
                    tracing::warn!(issuer = settings.issuer, %error, "a provider's keys were not read");
                }
            }
        }
        memory.known = Some(known.clone());
        Ok(known)
    }
}

async fn read(kernel: &Kernel, settings: &OidcSettings) -> Result<Known, Unusable> {
    let base = Url::parse(&settings.issuer).map_err(|_| Unusable::Malformed(settings.issuer.clone()))?;
    let url = presets::below(&base, ".well-known/openid-configuration");
    let text = get(kernel, &url).await?;
    let metadata: Metadata = serde_json::from_str(&text).map_err(|_| Unusable::Malformed(url.clone()))?;
    // An Entra ID address for several tenants has a gap in its issuer; which tenant it is, the token says.
    let has_gap = settings.preset == Preset::Entra && metadata.issuer.contains("{tenantid}");
    if metadata.issuer != settings.issuer && !has_gap {
        return Err(Unusable::OtherIssuer(metadata.issuer));
    }
    if metadata.token_endpoint.is_none() || metadata.jwks_uri.is_none() {
        return Err(Unusable::Malformed(url));
    }
    check_addresses(kernel, &metadata)?;
    let keys = Arc::new(read_keys(kernel, &metadata).await?);
    let read_at = kernel.clock.now();
    Ok(Known { metadata: Arc::new(metadata), keys, read_at, keys_looked_for_at: None })
}

/// Browsers are sent to these, so they obey the rules for what we ask ourselves.
fn check_addresses(kernel: &Kernel, metadata: &Metadata) -> Result<(), Unusable> {
    let places = [
        ("authorization_endpoint", Some(&metadata.authorization_endpoint)),
        ("end_session_endpoint", metadata.end_session_endpoint.as_ref()),
    ];
    for (name, place) in places {
        let Some(text) = place else { continue };
        let url = Url::parse(text).map_err(|_| Unusable::Address(name))?;
        kernel.outgoing.check(&url).map_err(|_| Unusable::Address(name))?;
    }
    Ok(())
}

async fn read_keys(kernel: &Kernel, metadata: &Metadata) -> Result<Vec<Jwk>, Unusable> {
    #[derive(Deserialize)]
    struct Set {
        keys: Vec<Value>,
    }
    let url = metadata.jwks_uri.as_deref().unwrap_or_default();
    let text = get(kernel, url).await?;
    let set: Set = serde_json::from_str(&text).map_err(|_| Unusable::Malformed(url.to_owned()))?;
    // Keys of kinds that are not known here are nobody's fault (RFC 7517 §5).
    Ok(set.keys.into_iter().filter_map(|key| serde_json::from_value(key).ok()).collect())
}

async fn get(kernel: &Kernel, url: &str) -> Result<String, Unusable> {
    let parsed = Url::parse(url).map_err(|_| Unusable::Malformed(url.to_owned()))?;
    let read = kernel.outgoing.get_text(&parsed, MAX_BYTES).await;
    read.map_err(|error| Unusable::Unreachable { url: url.to_owned(), error: Arc::new(error) })
}
