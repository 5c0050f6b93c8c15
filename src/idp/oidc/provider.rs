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

use super::metadata::{ProviderMetadata, join_url};
use super::presets::PeopleScope;
use super::request_options;
use crate::idp::connections::OidcSettings;
use crate::kernel::{Kernel, Timestamp, http_client};

/// How long what was read is good.
const FRESH_FOR: Duration = Duration::from_hours(1);
/// How long it is used when it cannot be read again.
const USABLE_FOR: Duration = Duration::from_hours(24);
/// How soon keys are read again for one that is not among them.
const KEY_REFRESH_INTERVAL: Duration = Duration::from_secs(30);
/// How long a provider that could not be read is left alone: whoever waits meanwhile need not wait once more each.
const RETRY_AFTER_FAILURE: Duration = Duration::from_secs(3);
/// A discovery document or a set of keys.
const MAX_BYTES: usize = 256 * 1024;
/// Providers that are remembered: more than a server has.
const MAX_PROVIDERS: usize = 10_000;

/// Why a provider cannot be used. The text is for its administrator.
#[derive(Debug, Clone, thiserror::Error)]
pub enum DiscoveryError {
    /// Not reached.
    #[error("{url}: {error}")]
    Unreachable {
        /// The address.
        url: String,
        /// Why.
        error: Arc<http_client::Error>,
    },
    /// It is no discovery document, or no set of keys.
    #[error("{0}: the answer is not what `OpenID` Connect Discovery asks for")]
    Malformed(String),
    /// The document is about another issuer (Discovery §4.3).
    #[error("the provider calls itself {0}: put exactly that into the issuer")]
    IssuerMismatch(String),
    /// It sends people to an address that is not safe.
    #[error("the provider's {0} must be an https address")]
    UnsafeEndpoint(&'static str),
}

/// What is known of a provider.
#[derive(Debug, Clone)]
pub(super) struct DiscoveredProvider {
    pub(super) metadata: Arc<ProviderMetadata>,
    pub(super) keys: Arc<Vec<Jwk>>,
    read_at: Timestamp,
    keys_refreshed_at: Option<Timestamp>,
}

/// What is known of one provider, and how the last attempt to read it failed.
#[derive(Default)]
struct CachedProvider {
    provider: Option<DiscoveredProvider>,
    last_failure: Option<(Timestamp, DiscoveryError)>,
}

type ProviderSlot = Arc<AsyncMutex<CachedProvider>>;

/// All that is known of providers, by issuer.
#[derive(Default)]
pub struct ProviderCache(Mutex<HashMap<String, ProviderSlot>>);

impl ProviderCache {
    fn slot(&self, settings: &OidcSettings) -> ProviderSlot {
        // What a document may say depends on the preset.
        let issuer = format!("{} {}", settings.preset.as_str(), settings.issuer);
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if all.len() >= MAX_PROVIDERS {
            all.clear();
        }
        all.entry(issuer).or_default().clone()
    }

    /// What is known of the provider of a connection; read when that is too old.
    pub(super) async fn discover(
        &self,
        kernel: &Kernel,
        settings: &OidcSettings,
    ) -> Result<DiscoveredProvider, DiscoveryError> {
        if let Some(metadata) = request_options::endpoints(settings) {
            check_endpoints(kernel, &metadata)?;
            let (keys, read_at) = (Arc::default(), kernel.clock.now());
            return Ok(DiscoveredProvider {
                metadata: Arc::new(metadata),
                keys,
                read_at,
                keys_refreshed_at: None,
            });
        }
        let slot = self.slot(settings);
        let mut memory = slot.lock().await;
        let now = kernel.clock.now();
        match memory.provider.as_ref() {
            Some(fresh) if now < fresh.read_at.plus(FRESH_FOR) => return Ok(fresh.clone()),
            _ => {}
        }
        let failed = memory.last_failure.take().filter(|(at, _)| now < at.plus(RETRY_AFTER_FAILURE));
        let read = match failed {
            Some((at, error)) => Err((at, error)),
            None => fetch_provider(kernel, settings).await.map_err(|error| (now, error)),
        };
        match read {
            Ok(read) => Ok(memory.provider.insert(read).clone()),
            Err((at, error)) => {
                memory.last_failure = Some((at, error.clone()));
                let old = memory.provider.clone().filter(|old| now < old.read_at.plus(USABLE_FOR));
                let Some(old) = old else { return Err(error) };
                tracing::warn!(issuer = settings.issuer, %error, "a provider was not reached; what is known is used");
                Ok(old)
            }
        }
    }

