//! Linked identities: which user a subject at an identity provider belongs to. Issuer and subject decide.
//! An address selects a user only while the subject is not linked, and only if it counts as verified.

mod link;
mod pending;
mod pending_store;
mod store;

pub(super) use link::link_or_record_use;
pub use link::{link, unlink};
pub(super) use pending::request_link;
pub use pending::{approve, discard};
pub(super) use pending_store::delete_expired;
pub use pending_store::{PendingIdentity, pending_by_id, pending_of_user};
pub use store::{
    Identity, LinkedIdentity, address_grace_until, begin_address_grace, by_id, link_many, not_linked_by_sync,
    of_subject, of_subjects, of_user,
};
pub(super) use store::{has_signed_in_with, names_no_domain, share_domain, upgraded_kind};
