//! How a person gets from "who are you?" to a session: the flow, passwords, lockout, sessions.

mod attempt;
pub mod factors;
pub mod flow;
pub mod identities;
pub mod lockout;
mod lookup;
pub mod notifications;
pub mod one_time_links;
pub mod password;
pub mod policy;
mod proof;
pub mod sessions;
pub mod setup;
mod throttle;

use std::sync::Arc;

pub use attempt::{CompletedSignIn, DirectoryAccountState, SignInAttempt, SignInError, SignInOutcome};
pub use lookup::has_password;
pub use proof::{ExternalSubject, Method, ProfileNames, Proof, ProviderClaims, ProviderSession};
pub use throttle::{Throttle, Throttled};

use crate::kernel::{Kernel, sealed_state};

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
    pub session_activity: Arc<sessions::SessionActivity>,
}

impl SignIn {
    /// Puts it together.
    #[must_use]
    pub fn new(kernel: Kernel) -> Self {
        let throttle = Arc::new(Throttle::new(&kernel.clock));
        Self { kernel, hasher: Arc::default(), throttle, session_activity: Arc::default() }
    }

    /// Removes what ended by itself.
    pub async fn clean_up(&self) -> Result<(), sqlx::Error> {
        self.throttle.forget_idle();
        let mut tx = self.kernel.db.begin().await?;
        sessions::delete_ended(&mut tx).await?;
        flow::delete_expired(&mut tx).await?;
        one_time_links::delete_expired(&mut tx).await?;
        lockout::delete_stale(&mut tx).await?;
        factors::delete_old_remembered_browsers(&mut tx).await?;
        sealed_state::delete_expired(&mut tx).await?;
        tx.commit().await
    }
}
