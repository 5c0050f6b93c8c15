//! Authorization: permissions, built-in roles and their bindings, service accounts, API tokens, and the
//! guarded route table.

mod bindings;
mod permission;
mod principal;
mod routing;
pub mod service_accounts;
pub mod tokens;

pub use bindings::{admins, bind_role, has_other_admin, roles_of, unbind_all_roles, unbind_role};
pub use permission::{Permission, Role};
pub use principal::{Credential, Principal, PrincipalKind, SessionRestriction};
pub use routing::{Guard, GuardedRoute, Routes};
