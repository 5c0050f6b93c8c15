//! Black-box tests by capability: a real server on a real socket, `SQLite` and PostgreSQL.

#![expect(unreachable_pub, reason = "the harness is one crate with the tests that use it")]

mod harness;

mod architecture;
mod audit;
mod cli;
mod database;
mod directory_pages;
mod documents;
mod durability;
mod enforcement;
mod garbage;
mod import;
mod invitations;
mod keys;
mod last_admin;
mod ldap;
mod lockout;
mod mail;
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
mod scim_tenants;
mod screenshots;
mod sessions;
mod settings;
mod setup;
mod signin;
#[path = "snapshots_code/mod.rs"]
mod snapshots;
mod tenants;
mod texts;
mod timing;
mod two_factor;
mod unreadable_connections;
