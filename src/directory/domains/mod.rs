//! The email domains of accounts: claimed by an administrator, proved by a TXT record in the DNS or by the operator
//! of the server. Only a domain that counts routes sign-ins, and only within it may a connection speak about users
//! that it has not linked yet.

mod create;
mod delete;
mod model;
mod name;
mod store;
mod update;
mod upgrade;
mod verify;

pub use create::{NewDomain, create, set_domains_of_connection};
pub use delete::delete;
pub use model::{Domain, DomainState, GRACE, RETRY_AFTER, VerificationMethod};
pub use name::DomainName;
pub(crate) use name::to_ascii;
pub(crate) use store::counts;
pub use store::{
    account_of, accounts_of, by_id, by_name, connections_of, domains_of, due, find_account_for_sign_in, list,
    list_in_grace, speaks_for, take_check,
};
pub use update::set_connections;
pub use upgrade::begin_grace;
pub use verify::{
    CheckFinding, CheckedDomain, DomainNotice, ensure_not_taken, record_check, verify_by_administrator,
    verify_by_operator,
};
