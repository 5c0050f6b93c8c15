//! Connections: what an account has agreed with an identity provider.

mod create;
mod delete;
mod model;
mod saml;
mod scim;
mod secrets;
mod store;
mod update;

pub use create::{NewConnection, create};
pub use delete::delete;
pub use model::{Connection, Kind};
pub use saml::{
    Binding, Comparison, Graph, Jit, LogoutService, NameIdFormat, Retiring, SamlSettings, Vendor,
};
pub use scim::{ExtraAttribute, ExtraKind, ScimSettings};
pub use secrets::{secret, set_secret};
pub use store::{
    all_scim, anywhere, by_id, by_name, domains_of, enabled_saml, list, mark_tested, replace_settings,
    route_by_domain, set_paused, sign_in_for, sign_in_of,
};
pub use update::{Change, update};
