//! Execution of a change that a provisioning client requested.
//!
//! 1. The change is **executed** in a transaction of its own ([`ScimWrite::apply`]).
//! 2. If the connection is in a dry run or paused, or the change is about a user with a role, it is rolled back and
//!    **held** for an administrator.
//! 3. If too many users would lose access, the **deletion guard** pauses the connection and the change is
//!    held.
//! 4. Otherwise it is committed.
//!
//! The outcome is returned with a trace, which the middleware writes to the request log.

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

pub(super) use model::{FinishedWrite, ScimWrite, WriteOutcome};

/// How often an operation is tried when concurrent changes of the same resource conflict with it.
const MAX_ATTEMPTS: u32 = 5;

/// What happens to a change that was executed and not yet committed.
enum WriteDecision {
    Commit,
    /// It waits for an administrator.
    Hold(HoldReason),
    /// It would wait for an administrator, but it changed nothing.
    NothingChanged,
    /// It would exceed the limit on removals.
    Pause,
}

impl ScimWrite<'_> {
    /// Executes the operation, or stores it for an administrator if the connection is in a dry run or
    /// paused, or becomes paused by it.
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
        // Creating a user takes one statement. Everything that may have to be rolled back, or takes more
        // statements, needs a transaction.
        let is_creation = self.operation.kind == ResourceKind::User && self.operation.verb == Verb::Post;
        if is_creation && self.client.hold_reason().is_none() {
            return self.create_user_alone().await;
        }
        let mut tx = self.kernel.db.begin().await?;
        let outcome = self.apply(&mut tx).await?;
        match self.decide(&mut tx, &outcome).await? {
            WriteDecision::Commit => {
                tx.commit().await?;
                Ok(outcome)
            }
            WriteDecision::NothingChanged => Ok(outcome),
            WriteDecision::Hold(reason) => {
                // The rollback leaves the recorded changes in the trace.
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

    /// Executes the operation in this transaction.
    pub(super) async fn apply(&mut self, tx: &mut Tx) -> Result<WriteOutcome, Error> {
        match self.operation.kind {
            ResourceKind::User => self.apply_to_user(tx).await,
            ResourceKind::Group => self.apply_to_group(tx).await,
        }
    }

    /// Whether the operation, which was executed, leaves everything as it was.
    pub(super) fn changes_nothing(&self) -> bool {
        self.trace.changes.is_empty()
    }

    async fn decide(&self, tx: &mut Tx, outcome: &WriteOutcome) -> Result<WriteDecision, Error> {
        if let Some(reason) = self.client.hold_reason() {
            return Ok(if self.changes_nothing() {
                WriteDecision::NothingChanged
            } else {
                WriteDecision::Hold(reason)
            });
        }
        if outcome.needs_approval {
            return Ok(WriteDecision::Hold(HoldReason::RoleHolder));
        }
        if outcome.is_removal
            && deletion_guard::record_removal(tx, self.client).await? == RemovalCount::LimitExceeded
        {
            return Ok(WriteDecision::Pause);
        }
        Ok(WriteDecision::Commit)
    }

    /// Stores the operation for an administrator and returns the response for the client.
    async fn hold(&self, reason: HoldReason) -> Error {
        let held = pending_changes::hold_for_approval(
            self.kernel,
            self.client,
            self.context,
            self.operation,
            &self.trace,
            reason,
        );
        match held.await {
            Ok(held) => held.into_error(reason),
            Err(error) => error,
        }
    }
}
