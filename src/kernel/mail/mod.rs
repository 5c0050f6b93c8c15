//! Mail: queued in the transaction that causes it, delivered by a worker, retried until it arrives
//! or four days have passed.

mod letter;
pub mod mailing;
mod outbox;
mod transport;
mod worker;

pub use letter::Letter;
pub use outbox::{Delivery, Mail, delete_old, delivery, queue};
pub use transport::{Transport, TransportError};
pub use worker::run;
