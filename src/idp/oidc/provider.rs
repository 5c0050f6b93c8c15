//! Discovery: the endpoints and keys of a provider, cached for many sign-ins.
//!
//! When many sign-ins need the same provider, one of them reads it and the others wait, so that even after
//! a restart at the busiest hour each provider gets one request. For an unknown key id, the keys are read
//! again, but at most every 30 seconds, so that tokens with invented key ids cannot trigger a request each.

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
use crate::idp::connections::{OidcConnection, OidcSettings};
use crate::kernel::http_client::{self, HttpClient};
use crate::kernel::{Kernel, Timestamp};

/// How long a discovery document and its keys are used without being read again.
const FRESH_FOR: Duration = Duration::from_hours(1);
/// How long they are used if they cannot be read again.
const USABLE_FOR: Duration = Duration::from_hours(24);
/// The minimum interval between two readings of the keys because of an unknown key.
const KEY_REFRESH_INTERVAL: Duration = Duration::from_secs(30);
/// How long the last failure is returned without another attempt, so that sign-ins that waited for the
/// failed attempt do not each wait for their own.
const RETRY_AFTER_FAILURE: Duration = Duration::from_secs(3);
/// The size limit of a discovery document or a key set.
const MAX_BYTES: usize = 256 * 1024;
/// The size limit of the cache, more than a server has; beyond it, the cache is emptied.
const MAX_PROVIDERS: usize = 10_000;

/// Why a provider cannot be used. The text is for administrators.
#[derive(Debug, Clone, thiserror::Error)]
pub enum DiscoveryError {
    /// It was not reached.
    #[error("{url}: {error}")]
    Unreachable {
        /// The URL.
        url: String,
        /// The reason.
        error: Arc<http_client::Error>,
    },
    /// The response is not a discovery document or a key set.
    #[error("{0}: the response is not valid OpenID Connect discovery metadata")]
    Malformed(String),
    /// The document is about another issuer (OpenID Connect Discovery §4.3).
    #[error("the provider states the issuer {0}; enter exactly this value as the issuer")]
    IssuerMismatch(String),
    /// An endpoint for browsers is not a safe URL.
    #[error("the {0} of the provider must be an https URL")]
    UnsafeEndpoint(&'static str),
}

impl DiscoveryError {
    /// The exact cause, for the operator.
    #[must_use]
    pub fn cause(&self) -> String {
        match self {
            Self::Unreachable { url, error } => format!("{url}: {}", error.cause()),
            other => other.to_string(),
        }
    }
}

/// A provider's metadata and keys.
#[derive(Debug, Clone)]
pub(super) struct DiscoveredProvider {
    pub(super) metadata: Arc<ProviderMetadata>,
    pub(super) keys: Arc<Vec<Jwk>>,
    read_at: Timestamp,
    keys_refreshed_at: Option<Timestamp>,
}

/// The cached provider, and the last failure to read it.
#[derive(Default)]
struct CachedProvider {
    provider: Option<DiscoveredProvider>,
    last_failure: Option<(Timestamp, DiscoveryError)>,
}

type ProviderSlot = Arc<AsyncMutex<CachedProvider>>;

/// All discovered providers, by account, preset and issuer.
#[derive(Default)]
pub struct ProviderCache(Mutex<HashMap<String, ProviderSlot>>);

impl ProviderCache {
    fn slot(&self, connection: &OidcConnection) -> ProviderSlot {
        let settings = &connection.settings;
        // Which documents are accepted depends on the preset, and which can be read on the account.
        let (account, preset) = (&connection.account_id, settings.preset.as_str());
        let issuer = format!("{account} {preset} {}", settings.issuer);
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if all.len() >= MAX_PROVIDERS {
            all.clear();
        }
        all.entry(issuer).or_default().clone()
    }

    /// The provider of a connection, read again if the cached copy is too old.
    pub(super) async fn discover(
        &self,
        kernel: &Kernel,
        connection: &OidcConnection,
    ) -> Result<DiscoveredProvider, DiscoveryError> {
        let settings = &connection.settings;
        let http = connection.http_client(kernel);
        if let Some(metadata) = request_options::endpoints(settings) {
            check_endpoints(&http, &metadata)?;
            let (keys, read_at) = (Arc::default(), kernel.clock.now());
            return Ok(DiscoveredProvider {
                metadata: Arc::new(metadata),
                keys,
                read_at,
                keys_refreshed_at: None,
            });
        }
        let slot = self.slot(connection);
        let mut memory = slot.lock().await;
        let now = kernel.clock.now();
        match memory.provider.as_ref() {
            Some(fresh) if now < fresh.read_at.plus(FRESH_FOR) => return Ok(fresh.clone()),
            _ => {}
        }
        let failed = memory.last_failure.take().filter(|(at, _)| now < at.plus(RETRY_AFTER_FAILURE));
        let read = match failed {
            Some((at, error)) => Err((at, error)),
            None => fetch_provider(&http, settings, now).await.map_err(|error| (now, error)),
        };
        match read {
            Ok(read) => Ok(memory.provider.insert(read).clone()),
            Err((at, error)) => {
                memory.last_failure = Some((at, error.clone()));
                let old = memory.provider.clone().filter(|old| now < old.read_at.plus(USABLE_FOR));
                let Some(old) = old else { return Err(error) };
                tracing::warn!(
                    issuer = settings.issuer,
                    %error,
                    "could not read a provider's configuration; using the cached one"
                );
                Ok(old)
            }
        }
    }

