//! User groups: their data, members, nesting, and links to groups of identity providers. A membership has a
//! source, and each source changes only its own memberships.

mod create;
mod delete;
mod identifier;
mod links;
mod model;
mod store;
mod update;

pub use create::create;
pub use delete::delete;
pub use identifier::identifier_of;
pub use links::{
    GroupLink, UnlinkPolicy, add_connection_members, all_links, count_members_from, link, link_of,
    links_of_connection, replace_connection_members, sync_linked_groups, unlink,
};
pub use model::{Group, GroupMember, NewGroup};
pub use store::{
    GroupCondition, by_id, count, identifiers_of_user, list_after, list_page, member_count, members,
    names_of_user, nested_groups, of_user, search,
};
pub use update::{GroupUpdate, MembershipUpdate, UpdatedGroup, update};
