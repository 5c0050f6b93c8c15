//! Mail. It is queued in the transaction that causes it and delivered by a worker, which retries for up to
//! four days.

pub mod mailing;
mod message;
mod outbox;
mod transport;
mod worker;

pub use message::{EmailMessage, EmailSender};
pub use outbox::{MailDeliveryStatus, RenderedEmail, delete_old, delivery_status, queue};
pub use transport::{Transport, TransportError};
pub use worker::run;
