//! Authorization: permissions, built-in roles and their bindings, service accounts, API tokens, and the
//! guarded route table.

mod bindings;
mod last_admin;
mod permission;
mod principal;
mod routing;
pub mod service_accounts;
pub mod tokens;
mod user_changes;

pub use bindings::{admins, bind_role, has_other_admin, roles_of};
pub use last_admin::ensure_not_last_admin;
pub use permission::{Permission, Role};
pub use principal::{Credential, MissingPermission, Principal, PrincipalKind, SessionRestriction};
pub use routing::{Guard, GuardedRoute, Routes};
pub use user_changes::{delete_user, raise_epoch, set_user_active, set_user_roles, update_user};
