//! Black-box tests by capability: a real server on a real socket, `SQLite` and PostgreSQL.

#![expect(unreachable_pub, reason = "the harness is one crate with the tests that use it")]

mod harness;

mod access_ends;
mod architecture;
mod audit;
mod cli;
mod database;
mod directory_pages;
mod documents;
mod domains;
mod durability;
mod edge;
mod enforcement;
mod factor_races;
mod flow_binding;
mod forward_auth;
mod garbage;
mod identity;
mod import;
mod invitations;
mod keys;
mod last_admin;
mod ldap;
mod lockout;
mod mail;
mod networks;
mod oidc;
mod pages;
mod passwords;
mod people;
mod routes;
mod saml;
mod scim;
mod scim_bulk;
mod scim_clients;
mod scim_lists;
mod scim_log;
mod scim_roles;
mod scim_tenants;
mod screenshots;
mod sessions;
mod settings;
mod setup;
mod sign_in_methods;
mod signin;
#[path = "snapshots_code/mod.rs"]
mod snapshots;
mod tenants;
mod texts;
mod timing;
mod two_factor;
mod unreadable_connections;
