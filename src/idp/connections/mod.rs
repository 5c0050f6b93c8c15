//! Connections: what an account has agreed with an identity provider.

mod create;
mod delete;
mod ldap;
mod model;
mod oidc;
mod people;
mod saml;
mod scim;
mod secrets;
mod settings;
mod store;
mod update;

pub use create::{NewConnection, create};
pub use delete::delete;
pub use ldap::{GroupQuery, LdapSettings, UserQuery};
pub use model::{Connection, Kind};
pub use oidc::{ClientAuth, OidcSettings, Preset};
pub use people::{Jit, PeopleRules};
pub use saml::{Binding, Comparison, Graph, LogoutService, NameIdFormat, Retiring, SamlSettings, Vendor};
pub use scim::{ExtraAttribute, ExtraKind, ScimSettings};
pub use secrets::{has_secret, secret, set_secret};
pub use settings::Settings;
pub use store::{
    all_scim, anywhere, by_id, by_name, directory_for_all, domains_of, doors, list, mark_tested,
    replace_settings, route_by_domain, set_paused, sign_in_for, sign_in_of,
};
pub use update::{Change, update};
