//! The limit on open files of this process. Every connection of a client takes one of them, as do
//! databases, files and outgoing requests.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// With fewer, the server can hold fewer connections than its memory allows, and says so.
pub const RECOMMENDED_LIMIT: u64 = 8_192;

/// Raises the limit as far as the process may. Many systems start programs with 1,024 for the sake of old
/// ones that cannot use more.
pub fn raise_limit() {
    let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
    // `None` is no limit.
    if current.is_some_and(|current| maximum.is_none_or(|maximum| current < maximum)) {
        // If it fails, the limit stays as it is, and is reported when it is low.
        let _ = setrlimit(Resource::Nofile, Rlimit { current: maximum, maximum });
    }
}

/// How many files the process may have open.
#[must_use]
pub fn limit() -> u64 {
    getrlimit(Resource::Nofile).current.unwrap_or(u64::MAX)
}
