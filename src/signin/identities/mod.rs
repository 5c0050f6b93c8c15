//! Linked identities: which user a subject at an identity provider belongs to. Issuer and subject decide.
//! An address selects a user only while the subject is not linked, and only if it counts as verified.

mod link;
mod pending;
mod pending_store;
mod store;

pub(super) use link::{is_of_another_person, link_or_record_use};
pub use link::{link, unlink};
pub(super) use pending::request_link;
pub use pending::{approve, discard};
pub(super) use pending_store::delete_expired;
pub use pending_store::{PendingIdentity, pending_by_id, pending_of_user};
pub use store::{
    FoundSubjects, Identity, LinkedIdentity, address_grace_until, begin_address_grace, by_id, end_links,
    link_many, not_linked_by_sync, of_subject, of_subjects, of_user, record_found,
};
pub(super) use store::{
    delete_users_before_upgrade, has_signed_in_before_upgrade, is_connection_enabled, names_no_domain,
    share_domain, upgraded_kind,
};
