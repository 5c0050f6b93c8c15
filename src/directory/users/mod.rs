//! Users: the people with an entry in an account. The profile of a user that a connection manages is
//! changed by that connection only. Deactivating a user, or giving them another address, raises the epoch, which
//! ends every session and token.

mod batch;
mod count_cache;
mod create;
mod create_many;
mod delete;
mod loader;
mod model;
mod offset_index;
mod store;
mod update;

pub use count_cache::UserCountCache;
pub use create::{create, create_alone, create_in_one_statement, create_pending};
pub use create_many::create_many;
pub use loader::UserLoader;
pub use model::{ChangeAuthority, Profile, User};
pub use offset_index::UserOffsetIndex;
pub(crate) use store::COLUMNS_OF_U;
pub(super) use store::connection_name;
pub use store::{
    UserCondition, by_id, claim_welcome, count, count_outside_domains, due_for_welcome,
    find_by_email_or_user_name, find_by_id_any_account, ids_by_email, list_active_by_email_any_account,
    list_after, list_page, lock, search,
};

/// What can end a user's access, without a look at who is left. Only `access` calls these, under the lock of the
/// account and after it has made sure that the account keeps an administrator; `tests/architecture` fails when another
/// file does.
pub mod unchecked {
    pub use super::delete::{delete, ensure_deletable};
    pub use super::update::{raise_epoch, update};
}
