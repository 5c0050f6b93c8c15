//! Mail: queued in the transaction that causes it, delivered by a worker, retried until it arrives
//! or four days have passed.

mod outbox;
mod transport;
mod worker;

pub use outbox::{Mail, queue};
pub use transport::{Transport, TransportError};
pub use worker::run;
