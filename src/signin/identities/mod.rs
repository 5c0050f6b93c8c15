//! Linked identities: which user a subject at an identity provider belongs to. Issuer and subject decide.
//! An address selects a user only while the subject is not linked, and only if it counts as verified.

mod link;
mod store;

pub(super) use link::link_or_record_use;
pub use link::{link, unlink};
pub use store::{Identity, LinkedIdentity, by_id, link_many, of_subject, of_subjects, of_user};
