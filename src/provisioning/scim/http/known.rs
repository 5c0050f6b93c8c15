//! Tokens that were accepted a moment ago. A directory sends thousands of requests with one token; asking for it each
//! time is half the work of a look-up.
//!
//! What an administrator changes on this node is seen by the next request; what is changed on another, or by the
//! command line, within half a second.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use super::{Client, Provisioner, UserMemory};
use crate::access::tokens::{self, Bearer, TokenPurpose};
use crate::idp::connections::ScimSettings;
use crate::kernel::{Kernel, Timestamp, tokens as secrets};

/// How long an answer is good.
const GOOD_FOR: Duration = Duration::from_millis(500);
/// Tokens that are remembered; with more, the memory begins anew.
const MOST: usize = 1000;

/// The memory of this node. Real time, not the kernel's: it is about other nodes.
#[derive(Default)]
pub(super) struct Known {
    clients: Mutex<HashMap<String, Remembered>>,
    /// Rises when everything is forgotten: what was asked before that is not remembered after it.
    generation: AtomicU64,
    users: Arc<UserMemory>,
}

struct Remembered {
    since: Instant,
    expires_at: Option<Timestamp>,
    client: Provisioner,
}

impl Known {
    /// Whom a token stands for.
    ///
    /// # Errors
    /// The database's.
    pub(super) async fn identify(
        &self,
        kernel: &Kernel,
        secret: &str,
    ) -> Result<Option<Provisioner>, sqlx::Error> {
        let hash = secrets::hash(secret);
        if let Some(client) = self.recall(&hash, kernel) {
            return Ok(Some(client));
        }
        let generation = self.generation.load(Ordering::SeqCst);
        let found = tokens::authenticate(kernel, secret, TokenPurpose::Scim).await?;
        let Some(Bearer { principal, connection: Some(connection), expires_at }) = found else {
            return Ok(None);
        };
        let client = Provisioner::from(Client {
            principal,
            connection_id: connection.id,
            name: connection.name,
            settings: ScimSettings::parse(&connection.settings),
            enabled: connection.enabled,
            paused: connection.paused,
            users: self.users.clone(),
        });
        let mut all = self.clients.lock().unwrap_or_else(PoisonError::into_inner);
        if all.len() >= MOST {
            all.clear();
        }
        // Under the lock, which whoever forgets takes after raising the generation.
        if self.generation.load(Ordering::SeqCst) == generation {
            all.insert(hash, Remembered { since: Instant::now(), expires_at, client: client.clone() });
        }
        Ok(Some(client))
    }

    fn recall(&self, hash: &str, kernel: &Kernel) -> Option<Provisioner> {
        let all = self.clients.lock().unwrap_or_else(PoisonError::into_inner);
        let known = all.get(hash)?;
        let ended = known.expires_at.is_some_and(|end| end <= kernel.clock.now());
        (known.since.elapsed() < GOOD_FOR && !ended).then(|| known.client.clone())
    }

    /// Forgets all: something was changed here.
    pub(super) fn forget(&self) {
        self.generation.fetch_add(1, Ordering::SeqCst);
        self.clients.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }
}