    /// The number of keys that a provider publishes; `None` for plain OAuth 2.0, which publishes none.
    pub async fn count_keys(
        &self,
        kernel: &Kernel,
        connection: &OidcConnection,
    ) -> Result<Option<usize>, DiscoveryError> {
        let provider = self.discover(kernel, connection).await?;
        Ok(provider.metadata.jwks_uri.is_some().then_some(provider.keys.len()))
    }

    /// The provider with its keys read again because one was missing, unless they were read a moment ago.
    pub(super) async fn refresh_keys(
        &self,
        kernel: &Kernel,
        connection: &OidcConnection,
    ) -> Result<DiscoveredProvider, DiscoveryError> {
        let (settings, http) = (&connection.settings, connection.http_client(kernel));
        let slot = self.slot(connection);
        let mut memory = slot.lock().await;
        let now = kernel.clock.now();
        let mut provider = match memory.provider.as_ref() {
            Some(provider) => provider.clone(),
            None => fetch_provider(&http, settings, now).await?,
        };
        if provider.keys_refreshed_at.is_none_or(|at| at.plus(KEY_REFRESH_INTERVAL) <= now) {
            provider.keys_refreshed_at = Some(now);
            match fetch_keys(&http, &provider.metadata).await {
                Ok(keys) => provider.keys = Arc::new(keys),
                Err(error) => {
                    tracing::warn!(
                        issuer = settings.issuer,
                        %error,
                        "could not read a provider's keys; using the cached ones"
                    );
                }
            }
        }
        memory.provider = Some(provider.clone());
        Ok(provider)
    }
}

async fn fetch_provider(
    http: &HttpClient,
    settings: &OidcSettings,
    now: Timestamp,
) -> Result<DiscoveredProvider, DiscoveryError> {
    let base =
        Url::parse(&settings.issuer).map_err(|_| DiscoveryError::Malformed(settings.issuer.clone()))?;
    let url = join_url(&base, ".well-known/openid-configuration");
    let text = fetch_text(http, &url).await?;
    let metadata: ProviderMetadata =
        serde_json::from_str(&text).map_err(|_| DiscoveryError::Malformed(url.clone()))?;
    // The issuer in an Entra ID document for several tenants has a placeholder; the token names the tenant.
    let has_gap =
        settings.preset.spec().people == PeopleScope::Tenants && metadata.issuer.contains("{tenantid}");
    if metadata.issuer != settings.issuer && !has_gap {
        return Err(DiscoveryError::IssuerMismatch(metadata.issuer));
    }
    if metadata.token_endpoint.is_none() || metadata.jwks_uri.is_none() {
        return Err(DiscoveryError::Malformed(url));
    }
    check_endpoints(http, &metadata)?;
    let keys = Arc::new(fetch_keys(http, &metadata).await?);
    Ok(DiscoveredProvider { metadata: Arc::new(metadata), keys, read_at: now, keys_refreshed_at: None })
}

/// Checks the endpoints that browsers are sent to by the same rules as the URLs of our own requests.
fn check_endpoints(http: &HttpClient, metadata: &ProviderMetadata) -> Result<(), DiscoveryError> {
    let places = [
        ("authorization_endpoint", Some(&metadata.authorization_endpoint)),
        ("end_session_endpoint", metadata.end_session_endpoint.as_ref()),
    ];
    for (name, place) in places {
        let Some(text) = place else { continue };
        let url = Url::parse(text).map_err(|_| DiscoveryError::UnsafeEndpoint(name))?;
        http.check_url(&url).map_err(|_| DiscoveryError::UnsafeEndpoint(name))?;
    }
    Ok(())
}

async fn fetch_keys(http: &HttpClient, metadata: &ProviderMetadata) -> Result<Vec<Jwk>, DiscoveryError> {
    #[derive(Deserialize)]
    struct JwksDocument {
        keys: Vec<Value>,
    }
    let url = metadata.jwks_uri.as_deref().unwrap_or_default();
    let text = fetch_text(http, url).await?;
    let set: JwksDocument =
        serde_json::from_str(&text).map_err(|_| DiscoveryError::Malformed(url.to_owned()))?;
    // Keys of unknown types are ignored (RFC 7517 §5).
    Ok(set.keys.into_iter().filter_map(|key| serde_json::from_value(key).ok()).collect())
}

async fn fetch_text(http: &HttpClient, url: &str) -> Result<String, DiscoveryError> {
    let parsed = Url::parse(url).map_err(|_| DiscoveryError::Malformed(url.to_owned()))?;
    let read = http.get_text(&parsed, MAX_BYTES).await;
    read.map_err(|error| DiscoveryError::Unreachable { url: url.to_owned(), error: Arc::new(error) })
}
