//! argon2id on a fixed number of threads with reused memory.
//!
//! A hash fills 19 MiB, and allocating them takes a sixth of the time. There is therefore one thread per
//! core with an arena of its own, which is allocated when first needed and freed when idle. A caller takes
//! a permit first. There are as many permits as the threads serve in about a second, and further callers
//! are refused. The threads run at a lower priority, so that a flood of sign-ins does not take the
//! processor from users who are signed in already. On a busy machine they get little of it, and a hash can
//! suddenly take a hundred times as long. [`Pace`] ensures that a caller with a permit still gets an answer
//! within the time limit of a request.
//!
//! This serves the benchmarks of `docs/benchmarks.md` about password sign-ins: their share of raw argon2id,
//! the p99 of `GET /api/v1/me` during a flood of them, and the memory in that flood.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use argon2::password_hash::phc::{Ident, Output, ParamsString, PasswordHash, Salt};
use argon2::{Algorithm, Argon2, Version};
use tokio::sync::oneshot;

use super::arena::Arena;
use super::pace::Pace;
use super::plaintext::Password;
use super::stored_hash::{StoredHash, current_params};
use crate::kernel::random;

/// A thread frees its arena after this long without work.
const IDLE: Duration = Duration::from_secs(30);
/// The maximum number of replies that are sent together. A reply waits for at most `BATCH_QUEUE_PER_THREAD`
/// hashes of each thread, and only while at least that many are queued for each thread.
const MAX_REPLY_BATCH: usize = 8;
const BATCH_QUEUE_PER_THREAD: usize = 4;
/// The niceness of the hashing threads (0 to 19).
const NICE: i32 = 15;

/// Too many users are signing in; the text is for the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the queue for password hashing is full")]
pub struct Overloaded;

/// Computes a hash and returns the function that sends it to the caller.
type HashJob = Box<dyn FnOnce(&mut Arena) -> HashReply + Send>;
type HashReply = Box<dyn FnOnce() + Send>;

/// The password hasher; see the text of its module.
pub struct Hasher {
    shared: Arc<Shared>,
    cores: usize,
    decoy: Arc<StoredHash>,
}

struct Shared {
    queue: Mutex<Queue>,
    wake: Condvar,
    /// Permits that are taken: for hashes that run, wait, or are about to.
    permits_taken: AtomicUsize,
    pace: Mutex<Pace>,
}

/// Measures the duration of one hash, also when it panics.
struct HashTimer<'a> {
    shared: &'a Shared,
    begun: Instant,
}

impl<'a> HashTimer<'a> {
    fn start(shared: &'a Shared) -> Self {
        let begun = Instant::now();
        shared.pace().begin(begun);
        Self { shared, begun }
    }
}

impl Drop for HashTimer<'_> {
    fn drop(&mut self) {
        self.shared.pace().end(self.begun, Instant::now());
    }
}

#[derive(Default)]
struct Queue {
    jobs: VecDeque<HashJob>,
    /// Replies with finished hashes, which are sent together.
    replies: Vec<HashReply>,
    threads: usize,
    closed: bool,
}

impl Queue {
    /// Adds the reply of a finished job and returns the replies that are due. While many jobs wait for a
    /// thread, replies are sent a few at a time. A caller that has waited that long does not notice, and
    /// the work after the hashes finds its memory in the processor's cache and shares a commit.
    fn take_due_replies(&mut self, answer: HashReply) -> Vec<HashReply> {
        self.replies.push(answer);
        let many = BATCH_QUEUE_PER_THREAD * self.threads;
        let may_wait = self.jobs.len() >= many && self.replies.len() < many.min(MAX_REPLY_BATCH);
        if may_wait { Vec::new() } else { std::mem::take(&mut self.replies) }
    }
}

impl Default for Hasher {
    fn default() -> Self {
        let decoy = phc(&random::bytes::<16>(), &random::bytes::<32>()).to_string();
        let shared = Shared {
            queue: Mutex::default(),
            wake: Condvar::new(),
            permits_taken: AtomicUsize::new(0),
            pace: Mutex::default(),
        };
        Self {
            shared: Arc::new(shared),
            cores: std::thread::available_parallelism().map_or(1, usize::from),
            decoy: Arc::new(StoredHash::parse(&decoy).expect("made by us")),
        }
    }
}

impl Drop for Hasher {
    fn drop(&mut self) {
        self.shared.queue().closed = true;
        self.shared.wake.notify_all();
    }
}

/// The right to have hashes computed, returned when it is dropped, also when the request is cancelled.
pub struct HashPermit<'a> {
    hasher: &'a Hasher,
}

