//! argon2id on a fixed number of threads with memory that is used again.
//!
//! One hash fills 19 MiB; getting them fresh from the system costs a sixth of the time. So there is
//! one thread a core with an arena of its own, made when first needed and given back when idle. Whoever
//! wants a hash takes a place first; there are as many places as the threads get through in a second,
//! and the rest are told to come back. The threads run at a lower priority: a flood of sign-ins must not
//! take the processor from everybody who is signed in already. On a machine that is busy with something else
//! they get little of it, and a hash takes a hundred times as long all at once; [`Pace`] sees to it that whoever
//! has a place has an answer within the time limit of a request all the same.

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

/// After this long without work a thread gives its arena back.
const IDLE: Duration = Duration::from_secs(30);
/// Answers that are told together at most, and for how many hashes of its thread one of them waits for that at most:
/// only while as many wait for each thread.
const MAX_REPLY_BATCH: usize = 8;
const BATCH_QUEUE_PER_THREAD: usize = 4;
/// Added to the threads' niceness (0 to 19).
const NICE: i32 = 15;

/// Too many people are signing in; the text is for the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the queue for password hashing is full")]
pub struct Overloaded;

/// Makes a hash and gives what tells it to whoever waits.
type HashJob = Box<dyn FnOnce(&mut Arena) -> HashReply + Send>;
type HashReply = Box<dyn FnOnce() + Send>;

/// See the module's text.
pub struct Hasher {
    shared: Arc<Shared>,
    cores: usize,
    decoy: Arc<StoredHash>,
}

struct Shared {
    queue: Mutex<Queue>,
    wake: Condvar,
    /// Places taken: hashes that run, wait, or are about to.
    permits_taken: AtomicUsize,
    pace: Mutex<Pace>,
}

/// Measures one hash, to its end or to the panic in it.
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
    /// Of hashes that are made, told together.
    replies: Vec<HashReply>,
    threads: usize,
    closed: bool,
}

impl Queue {
    /// Adds the answer of a job that is done. Those that are due now: while many wait for a thread, a few at a time.
    /// Nobody who has waited that long notices, and what comes after the hashes finds its memory in the processor's
    /// cache, and shares a commit.
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

/// A place at the hasher, given back when dropped, also when the request is cancelled.
pub struct HashPermit<'a> {
    hasher: &'a Hasher,
}

impl Drop for HashPermit<'_> {
    fn drop(&mut self) {
        self.hasher.shared.permits_taken.fetch_sub(1, Ordering::SeqCst);
    }
}

impl Hasher {
    /// Takes a place. With one, a hash is made within about a second.
    pub fn acquire(&self) -> Result<HashPermit<'_>, Overloaded> {
        let place = HashPermit { hasher: self };
        if self.shared.permits_taken.fetch_add(1, Ordering::SeqCst) < self.capacity() {
            Ok(place)
        } else {
            Err(Overloaded)
        }
    }

    /// Hashes a password with a fresh salt; the result is a PHC string.
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
            // Whoever asked may be gone by now.
            if answer.is_closed() {
                return Box::new(|| ());
            }
            let timer = HashTimer::start(&shared);
            let done = work(arena);
            drop(timer);
            Box::new(move || drop(answer.send(done)))
        }));
        let done = answered.await.map_err(|_| Overloaded)?;
        // Here and not on the thread that did it, so that it is told of the request that asked.
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
                Err(error) => tracing::error!(%error, "no thread for password hashing"),
            }
        }
        drop(queue);
        self.shared.wake.notify_one();
    }
}

impl HashPermit<'_> {
    /// Hashes a password with a fresh salt; the result is a PHC string.
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
            tracing::error!(%error, "argon2 refused its input");
            Overloaded
        })?;
        Ok(phc(&salt, &output).to_string())
    }

    /// Whether `password` has this hash. Without a hash (nobody there, or no password set) it takes
    /// the same time and says no.
    pub async fn verify(
        &self,
        password: &Password,
        stored: Option<Arc<StoredHash>>,
    ) -> Result<bool, Overloaded> {
        let known = stored.is_some();
        let stored = stored.unwrap_or_else(|| self.hasher.decoy.clone());
        // A password longer than any that could be set is not worth reading; the work is the same.
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

/// A thread of the pool.
fn serve(shared: &Shared) {
    // Not allowed in some containers; then sign-ins and requests share the processor as equals.
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