    /// How many keys a provider publishes; none where it is one that publishes nothing.
    pub async fn count_keys(
        &self,
        kernel: &Kernel,
        settings: &OidcSettings,
    ) -> Result<Option<usize>, DiscoveryError> {
        let provider = self.discover(kernel, settings).await?;
        Ok(provider.metadata.jwks_uri.is_some().then_some(provider.keys.len()))
    }

    /// The same with keys read anew, as one was not among them; unless that was tried a moment ago.
    pub(super) async fn refresh_keys(
        &self,
        kernel: &Kernel,
        settings: &OidcSettings,
    ) -> Result<DiscoveredProvider, DiscoveryError> {
        let slot = self.slot(settings);
        let mut memory = slot.lock().await;
        let now = kernel.clock.now();
        let mut provider = match memory.provider.as_ref() {
            Some(provider) => provider.clone(),
            None => fetch_provider(kernel, settings).await?,
        };
        if provider.keys_refreshed_at.is_none_or(|at| at.plus(KEY_REFRESH_INTERVAL) <= now) {
            provider.keys_refreshed_at = Some(now);
            match fetch_keys(kernel, &provider.metadata).await {
                Ok(keys) => provider.keys = Arc::new(keys),
                Err(error) => {
                    tracing::warn!(issuer = settings.issuer, %error, "a provider's keys were not read");
                }
            }
        }
        memory.provider = Some(provider.clone());
        Ok(provider)
    }
}

async fn fetch_provider(
    kernel: &Kernel,
    settings: &OidcSettings,
) -> Result<DiscoveredProvider, DiscoveryError> {
    let base =
        Url::parse(&settings.issuer).map_err(|_| DiscoveryError::Malformed(settings.issuer.clone()))?;
    let url = join_url(&base, ".well-known/openid-configuration");
    let text = fetch_text(kernel, &url).await?;
    let metadata: ProviderMetadata =
        serde_json::from_str(&text).map_err(|_| DiscoveryError::Malformed(url.clone()))?;
    // An Entra ID address for several tenants has a gap in its issuer; which tenant it is, the token says.
    let has_gap =
        settings.preset.spec().people == PeopleScope::Tenants && metadata.issuer.contains("{tenantid}");
    if metadata.issuer != settings.issuer && !has_gap {
        return Err(DiscoveryError::IssuerMismatch(metadata.issuer));
    }
    if metadata.token_endpoint.is_none() || metadata.jwks_uri.is_none() {
        return Err(DiscoveryError::Malformed(url));
    }
    check_endpoints(kernel, &metadata)?;
    let keys = Arc::new(fetch_keys(kernel, &metadata).await?);
    let read_at = kernel.clock.now();
    Ok(DiscoveredProvider { metadata: Arc::new(metadata), keys, read_at, keys_refreshed_at: None })
}

/// Browsers are sent to these, so they obey the rules for what we ask ourselves.
fn check_endpoints(kernel: &Kernel, metadata: &ProviderMetadata) -> Result<(), DiscoveryError> {
    let places = [
        ("authorization_endpoint", Some(&metadata.authorization_endpoint)),
        ("end_session_endpoint", metadata.end_session_endpoint.as_ref()),
    ];
    for (name, place) in places {
        let Some(text) = place else { continue };
        let url = Url::parse(text).map_err(|_| DiscoveryError::UnsafeEndpoint(name))?;
        kernel.http_client.check_url(&url).map_err(|_| DiscoveryError::UnsafeEndpoint(name))?;
    }
    Ok(())
}

async fn fetch_keys(kernel: &Kernel, metadata: &ProviderMetadata) -> Result<Vec<Jwk>, DiscoveryError> {
    #[derive(Deserialize)]
    struct JwksDocument {
        keys: Vec<Value>,
    }
    let url = metadata.jwks_uri.as_deref().unwrap_or_default();
    let text = fetch_text(kernel, url).await?;
    let set: JwksDocument =
        serde_json::from_str(&text).map_err(|_| DiscoveryError::Malformed(url.to_owned()))?;
    // Keys of kinds that are not known here are nobody's fault (RFC 7517 §5).
    Ok(set.keys.into_iter().filter_map(|key| serde_json::from_value(key).ok()).collect())
}

async fn fetch_text(kernel: &Kernel, url: &str) -> Result<String, DiscoveryError> {
    let parsed = Url::parse(url).map_err(|_| DiscoveryError::Malformed(url.to_owned()))?;
    let read = kernel.http_client.get_text(&parsed, MAX_BYTES).await;
    read.map_err(|error| DiscoveryError::Unreachable { url: url.to_owned(), error: Arc::new(error) })
}
