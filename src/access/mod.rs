//! Who may: permissions, built-in roles and their bindings, service accounts, API tokens, and the
//! table of routes with what each demands.

mod bindings;
mod permission;
mod principal;
mod routing;
pub mod service_accounts;
pub mod tokens;

pub use bindings::{admins, bind, has_other_admin, roles_of, unbind, unbind_all};
pub use permission::{Permission, Role};
pub use principal::{Credential, Owes, Principal, PrincipalKind};
pub use routing::{Guard, Route, Routes};
