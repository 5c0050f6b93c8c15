//! A change that a client asks for, from the first attempt to its end.
//!
//! 1. It is **tried** in a unit of work of its own ([`ScimWrite::apply`]).
//! 2. Where the connection is in a dry run or paused, it is undone and **held** for an administrator.
//! 3. Where one person too many would lose access, the **deletion guard** pauses the connection, and it is held as well.
//! 4. Otherwise it is committed.
//!
//! What became of it goes into the request log with the answer; the middleware writes it.

mod groups;
mod model;
mod users;

use vestibule_scim::operation::{ResourceKind, Verb};

use super::deletion_guard::{self, RemovalCount};
use super::error::Error;
use super::model::HoldReason;
use super::pending_changes;
use super::trace::Trace;
use crate::kernel::Tx;
use crate::kernel::database::Durability;

pub(super) use model::{FinishedWrite, ScimWrite, WriteOutcome};

/// How often an operation is tried whose resource is changed by others at the same moment.
const MAX_ATTEMPTS: u32 = 5;

/// What is to become of a change that was tried.
enum WriteDecision {
    Commit,
    /// It waits for an administrator.
    Hold(HoldReason),
    /// The connection would wait for an administrator, and there is nothing that could wait.
    NothingChanged,
    /// It takes access from one person too many.
    Pause,
}

impl ScimWrite<'_> {
    /// Carries the operation out; or keeps it for an administrator, where the connection waits for one or would take
    /// access from too many people.
    pub(super) async fn execute(mut self) -> FinishedWrite {
        let mut tries = 0;
        loop {
            let result = self.attempt().await;
            tries += 1;
            if tries == MAX_ATTEMPTS || !result.as_ref().is_err_and(Error::lost_a_race) {
                return FinishedWrite { trace: self.trace, result };
            }
            self.trace = Trace::of_operation(self.operation);
        }
    }

    async fn attempt(&mut self) -> Result<WriteOutcome, Error> {
        let mut tx = self.begin().await?;
        let outcome = self.apply(&mut tx).await?;
        match self.decide(&mut tx, &outcome).await? {
            WriteDecision::Commit => {
                tx.commit().await?;
                Ok(outcome)
            }
            WriteDecision::NothingChanged => Ok(outcome),
            WriteDecision::Hold(reason) => {
                // Tried, and undone: what it would change is known, and nothing has changed.
                drop(tx);
                Err(self.hold(reason).await)
            }
            WriteDecision::Pause => {
                drop(tx);
                deletion_guard::pause_connection(self.kernel, self.client, self.context).await?;
                Err(self.hold(HoldReason::Paused).await)
            }
        }
    }

    async fn begin(&self) -> Result<Tx, sqlx::Error> {
        // Making a user is one way to the database; what may have to be undone, or is more, is a transaction.
        let is_single_statement = self.operation.kind == ResourceKind::User
            && self.operation.verb == Verb::Post
            && self.client.hold_reason().is_none();
        if is_single_statement {
            self.kernel.db.begin_single_statement(Durability::Full).await
        } else {
            self.kernel.db.begin().await
        }
    }

    /// Does what the operation asks for.
    pub(super) async fn apply(&mut self, tx: &mut Tx) -> Result<WriteOutcome, Error> {
        match self.operation.kind {
            ResourceKind::User => self.apply_to_user(tx).await,
            ResourceKind::Group => self.apply_to_group(tx).await,
        }
    }

    async fn decide(&self, tx: &mut Tx, outcome: &WriteOutcome) -> Result<WriteDecision, Error> {
        if let Some(reason) = self.client.hold_reason() {
            let changes_nothing = self.trace.changes.is_empty();
            return Ok(if changes_nothing {
                WriteDecision::NothingChanged
            } else {
                WriteDecision::Hold(reason)
            });
        }
        if outcome.is_removal
            && deletion_guard::record_removal(tx, self.client).await? == RemovalCount::LimitExceeded
        {
            return Ok(WriteDecision::Pause);
        }
        Ok(WriteDecision::Commit)
    }

    /// Keeps the operation for an administrator; what the client is told.
    async fn hold(&self, reason: HoldReason) -> Error {
        let held = pending_changes::hold_for_approval(self.kernel, self.client, self.operation, &self.trace);
        match held.await {
            Ok(held) => held.into_error(reason),
            Err(error) => error.into(),
        }
    }
}
