//! What clients can do to the server before they have sent a request: its listeners, their limits and times.

mod files;
mod metrics;
mod share;
mod timeouts;
mod wire;

use std::time::Duration;

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use vestibule::web::ConnectionLimits;

/// Open files that suffice for both ends of every connection of these tests.
const ENOUGH_FILES: u64 = 16_384;

/// Limits that no test reaches, to change the one that it is about.
pub fn generous() -> ConnectionLimits {
    const HOUR: Duration = Duration::from_hours(1);
    ConnectionLimits {
        connections: 5_000,
        per_address: 5_000,
        head_timeout: HOUR,
        idle_timeout: HOUR,
        proxy_idle_timeout: HOUR,
    }
}

/// Lets the tests' process hold many connections. Not as many as it may, which can be a billion: what it
/// starts inherits the limit, and some programs close every possible file first.
pub fn raise_limit_on_files() {
    let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
    let wanted = maximum.map_or(ENOUGH_FILES, |maximum| maximum.min(ENOUGH_FILES));
    if current.is_some_and(|current| current < wanted) {
        let limit = Rlimit { current: Some(wanted), maximum };
        setrlimit(Resource::Nofile, limit).expect("as many as the hard limit allows");
    }
}
