//! Notices when requests come through a reverse proxy that is not in `server.trusted_proxies`: in the log at
//! once, and for `vestibule doctor`. Without that setting, all users have the proxy's address in the audit
//! trail, the sessions and the throttles.

use std::collections::HashSet;
use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};

use crate::apps::forward_auth::record_untrusted_proxy;
use crate::kernel::Kernel;

/// Anybody can send the headers of a proxy, so the number of remembered addresses is limited.
const MOST: usize = 20;

/// The addresses that this node has noticed since it started.
#[derive(Default)]
pub(crate) struct UntrustedProxies(Mutex<HashSet<IpAddr>>);

impl UntrustedProxies {
    /// Notices an address that forwards requests, once.
    pub(super) fn note(&self, kernel: &Kernel, address: IpAddr) {
        {
            let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            if known.len() >= MOST || !known.insert(address) {
                return;
            }
        }
        tracing::warn!(
            %address,
            "this address forwards requests of others and is not in server.trusted_proxies, so its headers are \
             ignored; add it if it is your reverse proxy"
        );
        let kernel = kernel.clone();
        tokio::spawn(async move {
            let recorded = async {
                let mut tx = kernel.db.begin().await?;
                record_untrusted_proxy(&mut tx, &address.to_string()).await?;
                tx.commit().await
            };
            if let Err(error) = recorded.await {
                tracing::warn!(%error, "the address of a reverse proxy could not be saved");
            }
        });
    }
}
