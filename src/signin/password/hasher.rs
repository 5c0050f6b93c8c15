//! argon2id on a bounded number of threads with memory that is used again.
//!
//! One hash fills 19 MiB; getting them fresh from the system costs a sixth of the time. So there is
//! one arena a core, made when first needed and given back when idle. At most as many hashes run as
//! there are cores, a bounded number wait, and the rest are told to come back: a flood of sign-ins
//! must not take the processor from everybody who is signed in already.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

use argon2::password_hash::phc::{Ident, Output, ParamsString, PasswordHash, Salt};
use argon2::{Algorithm, Argon2, Block, Params, Version};
use tokio::sync::Semaphore;

use crate::kernel::random;

/// OWASP's minimum for argon2id: 19 MiB, two passes, one lane.
const MEMORY_KIB: u32 = 19 * 1024;
const PASSES: u32 = 2;
const LANES: u32 = 1;
/// Hashes that may wait for each core: about a second of work.
const QUEUE_PER_CORE: usize = 64;

/// Too many people are signing in; the text is for the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the queue for password hashing is full")]
pub struct Busy;

type Arena = Vec<Block>;

/// See the module's text.
pub struct Hasher {
    cores: usize,
    running: Semaphore,
    waiting: AtomicUsize,
    arenas: Mutex<Vec<Arena>>,
    decoy: PasswordHash,
}

impl Default for Hasher {
    fn default() -> Self {
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        Self {
            cores,
            running: Semaphore::new(cores),
            waiting: AtomicUsize::new(0),
            arenas: Mutex::default(),
            decoy: phc(&random::bytes::<16>(), &random::bytes::<32>()),
        }
    }
}

impl Hasher {
    /// Hashes a password with a fresh salt; the result is a PHC string.
    ///
    /// # Errors
    /// [`Busy`].
    pub async fn hash(self: &std::sync::Arc<Self>, password: &str) -> Result<String, Busy> {
        let salt = random::bytes::<16>();
        let output = self.run(password.to_owned(), salt.to_vec(), 32, current_params()).await?;
        Ok(phc(&salt, &output).to_string())
    }

    /// Whether `password` has this hash. Without a hash (nobody there, or no password set) it takes
    /// the same time and says no.
    ///
    /// # Errors
    /// [`Busy`].
    pub async fn verify(
        self: &std::sync::Arc<Self>,
        password: &str,
        hash: Option<&str>,
    ) -> Result<bool, Busy> {
        let stored = hash.and_then(|text| PasswordHash::new(text).ok());
        let known = stored.is_some();
        let stored = stored.unwrap_or_else(|| self.decoy.clone());
        let (Some(salt), Some(expected)) = (stored.salt, stored.hash) else { return Ok(false) };
        let params = Params::try_from(&stored).unwrap_or_else(|_| current_params());
        let output =
            self.run(password.to_owned(), salt.as_ref().to_vec(), expected.as_ref().len(), params).await?;
        let same = aws_lc_rs::constant_time::verify_slices_are_equal(&output, expected.as_ref()).is_ok();
        Ok(same && known)
    }

    /// Gives idle memory back to the system.
    pub fn release_idle(&self) {
        self.arenas().clear();
    }

    async fn run(
        self: &std::sync::Arc<Self>,
        password: String,
        salt: Vec<u8>,
        length: usize,
        params: Params,
    ) -> Result<Vec<u8>, Busy> {
        let waiting = Waiting::enter(&self.waiting, self.cores * QUEUE_PER_CORE)?;
        let permit = self.running.acquire().await.map_err(|_| Busy)?;
        drop(waiting);
        let this = self.clone();
        let done = tokio::task::spawn_blocking(move || {
            let mut arena = this.arenas().pop().unwrap_or_default();
            arena.resize(params.block_count(), Block::default());
            let mut output = vec![0; length];
            let argon2 = Argon2::new(Algorithm::Argon2id, Version::V0x13, params);
            let outcome =
                argon2.hash_password_into_with_memory(password.as_bytes(), &salt, &mut output, &mut arena);
            this.arenas().push(arena);
            outcome.map(|()| output)
        });
        let output = done.await.map_err(|_| Busy)?;
        drop(permit);
        output.map_err(|error| {
            tracing::error!(%error, "argon2 refused its input");
            Busy
        })
    }

    fn arenas(&self) -> std::sync::MutexGuard<'_, Vec<Arena>> {
        self.arenas.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A place in the bounded queue, given back when left, also when the request is cancelled.
struct Waiting<'a>(&'a AtomicUsize);

impl<'a> Waiting<'a> {
    fn enter(count: &'a AtomicUsize, most: usize) -> Result<Self, Busy> {
        let place = Self(count);
        if count.fetch_add(1, Ordering::SeqCst) < most { Ok(place) } else { Err(Busy) }
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}

fn current_params() -> Params {
    Params::new(MEMORY_KIB, PASSES, LANES, None).expect("the constants above are valid")
}

fn phc(salt: &[u8], output: &[u8]) -> PasswordHash {
    PasswordHash {
        algorithm: Ident::new("argon2id").expect("a valid name"),
        version: Some(Version::V0x13.into()),
        params: ParamsString::try_from(&current_params()).expect("valid parameters"),
        salt: Some(Salt::new(salt).expect("16 bytes")),
        hash: Some(Output::new(output).expect("32 bytes")),
    }
}

#[cfg(test)]
#[path = "hasher_tests.rs"]
mod tests;
