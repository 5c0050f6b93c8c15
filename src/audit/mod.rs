//! The audit trail. An event is written in the transaction of the change it reports, so that neither can
//! exist without the other.

mod model;
mod store;

pub use model::{
    Action, Actor, ActorKind, AuditOutcome, AuditQuery, AuditRecord, AuditRecordPage, Context, Event,
};
pub(crate) use store::event_row;
pub use store::{list, record, record_many};
