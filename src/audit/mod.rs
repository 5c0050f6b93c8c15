//! What happened. An event is written in the transaction of the change it tells about, so the two
//! cannot part.

mod model;
mod store;

pub use model::{
    Action, Actor, ActorKind, AuditOutcome, AuditQuery, AuditRecord, AuditRecordPage, Context, Event,
};
pub(crate) use store::event_row;
pub use store::{list, record, record_many};