impl Drop for HashPermit<'_> {
    fn drop(&mut self) {
        self.hasher.shared.permits_taken.fetch_sub(1, Ordering::SeqCst);
    }
}

impl Hasher {
    /// Takes a permit. A hash with it is computed within about a second.
    pub fn acquire(&self) -> Result<HashPermit<'_>, Overloaded> {
        let place = HashPermit { hasher: self };
        if self.shared.permits_taken.fetch_add(1, Ordering::SeqCst) < self.capacity() {
            Ok(place)
        } else {
            Err(Overloaded)
        }
    }

    /// Hashes a password with a new random salt; the result is a PHC string.
    pub async fn hash(&self, password: &Password) -> Result<String, Overloaded> {
        self.acquire()?.hash(password).await
    }

    fn capacity(&self) -> usize {
        self.shared.pace().places(self.cores, Instant::now())
    }

    async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut Arena) -> T + Send + 'static,
    ) -> Result<T, Overloaded> {
        let (answer, answered) = oneshot::channel();
        let shared = self.shared.clone();
        self.submit(Box::new(move |arena| {
            // The caller may have gone away by now.
            if answer.is_closed() {
                return Box::new(|| ());
            }
            let timer = HashTimer::start(&shared);
            let done = work(arena);
            drop(timer);
            Box::new(move || drop(answer.send(done)))
        }));
        let done = answered.await.map_err(|_| Overloaded)?;
        // Logged here and not on the hashing thread, so that it belongs to the request.
        tracing::trace!(name: "password.hash", "password hash computed");
        Ok(done)
    }

    fn submit(&self, job: HashJob) {
        let mut queue = self.shared.queue();
        queue.jobs.push_back(job);
        if queue.threads < self.cores {
            let shared = self.shared.clone();
            let spawned = std::thread::Builder::new().name("password".into()).spawn(move || serve(&shared));
            match spawned {
                Ok(_) => queue.threads += 1,
                Err(error) => tracing::error!(%error, "a thread for password hashing could not be started"),
            }
        }
        drop(queue);
        self.shared.wake.notify_one();
    }
}

impl HashPermit<'_> {
    /// Hashes a password with a new random salt; the result is a PHC string.
    pub async fn hash(&self, password: &Password) -> Result<String, Overloaded> {
        let (password, salt) = (password.clone(), random::bytes::<16>());
        let output = self.hasher.run(move |arena| {
            let params = current_params();
            let blocks = arena.blocks(params.block_count());
            let argon2 = Argon2::new(Algorithm::Argon2id, Version::V0x13, params);
            let mut out = [0; 32];
            argon2
                .hash_password_into_with_memory(password.as_str().as_bytes(), &salt, &mut out, blocks)
                .map(|()| out)
        });
        let output = output.await?.map_err(|error| {
            tracing::error!(%error, "argon2 rejected its input");
            Overloaded
        })?;
        Ok(phc(&salt, &output).to_string())
    }

    /// Whether `password` matches the hash. Without a hash (no such user, or no password set) it takes the
    /// same time and returns false.
    pub async fn verify(
        &self,
        password: &Password,
        stored: Option<Arc<StoredHash>>,
    ) -> Result<bool, Overloaded> {
        let known = stored.is_some();
        let stored = stored.unwrap_or_else(|| self.hasher.decoy.clone());
        // A password longer than any that could be set is not hashed; an empty one is, so that the work is
        // the same.
        let (too_long, password) = (password.is_too_long(), password.clone());
        let password = if too_long { Password::new("") } else { password };
        let matches = self.hasher.run(move |arena| stored.matches(&password, arena)).await?;
        Ok(matches && known && !too_long)
    }
}

impl Shared {
    fn queue(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn pace(&self) -> MutexGuard<'_, Pace> {
        self.pace.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Runs a thread of the pool.
fn serve(shared: &Shared) {
    // Some containers do not allow this. Hashing then competes with requests at equal priority.
    let _ = rustix::process::setpriority_process(Some(rustix::thread::gettid()), NICE);
    let mut arena = Arena::default();
    loop {
        let mut queue = shared.queue();
        let job = loop {
            if let Some(job) = queue.jobs.pop_front() {
                break job;
            }
            if queue.closed {
                return;
            }
            let (woken, timeout) =
                shared.wake.wait_timeout(queue, IDLE).unwrap_or_else(PoisonError::into_inner);
            queue = woken;
            if timeout.timed_out() && queue.jobs.is_empty() {
                arena = Arena::default();
            }
        };
        drop(queue);
        let answer = job(&mut arena);
        for answer in shared.queue().take_due_replies(answer) {
            answer();
        }
    }
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
