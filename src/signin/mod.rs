//! Sign-in: from an identifier to a session, by way of flows, passwords, second factors, lockout and
//! sessions.

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

pub use attempt::{
    CompletedSignIn, DirectoryAccountState, RequiredStep, SignInAttempt, SignInError, SignInOutcome,
};
pub use lookup::has_password;
pub use proof::{ExternalSubject, Method, ProfileNames, Proof, ProviderClaims, ProviderSession};
pub use throttle::{Throttle, Throttled};

use crate::kernel::{Kernel, sealed_state};

/// The services that sign-in needs in addition to the kernel. Cheap to clone.
#[derive(Clone)]
pub struct SignIn {
    /// The services that every module may use.
    pub kernel: Kernel,
    /// Hashes passwords on one thread per core.
    pub hasher: Arc<password::Hasher>,
    /// Limits sign-in steps and password attempts on this node.
    pub throttle: Arc<Throttle>,
    /// Session uses that are not yet in the database.
    pub session_activity: Arc<sessions::SessionActivity>,
}

impl SignIn {
    /// Creates the services on top of `kernel`.
    #[must_use]
    pub fn new(kernel: Kernel) -> Self {
        let throttle = Arc::new(Throttle::new(&kernel.clock));
        Self { kernel, hasher: Arc::default(), throttle, session_activity: Arc::default() }
    }

    /// Deletes expired rows and drops idle entries of the throttle.
    pub async fn clean_up(&self) -> Result<(), sqlx::Error> {
        self.throttle.forget_idle();
        let mut tx = self.kernel.db.begin().await?;
        sessions::delete_ended(&mut tx).await?;
        flow::delete_expired(&mut tx).await?;
        identities::delete_expired(&mut tx).await?;
        identities::delete_users_before_upgrade(&mut tx).await?;
        one_time_links::delete_expired(&mut tx).await?;
        lockout::delete_stale(&mut tx).await?;
        factors::delete_old_remembered_browsers(&mut tx).await?;
        password::delete_old_reset_requests(&mut tx).await?;
        sealed_state::delete_expired(&mut tx).await?;
        tx.commit().await
    }
}
