//! How a person gets from "who are you?" to a session: the flow, passwords, sessions.

pub mod flow;
pub mod password;
mod proof;
pub mod sessions;
pub mod setup;
mod throttle;

use std::sync::Arc;

pub use proof::{Method, NewUser, Proof};
pub use throttle::{Throttle, Throttled};

use crate::kernel::Kernel;

/// What signing in needs beyond the kernel. Cheap to clone.
#[derive(Clone)]
pub struct SignIn {
    /// The services below.
    pub kernel: Kernel,
    /// Hashes passwords, as many at once as there are cores.
    pub hasher: Arc<password::Hasher>,
    /// Slows down guessing.
    pub throttle: Arc<Throttle>,
}

impl SignIn {
    /// Puts it together.
    #[must_use]
    pub fn new(kernel: Kernel) -> Self {
        let throttle = Arc::new(Throttle::new(&kernel.clock));
        Self { kernel, hasher: Arc::default(), throttle }
    }
}
