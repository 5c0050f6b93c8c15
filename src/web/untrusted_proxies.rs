//! Notices when requests come through a reverse proxy that is not in `server.trusted_proxies`: in the log at
//! once, and for `vestibule doctor`. Without that setting, all users have the proxy's address in the audit
//! trail, the sessions and the throttles.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::apps::forward_auth::{UntrustedProxy, record_untrusted_proxies};
use crate::kernel::{Kernel, Timestamp};

/// The largest number of addresses that are counted at once. Anybody can send the headers of a proxy, and a
/// new address takes the place of the least likely one. One that forwards more than the others stays.
const COUNTED: usize = 256;
/// The largest number of addresses that a node writes to its log.
const LOGGED: usize = 20;
/// How often counts are written to the database.
const WRITTEN_EVERY: Duration = Duration::from_mins(1);

/// What addresses have forwarded to this node since the counts were last written.
#[derive(Default)]
pub(crate) struct UntrustedProxies(Mutex<Counts>);

#[derive(Default)]
struct Counts {
    seen: HashMap<IpAddr, Forwarded>,
    written_at: Option<Timestamp>,
    logged: Vec<IpAddr>,
}

/// What one address has forwarded. The order is that of likelihood, and among equals that of time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Forwarded {
    for_application: bool,
    requests: i64,
    last_at: Timestamp,
}

impl UntrustedProxies {
    /// Counts a forwarded request. `for_application` says whether it is about a host of the application that is
    /// asked for. The first counts are written at once, and others with the next request after a minute.
    pub(super) fn note(&self, kernel: &Kernel, address: IpAddr, for_application: bool) {
        let now = kernel.clock.now();
        let mut counts = self.counts();
        counts.add(address, for_application, now);
        let Some(due) = counts.take_due(now) else { return };
        drop(counts);
        let kernel = kernel.clone();
        tokio::spawn(async move {
            let recorded = async {
                let mut tx = kernel.db.begin().await?;
                record_untrusted_proxies(&mut tx, due).await?;
                tx.commit().await
            };
            if let Err(error) = recorded.await {
                tracing::warn!(%error, "the addresses of reverse proxies could not be saved");
            }
        });
    }

    fn counts(&self) -> MutexGuard<'_, Counts> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Counts {
    fn add(&mut self, address: IpAddr, for_application: bool, now: Timestamp) {
        if self.seen.len() >= COUNTED
            && !self.seen.contains_key(&address)
            && let Some(least) = self.seen.iter().min_by_key(|(_, forwarded)| **forwarded).map(|(ip, _)| *ip)
        {
            self.seen.remove(&least);
        }
        let new = Forwarded { for_application: false, requests: 0, last_at: now };
        let forwarded = self.seen.entry(address).or_insert(new);
        forwarded.for_application |= for_application;
        forwarded.requests += 1;
        forwarded.last_at = now;
    }

    /// The counts, if it is time to write them. The likeliest address is logged, once.
    fn take_due(&mut self, now: Timestamp) -> Option<Vec<UntrustedProxy>> {
        if self.written_at.is_some_and(|at| now < at.plus(WRITTEN_EVERY)) {
            return None;
        }
        self.written_at = Some(now);
        let likeliest = self.seen.iter().max_by_key(|(_, forwarded)| **forwarded).map(|(ip, _)| *ip);
        if let Some(address) = likeliest.filter(|ip| self.logged.len() < LOGGED && !self.logged.contains(ip))
        {
            self.logged.push(address);
            tracing::warn!(
                %address,
                "this address forwards requests of others and is not in server.trusted_proxies, so its headers are \
                 ignored; add it if it is your reverse proxy"
            );
        }
        let proxy = |(address, forwarded): (IpAddr, Forwarded)| UntrustedProxy {
            address,
            requests: forwarded.requests,
            for_application: forwarded.for_application,
        };
        Some(std::mem::take(&mut self.seen).into_iter().map(proxy).collect())
    }
}
