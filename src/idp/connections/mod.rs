//! Connections: the trust that an account has configured with identity providers and directories.

mod attribute_mapping;
mod checks;
mod create;
mod delete;
mod kind;
mod ldap;
mod model;
mod oidc;
mod saml;
mod scim;
mod secrets;
mod settings;
mod store;
mod typed;
mod update;

pub use crate::idp::oidc::{ClientAuth, Preset};
pub use attribute_mapping::{AttributeMapping, Jit};
pub use create::{NewConnection, create};
pub use delete::delete;
pub use kind::{ConnectionKind, UnreadableConnection};
pub use ldap::{GroupQuery, LdapSettings, UserQuery};
pub use model::Connection;
pub use oidc::OidcSettings;
pub use saml::{Graph, RetiringCertificate, SamlSettings, Vendor};
pub use scim::ScimSettings;
pub use secrets::{has_secret, secret, set_secret};
pub use settings::ConnectionSettings;
pub use store::{
    all_scim, by_id, by_name, find_by_id_any_account, find_default_directory, list, mark_tested,
    replace_settings, route_by_domain, route_by_domain_or_default, route_for_user, set_paused,
    sign_in_connections,
};
pub use typed::{LdapConnection, OidcConnection, SamlConnection, ScimConnection, TypedConnection};
pub use update::{ConnectionChange, update};
pub use vestibule_saml::{Binding, Comparison, LogoutService, NameIdFormat};
pub use vestibule_scim::custom_attributes::{ExtraAttribute, ExtraKind};
