//! Mail: queued in the transaction that causes it, delivered by a worker, retried until it arrives
//! or four days have passed.

pub mod mailing;
mod message;
mod outbox;
mod transport;
mod worker;

pub use message::EmailMessage;
pub use outbox::{MailDeliveryStatus, RenderedEmail, delete_old, delivery_status, queue};
pub use transport::{Transport, TransportError};
pub use worker::run;
