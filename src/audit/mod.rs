//! What happened. An event is written in the transaction of the change it tells about, so the two
//! cannot part.

mod model;
mod store;

pub use model::{Action, Actor, ActorKind, Context, Event, Filter, Outcome, Page, Recorded};
pub(crate) use store::{INSERT, row};
pub use store::{list, record, record_many};
