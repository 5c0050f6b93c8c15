//! Who somebody is at an identity provider. The provider's issuer and subject decide; an address leads to a user only
//! at the first coming, and only when the provider vouches for it.

mod link;
mod store;

pub(super) use link::link_or_record_use;
pub use link::{link, unlink};
pub use store::{Identity, LinkedIdentity, by_id, link_many, of_subject, of_subjects, of_user};
