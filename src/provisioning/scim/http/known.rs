//! Tokens that were accepted a moment ago. A directory sends thousands of requests with one token; asking for it each
//! time is half the work of a look-up.
//!
//! What an administrator changes on this node is seen by the next request; what is changed on another, or by the
//! command line, within half a second.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use crate::access::tokens::{self, Bearer, TokenPurpose};
use crate::kernel::{Kernel, tokens as secrets};

/// How long an answer is good.
const GOOD_FOR: Duration = Duration::from_millis(500);
/// Tokens that are remembered; with more, the memory begins anew.
const MOST: usize = 1000;

/// The memory of this node. Real time, not the kernel's: it is about other nodes.
#[derive(Default)]
pub(super) struct Known {
    bearers: Mutex<HashMap<String, (Instant, Bearer)>>,
    /// Rises when everything is forgotten: what was asked before that is not remembered after it.
    generation: AtomicU64,
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
    ) -> Result<Option<Bearer>, sqlx::Error> {
        let hash = secrets::hash(secret);
        if let Some(bearer) = self.recall(&hash, kernel) {
            return Ok(Some(bearer));
        }
        let generation = self.generation.load(Ordering::SeqCst);
        let found = tokens::authenticate(kernel, secret, TokenPurpose::Scim).await?;
        if let Some(bearer) = &found {
            let mut all = self.bearers.lock().unwrap_or_else(PoisonError::into_inner);
            if all.len() >= MOST {
                all.clear();
            }
            // Under the lock, which whoever forgets takes after raising the generation.
            if self.generation.load(Ordering::SeqCst) == generation {
                all.insert(hash, (Instant::now(), bearer.clone()));
            }
        }
        Ok(found)
    }

    fn recall(&self, hash: &str, kernel: &Kernel) -> Option<Bearer> {
        let all = self.bearers.lock().unwrap_or_else(PoisonError::into_inner);
        let (since, bearer) = all.get(hash)?;
        let ended = bearer.expires_at.is_some_and(|end| end <= kernel.clock.now());
        (since.elapsed() < GOOD_FOR && !ended).then(|| bearer.clone())
    }

    /// Forgets all: something was changed here.
    pub(super) fn forget(&self) {
        self.generation.fetch_add(1, Ordering::SeqCst);
        self.bearers.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }
}
