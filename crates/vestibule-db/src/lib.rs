//! One SQL text for `SQLite` and PostgreSQL, and units of work that share their commits. The crate knows no
//! table.
//!
//! Reads use a connection from [`Database::read`], which sees everything that was committed before. Writes
//! use a unit of work from [`Database::begin`], and everything that belongs together runs on the same [`Tx`]:
//!
//! - A unit of work takes effect as a whole or not at all. Dropped without [`Tx::commit`], it leaves no
//!   change and no lock.
//! - When [`Tx::commit`] returns `Ok`, it survives a power cut. One from [`Database::begin_relaxed`] survives
//!   the end of the process at once, and a power cut only after a later sync.
//! - One that is rolled back does not affect the others, although several share a commit on `SQLite`.
//! - On `SQLite` they run one after the other: do no slow work while holding one. On PostgreSQL they run
//!   concurrently in READ COMMITTED: code that reads rows and writes
//!   depending on them must lock them first ([`lock_rows`]).
//! - [`Tx::now`] is one moment for all of it, and [`Tx::new_id`] creates ids that sort by it.
//!
//! SQL uses placeholders `$1`; TEXT for strings, ids and JSON; BIGINT for times (milliseconds since 1970,
//! UTC) and counts; INTEGER 0 or 1 for flags. Statements are `sqlx::query` and its variants on a [`DbConn`]
//! or a [`Tx`].

mod arguments;
mod bulk;
pub mod clock;
mod commit_delay;
mod connection;
mod database;
mod dialect;
mod durability;
mod error;
mod group_commit;
pub mod ids;
mod lock;
mod pool;
mod postgres;
pub mod random;
mod row;
mod sql_database;
mod sqlite;
mod statement;
mod tx;
mod value;
mod where_clause;

pub use arguments::SqlArguments;
pub use bulk::{
    NewRow, analyze_tables, execute_where_in, existing, fetch_where_in, insert_all, insert_new, insert_pair,
    lookup_map,
};
pub use clock::{Clock, Timestamp};
pub use connection::DbConn;
pub use database::Database;
pub use dialect::Dialect;
pub use error::{OpenError, is_duplicate, is_nul_character_error, is_temporary};
pub use group_commit::{PendingCommit, PendingWriter};
pub use lock::lock_rows;
pub use pool::PooledDbConn;
pub use row::{SqlRow, SqlValueRef};
pub use sql_database::{Sql, SqlQueryResult};
pub use tx::Tx;
pub use value::SqlValue;
pub use where_clause::{Conditions, like_anywhere};
