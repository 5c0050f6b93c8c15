//! How a person gets from "who are you?" to a session: the flow, passwords, lockout, sessions.

pub mod factors;
pub mod flow;
pub mod identities;
pub mod links;
pub mod lockout;
pub mod notices;
pub mod password;
mod proof;
pub mod sessions;
pub mod setup;
mod somebody;
mod throttle;

use std::sync::Arc;

pub use proof::{Method, Names, Proof, Provided, ProviderSession, Subject};
pub use somebody::has_password;
pub use throttle::{Throttle, Throttled};

use crate::kernel::{Kernel, tickets};

/// What signing in needs beyond the kernel. Cheap to clone.
#[derive(Clone)]
pub struct SignIn {
    /// The services below.
    pub kernel: Kernel,
    /// Hashes passwords, as many at once as there are cores.
    pub hasher: Arc<password::Hasher>,
    /// Slows down guessing.
    pub throttle: Arc<Throttle>,
    /// Uses of sessions that are not written down yet.
    pub uses: Arc<sessions::Uses>,
}

impl SignIn {
    /// Puts it together.
    #[must_use]
    pub fn new(kernel: Kernel) -> Self {
        let throttle = Arc::new(Throttle::new(&kernel.clock));
        Self { kernel, hasher: Arc::default(), throttle, uses: Arc::default() }
    }

    /// Removes what ended by itself.
    ///
    /// # Errors
    /// The database's.
    pub async fn clean_up(&self) -> Result<(), sqlx::Error> {
        self.throttle.forget_idle();
        let mut tx = self.kernel.db.begin().await?;
        sessions::delete_ended(&mut tx).await?;
        flow::delete_expired(&mut tx).await?;
        links::delete_expired(&mut tx).await?;
        lockout::delete_stale(&mut tx).await?;
        factors::delete_old_devices(&mut tx).await?;
        tickets::delete_expired(&mut tx).await?;
        tx.commit().await
    }
}
